//! What happens in the transaction: everything that can have ended is asked anew, then a token is made and put on record.

use super::actor::Actor;
use super::child::{self, Chains, Wanted, made};
use super::impersonate::{Impersonation, Impersonations};
use super::person::Looked;
use super::rules::Rulebook;
use super::subject::{Person, Subject};
use super::ways::{Claim, Way, may_be_prepared};
use crate::clients::Client;
use crate::consent::stands;
use crate::fault::{ExchangeFault, Fault};
use crate::grants::{Issued, Minting, in_force};
use crate::places::Place;
use prokura_config::{Config, ConsentMode};
use prokura_core::{AgentId, Chain, Details, Evidence, GrantId, Held, Principal, ScopeSet, Timestamp};
use prokura_oauth::access_token::{AccessToken, View};
use prokura_oauth::client_metadata::AuthMethod;
use prokura_store::{Party, RevokedView, Tx};
use std::sync::Arc;

/// What is asked for.
pub(super) struct Asked {
    pub(super) place: Arc<Place>,
    pub(super) scopes: Option<ScopeSet>,
    pub(super) details: Details,
    pub(super) view: Option<View>,
    pub(super) usual: View,
    pub(super) requested_actor: Option<AgentId>,
}

/// Everything that the transaction needs.
pub(super) struct Job {
    pub(super) minting: Minting,
    pub(super) client: Arc<Client>,
    pub(super) agent: AgentId,
    pub(super) subject: Subject,
    pub(super) actor: Option<Actor>,
    pub(super) asked: Asked,
    pub(super) config: Arc<Config>,
    pub(super) rules: Arc<Rulebook>,
    pub(super) impersonations: Arc<Impersonations>,
    pub(super) chains: Arc<Chains>,
    pub(super) view: Arc<RevokedView>,
    /// The id of a grant that may be made.
    pub(super) fresh: GrantId,
}

/// A token that is made, and what the record says of it besides.
struct Made<'a> {
    token: AccessToken,
    by: String,
    hidden: Option<&'a Impersonation>,
}

impl Job {
    pub(super) fn run(&self, tx: &mut Tx<'_>) -> Result<Issued, Fault> {
        let made = match &self.subject {
            Subject::Token(token) => self.of_token(tx, token)?,
            Subject::Person(person) => self.of_person(tx, person)?,
        };
        if let Some(actor) = &self.actor {
            actor.settle(tx, self.minting.now)?;
        }
        self.minting.possession.spend(tx, self.minting.now)?;
        tx.note_use(made.token.grants(), self.minting.now)?;
        self.record(tx, &made);
        Ok(Issued { token: made.token, refresh_token: None, id_token: None, grant_name: None })
    }

    /// Of an access token: less of it for its holder, or a part of it for another.
    fn of_token(&self, tx: &mut Tx<'_>, token: &AccessToken) -> Result<Made<'_>, Fault> {
        let now = self.minting.now;
        if token.expires_at <= now || !self.view.stands(token.grant.standing()) {
            return Err(Fault::GrantOver);
        }
        let chain = self.chains.of(tx, &token.grant.id)?;
        in_force(&self.view, &chain, &self.client.id, now)?;
        self.nobody_is_disabled(tx, &chain, Some(token))?;
        self.is_still_given(tx, &chain)?;
        let held = self.held(token, &chain)?;
        let holds = token.actor() == Some(&self.agent);
        if holds && self.asked.place.uri == token.audience && self.actor.is_none() {
            return self.narrowed(&chain, token, &held);
        }
        if self.asked.view == Some(View::Impersonation) {
            return Err(Fault::Exchange(ExchangeFault::ActStays));
        }
        self.passed_on(tx, &chain, token, &held)
    }

    /// What a token yields now: what it said when it was made, of what is left of its grant.
    fn held(&self, token: &AccessToken, chain: &Chain) -> Result<Held, Fault> {
        let left = self.minting.left(chain)?.held;
        let actions = token.scopes.intersection(&left.actions);
        if chain.leaf().resource != token.audience || (actions.is_empty() && !token.scopes.is_empty()) {
            return Err(Fault::GrantOver);
        }
        let details = left.details.meet(&token.details)?.ok_or(Fault::GrantOver)?;
        Ok(Held { actions, details })
    }

    /// Its holder gets less of a token, never longer than the token itself lives: renewal is for refresh tokens.
    fn narrowed(&self, chain: &Chain, subject: &AccessToken, held: &Held) -> Result<Made<'_>, Fault> {
        let shown = self.minting.possession.covers(&subject.cnf);
        let public = self.client.metadata.auth_method == AuthMethod::None;
        if public && (subject.cnf.is_bearer() || subject.client != self.client.id) {
            return Err(Fault::Exchange(ExchangeFault::Public));
        }
        if !shown {
            return Err(Fault::Exchange(ExchangeFault::SubjectKey));
        }
        let hidden = self.still_hidden(chain, subject)?;
        let part = self.part(held)?;
        let mut token = self.minting.token(chain, &part.actions, &part.details)?;
        token.expires_at = token.expires_at.min(subject.expires_at);
        token.actors.clone_from(&subject.actors);
        token.may_act = self.prepared(chain, &self.agent)?.or_else(|| subject.may_act.clone());
        token.view = self.asked.view.unwrap_or(subject.view);
        if token.view == View::Impersonation {
            token.grant.holder = Some(self.agent.clone());
        }
        Ok(Made { token, by: "holder".to_owned(), hidden })
    }

    /// A token that hides who acts stays one only while the policy is there; no other becomes one.
    fn still_hidden(&self, chain: &Chain, subject: &AccessToken) -> Result<Option<&Impersonation>, Fault> {
        let behind = self.impersonations.behind(chain.leaf()).filter(|p| p.is_for(&self.client.id));
        match (subject.view, self.asked.view) {
            (View::Impersonation, None | Some(View::Impersonation)) => {
                behind.map(Some).ok_or(Fault::Exchange(ExchangeFault::Impersonation))
            }
            (_, Some(View::Impersonation)) => Err(Fault::Exchange(ExchangeFault::ActStays)),
            _ => Ok(None),
        }
    }

    /// Another agent, or the same at another resource, gets a part.
    fn passed_on(
        &self,
        tx: &mut Tx<'_>,
        chain: &Chain,
        subject: &AccessToken,
        held: &Held,
    ) -> Result<Made<'_>, Fault> {
        if self.client.metadata.auth_method == AuthMethod::None {
            return Err(Fault::Exchange(ExchangeFault::Public));
        }
        let claim = Claim {
            rules: &self.rules,
            client: &self.client,
            agent: &self.agent,
            token: subject,
            chain,
            target: &self.asked.place.uri,
            shown: self.minting.possession.covers(&subject.cnf),
        };
        let ways = claim.ways(held)?;
        let actor = self.actor.as_ref().ok_or(Fault::Exchange(ExchangeFault::ActorMissing))?;
        actor.check(tx, &self.chains, chain, &self.view, &self.client.id, self.minting.now)?;
        let (way, part) = self.first(ways)?;
        self.is_new(chain, subject, &way)?;
        let child = self.child(tx, chain, &way, part.clone())?;
        let mut token = self.minting.token(&child, &part.actions, &part.details)?;
        let holder = subject.actor() == Some(&self.agent);
        let newest = (!holder).then_some(&self.agent);
        token.actors = newest.into_iter().chain(&subject.actors).cloned().collect();
        token.may_act = self.prepared(&child, &self.agent)?;
        token.expires_at = self.vouched_until(token.expires_at);
        token.view = way.view(self.asked.view, self.asked.usual)?;
        Ok(Made { token, by: way.by, hidden: None })
    }

    /// Until when a token may last: where another token says which workload asks, no longer than that one says it.
    fn vouched_until(&self, until: Timestamp) -> Timestamp {
        let shown = self.actor.as_ref().and_then(Actor::token).filter(|token| token.workload.is_some());
        let inherited = shown.filter(|_| self.minting.possession.workload().is_none());
        inherited.map_or(until, |token| until.min(token.expires_at))
    }

    /// The first way that gives what is asked for.
    fn first(&self, ways: Vec<Way>) -> Result<(Way, Held), Fault> {
        let mut refused = Fault::Exchange(ExchangeFault::Target);
        for way in ways {
            match self.part(&way.held) {
                Ok(part) => return Ok((way, part)),
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    /// What is asked for, all of which must be in `held`; or all of that.
    fn part(&self, held: &Held) -> Result<Held, Fault> {
        let actions = match &self.asked.scopes {
            None => held.actions.clone(),
            Some(asked) if asked.is_within(&held.actions) => asked.clone(),
            Some(asked) => return Err(Fault::ScopeTooWide(asked.difference(&held.actions))),
        };
        Ok(Held { actions, details: held.details.narrow(&self.asked.details)? })
    }

    /// An agent stands in a chain once, and a chain is no longer than the rule lets it be.
    fn is_new(&self, chain: &Chain, subject: &AccessToken, way: &Way) -> Result<(), Fault> {
        if subject.actor() == Some(&self.agent) {
            return Ok(());
        }
        let actors = chain.actors();
        let known = actors.contains(&self.agent)
            || subject.actors.contains(&self.agent)
            || subject.subject == Principal::Agent(self.agent.clone());
        match () {
            () if known => Err(Fault::Exchange(ExchangeFault::Loop)),
            () if actors.len().max(subject.actors.len()) >= way.depth() => {
                Err(Fault::Exchange(ExchangeFault::Depth))
            }
            () => Ok(()),
        }
    }

    fn child(&self, tx: &mut Tx<'_>, parent: &Chain, way: &Way, part: Held) -> Result<Arc<Chain>, Fault> {
        let now = self.minting.now;
        let (lasts, duty) = way.rule.as_ref().map_or((None, None), |r| (r.lasts, r.duty.clone()));
        let until =
            lasts.map_or(Timestamp::FOR_EVER, |lasts| Timestamp::from_seconds(now.seconds()).after(lasts));
        let ids = (self.fresh.clone(), self.agent.clone());
        let asked = child::request(ids, &self.asked.place.uri, part, (way.by.clone(), duty), (now, until));
        let wanted = Wanted { parent, asked, lasts, now, client: self.client.id.as_str() };
        let (chain, fresh) = wanted.settle(tx, &self.chains, &*self.minting.passages)?;
        in_force(&self.view, &chain, &self.client.id, now)?;
        if fresh {
            tx.record(made(chain.leaf(), &chain, &self.client.id, now, &self.minting.trace));
        }
        Ok(chain)
    }

    /// The agent for which the token is prepared.
    fn prepared(&self, chain: &Chain, holder: &AgentId) -> Result<Option<AgentId>, Fault> {
        let Some(other) = &self.asked.requested_actor else { return Ok(None) };
        if self.view.agent_disabled(other) || !may_be_prepared(&self.rules, chain, holder, other) {
            return Err(Fault::Exchange(ExchangeFault::RequestedActor));
        }
        Ok(Some(other.clone()))
    }

    /// By who the user is: what they allowed this client, or what a policy gives it.
    fn of_person(&self, tx: &mut Tx<'_>, person: &Person) -> Result<Made<'_>, Fault> {
        if self.client.metadata.auth_method == AuthMethod::None {
            return Err(Fault::Exchange(ExchangeFault::Public));
        }
        if person.until <= self.minting.now {
            return Err(Fault::Exchange(ExchangeFault::Subject));
        }
        let looked = Looked {
            user: &person.user,
            agent: &self.agent,
            client: &self.client.id,
            resource: &self.asked.place.uri,
            scopes: self.asked.scopes.as_ref(),
            now: self.minting.now,
            config: &self.config,
            fresh: &self.fresh,
            trace: &self.minting.trace,
        };
        self.user_is_there(tx, person)?;
        let hides = self.asked.view == Some(View::Impersonation);
        let (chain, hidden) = if hides {
            let (policy, given) = self.impersonations.find(tx, &looked)?;
            let found = (&looked, given);
            let chain = policy.root(tx, (&self.chains, &self.view), found, (&self.fresh, &self.minting))?;
            (chain, Some(policy))
        } else {
            (looked.root(tx, &self.chains, &self.view, &*self.minting.passages)?, None)
        };
        self.nobody_is_disabled(tx, &chain, None)?;
        self.is_still_given(tx, &chain)?;
        if let Some(actor) = &self.actor {
            actor.check(tx, &self.chains, &chain, &self.view, &self.client.id, self.minting.now)?;
        }
        let part = self.part(&self.minting.left(&chain)?.held)?;
        let mut token = self.minting.token(&chain, &part.actions, &part.details)?;
        token.expires_at = token.expires_at.min(Timestamp::from_seconds(person.until.seconds()));
        token.expires_at = self.vouched_until(token.expires_at);
        token.view = self.asked.view.unwrap_or(self.asked.usual);
        token.may_act = self.prepared(&chain, &self.agent)?;
        if hides {
            token.grant.holder = Some(self.agent.clone());
        }
        Ok(Made { token, by: person.by.clone(), hidden })
    }

    /// The user is known, and may act; so may the issuer whose word it is.
    fn user_is_there(&self, tx: &mut Tx<'_>, person: &Person) -> Result<(), Fault> {
        let user = tx.user(&person.user)?.ok_or(Fault::Exchange(ExchangeFault::Subject))?;
        let issuer = person.issuer.as_deref().map(Party::Issuer);
        if user.disabled || !tx.may_all(&issuer.into_iter().collect::<Vec<_>>())? {
            return Err(Fault::Disabled);
        }
        Ok(())
    }

    /// Asks the database itself, so that no process has to hear of it first: the user, every agent of the chain, the
    /// clients, the workloads and who vouches for them.
    fn nobody_is_disabled(
        &self,
        tx: &mut Tx<'_>,
        chain: &Chain,
        subject: Option<&AccessToken>,
    ) -> Result<(), Fault> {
        let user = chain.leaf().user().map(Party::User);
        let holders = chain.grants().map(|g| Party::Agent(&g.grantee));
        let shown = [subject, self.actor.as_ref().and_then(Actor::token)];
        let clients = [&self.client.id].into_iter().chain(shown.iter().flatten().map(|t| &t.client));
        let workloads = shown.iter().flatten().filter_map(|t| t.workload.as_ref());
        let workloads = workloads.chain(self.minting.workload.as_ref());
        let workloads = workloads.flat_map(|w| [Party::Workload(&w.workload), Party::Provider(&w.provider)]);
        let mut parties: Vec<_> =
            user.into_iter().chain(holders).chain([Party::Agent(&self.agent)]).collect();
        parties.extend(subject.iter().flat_map(|t| &t.actors).map(Party::Agent));
        parties.extend(clients.map(Party::Client));
        parties.extend(workloads);
        if tx.may_all(&parties)? { Ok(()) } else { Err(Fault::Disabled) }
    }

    /// What the roots rest on stands: what an administrator allowed, and where the organisation decides, what it lets users
    /// allow.
    fn is_still_given(&self, tx: &mut Tx<'_>, chain: &Chain) -> Result<(), Fault> {
        let enterprise = self.config.consent.mode == ConsentMode::Enterprise;
        for root in chain.roots() {
            let asks = enterprise || matches!(root.evidence, Evidence::Administrator { .. });
            if asks && !stands(tx, &self.config, root, self.minting.now)? {
                return Err(Fault::GrantOver);
            }
        }
        Ok(())
    }

    fn record(&self, tx: &mut Tx<'_>, made: &Made<'_>) {
        let mut event = self.minting.event(&made.token);
        event.details.insert("exchange", made.by.as_str().into());
        let subject = match &self.subject {
            Subject::Token(token) => Some(token.id.as_str()),
            Subject::Person(person) => person.id.as_deref(),
        };
        if let Some(id) = subject {
            event.details.insert("subject_token", id.into());
        }
        if let Some(actor) = &self.actor {
            event.details.insert("actor_token", actor.describe().into());
        }
        if let Some(agent) = &made.token.may_act {
            event.details.insert("may_act", agent.as_str().into());
        }
        event.details.insert("view", made.token.view.as_str().into());
        if let Some(policy) = made.hidden {
            event.action = "token:impersonation".to_owned();
            event.details.insert("impersonation", policy.name.as_str().into());
            event.details.insert("reason", policy.reason.as_str().into());
        }
        tx.record(event);
    }
}
