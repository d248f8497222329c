//! Grants that end, pause and go on.

use super::World;
use prokura_core::{Clock as _, Grant, GrantId, ScopeSet, Timestamp, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::Said;

impl World {
    pub async fn revoke_grant(&self, id: &GrantId) {
        let (id, now) = (id.clone(), self.clock.now());
        self.write(move |tx| tx.revoke_grant(&id, "test", "test", now)).await;
    }

    /// Ends a grant, on record in the same commit.
    pub async fn revoke_on_record(&self, id: &GrantId) {
        let (id, now) = (id.clone(), self.clock.now());
        self.write(move |tx| {
            tx.revoke_grant(&id, "test", "test", now)?;
            tx.record(standing(&id, "grant:revoke", now));
            Ok(())
        })
        .await;
    }

    /// Pauses a grant, on record in the same commit.
    pub async fn suspend_on_record(&self, id: &GrantId) {
        let (id, now) = (id.clone(), self.clock.now());
        self.write(move |tx| {
            tx.suspend_grant(&id, "test", "test", now)?;
            tx.record(standing(&id, "grant:suspend", now));
            Ok(())
        })
        .await;
    }

    /// Takes all scopes but these away from a grant, on record in the same commit.
    pub async fn narrow_on_record(&self, id: &GrantId, scopes: &str) {
        let (id, now, actions) = (id.clone(), self.clock.now(), ScopeSet::parse(scopes).unwrap());
        self.write(move |tx| {
            let held = tx.grant(&id)?.unwrap();
            let said = Said { by: "test", why: "test", now };
            assert!(tx.narrow_grant(&Grant { actions: actions.clone(), ..held }, said)?);
            tx.record(standing(&id, "grant:narrow", now));
            Ok(())
        })
        .await;
    }

    pub async fn resume(&self, id: &GrantId) {
        let (id, now) = (id.clone(), self.clock.now());
        self.write(move |tx| tx.resume_grant(&id, "test", "test", now)).await;
    }
}

fn standing(id: &GrantId, action: &str, now: Timestamp) -> Event {
    let trace = TraceId::parse("tr_test").unwrap();
    let mut event = Event::new(EventKind::Grant, action, Outcome::Permit, now, trace);
    event.grant = Some(id.clone());
    event
}
