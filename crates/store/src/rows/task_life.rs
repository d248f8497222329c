//! The life of a task: decided, used, void.

use super::task::StoredTask;
use crate::driver::Row;
use crate::tx::params;
use crate::{ArtifactKind, Consumed, StoreError, Tx};
use prokura_core::{
    ApprovalTask, Ballot, Budget, ChildRequest, Detail, Details, Evidence, GrantId, MayAct, NoVote, ScopeSet,
    TaskId, TaskState, Terms, Timestamp,
};
use prokura_oauth::json::Value;

/// What came of a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voted {
    /// It counts; the task as it is now.
    Counted(Box<StoredTask>),
    /// It does not.
    Not(NoVote),
    /// There is no such task.
    Missing,
}

/// Why an agreement cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// There is none that is good for this call.
    None,
    /// It was agreed to for another call: now it is void.
    Changed,
}

impl Tx<'_> {
    /// Takes a vote. With the last one that is needed, the agreement becomes a grant below the caller's, good for exactly
    /// this call, once. If the caller's grant has ended, or one above it, the task is void.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn vote(&mut self, id: &TaskId, child: GrantId, ballot: &Ballot) -> Result<Voted, StoreError> {
        let Some(known) = self.task(id)? else { return Ok(Voted::Missing) };
        let decided = match known.task.clone().decide(ballot) {
            Ok(decided) => decided,
            Err(why) => return Ok(Voted::Not(why)),
        };
        let mut now = StoredTask { task: decided, ..known };
        if now.task.state != TaskState::Refused && !self.still_stands(&now.task, ballot.at)? {
            self.end_task(id, TaskState::Void)?;
            return Ok(Voted::Not(NoVote::Over(TaskState::Void)));
        }
        self.execute(
            "INSERT INTO approval_votes (task, voter, agrees, word, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id.as_str(), &ballot.voter.to_string(), ballot.agrees, &ballot.word, ballot.at],
        )?;
        if now.task.state != TaskState::Pending {
            now.decided_at = ballot.at;
        }
        if now.task.state == TaskState::Approved && !self.agree(&mut now.task, &child, ballot.at)? {
            self.end_task(id, TaskState::Void)?;
            return Ok(Voted::Not(NoVote::Over(TaskState::Void)));
        }
        now.child = (now.task.state == TaskState::Approved).then_some(child);
        if now.task.state == TaskState::Refused {
            now.sealed.clear();
        }
        self.execute(
            "UPDATE approval_tasks SET state = ?2, until = ?3, decided_at = ?4, child = ?5, sealed = ?6 WHERE id = ?1",
            params![
                id.as_str(),
                now.task.state.as_str(),
                now.task.until,
                now.decided_at,
                now.child.as_ref().map_or("", GrantId::as_str),
                &now.sealed
            ],
        )?;
        Ok(Voted::Counted(Box::new(now)))
    }

    /// Whether the grant that a task rests on, and everything above it, is in force.
    fn still_stands(&mut self, task: &ApprovalTask, now: Timestamp) -> Result<bool, StoreError> {
        let chain = self.chain(&task.call.grant)?;
        Ok(chain.is_some_and(|chain| chain.grants().all(|grant| grant.usable_at(now).is_ok())))
    }

    /// Makes the grant that is good for the call, and the artifact that is spent with it; false if the caller's grant gives
    /// it no more.
    fn agree(&mut self, task: &mut ApprovalTask, id: &GrantId, now: Timestamp) -> Result<bool, StoreError> {
        let Some(chain) = self.chain(&task.call.grant)? else { return Ok(false) };
        let Some(asked) = request(task, id, now, chain.leaf().actions.clone()) else { return Ok(false) };
        let narrow = chain.agreed(asked.clone(), now);
        let child =
            narrow.or_else(|_| chain.agreed(ChildRequest { details: Details::default(), ..asked }, now));
        let Ok(child) = child else { return Ok(false) };
        task.until = task.until.min(child.expires_at);
        self.insert_grant(&child)?;
        self.put_artifact(
            ArtifactKind::Approval,
            task.id.as_str(),
            Some(id),
            task.call.arguments.as_bytes(),
            task.until,
        )?;
        Ok(true)
    }

    /// Uses an agreement to exactly the call with this key, in the transaction that records that the call is permitted. Of
    /// any number who try, one does. Says which grant it was.
    ///
    /// # Errors
    /// [`StoreError`]. The inner error says why there is none.
    pub fn use_task(
        &mut self,
        id: &TaskId,
        key: &str,
        now: Timestamp,
    ) -> Result<Result<GrantId, Unused>, StoreError> {
        let Some(known) = self.task(id)? else { return Ok(Err(Unused::None)) };
        if known.key != key {
            return Ok(Err(Unused::Changed));
        }
        let Some(child) = known.child else { return Ok(Err(Unused::None)) };
        if known.task.used(now).is_err() || !self.is_active(&child)? {
            return Ok(Err(Unused::None));
        }
        let Consumed::Won(_) = self.consume(ArtifactKind::Approval, id.as_str(), now)? else {
            return Ok(Err(Unused::None));
        };
        let used = self.execute(
            "UPDATE approval_tasks SET state = 'used', used_at = ?2, sealed = '' WHERE id = ?1 AND state = 'approved'",
            params![id.as_str(), now],
        )?;
        let drawn = self.draw(std::slice::from_ref(&child), "", &Value::Null)?;
        if used != 1 || drawn.is_err() {
            return self.fail(StoreError::Conflict(format!("{id} was used at the same time")));
        }
        Ok(Ok(child))
    }

    fn is_active(&mut self, grant: &GrantId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM grants WHERE id = ?1 AND state = 'active'";
        Ok(self.row(sql, params![grant.as_str()], |_| Ok(()))?.is_some())
    }

    /// Makes a task void that is still open, and ends the grant that it may have become: whoever wanted it asked for
    /// something else. False if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn void_task(&mut self, id: &TaskId, why: &str, now: Timestamp) -> Result<bool, StoreError> {
        let Some(known) = self.task(id)?.filter(|t| t.task.state.is_open()) else { return Ok(false) };
        self.end_task(id, TaskState::Void)?;
        if let Some(child) = known.child {
            self.revoke_tree(&child, "system", why, now)?;
        }
        Ok(true)
    }

    /// Ends the tasks and standing agreements of a grant that ends.
    pub(super) fn void_tasks_of(&mut self, grant: &GrantId) -> Result<(), StoreError> {
        self.execute(
            "UPDATE approval_tasks SET state = 'void', sealed = ''
             WHERE grant_id = ?1 AND state IN ('pending', 'approved')",
            params![grant.as_str()],
        )
        .map(drop)
    }

    /// What somebody agreed to who may not act any more counts no more: who waits for others has one Yes less, and what was
    /// approved with it and was not used is void. `voter` is as [`Voter`](prokura_core::Voter) is written.
    pub(super) fn withdraw_votes(&mut self, voter: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "SELECT v.task FROM approval_votes v JOIN approval_tasks t ON t.id = v.task
                   WHERE v.voter = ?1 AND v.agrees = 1 AND t.state = 'approved'";
        let read = |row: &Row<'_>| row.parsed(0, "approval_votes.task", TaskId::parse);
        for task in self.rows(sql, params![voter], read)? {
            self.void_task(&task, "who agreed may not act any more", now)?;
        }
        self.execute(
            "DELETE FROM approval_votes WHERE voter = ?1 AND agrees = 1
             AND task IN (SELECT id FROM approval_tasks WHERE state = 'pending')",
            params![voter],
        )
        .map(drop)
    }

    /// Ends what was not decided or not used in time; what would have happened is forgotten.
    pub(super) fn expire_tasks(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE approval_tasks SET state = 'expired', sealed = ''
             WHERE state IN ('pending', 'approved') AND until <= ?1",
            params![now],
        )
        .map(drop)
    }
}

/// The grant that an agreement becomes: the one tool, once, passed on to nobody.
fn request(task: &ApprovalTask, id: &GrantId, now: Timestamp, actions: ScopeSet) -> Option<ChildRequest> {
    let tool = task.call.action.strip_prefix("tool:");
    let detail = tool.and_then(|tool| Detail::new([tool.to_owned()], []).ok());
    let terms = Terms {
        may_act: MayAct::Only(std::collections::BTreeSet::new()),
        budget: Some(Budget::new(Some(1), Vec::new()).ok()?),
        ..Terms::default()
    };
    Some(ChildRequest {
        id: id.clone(),
        grantee: task.call.actor.clone(),
        resource: task.call.resource.clone(),
        actions,
        details: detail.and_then(|d| Details::new([d]).ok()).unwrap_or_default(),
        not_before: now,
        expires_at: task.until,
        terms,
        evidence: Evidence::Approval { task: task.id.clone(), arguments: task.call.arguments.clone() },
    })
}
