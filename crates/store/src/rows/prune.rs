//! Forgetting what is over. The ledger and the grants stay.

use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;
use std::time::Duration;

/// For how long failed sign-ins are remembered.
const ATTEMPTS: Duration = Duration::from_secs(24 * 3600);
/// For how long workloads are remembered that get no token any more.
const WORKLOADS: Duration = Duration::from_secs(90 * 24 * 3600);

/// For how long it is remembered who agreed to what, and what was looked at afterwards. The record stays.
const TASKS: Duration = Duration::from_secs(90 * 24 * 3600);

/// How much was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Rows removed.
    pub rows: u64,
    /// Whether there may be more: run it again, in another transaction, so that nobody waits long.
    pub more: bool,
}

/// Table, its key, and the condition under which a row is over at `?1`.
const OVER: [(&str, &str, &str); 12] = [
    ("artifacts", "kind, id_hash", "expires_at <= ?1"),
    ("sessions", "id_hash", "expires_at <= ?1"),
    ("consents", "id", "expires_at <= ?1"),
    ("client_documents", "client", "expires_at <= ?1"),
    ("keys", "kid", "retire_at <= ?1"),
    ("approvals", "id", "until <= ?1"),
    ("approval_rules", "id", "until <= ?1"),
    ("backchannel_asks", "id", "until <= ?1"),
    ("notices", "id", "until <= ?1"),
    ("revocations", "kind, id", "until <= ?1"),
    ("facts", "kind, id, name", "until <= ?1"),
    ("activity", "subject, point, minute", "until <= ?1"),
];

impl Tx<'_> {
    /// Removes at most `limit` rows of each sort that expired by `now`: artifacts, sessions, remembered
    /// consents, client documents, registered clients (with agents that were never granted anything), retired keys, words about expired grants, sign-in
    /// attempts of more than a day ago, approval tasks and reviews of more than 90 days ago, and workloads that were not seen for 90 days.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prune(&mut self, now: Timestamp, limit: u32) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned { rows: 0, more: false };
        for (table, key, over) in OVER {
            self.prune_table(table, key, over, now, limit, &mut pruned)?;
        }
        self.expire_tasks(now)?;
        let old = now.before(TASKS);
        self.prune_table("approval_tasks", "id", "asked_at <= ?1", old, limit, &mut pruned)?;
        self.prune_table("approval_votes", "task, voter", "at <= ?1", old, limit, &mut pruned)?;
        self.prune_table("reviews", "id", "at <= ?1", old, limit, &mut pruned)?;
        let clients = self.delete_expired_clients(now, limit)?;
        pruned.rows += clients;
        pruned.more |= clients == u64::from(limit);
        let unblocked = "last_at <= ?1 AND blocked_until <= ?1";
        self.prune_table("attempts", "name", unblocked, now.before(ATTEMPTS), limit, &mut pruned)?;
        let gone = now.before(WORKLOADS);
        self.prune_table("workloads", "id", "last_seen <= ?1", gone, limit, &mut pruned)?;
        Ok(pruned)
    }

    fn prune_table(
        &mut self,
        table: &str,
        key: &str,
        over: &str,
        now: Timestamp,
        limit: u32,
        pruned: &mut Pruned,
    ) -> Result<(), StoreError> {
        let sql =
            format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {over} LIMIT ?2)");
        let rows = self.execute(&sql, params![now, limit])?;
        pruned.rows += rows;
        pruned.more |= rows == u64::from(limit);
        Ok(())
    }
}
