//! What a transaction promises.

use crate::world::{World, event, point, user};
use prokura_store::{Store, StoreError};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) async fn a_failing_job_harms_no_neighbour(w: World) {
    w.write(|tx| tx.put_setting("taken", "1")).await;
    let jobs: Vec<_> = (0..120)
        .map(|i| {
            let store = w.store.clone();
            tokio::spawn(async move {
                store
                    .transact(move |tx| {
                        tx.put_setting(&format!("n{i}"), "1")?;
                        match i % 3 {
                            0 => Ok(()),
                            1 => Err(StoreError::Closed),
                            // A real error of the database, which dooms a whole PostgreSQL transaction.
                            _ => tx.insert_session(&crate::transactions::orphan()),
                        }
                    })
                    .await
            })
        })
        .collect();
    for (i, job) in jobs.into_iter().enumerate() {
        let done = job.await.unwrap();
        let kept = w.read(move |tx| tx.setting(&format!("n{i}"))).await.is_some();
        match i % 3 {
            0 => assert!(done == Ok(()) && kept, "{i}: {done:?}"),
            1 => assert!(done == Err(StoreError::Closed) && !kept, "{i}: {done:?}"),
            _ => assert!(matches!(done, Err(StoreError::Conflict(_))) && !kept, "{i}: {done:?}"),
        }
    }
}

/// A session of nobody, which no database takes.
pub(crate) fn orphan() -> prokura_store::Session {
    let now = crate::world::now();
    prokura_store::Session {
        hash: prokura_store::SecretHash::of("x"),
        user: crate::world::alice(),
        created_at: now,
        expires_at: now,
        auth_at: now,
        amr: String::new(),
        address: String::new(),
        user_agent: String::new(),
        last_used_at: now,
        acr: prokura_core::Acr::Single,
        way: String::new(),
        provider: None,
        groups: vec![],
    }
}

pub(crate) async fn a_panic_is_an_error_and_the_store_lives_on(w: World) {
    let panicked: Result<(), StoreError> = w
        .store
        .transact(|tx| {
            tx.put_setting("a", "1")?;
            panic!("on purpose")
        })
        .await;
    assert_eq!(panicked, Err(StoreError::Panicked));
    assert_eq!(w.read(|tx| tx.setting("a")).await, None);
    w.write(|tx| tx.put_setting("a", "2")).await;
    assert_eq!(w.read(|tx| tx.setting("a")).await.as_deref(), Some("2"));
}

pub(crate) async fn an_error_that_is_swallowed_still_dooms(w: World) {
    let doomed: Result<(), StoreError> = w
        .store
        .transact(|tx| {
            tx.put_setting("a", "1")?;
            tx.record(event("swallowed"));
            drop(tx.insert_session(&orphan()));
            Ok(())
        })
        .await;
    assert!(matches!(doomed, Err(StoreError::Conflict(_))), "{doomed:?}");
    assert_eq!(w.read(|tx| Ok((tx.setting("a")?, tx.ledger_size()?))).await, (None, 0));
}

pub(crate) async fn a_read_cannot_write(w: World) {
    let wrote = w.store.read(|tx| tx.put_setting("a", "1")).await;
    assert_eq!(wrote, Err(StoreError::ReadOnly));
    let recorded: Result<(), StoreError> = w
        .store
        .read(|tx| {
            tx.record(event("read"));
            Ok(())
        })
        .await;
    assert_eq!(recorded, Err(StoreError::ReadOnly));
    assert_eq!(w.read(|tx| Ok((tx.setting("a")?, tx.ledger_size()?))).await, (None, 0));
    w.write(|tx| tx.put_setting("a", "2")).await;
}

pub(crate) async fn an_err_rolls_back_rows_and_events(w: World) {
    #[derive(Debug, PartialEq)]
    enum Mine {
        No,
        Store(StoreError),
    }
    impl From<StoreError> for Mine {
        fn from(e: StoreError) -> Self {
            Self::Store(e)
        }
    }
    let refused = w
        .store
        .transact(|tx| {
            tx.insert_user(&user("alice"))?;
            tx.record(event("a"));
            Err::<(), _>(Mine::No)
        })
        .await;
    assert_eq!(refused, Err(Mine::No));
    assert_eq!(w.read(|tx| Ok((tx.users(None, 9)?.len(), tx.ledger_size()?))).await, (0, 0));
    w.write(|tx| {
        tx.record(event("b"));
        tx.insert_user(&user("alice"))
    })
    .await;
    assert_eq!(w.read(|tx| Ok((tx.users(None, 9)?.len(), tx.ledger_size()?))).await, (1, 1));
}

pub(crate) async fn a_newer_schema_is_refused(w: World) {
    let Some(changed) = w.raw("UPDATE schema_version SET version = 1000") else { return };
    changed.unwrap();
    let refused = Store::open(&w.url, point("pep_2"), w.clock.clone()).await;
    assert!(matches!(refused.err(), Some(StoreError::NewerSchema { found: 1000, .. })));
}

pub(crate) async fn nul_is_refused_on_both_drivers_alike(w: World) {
    let refused = w.store.transact(|tx| tx.put_setting("a", "b\0c")).await;
    assert_eq!(refused, Err(StoreError::Nul));
}

/// Ends every connection to the database of `w`, as a restart of the server would; false if there is none.
fn disconnect(w: &crate::world::Raw) -> bool {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    w.is_postgres() && w.run(sql).is_some_and(|done| done.is_ok())
}

pub(crate) async fn a_broken_connection_is_replaced(w: World) {
    let raw = w.raw_access();
    w.write(|tx| tx.put_setting("a", "1")).await;
    if !disconnect(&raw) {
        return;
    }
    w.write(|tx| tx.put_setting("a", "2")).await;
    assert!(disconnect(&raw));
    // Both readers, one after the other.
    for _ in 0..4 {
        assert_eq!(w.read(|tx| tx.setting("a")).await.as_deref(), Some("2"));
    }
    let broken = AtomicBool::new(false);
    w.write(move |tx| {
        tx.record(event("once"));
        if !broken.swap(true, Ordering::SeqCst) {
            assert!(disconnect(&raw), "in the middle of a transaction");
        }
        tx.put_setting("a", "3")
    })
    .await;
    assert_eq!(w.read(|tx| Ok((tx.setting("a")?.unwrap(), tx.ledger_size()?))).await, ("3".to_owned(), 1));
}

pub(crate) async fn a_hung_writer_is_reported_and_does_no_lasting_harm(w: World) {
    let raw = w.raw_access();
    if !w.is_shared() {
        return;
    }
    let hung = raw.hold_writers_lock();
    let refused = w.store.transact(|tx| tx.put_setting("a", "1")).await;
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    assert_eq!(w.read(|tx| tx.setting("a")).await, None, "reading goes on");
    drop(hung);
    w.write(|tx| tx.put_setting("a", "2")).await;
    assert_eq!(w.read(|tx| tx.setting("a")).await.as_deref(), Some("2"));
}
