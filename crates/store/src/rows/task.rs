//! Calls that wait for somebody to agree to them: one row for each time that one is asked for.

use crate::driver::Row;
use crate::tx::params;
use crate::{SecretHash, StoreError, Tx};
use prokura_core::{
    Acr, AgentId, ApprovalTask, AskedCall, ClientId, GrantId, Principal, Quorum, ResourceUri, Risk, TaskId,
    TaskState, Timestamp, Vote,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// So many calls wait at once: of everybody, of one agent, and of one user's authority. Whoever asks a lot must neither hide
/// what others ask nor wear anybody out.
const MOST: u64 = 1000;
const MOST_OF_AGENT: u64 = 50;
const MOST_OF_SUBJECT: u64 = 50;

/// A call that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskAsk {
    /// Its id, if it is a new one.
    pub id: TaskId,
    /// The call.
    pub call: AskedCall,
    /// Who must agree.
    pub quorum: Quorum,
    /// Why it is asked.
    pub because: String,
    /// The rules that ask, by name.
    pub rules: Vec<String>,
    /// What can come of it.
    pub risk: Option<Risk>,
    /// Whether it can be undone, if that is known.
    pub reversible: Option<bool>,
    /// What exactly would happen, sealed.
    pub sealed: String,
    /// Keyed hashes of the single arguments, one a line: `NAME-HASH VALUE-HASH`.
    pub shape: String,
    /// The flow.
    pub trace: String,
    /// Until when it waits.
    pub until: Timestamp,
    /// Until when the grants last.
    pub grant_until: Timestamp,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskAsked {
    /// It was not asked for before, or what became of it is over.
    New,
    /// It waits already, under this id.
    Waiting(TaskId),
    /// Enough agreed: it may be used once.
    Approved(TaskId),
    /// Somebody refused, not long ago.
    Refused(TaskId),
    /// Too many wait.
    Full,
}

/// A task as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTask {
    /// The task.
    pub task: ApprovalTask,
    /// What makes two calls the same: see [`call_key`].
    pub key: String,
    /// What makes two calls alike, whatever their arguments.
    pub similar: String,
    /// The rules that ask, by name.
    pub rules: Vec<String>,
    /// What can come of it.
    pub risk: Option<Risk>,
    /// Whether it can be undone, if that is known.
    pub reversible: Option<bool>,
    /// What exactly would happen, sealed; empty when nothing can become of it any more.
    pub sealed: String,
    /// Keyed hashes of the single arguments.
    pub shape: String,
    /// The flow in which it was asked for last.
    pub trace: String,
    /// When it was last asked for.
    pub last_asked_at: Timestamp,
    /// How often it was asked for.
    pub asked: u64,
    /// When it was approved or refused; zero before.
    pub decided_at: Timestamp,
    /// When it was used; zero before.
    pub used_at: Timestamp,
    /// The grant that the agreement became.
    pub child: Option<GrantId>,
}

/// The hash of everything that makes two calls the same question: the grant at the root, whose authority, who acts, where,
/// what, with which arguments, and who must agree.
pub fn call_key(call: &AskedCall, quorum: &Quorum) -> String {
    let alike = similar(call, quorum);
    SecretHash::of_parts(&[&alike, &call.arguments]).to_string()
}

/// The same without the arguments.
pub(super) fn similar(call: &AskedCall, quorum: &Quorum) -> String {
    let approvers: Vec<&str> = quorum.approvers.iter().map(String::as_str).collect();
    SecretHash::of_parts(&[
        call.root.as_str(),
        call.subject.as_str(),
        call.actor.as_str(),
        call.resource.as_str(),
        &call.action,
        &approvers.join("\n"),
        &quorum.of.to_string(),
        quorum.acr.map_or("", Acr::as_str),
    ])
    .to_string()
}

pub(super) const COLUMNS: &str =
    "id, call_key, alike, grant_id, root, subject, actor, chain, client, resource, server, action, arguments,
     approvers, of_n, acr, lasts, because, rules, risk, reversible, sealed, shape, state, trace, asked_at,
     last_asked_at, asked, until, grant_until, decided_at, used_at, child";

impl Tx<'_> {
    /// Asks for a call, or notes that it is asked for again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ask_task(&mut self, ask: &TaskAsk, now: Timestamp) -> Result<TaskAsked, StoreError> {
        let key = call_key(&ask.call, &ask.quorum);
        if let Some(known) = self.newest_task(&key)? {
            let id = known.task.id.clone();
            match known.task.state_at(now) {
                TaskState::Pending => {
                    self.execute(
                        "UPDATE approval_tasks SET last_asked_at = ?2, asked = asked + 1, trace = ?3 WHERE id = ?1",
                        params![id.as_str(), now, &ask.trace],
                    )?;
                    return Ok(TaskAsked::Waiting(id));
                }
                TaskState::Approved => return Ok(TaskAsked::Approved(id)),
                TaskState::Refused if now < known.task.until => return Ok(TaskAsked::Refused(id)),
                TaskState::Expired => self.end_task(&id, TaskState::Expired)?,
                _ => {}
            }
        }
        if self.is_full(&ask.call, now)? {
            return Ok(TaskAsked::Full);
        }
        self.insert_task(ask, &key, now)?;
        Ok(TaskAsked::New)
    }

    fn is_full(&mut self, call: &AskedCall, now: Timestamp) -> Result<bool, StoreError> {
        let waiting = "SELECT count(*) FROM approval_tasks WHERE state = 'pending' AND until > ?1";
        let mut count = |sql: &str, who: &str| {
            let all = who.is_empty();
            let found = match all {
                true => self.row(sql, params![now], |row| row.count(0)),
                false => self.row(sql, params![now, who], |row| row.count(0)),
            };
            found.map(Option::unwrap_or_default)
        };
        Ok(count(waiting, "")? >= MOST
            || count(&format!("{waiting} AND actor = ?2"), call.actor.as_str())? >= MOST_OF_AGENT
            || count(&format!("{waiting} AND subject = ?2"), call.subject.as_str())? >= MOST_OF_SUBJECT)
    }

    fn insert_task(&mut self, ask: &TaskAsk, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let (call, quorum) = (&ask.call, &ask.quorum);
        let approvers: Vec<&str> = quorum.approvers.iter().map(String::as_str).collect();
        let chain: Vec<&str> = call.chain.iter().map(AgentId::as_str).collect();
        self.execute(
            "INSERT INTO approval_tasks (id, call_key, alike, grant_id, root, subject, actor, chain, client, resource,
             server, action, arguments, approvers, of_n, acr, lasts, because, rules, risk, reversible, sealed, shape,
             state, trace, asked_at, last_asked_at, asked, until, grant_until, decided_at, used_at, child)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             ?22, ?23, 'pending', ?24, ?25, ?25, 1, ?26, ?27, 0, 0, '')",
            params![
                ask.id.as_str(),
                key,
                &similar(call, quorum),
                call.grant.as_str(),
                call.root.as_str(),
                call.subject.as_str(),
                call.actor.as_str(),
                &chain.join("\n"),
                call.client.as_str(),
                call.resource.as_str(),
                &call.server,
                &call.action,
                &call.arguments,
                &approvers.join("\n"),
                u32::from(quorum.of),
                quorum.acr.map_or("", Acr::as_str),
                micros(quorum.lasts),
                &ask.because,
                &ask.rules.join("\n"),
                ask.risk.map_or("", Risk::as_str),
                word_of(ask.reversible),
                &ask.sealed,
                &ask.shape,
                &ask.trace,
                now,
                ask.until.min(ask.grant_until),
                ask.grant_until
            ],
        )
        .map(drop)
    }

    fn newest_task(&mut self, key: &str) -> Result<Option<StoredTask>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approval_tasks WHERE call_key = ?1 ORDER BY asked_at DESC, id DESC LIMIT 1"
        );
        self.task_by(&sql, key)
    }

    /// The task of that id, whatever its state, with its votes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn task(&mut self, id: &TaskId) -> Result<Option<StoredTask>, StoreError> {
        self.task_by(&format!("SELECT {COLUMNS} FROM approval_tasks WHERE id = ?1"), id.as_str())
    }

    fn task_by(&mut self, sql: &str, what: &str) -> Result<Option<StoredTask>, StoreError> {
        let Some(mut found) = self.row(sql, params![what], stored)? else { return Ok(None) };
        found.task.votes = self.votes(&found.task.id)?;
        Ok(Some(found))
    }

    pub(super) fn votes(&mut self, id: &TaskId) -> Result<Vec<Vote>, StoreError> {
        let sql = "SELECT voter, agrees, word, at FROM approval_votes WHERE task = ?1 ORDER BY at, voter";
        self.rows(sql, params![id.as_str()], |row| {
            Ok(Vote { by: row.get(0)?, agrees: row.flag(1)?, word: row.get(2)?, at: row.time(3)? })
        })
    }

    /// Ends an open task; what would happen is forgotten.
    pub(super) fn end_task(&mut self, id: &TaskId, state: TaskState) -> Result<(), StoreError> {
        self.execute(
            "UPDATE approval_tasks SET state = ?2, sealed = '' WHERE id = ?1 AND state IN ('pending', 'approved')",
            params![id.as_str(), state.as_str()],
        )
        .map(drop)
    }
}

fn micros(lasts: Duration) -> u64 {
    u64::try_from(lasts.as_micros()).unwrap_or(u64::MAX)
}

fn word_of(reversible: Option<bool>) -> &'static str {
    match reversible {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

pub(super) fn stored(row: &Row<'_>) -> Result<StoredTask, StoreError> {
    let corrupt = |column, detail: String| StoreError::Corrupt { column, detail };
    let agents = |text: String| text.lines().map(AgentId::parse).collect::<Result<Vec<_>, _>>();
    let child: String = row.get(32)?;
    let call = AskedCall {
        grant: row.parsed(3, "approval_tasks.grant_id", GrantId::parse)?,
        root: row.parsed(4, "approval_tasks.root", GrantId::parse)?,
        subject: row.parsed(5, "approval_tasks.subject", |s| Principal::parse(&s))?,
        actor: row.parsed(6, "approval_tasks.actor", AgentId::parse)?,
        chain: row.parsed(7, "approval_tasks.chain", agents)?,
        client: row.parsed(8, "approval_tasks.client", ClientId::parse)?,
        resource: row.parsed(9, "approval_tasks.resource", |s| ResourceUri::parse_exact(&s))?,
        server: row.get(10)?,
        action: row.get(11)?,
        arguments: row.get(12)?,
    };
    let acr = |s: String| if s.is_empty() { Ok(None) } else { Acr::parse(&s).map(Some).ok_or(s) };
    let risk = |s: String| if s.is_empty() { Ok(None) } else { Risk::parse(&s).map(Some).ok_or(s) };
    let of = u8::try_from(row.count(14)?).map_err(|e| corrupt("approval_tasks.of_n", e.to_string()))?;
    let quorum = Quorum {
        approvers: lines(&row.get::<String>(13)?).into_iter().collect::<BTreeSet<_>>(),
        of,
        acr: row.parsed(15, "approval_tasks.acr", acr)?,
        lasts: Duration::from_micros(row.count(16)?),
    };
    Ok(StoredTask {
        task: ApprovalTask {
            id: row.parsed(0, "approval_tasks.id", TaskId::parse)?,
            call,
            quorum,
            because: row.get(17)?,
            state: row.parsed(23, "approval_tasks.state", |s| TaskState::parse(&s).ok_or(s))?,
            votes: Vec::new(),
            asked_at: row.time(25)?,
            until: row.time(28)?,
            grant_until: row.time(29)?,
        },
        key: row.get(1)?,
        similar: row.get(2)?,
        rules: lines(&row.get::<String>(18)?),
        risk: row.parsed(19, "approval_tasks.risk", risk)?,
        reversible: match row.get::<String>(20)?.as_str() {
            "" => None,
            word => Some(word == "yes"),
        },
        sealed: row.get(21)?,
        shape: row.get(22)?,
        trace: row.get(24)?,
        last_asked_at: row.time(26)?,
        asked: row.count(27)?,
        decided_at: row.time(30)?,
        used_at: row.time(31)?,
        child: if child.is_empty() {
            None
        } else {
            Some(GrantId::parse(child).map_err(|e| corrupt("approval_tasks.child", e.to_string()))?)
        },
    })
}
