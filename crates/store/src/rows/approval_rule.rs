//! Standing agreements: what somebody agreed to for a while, with the arguments that it holds for.

use super::task::{StoredTask, similar};
use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AgentId, AskedCall, GrantId, Principal, Quorum, TaskId, Timestamp};

/// An agreement to calls like one that was agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// Its id.
    pub id: String,
    /// What calls it is for, but for their arguments.
    pub similar: String,
    /// The task that it came of.
    pub task: TaskId,
    /// The grant of that call: the rule ends with it.
    pub grant: GrantId,
    /// The grant at the root: the rule ends with it.
    pub root: GrantId,
    /// Whose authority is used.
    pub subject: Principal,
    /// Who uses it.
    pub actor: AgentId,
    /// What the operator calls the resource.
    pub server: String,
    /// What: `tool:NAME`.
    pub action: String,
    /// The arguments that must be so, sealed.
    pub sealed: String,
    /// Who agreed.
    pub by: String,
    /// When.
    pub made_at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// When somebody ended it; zero before.
    pub ended_at: Timestamp,
}

const COLUMNS: &str = "id, alike, task, grant_id, root, subject, actor, server, action, sealed, by_whom, made_at, until, ended_at";

impl ApprovalRule {
    /// A rule that comes of a task.
    pub fn of(
        id: String,
        from: &StoredTask,
        sealed: String,
        by: String,
        now: Timestamp,
        until: Timestamp,
    ) -> Self {
        let call = &from.task.call;
        Self {
            id,
            similar: from.similar.clone(),
            task: from.task.id.clone(),
            grant: call.grant.clone(),
            root: call.root.clone(),
            subject: call.subject.clone(),
            actor: call.actor.clone(),
            server: call.server.clone(),
            action: call.action.clone(),
            sealed,
            by,
            made_at: now,
            until,
            ended_at: Timestamp::from_micros(0),
        }
    }
}

impl Tx<'_> {
    /// Stores a rule.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_approval_rule(&mut self, rule: &ApprovalRule) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO approval_rules (id, alike, task, grant_id, root, subject, actor, server, action,
             sealed, by_whom, made_at, until, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0)",
            params![
                &rule.id,
                &rule.similar,
                rule.task.as_str(),
                rule.grant.as_str(),
                rule.root.as_str(),
                rule.subject.as_str(),
                rule.actor.as_str(),
                &rule.server,
                &rule.action,
                &rule.sealed,
                &rule.by,
                rule.made_at,
                rule.until
            ],
        )
        .map(drop)
    }

    /// The rules in force that a call may fall under: its arguments are still to be looked at. None whose grant has ended,
    /// and none of somebody who may not act now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn approval_rules_for(
        &mut self,
        call: &AskedCall,
        quorum: &Quorum,
        now: Timestamp,
    ) -> Result<Vec<ApprovalRule>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approval_rules r WHERE alike = ?1 AND until > ?2 AND ended_at = 0
             AND EXISTS (SELECT 1 FROM grants g WHERE g.id = r.root AND g.state = 'active')
             AND EXISTS (SELECT 1 FROM grants g WHERE g.id = r.grant_id AND g.state = 'active')
             AND NOT EXISTS (SELECT 1 FROM revocations v
                             WHERE v.kind = 'user' AND v.id = r.by_whom AND v.word <> 'active')
             ORDER BY made_at, id LIMIT 100"
        );
        self.rows(&sql, params![&similar(call, quorum), now], rule)
    }

    /// The rules in force of somebody's authority, or of everybody's; the newest first, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn approval_rules(
        &mut self,
        subject: Option<&Principal>,
        now: Timestamp,
    ) -> Result<Vec<ApprovalRule>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approval_rules r WHERE (?1 = '' OR subject = ?1) AND until > ?2 AND ended_at = 0
             AND EXISTS (SELECT 1 FROM grants g WHERE g.id = r.root AND g.state <> 'revoked')
             AND EXISTS (SELECT 1 FROM grants g WHERE g.id = r.grant_id AND g.state <> 'revoked')
             ORDER BY made_at DESC, id LIMIT 1000"
        );
        self.rows(&sql, params![subject.map_or("", Principal::as_str), now], rule)
    }

    /// Ends a rule; the one it was, or none if there is none in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn end_approval_rule(
        &mut self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<ApprovalRule>, StoreError> {
        let sql = format!(
            "UPDATE approval_rules SET ended_at = ?2 WHERE id = ?1 AND ended_at = 0 RETURNING {COLUMNS}"
        );
        self.row(&sql, params![id, now], rule)
    }

    /// The rule of that id, in force or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn approval_rule(&mut self, id: &str) -> Result<Option<ApprovalRule>, StoreError> {
        self.row(&format!("SELECT {COLUMNS} FROM approval_rules WHERE id = ?1"), params![id], rule)
    }
}

fn rule(row: &Row<'_>) -> Result<ApprovalRule, StoreError> {
    Ok(ApprovalRule {
        id: row.get(0)?,
        similar: row.get(1)?,
        task: row.parsed(2, "approval_rules.task", TaskId::parse)?,
        grant: row.parsed(3, "approval_rules.grant_id", GrantId::parse)?,
        root: row.parsed(4, "approval_rules.root", GrantId::parse)?,
        subject: row.parsed(5, "approval_rules.subject", |s| Principal::parse(&s))?,
        actor: row.parsed(6, "approval_rules.actor", AgentId::parse)?,
        server: row.get(7)?,
        action: row.get(8)?,
        sealed: row.get(9)?,
        by: row.get(10)?,
        made_at: row.time(11)?,
        until: row.time(12)?,
        ended_at: row.time(13)?,
    })
}
