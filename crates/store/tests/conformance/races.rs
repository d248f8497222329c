//! What happens at the same time.

use crate::world::{World, at, g, now};
use prokura_core::GrantState;
use prokura_store::{ArtifactKind, Consumed, Store, StoreError, Tx};

const KIND: ArtifactKind = ArtifactKind::RefreshToken;

/// Spends `token` and makes `successor`, as a refresh does: only while the grant is in force.
fn rotate(tx: &mut Tx<'_>, token: &str, successor: &str) -> Result<bool, StoreError> {
    if tx.grant(&g("g_1"))?.is_none_or(|grant| grant.state != GrantState::Active) {
        return Ok(false);
    }
    let Consumed::Won(_) = tx.consume_with(KIND, token, now(), successor.as_bytes())? else {
        return Ok(false);
    };
    tx.put_artifact(KIND, successor, Some(&g("g_1")), b"", at(60))?;
    Ok(true)
}

pub(crate) async fn a_rotation_has_one_successor(w: World) {
    w.grant("g_1").await;
    w.write(|tx| tx.put_artifact(KIND, "r0", Some(&g("g_1")), b"", at(60))).await;
    let racers: Vec<_> = (0..100)
        .map(|i| {
            let store = w.store.clone();
            tokio::spawn(async move {
                store.transact(move |tx| rotate(tx, "r0", &format!("s{i}"))).await.unwrap()
            })
        })
        .collect();
    let mut won = Vec::new();
    for (i, racer) in racers.into_iter().enumerate() {
        if racer.await.unwrap() {
            won.push(i);
        }
    }
    assert_eq!(won.len(), 1);
    let remembered = w.read(|tx| tx.artifact(KIND, "r0")).await.unwrap().payload;
    assert_eq!(remembered, format!("s{}", won[0]).into_bytes());
    for i in (0..100).filter(|i| *i != won[0]) {
        assert!(w.read(move |tx| tx.artifact(KIND, &format!("s{i}"))).await.is_none());
    }
}

/// Rotates for as long as it can.
async fn rotate_on(store: Store, start: String) -> String {
    let mut token = start;
    for n in 0..1000 {
        let (from, to) = (token.clone(), format!("{token}.{n}"));
        let next = to.clone();
        if !store.transact(move |tx| rotate(tx, &from, &next)).await.unwrap() {
            return token;
        }
        token = to;
    }
    token
}

pub(crate) async fn nothing_is_minted_after_a_revoke_returns(w: World) {
    w.grant("g_1").await;
    let other = if w.is_shared() { w.other("pep_2").await } else { w.store.clone() };
    w.write(|tx| {
        (0..20).try_for_each(|i| tx.put_artifact(KIND, &format!("r{i}"), Some(&g("g_1")), b"", at(60)))
    })
    .await;
    let rotating: Vec<_> = (0..20)
        .map(|i| {
            let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
            tokio::spawn(rotate_on(store, format!("r{i}")))
        })
        .collect();
    w.write(|tx| tx.revoke_grant(&g("g_1"), "usr_alice", "enough", now())).await;
    assert!(w.store.revoked().contains(&g("g_1")));
    let left = w.write(|tx| tx.revoke_artifacts_by_grant(&g("g_1"), now())).await;
    assert_eq!(left, 0, "nothing unspent was left or made");
    for task in rotating {
        let last = task.await.unwrap();
        let found = w.read(move |tx| tx.artifact(KIND, &last)).await.unwrap();
        assert!(found.consumed_at.is_some());
    }
    assert_eq!(w.write(|tx| tx.revoke_artifacts_by_grant(&g("g_1"), now())).await, 0);
}

pub(crate) async fn two_processes_spend_one_artifact_once(w: World) {
    if !w.is_shared() {
        return;
    }
    let other = w.other("pep_2").await;
    for round in 0..10 {
        let secret = format!("s{round}");
        let put = secret.clone();
        w.write(move |tx| tx.put_artifact(ArtifactKind::Code, &put, None, b"", at(60))).await;
        let racers: Vec<_> = (0..40)
            .map(|i| {
                let store = if i % 2 == 0 { w.store.clone() } else { other.clone() };
                let secret = secret.clone();
                tokio::spawn(async move {
                    let spent =
                        store.transact(move |tx| tx.consume(ArtifactKind::Code, &secret, now())).await;
                    matches!(spent.map_err(|e: StoreError| e).unwrap(), Consumed::Won(_))
                })
            })
            .collect();
        let mut won = 0;
        for racer in racers {
            won += i32::from(racer.await.unwrap());
        }
        assert_eq!(won, 1);
    }
}
