//! Approvals: what conditional access asks a person to agree to, and what was decided.

use super::fact::StoredFact;
use crate::driver::Row;
use crate::facts::{FactKind, FactSubject};
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{FactName, FactValue, ScopeSet, Timestamp};
use std::time::Duration;

/// For how long a request waits that nobody repeats.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// So many requests wait at once, of everybody and of one agent: whoever asks a lot must not hide what others ask.
const MOST: u64 = 1000;
const MOST_OF_AGENT: u64 = 50;

/// What is asked for. An approval holds for exactly this, whoever the client and the workload are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalKey {
    /// The policy that asks.
    pub policy: String,
    /// The agent that would act; empty if nobody is known.
    pub agent: String,
    /// With whose authority; empty if nobody is known.
    pub subject: String,
    /// The name of the resource.
    pub resource: String,
    /// What it would do: `tool:NAME`; `token` where a token is asked for, `mcp` for messages that touch nothing.
    pub action: String,
}

impl ApprovalKey {
    /// The id of its approval: the same whenever the same is asked for.
    pub fn id(&self) -> String {
        let Self { policy, agent, subject, resource, action } = self;
        // A length before each part, so that no two keys make one text.
        let text: String = [policy, agent, subject, resource, action]
            .map(|part| format!("{}:{part}\n", part.len()))
            .concat();
        let hex: String = SecretHash::of(&text).0.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("apr_{hex}")
    }

    /// Whom the fact is about by which processes hear of it.
    pub fn fact_subject(&self) -> FactSubject {
        FactSubject { kind: FactKind::Approval, id: self.id() }
    }
}

/// Where an approval is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalState {
    /// It waits for somebody to decide.
    Pending,
    /// Somebody agreed, until its end.
    Approved,
    /// Somebody refused, until its end.
    Refused,
}

impl ApprovalState {
    const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Refused];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// A request for approval, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// What is asked for.
    pub key: ApprovalKey,
    /// The client that asked last; empty if none is known.
    pub client: String,
    /// The workload that asked last; empty if none is known.
    pub workload: String,
    /// Where it is in its life.
    pub state: ApprovalState,
    /// The flow in which it was asked for last.
    pub trace: String,
    /// When it was first asked for.
    pub asked_at: Timestamp,
    /// When it was last asked for.
    pub last_asked_at: Timestamp,
    /// How often it was asked for.
    pub asked: u64,
    /// When somebody decided; zero before.
    pub decided_at: Timestamp,
    /// Who decided; empty before.
    pub decided_by: String,
    /// The scopes that an approval leaves out.
    pub without: ScopeSet,
    /// When the decision ends; of a request that waits, when it is forgotten.
    pub until: Timestamp,
}

/// Who asks, and in which flow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApprovalAsker {
    /// The client; empty if none is known.
    pub client: String,
    /// The workload; empty if none is known.
    pub workload: String,
    /// The flow.
    pub trace: String,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It was not asked for before, or what was decided has ended.
    New,
    /// It waits already.
    Waiting,
    /// Somebody has decided meanwhile.
    Decided,
    /// Too many wait.
    Full,
}

/// What somebody decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Yes, but without these scopes.
    Approved(ScopeSet),
    /// No.
    Refused,
}

const COLUMNS: &str = "policy, agent, subject, client, workload, resource, action, state, trace, asked_at,
     last_asked_at, asked, decided_at, decided_by, without, until";

impl Tx<'_> {
    /// Asks for an approval, or notes that it is asked for again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ask_approval(
        &mut self,
        key: &ApprovalKey,
        by: &ApprovalAsker,
        now: Timestamp,
    ) -> Result<Asked, StoreError> {
        let id = key.id();
        let known = self.approval(&id)?;
        match &known {
            Some(known) if known.state != ApprovalState::Pending && known.until > now => {
                return Ok(Asked::Decided);
            }
            Some(known) if known.state == ApprovalState::Pending && known.until > now => {
                self.execute(
                    "UPDATE approvals SET last_asked_at = ?2, asked = asked + 1, client = ?3, workload = ?4,
                     trace = ?5, until = ?6 WHERE id = ?1",
                    params![&id, now, &by.client, &by.workload, &by.trace, now.after(KEPT)],
                )?;
                return Ok(Asked::Waiting);
            }
            _ => {}
        }
        let of_agent = "SELECT count(*) FROM approvals WHERE agent = ?2 AND state = ?1 AND until > ?3";
        let of_all = "SELECT count(*) FROM approvals WHERE state = ?1 AND until > ?2";
        let pending = ApprovalState::Pending.as_str();
        let agents = self.row(of_agent, params![pending, &key.agent, now], |row| row.count(0))?.unwrap_or(0);
        let everybodys = self.row(of_all, params![pending, now], |row| row.count(0))?.unwrap_or(0);
        if agents >= MOST_OF_AGENT || everybodys >= MOST {
            return Ok(Asked::Full);
        }
        self.execute("DELETE FROM approvals WHERE id = ?1", params![&id])?;
        self.execute(
            "INSERT INTO approvals (id, policy, agent, subject, client, workload, resource, action, state, trace,
             asked_at, last_asked_at, asked, decided_at, decided_by, without, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, 1, 0, '', '', ?12)",
            params![
                &id,
                &key.policy,
                &key.agent,
                &key.subject,
                &by.client,
                &by.workload,
                &key.resource,
                &key.action,
                pending,
                &by.trace,
                now,
                now.after(KEPT)
            ],
        )?;
        Ok(Asked::New)
    }

    /// The approval of that id, whatever its state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn approval(&mut self, id: &str) -> Result<Option<Approval>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM approvals WHERE id = ?1");
        self.row(&sql, params![id], approval)
    }

    /// Approvals in this state, or in every state; those asked for last come first, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn approvals(&mut self, state: Option<ApprovalState>) -> Result<Vec<Approval>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE ?1 = '' OR state = ?1 ORDER BY last_asked_at DESC, id LIMIT 1000"
        );
        self.rows(&sql, params![state.map_or("", ApprovalState::as_str)], approval)
    }

    /// Decides, or decides otherwise: every process hears of it and goes by it at the next call, until `until`. `None` if
    /// there is no such request.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn decide_approval(
        &mut self,
        id: &str,
        decided: &Decided,
        by: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Approval>, StoreError> {
        let Some(known) = self.approval(id)? else { return Ok(None) };
        let (state, without) = match decided {
            Decided::Approved(without) => (ApprovalState::Approved, without.clone()),
            Decided::Refused => (ApprovalState::Refused, ScopeSet::default()),
        };
        self.execute(
            "UPDATE approvals SET state = ?2, decided_at = ?3, decided_by = ?4, without = ?5, until = ?6 WHERE id = ?1",
            params![id, state.as_str(), now, by, &without.to_string(), until],
        )?;
        let value = match state {
            ApprovalState::Approved if without.is_empty() => FactValue::Flag(true),
            ApprovalState::Approved => FactValue::Text(without.to_string().into()),
            ApprovalState::Refused | ApprovalState::Pending => FactValue::Flag(false),
        };
        let name = FactName::parse(&format!("approval.{}", known.key.policy));
        let Ok(name) = name else {
            return self.fail(StoreError::Corrupt { column: "approvals.policy", detail: known.key.policy });
        };
        self.put_fact(&StoredFact {
            subject: known.key.fact_subject(),
            name,
            value,
            source: format!("operator {by}"),
            observed_at: now,
            max_age: until.since(now),
        })?;
        let decided_by = by.to_owned();
        Ok(Some(Approval { state, decided_at: now, decided_by, without, until, ..known }))
    }
}

fn approval(row: &Row<'_>) -> Result<Approval, StoreError> {
    Ok(Approval {
        key: ApprovalKey {
            policy: row.get(0)?,
            agent: row.get(1)?,
            subject: row.get(2)?,
            resource: row.get(5)?,
            action: row.get(6)?,
        },
        client: row.get(3)?,
        workload: row.get(4)?,
        state: row.parsed(7, "approvals.state", |s| ApprovalState::parse(&s).ok_or(s))?,
        trace: row.get(8)?,
        asked_at: row.time(9)?,
        last_asked_at: row.time(10)?,
        asked: row.count(11)?,
        decided_at: row.time(12)?,
        decided_by: row.get(13)?,
        without: row.parsed(14, "approvals.without", |s| ScopeSet::parse(&s))?,
        until: row.time(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f10_no_two_requests_for_approval_are_one() {
        let key = |agent: &str, subject: &str, action: &str| ApprovalKey {
            policy: "p".into(),
            agent: agent.into(),
            subject: subject.into(),
            resource: "r".into(),
            action: action.into(),
        };
        let ids: std::collections::BTreeSet<_> = [
            key("a", "b", "tool:x"),
            key("ab", "", "tool:x"),
            key("", "ab", "tool:x"),
            key("a", "b", "tool:x\n6:tool:x"),
            key("a\n1:b", "", "tool:x"),
        ]
        .iter()
        .map(ApprovalKey::id)
        .collect();
        assert_eq!(ids.len(), 5);
        assert!(ids.iter().all(|id| id.len() == 28));
    }
}
