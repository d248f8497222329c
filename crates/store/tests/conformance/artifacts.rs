//! Single use.

use crate::world::{World, at, g, now};
use prokura_store::{Artifact, ArtifactKind, Consumed, SecretHash, StoreError};

pub(crate) async fn put(w: &World, kind: ArtifactKind, secret: &'static str) {
    w.write(move |tx| tx.put_artifact(kind, secret, None, b"payload", at(60))).await;
}

async fn consume(w: &World, kind: ArtifactKind, secret: &'static str) -> Consumed {
    w.write(move |tx| tx.consume(kind, secret, now())).await
}

pub(crate) async fn one_of_many_consumers_wins_for_every_kind(w: World) {
    for kind in ArtifactKind::ALL {
        put(&w, kind, "s").await;
        let racers: Vec<_> = (0..200)
            .map(|_| {
                let store = w.store.clone();
                tokio::spawn(async move {
                    store.transact(move |tx| tx.consume(kind, "s", now())).await.map_err(|e: StoreError| e)
                })
            })
            .collect();
        let (mut won, mut already) = (0, 0);
        for racer in racers {
            match racer.await.unwrap().unwrap() {
                Consumed::Won(a) if a.payload == b"payload" => won += 1,
                Consumed::Already(a) if a.consumed_at == Some(now()) => already += 1,
                other => panic!("{kind:?}: {other:?}"),
            }
        }
        assert_eq!((won, already), (1, 199), "{kind:?}");
    }
}

pub(crate) async fn one_of_many_claims_wins_and_an_expired_one_can_be_claimed_again(w: World) {
    let kind = ArtifactKind::AssertionJti;
    let racers: Vec<_> = (0..200)
        .map(|_| {
            let store = w.store.clone();
            tokio::spawn(async move {
                store
                    .transact(move |tx| tx.claim(kind, "jti", now(), at(60)))
                    .await
                    .map_err(|e: StoreError| e)
            })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        won += i32::from(racer.await.unwrap().unwrap());
    }
    assert_eq!(won, 1);
    assert!(!w.write(move |tx| tx.claim(kind, "jti", at(59), at(119))).await);
    assert!(w.write(move |tx| tx.claim(kind, "jti", at(60), at(120))).await);
    assert!(!w.write(move |tx| tx.claim(kind, "jti", at(61), at(121))).await);
    assert!(w.write(move |tx| tx.claim(ArtifactKind::DpopJti, "jti", at(61), at(121))).await);
}

pub(crate) async fn what_is_absent_expired_or_of_another_kind_is_not_won(w: World) {
    put(&w, ArtifactKind::Code, "s").await;
    assert_eq!(consume(&w, ArtifactKind::Code, "t").await, Consumed::Absent);
    assert_eq!(consume(&w, ArtifactKind::Par, "s").await, Consumed::Absent);
    let late = w.write(|tx| tx.consume(ArtifactKind::Code, "s", at(60))).await;
    assert_eq!(late, Consumed::Expired);
    let just = w.write(|tx| tx.consume(ArtifactKind::Code, "s", at(59))).await;
    assert!(matches!(just, Consumed::Won(_)));
    let again = w.write(|tx| tx.consume(ArtifactKind::Code, "s", at(3600))).await;
    assert!(matches!(again, Consumed::Already(_)), "a replay is told from an expiry");
    let twice = w.store.transact(|tx| tx.put_artifact(ArtifactKind::Code, "s", None, b"", at(60))).await;
    assert!(matches!(twice, Err(StoreError::Conflict(_))));
}

pub(crate) async fn a_refresh_token_remembers_its_successor(w: World) {
    let kind = ArtifactKind::RefreshToken;
    put(&w, kind, "old").await;
    let first = w.write(move |tx| tx.consume_with(kind, "old", now(), b"successor")).await;
    assert!(matches!(&first, Consumed::Won(a) if a.payload == b"payload" && a.consumed_at == Some(now())));
    let second = w.write(move |tx| tx.consume_with(kind, "old", at(1), b"another")).await;
    assert!(matches!(&second, Consumed::Already(a) if a.payload == b"successor"));
    let late = w.write(move |tx| tx.consume_with(kind, "none", at(1), b"x")).await;
    assert_eq!(late, Consumed::Absent);
    put(&w, kind, "slow").await;
    let late = w.write(move |tx| tx.consume_with(kind, "slow", at(60), b"x")).await;
    assert_eq!(late, Consumed::Expired);
}

pub(crate) async fn a_payload_is_replaced_only_if_it_is_the_expected_one(w: World) {
    let kind = ArtifactKind::Interaction;
    put(&w, kind, "i").await;
    let update = |from: &'static [u8], to: &'static [u8], when| {
        w.write(move |tx| tx.update_payload(kind, "i", from, to, when))
    };
    assert!(update(b"payload", b"two", now()).await);
    assert!(!update(b"payload", b"three", now()).await);
    assert!(!update(b"two", b"three", at(60)).await, "expired");
    let found = w.read(move |tx| tx.artifact(kind, "i")).await.unwrap();
    let expected = Artifact { grant: None, payload: b"two".into(), expires_at: at(60), consumed_at: None };
    assert_eq!(found, expected);
    consume(&w, kind, "i").await;
    assert!(!update(b"two", b"three", now()).await, "spent");
}

pub(crate) async fn revoking_by_grant_spends_what_is_left(w: World) {
    w.write(|tx| {
        for (secret, grant) in [("a", "g_1"), ("b", "g_1"), ("c", "g_2")] {
            tx.put_artifact(ArtifactKind::RefreshToken, secret, Some(&g(grant)), b"", at(60))?;
        }
        Ok(())
    })
    .await;
    consume(&w, ArtifactKind::RefreshToken, "a").await;
    assert_eq!(w.write(|tx| tx.revoke_artifacts_by_grant(&g("g_1"), at(1))).await, 1);
    let b = consume(&w, ArtifactKind::RefreshToken, "b").await;
    assert!(matches!(b, Consumed::Already(a) if a.consumed_at == Some(at(1))));
    let c = consume(&w, ArtifactKind::RefreshToken, "c").await;
    assert!(matches!(c, Consumed::Won(a) if a.grant == Some(g("g_2"))));
}

pub(crate) async fn the_secret_itself_is_not_stored(w: World) {
    put(&w, ArtifactKind::Code, "a-very-secret-code").await;
    let hash = SecretHash::of("a-very-secret-code").to_string();
    let by_hash = w.write(move |tx| tx.consume(ArtifactKind::Code, &hash, now())).await;
    assert_eq!(by_hash, Consumed::Absent, "whoever reads the table cannot use what is in it");
}

pub(crate) async fn pruning_is_bounded_and_spares_what_lives(w: World) {
    w.write(|tx| {
        for i in 0..25 {
            tx.put_artifact(ArtifactKind::Code, &format!("old{i}"), None, b"", at(10))?;
        }
        tx.put_artifact(ArtifactKind::Code, "young", None, b"", at(11))
    })
    .await;
    let mut rows = Vec::new();
    loop {
        let pruned = w.write(|tx| tx.prune(at(10), 10)).await;
        rows.push(pruned.rows);
        if !pruned.more {
            break;
        }
    }
    assert_eq!(rows, [10, 10, 5]);
    assert!(w.read(|tx| tx.artifact(ArtifactKind::Code, "young")).await.is_some());
}
