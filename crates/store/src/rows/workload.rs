//! Workloads that were seen, and the stored rules that lead from what is said of them to an agent.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{AgentId, Platform, Timestamp, WorkloadId};

/// A running instance, as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The id.
    pub id: WorkloadId,
    /// The name of the provider that vouched for it.
    pub provider: String,
    /// What kind of infrastructure that is.
    pub platform: Platform,
    /// The subject in the platform's own words.
    pub subject: String,
    /// What tells this instance from others with the same subject.
    pub instance: String,
    /// Whose workload it is.
    pub agent: AgentId,
    /// The rule that said so.
    pub rule: String,
    /// The claims that go into its tokens, as JSON text.
    pub claims: String,
    /// When it first got a token.
    pub first_seen: Timestamp,
    /// When it last got one, to the minute.
    pub last_seen: Timestamp,
}

/// A rule that an administrator stored, beside those of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRule {
    /// Its name.
    pub name: String,
    /// The rule, as JSON text.
    pub rule: String,
    /// When it was stored.
    pub at: Timestamp,
    /// Who stored it.
    pub by: String,
}

const COLUMNS: &str = "id, provider, platform, subject, instance, agent, rule, claims, first_seen, last_seen";
/// The one word about stored rules: its number grows with every change.
const RULES: &str = "workload_rules";

impl Tx<'_> {
    /// Notes that a workload was seen: what is said of it now replaces what was, and when it was first seen stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn see_workload(&mut self, seen: &Workload) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO workloads (id, provider, platform, subject, instance, agent, rule, claims, first_seen,
             last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (id) DO UPDATE SET agent = excluded.agent, rule = excluded.rule,
             claims = excluded.claims, last_seen = excluded.last_seen
             WHERE workloads.last_seen <= excluded.last_seen",
            params![
                seen.id.as_str(),
                &seen.provider,
                seen.platform.as_str(),
                &seen.subject,
                &seen.instance,
                seen.agent.as_str(),
                &seen.rule,
                &seen.claims,
                seen.first_seen,
                seen.last_seen
            ],
        )
        .map(drop)
    }

    /// The workload with that id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn workload(&mut self, id: &WorkloadId) -> Result<Option<Workload>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM workloads WHERE id = ?1");
        self.row(&sql, params![id.as_str()], workload)
    }

    /// The workloads that were seen last, of one agent if it is given, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn workloads(&mut self, agent: Option<&AgentId>, limit: u32) -> Result<Vec<Workload>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM workloads WHERE agent = ?1 OR ?1 = '' ORDER BY last_seen DESC, id LIMIT ?2"
        );
        self.rows(&sql, params![agent.map_or("", AgentId::as_str), limit], workload)
    }

    /// The workloads whose instance or subject has that name by the word of any provider, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn workloads_named(&mut self, name: &str, limit: u32) -> Result<Vec<Workload>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM workloads WHERE instance = ?1 OR subject = ?1 ORDER BY last_seen DESC, id LIMIT ?2"
        );
        self.rows(&sql, params![name, limit], workload)
    }

    /// The stored rules in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn workload_rules(&mut self) -> Result<Vec<StoredRule>, StoreError> {
        self.rows("SELECT name, rule, at, by_whom FROM workload_rules ORDER BY place, name", &[], stored_rule)
    }

    /// Stores a rule: in the place of the one with the same name, or after all others. Every process hears of it as of
    /// something that is revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_workload_rule(&mut self, rule: &StoredRule) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO workload_rules (name, place, rule, at, by_whom)
             VALUES (?1, (SELECT COALESCE(MAX(place), 0) + 1 FROM workload_rules), ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET rule = excluded.rule, at = excluded.at, by_whom = excluded.by_whom",
            params![&rule.name, &rule.rule, rule.at, &rule.by],
        )?;
        self.say_rules(&rule.by, rule.at)
    }

    /// Removes a stored rule; false if there is none of that name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn delete_workload_rule(&mut self, name: &str, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        if self.execute("DELETE FROM workload_rules WHERE name = ?1", params![name])? == 0 {
            return Ok(false);
        }
        self.say_rules(by, now)?;
        Ok(true)
    }

    fn say_rules(&mut self, by: &str, at: Timestamp) -> Result<(), StoreError> {
        let (kind, word) = (Kind::Rules, Word::ACTIVE);
        self.say(Word {
            kind,
            id: RULES,
            word,
            at,
            by,
            why: "rules about workloads",
            until: Timestamp::FOR_EVER,
            floor: 0,
        })
    }
}

fn workload(row: &Row<'_>) -> Result<Workload, StoreError> {
    Ok(Workload {
        id: row.parsed(0, "workloads.id", WorkloadId::parse)?,
        provider: row.get(1)?,
        platform: row.parsed(2, "workloads.platform", |s| Platform::parse(&s).ok_or(s))?,
        subject: row.get(3)?,
        instance: row.get(4)?,
        agent: row.parsed(5, "workloads.agent", AgentId::parse)?,
        rule: row.get(6)?,
        claims: row.get(7)?,
        first_seen: row.time(8)?,
        last_seen: row.time(9)?,
    })
}

fn stored_rule(row: &Row<'_>) -> Result<StoredRule, StoreError> {
    Ok(StoredRule { name: row.get(0)?, rule: row.get(1)?, at: row.time(2)?, by: row.get(3)? })
}
