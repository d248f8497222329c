//! What an exchange of tokens asks about the grants behind them.

use super::foreign::provider_id;
use super::grant::COLUMNS;
use crate::driver::Param;
use crate::revoked::Kind;
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{AgentId, ClientId, Grant, GrantId, Principal, ResourceUri, UserId, WorkloadId};
use std::borrow::Cow;

/// Somebody whose word or deed counts only while nobody disabled them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party<'a> {
    /// A user.
    User(&'a UserId),
    /// An agent.
    Agent(&'a AgentId),
    /// A client.
    Client(&'a ClientId),
    /// An issuer, to the byte.
    Issuer(&'a str),
    /// A workload.
    Workload(&'a WorkloadId),
    /// Whoever vouches for workloads, by the name of the configuration.
    Provider(&'a str),
}

impl<'a> Party<'a> {
    fn named(self) -> (Kind, Cow<'a, str>) {
        match self {
            Self::User(id) => (Kind::User, id.as_str().into()),
            Self::Agent(id) => (Kind::Agent, id.as_str().into()),
            Self::Client(id) => (Kind::Client, id.as_str().into()),
            Self::Issuer(id) => (Kind::Issuer, id.into()),
            Self::Workload(id) => (Kind::Workload, id.as_str().into()),
            Self::Provider(name) => (Kind::Issuer, provider_id(name).into()),
        }
    }
}

impl Tx<'_> {
    /// Whether nobody among these is disabled, as this transaction sees it: no process has to hear of it first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn may_all(&mut self, parties: &[Party<'_>]) -> Result<bool, StoreError> {
        let named: Vec<_> = parties.iter().map(|party| party.named()).collect();
        let mut asked: Vec<Param<'_>> = vec![Param::Text(Word::ACTIVE)];
        for (kind, id) in &named {
            asked.extend([Param::Text(kind.as_str()), Param::Text(id)]);
        }
        let pair = |i: usize| format!("(kind = ?{} AND id = ?{})", 2 * i + 2, 2 * i + 3);
        let any = (0..parties.len()).map(pair).collect::<Vec<_>>().join(" OR ");
        if any.is_empty() {
            return Ok(true);
        }
        let sql = format!("SELECT 1 FROM revocations WHERE word <> ?1 AND ({any}) LIMIT 1");
        Ok(self.row(&sql, &asked, |_| Ok(()))?.is_none())
    }

    /// Whether every one of these grants is active, at exactly this revision: then what was read of them holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unchanged(&mut self, grants: &[(GrantId, u64)]) -> Result<bool, StoreError> {
        let mut asked: Vec<Param<'_>> = vec![Param::Text(Word::ACTIVE)];
        for (id, revision) in grants {
            asked.extend([Param::Text(id.as_str()), Param::from(*revision)]);
        }
        let pair = |i: usize| format!("(id = ?{} AND revision = ?{})", 2 * i + 2, 2 * i + 3);
        let any = (0..grants.len()).map(pair).collect::<Vec<_>>().join(" OR ");
        if any.is_empty() {
            return Ok(true);
        }
        let sql = format!("SELECT COUNT(*) FROM grants WHERE state = ?1 AND ({any})");
        let found = self.row(&sql, &asked, |row| row.count(0))?;
        Ok(found == u64::try_from(grants.len()).ok())
    }

    /// The grants that an agent got at a resource by exchange under `parent`, ended ones too, newest first, at most 64.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn exchanged(
        &mut self,
        parent: &GrantId,
        grantee: &AgentId,
        resource: &ResourceUri,
    ) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?2 AND resource = ?3 AND evidence = 'exchange'
             AND id IN (SELECT child FROM grant_parents WHERE parent = ?1)
             ORDER BY not_before DESC, id LIMIT 64"
        );
        self.grants(&sql, params![parent.as_str(), grantee.as_str(), resource.as_str()])
    }

    /// The root grants of somebody's authority that an agent holds at a resource, ended ones too, newest first, at most
    /// 64.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn roots_at(
        &mut self,
        subject: &Principal,
        grantee: &AgentId,
        resource: &ResourceUri,
    ) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?2 AND resource = ?3 AND subject = ?1
             AND NOT EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id)
             ORDER BY not_before DESC, id LIMIT 64"
        );
        self.grants(&sql, params![subject.as_str(), grantee.as_str(), resource.as_str()])
    }
}
