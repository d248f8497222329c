//! Record before release: what cannot be made durable is not given.

use crate::world::*;
use prokura_core::{ManualClock, PointId, Timestamp};
use prokura_store::{DatabaseUrl, Store};
use std::sync::Arc;

#[tokio::test]
async fn no_token_leaves_while_the_record_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.db");
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
    let url = DatabaseUrl::parse(&format!("sqlite:{}", file.display())).unwrap();
    let store = Store::open(&url, PointId::parse("pep_1").unwrap(), clock.clone()).await.unwrap();
    let world = World::start(USUAL, store, clock).await;
    assert_eq!(world.batch().await.status, 200);
    let code = world.code("web").await;
    // The record itself refuses, as it would on a full disk.
    let broken = rusqlite::Connection::open(&file).unwrap();
    broken
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'full'); END")
        .unwrap();
    for answer in [world.batch().await, world.redeem(&code, &[]).await] {
        assert_eq!(answer.error(), "503 temporarily_unavailable");
        assert!(answer.headers.contains_key("retry-after"));
        assert!(!answer.body.contains("access_token"));
        assert!(!answer.body.contains("full"), "what broke is not told");
    }
    broken.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(world.batch().await.status, 200);
    assert_eq!(world.redeem(&code, &[]).await.status, 200, "and the code was not lost");
}
