//! Users, sessions, passkeys, sign-in attempts; keys and settings.

use crate::world::{World, alice, at, now, user};
use prokura_core::{Acr, UserId};
use prokura_store::{Attempt, Key, Passkey, SecretHash, Session, StoreError, User};
use std::time::Duration;

pub(crate) async fn a_name_is_taken_in_any_case(w: World) {
    let mut ada = user("ada");
    ada.name = "Ada".into();
    ada.password_hash = Some("$argon2id$x".into());
    let stored = ada.clone();
    assert!(w.write(move |tx| tx.insert_user(&stored)).await);
    for taken in ["ada", "ADA", " Ada "] {
        let other = User { id: UserId::parse("usr_2").unwrap(), name: taken.into(), ..user("x") };
        assert!(!w.write(move |tx| tx.insert_user(&other)).await, "{taken:?}");
        assert_eq!(w.read(move |tx| tx.user_by_name(taken)).await.as_ref(), Some(&ada), "{taken:?}");
    }
    assert_eq!(w.read(|tx| tx.user_by_name("adà")).await, None);
    let mut changed = ada.clone();
    (changed.display_name, changed.password_hash) = ("Countess".into(), None);
    let update = changed.clone();
    assert!(w.write(move |tx| tx.update_user(&update)).await);
    assert_eq!(w.read(move |tx| tx.user(&ada.id)).await, Some(changed));
    w.write(|tx| Ok(tx.insert_user(&user("bob"))? && tx.insert_user(&user("cy"))?)).await;
    let page = w.read(|tx| tx.users(Some("Ada"), 1)).await;
    assert_eq!(page, [user("bob")]);
}

pub(crate) fn session(secret: &str) -> Session {
    Session {
        hash: SecretHash::of(secret),
        user: alice(),
        created_at: now(),
        expires_at: at(100),
        auth_at: now(),
        amr: "hwk user".into(),
        address: "192.0.2.1".into(),
        user_agent: "Browser".into(),
        last_used_at: now(),
        acr: Acr::Mfa,
        way: "provider".into(),
        provider: Some("corp".into()),
        groups: vec!["sales".into(), "eu".into()],
    }
}

pub(crate) async fn disabling_a_user_ends_the_sessions(w: World) {
    w.write(|tx| {
        tx.insert_user(&user("alice"))?;
        tx.insert_session(&session("one"))
    })
    .await;
    let disable = |d| w.write(move |tx| tx.disable_user(&alice(), d, "operator", "left", now()));
    assert!(disable(true).await && !disable(true).await);
    assert!(w.store.revoked().user_disabled(&alice()));
    assert!(w.read(|tx| tx.user(&alice())).await.unwrap().disabled);
    // One that was begun at the same moment is of no use either.
    w.write(|tx| tx.insert_session(&session("two"))).await;
    assert_eq!(w.read(|tx| tx.session("one", now())).await, None);
    assert_eq!(w.read(|tx| tx.session("two", now())).await, None);
    assert!(disable(false).await);
    assert!(!w.store.revoked().user_disabled(&alice()));
    assert!(w.read(|tx| tx.session("two", now())).await.is_some());
}

pub(crate) async fn sessions_are_known_by_hash_and_end(w: World) {
    w.write(|tx| {
        tx.insert_user(&user("alice"))?;
        tx.insert_user(&user("bob"))?;
        tx.insert_session(&session("one"))?;
        tx.insert_session(&session("two"))
    })
    .await;
    assert_eq!(w.read(|tx| tx.session("one", now())).await, Some(session("one")));
    assert_eq!(w.read(|tx| tx.session("one", at(100))).await, None);
    assert_eq!(w.read(|tx| tx.sessions_of(&alice(), now())).await.len(), 2);
    assert!(w.write(|tx| tx.reauthenticate(&SecretHash::of("one"), at(7), "pwd", Acr::Single)).await);
    assert_eq!(w.read(|tx| tx.session("one", now())).await.unwrap().auth_at, at(7));
    let bob = UserId::parse("usr_bob").unwrap();
    assert!(!w.write(move |tx| tx.end_session(&bob, &SecretHash::of("one"))).await, "another's session");
    assert!(w.write(|tx| tx.end_session(&alice(), &SecretHash::of("one"))).await);
    assert_eq!(w.read(|tx| tx.session("one", now())).await, None);
    assert_eq!(w.write(|tx| tx.end_sessions_of(&alice())).await, 1);
    let nobody = Session { user: UserId::parse("usr_x").unwrap(), ..session("three") };
    let refused = w.store.transact(move |tx| tx.insert_session(&nobody)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
}

pub(crate) async fn a_passkey_cannot_be_used_twice_from_one_state(w: World) {
    let passkey = Passkey {
        id: vec![0, 1, 255],
        user: alice(),
        label: "Key".into(),
        data: "{\"count\":1}".into(),
        created_at: now(),
        last_used_at: None,
    };
    let stored = passkey.clone();
    let added = w.write(move |tx| Ok((tx.insert_user(&user("alice"))?, tx.insert_passkey(&stored)?))).await;
    assert_eq!(added, (true, true));
    let again = passkey.clone();
    assert!(!w.write(move |tx| tx.insert_passkey(&again)).await);
    assert_eq!(w.read(|tx| tx.passkey(&[0, 1, 255])).await, Some(passkey));
    let use_it = || w.write(|tx| tx.use_passkey(&[0, 1, 255], "{\"count\":1}", "{\"count\":2}", at(3)));
    assert!(use_it().await && !use_it().await);
    let bob = || UserId::parse("usr_bob").unwrap();
    assert!(!w.write(move |tx| tx.rename_passkey(&bob(), &[0, 1, 255], "Mine")).await);
    assert!(w.write(|tx| tx.rename_passkey(&alice(), &[0, 1, 255], "Blue")).await);
    let kept = w.read(|tx| tx.passkeys_of(&alice())).await;
    assert_eq!((kept[0].label.as_str(), kept[0].last_used_at), ("Blue", Some(at(3))));
    assert!(!w.write(move |tx| tx.delete_passkey(&bob(), &[0, 1, 255])).await);
    assert!(w.write(|tx| tx.delete_passkey(&alice(), &[0, 1, 255])).await);
}

fn delay(failures: u32) -> Duration {
    if failures < 3 { Duration::ZERO } else { Duration::from_secs(10) }
}

pub(crate) async fn guesses_are_counted_before_they_are_checked(w: World) {
    let guesses: Vec<_> = (0..50)
        .map(|_| {
            let store = w.store.clone();
            tokio::spawn(async move {
                let names = ["account:alice", "address:192.0.2.1"];
                store
                    .transact(move |tx| tx.begin_attempt(&names, now(), Duration::MAX, delay))
                    .await
                    .map_err(|e: StoreError| e)
            })
        })
        .collect();
    let mut allowed = Vec::new();
    for guess in guesses {
        if let Attempt::Allowed { failures } = guess.await.unwrap().unwrap() {
            allowed.push(failures);
        }
    }
    allowed.sort_unstable();
    assert_eq!(allowed, [0, 1, 2], "three guesses were checked and 47 were not");
    let try_at =
        |name: &'static str, when| w.write(move |tx| tx.begin_attempt(&[name], when, Duration::MAX, delay));
    assert_eq!(try_at("address:192.0.2.1", at(9)).await, Attempt::Blocked { until: at(10) });
    assert_eq!(try_at("account:bob", at(9)).await, Attempt::Allowed { failures: 0 });
    assert_eq!(try_at("account:alice", at(10)).await, Attempt::Allowed { failures: 3 });
    w.write(|tx| tx.clear_attempts("account:alice")).await;
    assert_eq!(try_at("account:alice", at(10)).await, Attempt::Allowed { failures: 0 });
    let tomorrow = at(25 * 3600);
    assert_eq!(w.write(move |tx| tx.prune(tomorrow, 100)).await.rows, 3);
}

pub(crate) async fn attempts_are_forgotten_one_by_one_and_a_success_takes_back_its_own(w: World) {
    let none = |_: u32| Duration::ZERO;
    let calm = Duration::from_secs(10);
    let try_at = |when| w.write(move |tx| tx.begin_attempt(&["address:192.0.2.1"], when, calm, none));
    for (second, failures) in [(0, 0), (6, 1), (12, 1), (18, 2), (24, 2)] {
        assert_eq!(try_at(at(second)).await, Attempt::Allowed { failures }, "at {second}");
    }
    assert_eq!(try_at(at(1000)).await, Attempt::Allowed { failures: 0 });
    let block = |_: u32| Duration::from_secs(60);
    let name = "address:192.0.2.1";
    w.write(move |tx| tx.begin_attempt(&[name], at(1001), calm, block)).await;
    assert_eq!(try_at(at(1001)).await, Attempt::Blocked { until: at(1061) });
    w.write(move |tx| tx.take_back_attempt(name, at(1001))).await;
    assert_eq!(try_at(at(1001)).await, Attempt::Allowed { failures: 1 });
}

pub(crate) async fn keys_and_settings_are_kept(w: World) {
    let key = |kid: &str| Key {
        kid: kid.into(),
        alg: "ES256".into(),
        sealed: vec![1, 0, 2],
        public_jwk: "{}".into(),
        not_before: now(),
        retire_at: None,
        created_at: now(),
    };
    let (k1, k2) = (key("k1"), key("k2"));
    w.write(move |tx| tx.insert_key(&k1).and_then(|()| tx.insert_key(&k2))).await;
    assert!(w.write(|tx| tx.retire_key("k1", at(10))).await);
    assert!(!w.write(|tx| tx.retire_key("k1", at(20))).await, "a key does not retire later than was said");
    assert_eq!(w.read(|tx| tx.keys(at(9))).await, [Key { retire_at: Some(at(10)), ..key("k1") }, key("k2")]);
    assert_eq!(w.read(|tx| tx.keys(at(10))).await, [key("k2")]);
    assert_eq!(w.write(|tx| tx.setting_or("a", "1")).await, "1");
    assert_eq!(w.write(|tx| tx.setting_or("a", "2")).await, "1");
    w.write(|tx| tx.put_setting("a", "3")).await;
    assert_eq!(w.read(|tx| tx.setting("a")).await.as_deref(), Some("3"));
}
