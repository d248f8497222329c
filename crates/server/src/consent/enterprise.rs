//! Root grants that rest on an administrator's consent: made when they are first used, ended when the rule or the
//! membership ends.

use super::rules::{self, Rule, Whom};
use prokura_config::{Config, ConsentMode};
use prokura_core::{
    Details, Evidence, Grant, GrantId, GrantState, Grantor, Held, NarrowingError, Principal, ScopeSet,
    Timestamp, TraceId, UserId,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{StoreError, Tx};

/// How many hops may be made below it.
const DEPTH: u8 = 5;
/// Why a grant ended whose rule gives it no longer; one that ended for this reason may be made anew.
const OVER: &str = "the enterprise consent gives it no longer";
/// Who ends it then.
const SYSTEM: &str = "system";

/// What is asked of the enterprise consents.
#[derive(Debug, Clone)]
pub(crate) struct Wanted<'a> {
    pub(crate) whom: Whom<'a>,
    /// The id of the grant, if one is made.
    pub(crate) id: &'a GrantId,
    /// What has to be covered by one of them; nothing: whatever the first gives.
    pub(crate) scopes: &'a ScopeSet,
    /// Within which details.
    pub(crate) details: &'a Details,
    /// Whether the user was asked and wants what they ended before.
    pub(crate) again: bool,
    pub(crate) now: Timestamp,
    pub(crate) trace: &'a TraceId,
}

/// What the enterprise consents lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// Nothing covers what is wanted.
    Nothing,
    /// Something would, but it was ended or paused, and is not made again unasked.
    Ended,
    /// This root grant, which is in force.
    Grant(Box<Grant>),
}

/// The root grant that an administrator gives a user's agent at a resource: found, brought up to date, or made. The agent
/// must be in the register, and the caller sees to it that neither it nor the client is disabled.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn root(tx: &mut Tx<'_>, config: &Config, wanted: &Wanted<'_>) -> Result<Given, StoreError> {
    let all = rules::given(tx, config, &wanted.whom, wanted.now)?;
    let Some(rule) = all.into_iter().find(|r| wanted.is_covered_by(r)) else { return Ok(Given::Nothing) };
    let fresh = wanted.grant(&rule);
    let whom = &wanted.whom;
    let found = tx.find_administrator_grant(whom.user, whom.agent, whom.resource, &rule.name)?;
    match found {
        None => make(tx, fresh, wanted),
        Some(kept) => match &kept.state {
            GrantState::Suspended => Ok(Given::Ended),
            GrantState::Revoked(r) if (r.by == SYSTEM && r.why == OVER) || wanted.again => {
                make(tx, fresh, wanted)
            }
            GrantState::Revoked(_) => Ok(Given::Ended),
            GrantState::Active if kept.usable_at(wanted.now).is_err() => make(tx, fresh, wanted),
            GrantState::Active if same(&kept, &fresh) => Ok(Given::Grant(Box::new(kept))),
            GrantState::Active => {
                end(tx, &kept, wanted.now, wanted.trace)?;
                make(tx, fresh, wanted)
            }
        },
    }
}

/// What a request would get, without making anything: whether a rule covers it, and whether it was ended.
pub(crate) fn would_give(
    tx: &mut Tx<'_>,
    config: &Config,
    wanted: &Wanted<'_>,
) -> Result<Option<bool>, StoreError> {
    let all = rules::given(tx, config, &wanted.whom, wanted.now)?;
    let Some(rule) = all.into_iter().find(|r| wanted.is_covered_by(r)) else { return Ok(None) };
    let whom = &wanted.whom;
    let found = tx.find_administrator_grant(whom.user, whom.agent, whom.resource, &rule.name)?;
    let ended = found.is_some_and(|g| match &g.state {
        GrantState::Active => false,
        GrantState::Suspended => true,
        GrantState::Revoked(r) => !(r.by == SYSTEM && r.why == OVER),
    });
    Ok(Some(!ended))
}

/// Whether what a root grant rests on still stands: an administrator's consent still gives it to that user, and where the
/// organisation decides, it still lets the user allow what the user allowed.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn stands(
    tx: &mut Tx<'_>,
    config: &Config,
    grant: &Grant,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match &grant.evidence {
        Evidence::Administrator { consent } => still_given(tx, config, grant, consent, now),
        Evidence::Consent { .. } => still_allowed(tx, config, grant, now),
        _ => Ok(true),
    }
}

fn still_given(
    tx: &mut Tx<'_>,
    config: &Config,
    grant: &Grant,
    consent: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(user) = grant.user() else { return Ok(false) };
    let clients = tx.clients_of_agent(&grant.grantee)?;
    let of_clients = clients.iter().map(Some).chain([None]);
    for client in of_clients {
        let whom = Whom { user, client, agent: &grant.grantee, resource: &grant.resource };
        let all = rules::given(tx, config, &whom, now)?;
        if all.iter().any(|r| r.name == consent && within(grant, r)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Without scopes, the details alone are what was allowed; whether their tools may be, the scopes of today do not say.
fn still_allowed(
    tx: &mut Tx<'_>,
    config: &Config,
    grant: &Grant,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(user) = grant.user().filter(|_| config.consent.mode == ConsentMode::Enterprise) else {
        return Ok(true);
    };
    let clients = tx.clients_of_agent(&grant.grantee)?;
    let mut most: Option<ScopeSet> = None;
    for client in clients.iter().map(Some).chain([None]) {
        let whom = Whom { user, client, agent: &grant.grantee, resource: &grant.resource };
        let Some(may) = rules::users_may(tx, config, &whom, now)? else { return Ok(true) };
        most = Some(most.unwrap_or_default().union(&may));
    }
    let allowed = |most: &ScopeSet| grant.actions.iter().all(|s| most.contains(s) || s.is_of_identity());
    Ok(most.as_ref().is_none_or(allowed))
}

/// Whether a user may end this grant: their own always, one of the organisation if its rule says so.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn users_may_end(tx: &mut Tx<'_>, config: &Config, grant: &Grant) -> Result<bool, StoreError> {
    let Evidence::Administrator { consent } = &grant.evidence else { return Ok(true) };
    let all = rules::all(tx, config)?;
    Ok(all.iter().find(|c| c.name == *consent).is_none_or(|c| c.users_may_end))
}

/// Ends the grants that enterprise consents gave and give no longer: of one user, of one consent, or all; says how many
/// there were. To be called whenever rules or memberships change.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn review(
    tx: &mut Tx<'_>,
    config: &Config,
    (user, consent): (Option<&UserId>, Option<&str>),
    now: Timestamp,
    trace: &TraceId,
) -> Result<usize, StoreError> {
    /// So many at a time.
    const AT_ONCE: u32 = 500;
    let (mut after, mut ended) = (None, 0);
    loop {
        let some = tx.administrator_grants(user, consent, after.as_ref(), AT_ONCE)?;
        for grant in &some {
            if !stands(tx, config, grant, now)? {
                end(tx, grant, now, trace)?;
                ended += 1;
            }
        }
        match some.into_iter().last() {
            Some(last) => after = Some(last.id),
            None => return Ok(ended),
        }
    }
}

fn make(tx: &mut Tx<'_>, grant: Grant, wanted: &Wanted<'_>) -> Result<Given, StoreError> {
    tx.insert_grant(&grant)?;
    let mut event = event(&grant, "grant:make", wanted.now, wanted.trace);
    event.client = wanted.whom.client.cloned();
    event.details.insert("scope", grant.actions.to_string().into());
    tx.record(event);
    Ok(Given::Grant(Box::new(grant)))
}

fn end(tx: &mut Tx<'_>, grant: &Grant, now: Timestamp, trace: &TraceId) -> Result<(), StoreError> {
    tx.revoke_tree(&grant.id, SYSTEM, OVER, now)?;
    tx.record(event(grant, "grant:revoke", now, trace));
    Ok(())
}

fn event(grant: &Grant, action: &str, now: Timestamp, trace: &TraceId) -> Event {
    let mut event = Event::new(EventKind::Grant, action, Outcome::Permit, now, trace.clone());
    event = event.because("enterprise_consent");
    event.subject = Some(grant.subject.clone());
    event.actors = vec![grant.grantee.clone()];
    event.grant = Some(grant.id.clone());
    event.resource = Some(grant.resource.clone());
    if let Evidence::Administrator { consent } = &grant.evidence {
        event.details.insert("consent", consent.as_str().into());
    }
    event
}

/// Whether a grant holds exactly what another would.
fn same(kept: &Grant, fresh: &Grant) -> bool {
    kept.actions == fresh.actions && kept.details == fresh.details && kept.terms == fresh.terms
}

/// Whether a grant holds nothing that the rule does not give. Its details are the rule's own: a rule with others gives
/// something else.
fn within(grant: &Grant, rule: &Rule) -> bool {
    let details = rule.details.is_empty() || grant.details == rule.details;
    let act = rule.terms.may_act.narrow(&grant.terms.may_act).as_ref() == Ok(&grant.terms.may_act);
    grant.actions.is_within(&rule.scopes)
        && details
        && act
        && grant.actions.is_empty() == rule.scopes.is_empty()
}

impl Wanted<'_> {
    fn is_covered_by(&self, rule: &Rule) -> bool {
        let asked = Held { actions: self.scopes.clone(), details: self.details.clone() };
        let anything = self.scopes.is_empty() && self.details.is_empty();
        let given = self.grant(rule);
        let narrowed = given.usable_at(self.now).and_then(|()| given.held().narrow(&asked));
        anything || self.fits(narrowed, rule)
    }

    /// What is wanted with details is covered only where the rule gives the tools with no other arguments: narrower than
    /// what is asked for is not what was asked for.
    fn fits(&self, narrowed: Result<Held, NarrowingError>, rule: &Rule) -> bool {
        narrowed.is_ok_and(|n| rule.details.is_empty() || n.details == *self.details)
    }

    fn grant(&self, rule: &Rule) -> Grant {
        Grant {
            id: self.id.clone(),
            parents: vec![],
            subject: Principal::User(self.whom.user.clone()),
            grantor: Grantor::Operator,
            grantee: self.whom.agent.clone(),
            resource: self.whom.resource.clone(),
            actions: rule.scopes.clone(),
            details: rule.details.clone(),
            not_before: self.now,
            expires_at: self.now.after(rule.lasts),
            depth_left: DEPTH,
            terms: rule.terms.clone(),
            evidence: Evidence::Administrator { consent: rule.name.clone() },
            state: GrantState::Active,
            revision: 0,
        }
    }
}
