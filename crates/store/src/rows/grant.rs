//! Grants: stored authority.

use crate::driver::{Connection, Row};
use crate::tx::{Word, params};
use crate::{StoreError, Tx};
use prokura_core::{
    AgentId, BrokenChain, Chain, Evidence, Grant, GrantId, GrantState, Grantor, MayAct, Principal,
    ResourceUri, Revocation, ScopeSet, TaskId, Terms, Timestamp, UserId,
};
use prokura_oauth::{duties, rich};

pub(super) const COLUMNS: &str = "id, subject, grantor, grantee, resource, actions, not_before, expires_at, depth_left, \
                       interaction, state, revoked_at, revoked_by, revoked_why, revision, details, evidence, \
                       evidence_of, evidence_id, may_act, duties";

impl Tx<'_> {
    /// Stores a new grant, which must be active.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the id is taken, a parent is missing, or a parent was revoked: nothing may
    /// come to life under what has ended.
    pub fn insert_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        let grantor = match &grant.grantor {
            Grantor::User(user) => Some(user.as_str()),
            Grantor::Agent(agent) => Some(agent.as_str()),
            Grantor::Operator => None,
        };
        let evidence = Columns::of(&grant.evidence);
        self.execute(
            "INSERT INTO grants (id, subject, grantor, grantee, resource, actions, not_before, expires_at,
             depth_left, interaction, state, revision, details, evidence, evidence_of, evidence_id, may_act,
             duties, used_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 0)",
            params![
                grant.id.as_str(),
                grant.subject.as_str(),
                grantor,
                grant.grantee.as_str(),
                grant.resource.as_str(),
                &grant.actions.to_string(),
                grant.not_before,
                grant.expires_at,
                u32::from(grant.depth_left),
                evidence.interaction,
                Word::ACTIVE,
                grant.revision,
                &rich::to_text(&grant.details, &grant.resource),
                evidence.kind,
                evidence.of,
                evidence.id,
                may_act_text(&grant.terms.may_act).as_deref(),
                &duties::to_text(&grant.terms.duties)
            ],
        )?;
        self.insert_budget(grant)?;
        (0_u32..)
            .zip(&grant.parents)
            .try_for_each(|(place, parent)| self.insert_edge(&grant.id, parent, place))
    }

    fn insert_edge(&mut self, child: &GrantId, parent: &GrantId, place: u32) -> Result<(), StoreError> {
        let added = self.execute(
            "INSERT INTO grant_parents (child, parent, place)
             SELECT ?1, id, ?3 FROM grants WHERE id = ?2 AND state <> 'revoked'",
            params![child.as_str(), parent.as_str(), place],
        )?;
        if added == 1 {
            return Ok(());
        }
        self.fail(StoreError::Conflict(format!("the parent {parent} is missing or was revoked")))
    }

    /// The grant with that id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grant(&mut self, id: &GrantId) -> Result<Option<Grant>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM grants WHERE id = ?1");
        let found = self.grants(&sql, params![id.as_str()])?;
        Ok(found.into_iter().next())
    }

    /// The grants of a user's authority, ended ones too, newest first, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grants_of_user(&mut self, user: &UserId) -> Result<Vec<Grant>, StoreError> {
        self.grants_of(&Principal::User(user.clone()))
    }

    /// The grants of somebody's authority, ended ones too, newest first, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grants_of(&mut self, subject: &Principal) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE subject = ?1 ORDER BY not_before DESC, id LIMIT 1000"
        );
        self.grants(&sql, params![subject.as_str()])
    }

    /// The grants that an agent holds, ended ones too, newest first, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grants_to(&mut self, grantee: &AgentId) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?1 ORDER BY not_before DESC, id LIMIT 1000"
        );
        self.grants(&sql, params![grantee.as_str()])
    }

    /// Every root grant of somebody's authority that was not revoked, paused and expired ones too. However many there are:
    /// whoever stops or ends all of them must miss none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn standing_roots_of(&mut self, subject: &Principal) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE subject = ?1 AND state <> 'revoked'
             AND NOT EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id) ORDER BY not_before DESC, id"
        );
        self.grants(&sql, params![subject.as_str()])
    }

    /// Grants that an agent holds and that were not revoked, the newest first, at most 1,000: whoever ends all of them asks
    /// until there are none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn standing_grants_to(&mut self, grantee: &AgentId) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?1 AND state <> 'revoked'
             ORDER BY not_before DESC, id LIMIT 1000"
        );
        self.grants(&sql, params![grantee.as_str()])
    }

    /// The newest grants, of whomever, ended ones too, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_grants(&mut self) -> Result<Vec<Grant>, StoreError> {
        self.grants(&format!("SELECT {COLUMNS} FROM grants ORDER BY not_before DESC, id LIMIT 1000"), &[])
    }

    /// The newest root grant that the operator's configuration gave an agent at a resource, whatever its
    /// state: one that was revoked must not be made anew just because the agent asks again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find_config_grant(
        &mut self,
        grantee: &AgentId,
        resource: &ResourceUri,
    ) -> Result<Option<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?1 AND resource = ?2 AND grantor IS NULL
             AND interaction IS NULL AND evidence IS NULL AND subject = ?1
             AND NOT EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id)
             ORDER BY not_before DESC, id LIMIT 1"
        );
        let found = self.grants(&sql, params![grantee.as_str(), resource.as_str()])?;
        Ok(found.into_iter().next())
    }

    /// The newest root grant that rules about workloads gave an agent at a resource, whatever its state, for the same
    /// reason.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find_policy_grant(
        &mut self,
        grantee: &AgentId,
        resource: &ResourceUri,
    ) -> Result<Option<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?1 AND resource = ?2 AND evidence = ?3 AND subject = ?1
             AND NOT EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id)
             ORDER BY not_before DESC, id LIMIT 1"
        );
        let found = self.grants(&sql, params![grantee.as_str(), resource.as_str(), POLICY])?;
        Ok(found.into_iter().next())
    }

    /// The newest root grant of a user's authority that rests on the word of this identity provider, whatever its state:
    /// what the user ended must not be made anew just because the provider says so again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find_asserted_grant(
        &mut self,
        user: &UserId,
        grantee: &AgentId,
        resource: &ResourceUri,
        issuer: &str,
    ) -> Result<Option<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE grantee = ?1 AND resource = ?2 AND subject = ?3
             AND evidence = ?4 AND evidence_of = ?5
             AND NOT EXISTS (SELECT 1 FROM grant_parents WHERE child = grants.id)
             ORDER BY not_before DESC, id LIMIT 1"
        );
        let subject = Principal::User(user.clone());
        let found = self
            .grants(&sql, params![grantee.as_str(), resource.as_str(), subject.as_str(), ID_JAG, issuer])?;
        Ok(found.into_iter().next())
    }

    /// Replaces what may change in a grant that has not ended (actions, details, times, depth, evidence), if its
    /// revision still is `grant.revision`, which then grows by one; says whether it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn update_grant(&mut self, grant: &Grant) -> Result<bool, StoreError> {
        let evidence = Columns::of(&grant.evidence);
        let updated = self.execute(
            "UPDATE grants SET actions = ?3, not_before = ?4, expires_at = ?5, depth_left = ?6,
             interaction = ?7, details = ?8, evidence = ?9, evidence_of = ?10, evidence_id = ?11,
             may_act = ?12, duties = ?13, revision = revision + 1
             WHERE id = ?1 AND revision = ?2 AND state <> 'revoked'",
            params![
                grant.id.as_str(),
                grant.revision,
                &grant.actions.to_string(),
                grant.not_before,
                grant.expires_at,
                u32::from(grant.depth_left),
                evidence.interaction,
                &rich::to_text(&grant.details, &grant.resource),
                evidence.kind,
                evidence.of,
                evidence.id,
                may_act_text(&grant.terms.may_act).as_deref(),
                &duties::to_text(&grant.terms.duties)
            ],
        )?;
        Ok(updated == 1)
    }

    /// The grants above this one, nearest first, each once: what a token names as its ancestors.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ancestors(&mut self, id: &GrantId) -> Result<Vec<GrantId>, StoreError> {
        let sql = "WITH RECURSIVE above (id, far) AS (
                       SELECT parent, CAST(1 AS BIGINT) FROM grant_parents WHERE child = ?1
                       UNION SELECT p.parent, a.far + 1 FROM grant_parents p JOIN above a ON p.child = a.id
                   ) SELECT id FROM above GROUP BY id ORDER BY MIN(far), id";
        self.rows(sql, params![id.as_str()], |row| row.parsed(0, "grant_parents.parent", GrantId::parse))
    }

    /// A grant with everything above it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if what is stored is no chain.
    pub fn chain(&mut self, id: &GrantId) -> Result<Option<Chain>, StoreError> {
        let Some(leaf) = self.grant(id)? else { return Ok(None) };
        let mut above = Vec::new();
        if !leaf.parents.is_empty() {
            for id in self.farthest_first(id)? {
                above.extend(self.grant(&id)?);
            }
        }
        let broken =
            |e: BrokenChain| StoreError::Corrupt { column: "grant_parents.parent", detail: e.to_string() };
        Chain::new(above, leaf).map(Some).map_err(broken)
    }

    /// The grants above one, no parent after its child.
    fn farthest_first(&mut self, id: &GrantId) -> Result<Vec<GrantId>, StoreError> {
        let sql = "WITH RECURSIVE above (id, far) AS (
                       SELECT parent, CAST(1 AS BIGINT) FROM grant_parents WHERE child = ?1
                       UNION SELECT p.parent, a.far + 1 FROM grant_parents p JOIN above a ON p.child = a.id
                   ) SELECT id FROM above GROUP BY id ORDER BY MAX(far) DESC, id";
        self.rows(sql, params![id.as_str()], |row| row.parsed(0, "grant_parents.parent", GrantId::parse))
    }

    /// The grants that the rest of a query finds, what follows `FROM grants`.
    pub(super) fn grants_by(
        &mut self,
        rest: &str,
        params: &[crate::driver::Param<'_>],
    ) -> Result<Vec<Grant>, StoreError> {
        self.grants(&format!("SELECT {COLUMNS} FROM grants {rest}"), params)
    }

    pub(super) fn grants(
        &mut self,
        sql: &str,
        params: &[crate::driver::Param<'_>],
    ) -> Result<Vec<Grant>, StoreError> {
        let mut grants = self.rows(sql, params, grant)?;
        for grant in &mut grants {
            grant.parents = self.parents(&grant.id)?;
            grant.terms.budget = self.budget(&grant.id)?;
        }
        Ok(grants)
    }

    fn parents(&mut self, id: &GrantId) -> Result<Vec<GrantId>, StoreError> {
        let sql = "SELECT parent FROM grant_parents WHERE child = ?1 ORDER BY place";
        self.rows(sql, params![id.as_str()], |row| row.parsed(0, "grant_parents.parent", GrantId::parse))
    }
}

/// A row if a grant is in force at that revision.
const STANDS: &str = "SELECT 1 FROM grants WHERE id = ?1 AND revision = ?2 AND state = 'active'";

/// Whether all of them are in force, each at its revision.
pub(crate) fn all_stand(conn: &mut Connection, chain: &[(GrantId, u64)]) -> Result<bool, StoreError> {
    for (id, revision) in chain {
        if conn.query(STANDS, params![id.as_str(), *revision], |_| Ok(()))?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A grant without its parents.
fn grant(row: &Row<'_>) -> Result<Grant, StoreError> {
    let corrupt = |column, detail: String| StoreError::Corrupt { column, detail };
    let grantor: Option<String> = row.get(2)?;
    let grantor = match grantor.as_deref().map(Principal::parse) {
        None => Grantor::Operator,
        Some(Ok(Principal::User(user))) => Grantor::User(user),
        Some(Ok(Principal::Agent(agent))) => Grantor::Agent(agent),
        Some(Err(e)) => return Err(corrupt("grants.grantor", e.to_string())),
    };
    let resource = row.parsed(4, "grants.resource", |s| ResourceUri::parse_exact(&s))?;
    Ok(Grant {
        id: row.parsed(0, "grants.id", GrantId::parse)?,
        parents: Vec::new(),
        subject: row.parsed(1, "grants.subject", |s| Principal::parse(&s))?,
        grantor,
        grantee: row.parsed(3, "grants.grantee", AgentId::parse)?,
        details: row.parsed(15, "grants.details", |s| rich::of_text(&s, &resource))?,
        resource,
        actions: row.parsed(5, "grants.actions", |s| ScopeSet::parse(&s))?,
        not_before: row.time(6)?,
        expires_at: row.time(7)?,
        depth_left: u8::try_from(row.count(8)?).map_err(|e| corrupt("grants.depth_left", e.to_string()))?,
        terms: terms(row)?,
        evidence: evidence(row)?,
        state: state(row)?,
        revision: row.count(14)?,
    })
}

/// Evidence as it is stored.
#[derive(Default)]
struct Columns<'a> {
    interaction: Option<&'a str>,
    kind: Option<&'static str>,
    of: Option<&'a str>,
    id: Option<&'a str>,
}

/// The word for an assertion of an identity provider.
const ID_JAG: &str = "id_jag";
/// The word for rules about workloads.
const POLICY: &str = "policy";
/// The word for an enterprise consent.
pub(super) const ADMINISTRATOR: &str = "administrator";
/// The word for an exchange of tokens.
const EXCHANGE: &str = "exchange";
/// The word for one call that somebody agreed to.
const APPROVAL: &str = "approval";

impl<'a> Columns<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        match evidence {
            Evidence::Consent { interaction } => Self { interaction: Some(interaction), ..Self::default() },
            Evidence::Configuration => Self::default(),
            Evidence::Policy => Self { kind: Some(POLICY), ..Self::default() },
            Evidence::IdJag { issuer, jti } => {
                Self { kind: Some(ID_JAG), of: Some(issuer), id: Some(jti), ..Self::default() }
            }
            Evidence::Administrator { consent } => {
                Self { kind: Some(ADMINISTRATOR), id: Some(consent), ..Self::default() }
            }
            Evidence::Exchange { by } => Self { kind: Some(EXCHANGE), id: Some(by), ..Self::default() },
            Evidence::Approval { task, arguments } => {
                Self { kind: Some(APPROVAL), of: Some(arguments), id: Some(task.as_str()), ..Self::default() }
            }
        }
    }
}

fn evidence(row: &Row<'_>) -> Result<Evidence, StoreError> {
    let text = |i: usize| Ok::<_, StoreError>(row.get::<Option<String>>(i)?.unwrap_or_default());
    match (row.get::<Option<String>>(16)?.as_deref(), row.get::<Option<String>>(9)?) {
        (None, Some(interaction)) => Ok(Evidence::Consent { interaction }),
        (None, None) => Ok(Evidence::Configuration),
        (Some(POLICY), _) => Ok(Evidence::Policy),
        (Some(ADMINISTRATOR), _) => Ok(Evidence::Administrator { consent: text(18)? }),
        (Some(EXCHANGE), _) => Ok(Evidence::Exchange { by: text(18)? }),
        (Some(APPROVAL), _) => Ok(Evidence::Approval {
            task: row.parsed(18, "grants.evidence_id", TaskId::parse)?,
            arguments: text(17)?,
        }),
        (Some(ID_JAG), _) => Ok(Evidence::IdJag { issuer: text(17)?, jti: text(18)? }),
        (Some(other), _) => Err(StoreError::Corrupt { column: "grants.evidence", detail: other.to_owned() }),
    }
}

/// Nothing where the rules say it; else one agent a line.
fn may_act_text(may_act: &MayAct) -> Option<String> {
    match may_act {
        MayAct::ByRule => None,
        MayAct::Only(agents) => Some(agents.iter().map(AgentId::as_str).collect::<Vec<_>>().join("\n")),
    }
}

/// The terms without the budget.
fn terms(row: &Row<'_>) -> Result<Terms, StoreError> {
    let corrupt = |column, detail: String| StoreError::Corrupt { column, detail };
    let may_act = match row.get::<Option<String>>(19)? {
        None => MayAct::ByRule,
        Some(list) => {
            let agents = list.lines().map(AgentId::parse).collect::<Result<_, _>>();
            MayAct::Only(agents.map_err(|e| corrupt("grants.may_act", e.to_string()))?)
        }
    };
    let duties = row.parsed(20, "grants.duties", |s| duties::of_text(&s).ok_or(s))?;
    Ok(Terms { may_act, duties, budget: None })
}

fn state(row: &Row<'_>) -> Result<GrantState, StoreError> {
    let word: String = row.get(10)?;
    match word.as_str() {
        Word::ACTIVE => Ok(GrantState::Active),
        Word::SUSPENDED => Ok(GrantState::Suspended),
        Word::REVOKED => Ok(GrantState::Revoked(Revocation {
            at: Timestamp::from_micros(row.get::<Option<i64>>(11)?.unwrap_or_default()),
            by: row.get::<Option<String>>(12)?.unwrap_or_default(),
            why: row.get::<Option<String>>(13)?.unwrap_or_default(),
        })),
        _ => Err(StoreError::Corrupt { column: "grants.state", detail: word }),
    }
}
