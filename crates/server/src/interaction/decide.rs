//! The end of an interaction: agreed or refused, once, on record.

use super::asked::Stored;
use super::prospect::{Choice, For, Pick, Prospect};
use super::{Asked, Codes, Granted};
use crate::consent::{self, Given, Wanted, Whom};
use crate::device::Outcome as Answer;
use crate::people::{PageFault, People, SignedIn};
use prokura_config::Config;
use prokura_core::{
    AgentId, Details, Evidence, Grant, GrantId, GrantName, GrantState, Grantor, Held, InteractionId, MayAct,
    Principal, ScopeSet, Terms, Timestamp,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::error::OAuthError;
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_store::{Agent, ArtifactKind, Consent, Consumed, SecretHash, StoreError, Tx};
use std::sync::Arc;

/// How many hops may be made below a consent.
const DEPTH: u8 = 5;

/// An interaction that a signed-in user is about to end.
#[derive(Clone)]
pub(super) struct Ending {
    pub(super) id: InteractionId,
    pub(super) stored: Stored,
    pub(super) who: SignedIn,
}

impl Ending {
    pub(super) fn asked(&self) -> &Asked {
        &self.stored.asked
    }

    pub(super) fn user(&self) -> Principal {
        Principal::User(self.who.user.id.clone())
    }

    pub(super) fn event(&self, kind: EventKind, action: &str, outcome: Outcome, now: Timestamp) -> Event {
        let asked = self.asked();
        let mut event = Event::new(kind, action, outcome, now, asked.trace.clone());
        event.subject = Some(self.user());
        event.client = Some(asked.client.clone());
        event.resource = Some(asked.resource.clone());
        event
    }

    /// Spends the interaction, and leaves the answer for a device that waits; false if somebody was quicker, or the
    /// device's time is over.
    fn spend(&self, tx: &mut Tx<'_>, answer: &Answer, now: Timestamp) -> Result<bool, StoreError> {
        let spent = tx.consume(ArtifactKind::Interaction, self.id.as_str(), now)?;
        if !matches!(spent, Consumed::Won(_)) {
            return Ok(false);
        }
        let asked = self.asked();
        match asked.left_at() {
            None => Ok(true),
            Some((.., until)) if now >= until => Ok(false),
            Some((kind, key, _)) => {
                let left = tx.consume_with(kind, key, now, &answer.to_vec())?;
                if let Some(called) = &asked.called {
                    tx.end_ask(&called.id)?;
                    tx.release_notices(called.id.as_str(), now)?;
                }
                Ok(matches!(left, Consumed::Won(_)))
            }
        }
    }

    fn grant(&self, id: GrantId, agent: AgentId, choice: &Choice, now: Timestamp) -> Grant {
        Grant {
            id,
            parents: vec![],
            subject: self.user(),
            grantor: Grantor::User(self.who.user.id.clone()),
            grantee: agent,
            resource: self.asked().resource.clone(),
            actions: choice.scope.clone(),
            details: choice.details.clone(),
            not_before: now,
            expires_at: now.after(choice.lasts),
            depth_left: DEPTH,
            terms: Terms {
                may_act: choice.may_act.clone(),
                budget: self.asked().budget.clone(),
                ..Terms::default()
            },
            evidence: Evidence::Consent { interaction: public_name(&self.id) },
            state: GrantState::Active,
            revision: 0,
        }
    }

    /// What needs no question from now on: what was agreed to here, at this redirect URI.
    fn consent(&self, grant: &Grant, agreed: &Held) -> Consent {
        let asked = self.asked();
        Consent {
            user: self.who.user.id.clone(),
            client: asked.client.clone(),
            redirect: asked.redirect.clone(),
            resource: asked.resource.clone(),
            scope: agreed.actions.clone(),
            details: agreed.details.clone(),
            grant: grant.id.clone(),
            created_at: self.stored.began,
            expires_at: grant.expires_at,
        }
    }

    fn yes(&self, grant: &GrantId, scope: &ScopeSet) -> Answer {
        let session = &self.who.session;
        let authentication = Authentication::new(session.auth_at, session.acr, &session.amr);
        Answer::Allowed { grant: grant.clone(), scope: scope.clone(), authentication }
    }

    fn granted(&self, grant: GrantId, choice: (ScopeSet, Details), name: Option<GrantName>) -> Granted {
        let (user, session) = (self.who.user.clone(), &self.who.session);
        let (auth_at, amr, acr) = (session.auth_at, session.amr.clone(), session.acr);
        let (scope, details) = choice;
        Granted { grant, scope, details, user, auth_at, amr, acr, name }
    }

    /// Makes the grant, on record, and remembers the consent where that is safe.
    pub(super) fn agree(
        &self,
        tx: &mut Tx<'_>,
        (grant, agreed): (&Grant, &Held),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        tx.insert_grant(grant)?;
        self.agreed(tx, (grant, agreed), "grant:make", now)
    }

    /// Records what was agreed to and what became of it, and remembers the consent where that is safe.
    pub(super) fn agreed(
        &self,
        tx: &mut Tx<'_>,
        (grant, agreed): (&Grant, &Held),
        made: &'static str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for (kind, action) in [(EventKind::Consent, "consent:allow"), (EventKind::Grant, made)] {
            let mut event = self.event(kind, action, Outcome::Permit, now);
            event.actors = vec![grant.grantee.clone()];
            event.grant = Some(grant.id.clone());
            event.details.insert("scope", grant.actions.to_string().as_str().into());
            if !grant.details.is_empty() {
                event.details.insert(DETAILS, rich::to_value(&grant.details, &grant.resource));
            }
            if let Some(budget) = &grant.terms.budget {
                event.details.insert("budget", rich::budget_value(budget));
            }
            if let MayAct::Only(agents) = &grant.terms.may_act {
                event.details.insert("may_act", agents.iter().map(AgentId::as_str).collect());
            }
            match (&self.asked().device, &self.asked().called) {
                (Some(device), _) => event.details.insert("device", device.from.as_str().into()),
                (None, Some(called)) => event.details.insert("elsewhere", called.from.as_str().into()),
                (None, None) => event.details.insert("redirect", self.asked().redirect.as_str().into()),
            }
            tx.record(event);
        }
        self.note_client(tx, &grant.id, now)?;
        if self.asked().may_be_remembered() {
            tx.remember_consent(&self.consent(grant, agreed))?;
        }
        Ok(())
    }

    /// Whom the user knows again in its changed likeness here, they know again wherever it holds a grant for this resource.
    fn know_again(&self, tx: &mut Tx<'_>, agent: &AgentId, now: Timestamp) -> Result<(), StoreError> {
        let asked = self.asked();
        for grant in tx.consented_grants(&self.who.user.id, agent, &asked.resource)? {
            let before = tx.grant_clients(&grant.id)?.into_iter().find(|c| c.client == asked.client);
            if let Some(before) = before {
                let seen = (asked.likeness.as_ref(), before.redirect.as_str());
                consent::note(tx, &grant.id, &asked.client, seen, now)?;
            }
        }
        Ok(())
    }

    /// Notes what the client looks like that the user let in.
    fn note_client(&self, tx: &mut Tx<'_>, grant: &GrantId, now: Timestamp) -> Result<(), StoreError> {
        let asked = self.asked();
        consent::note(tx, grant, &asked.client, (asked.likeness.as_ref(), &asked.redirect), now)
    }
}

/// An interaction's name in the record. Its id is a secret while it lives.
fn public_name(id: &InteractionId) -> String {
    format!("i_{}", &SecretHash::of(id.as_str()).to_string()[..32])
}

/// Everything that the transaction needs to end an interaction with a Yes.
struct Yes {
    ending: Ending,
    pick: Pick,
    config: Arc<Config>,
    codes: Arc<dyn Codes>,
    /// The agent, if the client was never seen before.
    fresh: Agent,
    id: GrantId,
    name: GrantName,
    now: Timestamp,
}

/// What a Yes came to: the code, unless a device waits.
type Answered = Option<Option<String>>;

impl Yes {
    /// `None` if somebody was quicker, what was chosen can no longer be, or who chose is signed out by now.
    fn run(&self, tx: &mut Tx<'_>) -> Result<Answered, StoreError> {
        let (asked, now) = (self.ending.asked(), self.now);
        if !self.ending.who.stands(tx, now)? {
            return Ok(None);
        }
        let agent = tx.agent_of_client(&asked.client)?.map_or_else(|| self.fresh.id.clone(), |a| a.id);
        let who = For { user: &self.ending.who.user.id, agent: &agent, id: &self.id, now };
        let prospect = Prospect::of(tx, &self.config, asked, &who)?;
        if prospect.given.is_some() {
            return self.take_given(tx, true);
        }
        let Ok(choice) = prospect.choice(asked, &self.pick) else { return Ok(None) };
        if !self.ending.spend(tx, &self.ending.yes(&self.id, &choice.scope), now)? {
            return Ok(None);
        }
        let agent = tx.agent_for_client(&asked.client, &self.fresh)?;
        let wanted = self.ending.grant(self.id.clone(), agent.id, &choice, now);
        let Some((grant, name)) = self.ending.settle(tx, &wanted, &self.name, &prospect, now)? else {
            return Ok(None);
        };
        if !prospect.changed.is_empty() {
            self.ending.know_again(tx, &wanted.grantee, now)?;
        }
        self.code(tx, grant, (choice.scope, choice.details), name).map(Some)
    }

    /// Takes what an administrator gives; `again` if the user was asked and wants it although it was ended before.
    fn take_given(&self, tx: &mut Tx<'_>, again: bool) -> Result<Answered, StoreError> {
        let (ending, now) = (&self.ending, self.now);
        let asked = ending.asked();
        let agent = tx.agent_for_client(&asked.client, &self.fresh)?.id;
        let whom = Whom {
            user: &ending.who.user.id,
            client: Some(&asked.client),
            agent: &agent,
            resource: &asked.resource,
        };
        let wanted = Wanted {
            whom,
            id: &self.id,
            scopes: &asked.scope,
            details: &asked.details,
            again,
            now,
            trace: &asked.trace,
        };
        let Given::Grant(grant) = consent::root(tx, &self.config, &wanted)? else { return Ok(None) };
        if !ending.spend(tx, &ending.yes(&grant.id, &asked.scope), now)? {
            return Ok(None);
        }
        let mut event = ending.event(EventKind::Consent, "consent:organisation", Outcome::Permit, now);
        event.grant = Some(grant.id.clone());
        event.actors = vec![grant.grantee.clone()];
        tx.record(event);
        ending.note_client(tx, &grant.id, now)?;
        self.code(tx, grant.id, (asked.scope.clone(), asked.details.clone()), None).map(Some)
    }

    /// What was agreed to before to the same, if that is remembered and still stands.
    fn remembered(&self, tx: &mut Tx<'_>) -> Result<Option<GrantId>, StoreError> {
        let (asked, now) = (self.ending.asked(), self.now);
        if asked.budget.is_some() {
            return Ok(None);
        }
        let what = (&asked.scope, &asked.details);
        let user = &self.ending.who.user.id;
        let found = tx.consent(user, &asked.client, &asked.redirect, &asked.resource, what, now)?;
        let Some(grant) = found.map(|c| tx.grant(&c.grant)).transpose()?.flatten() else { return Ok(None) };
        let named = |a: &AgentId| *a == grant.grantee || grant.terms.may_act.names(a);
        let same = consent::differences(tx, &grant.id, &asked.client, asked.likeness.as_ref())?.is_empty();
        let stands = consent::stands(tx, &self.config, &grant, now)?;
        Ok((same && stands && asked.through.iter().all(named)).then_some(grant.id))
    }

    /// Answers without a question, if that can be.
    fn run_again(&self, tx: &mut Tx<'_>) -> Result<Option<Answered>, StoreError> {
        let ending = &self.ending;
        if !ending.who.stands(tx, self.now)? {
            return Ok(Some(None));
        }
        let Some(grant) = self.remembered(tx)? else { return self.run_given(tx) };
        if !ending.spend(tx, &ending.yes(&grant, &ending.asked().scope), self.now)? {
            return Ok(Some(None));
        }
        let mut event = ending.event(EventKind::Consent, "consent:remembered", Outcome::Permit, self.now);
        event.grant = Some(grant.clone());
        tx.record(event);
        let agreed = (ending.asked().scope.clone(), ending.asked().details.clone());
        self.code(tx, grant, agreed, None).map(Some).map(Some)
    }

    /// Takes what an administrator gives, if the user did not end it.
    fn run_given(&self, tx: &mut Tx<'_>) -> Result<Option<Answered>, StoreError> {
        let asked = self.ending.asked();
        let agent = tx.agent_of_client(&asked.client)?.map_or_else(|| self.fresh.id.clone(), |a| a.id);
        let who = For { user: &self.ending.who.user.id, agent: &agent, id: &self.id, now: self.now };
        match Prospect::of(tx, &self.config, asked, &who)?.given {
            Some(true) => self.take_given(tx, false).map(Some),
            _ => Ok(None),
        }
    }

    fn code(
        &self,
        tx: &mut Tx<'_>,
        grant: GrantId,
        agreed: (ScopeSet, Details),
        name: Option<GrantName>,
    ) -> Result<Option<String>, StoreError> {
        if self.ending.asked().is_waited_for() {
            return Ok(None);
        }
        let granted = self.ending.granted(grant, agreed, name);
        self.codes.issue(tx, self.ending.asked(), &granted).map(Some)
    }
}

impl People {
    fn yes(&self, ending: Ending, pick: Pick) -> Yes {
        let now = self.now();
        Yes {
            config: Arc::clone(&self.config),
            codes: Arc::clone(&self.codes),
            fresh: Agent {
                id: AgentId::random(&*self.rng),
                name: ending.asked().name.clone(),
                disabled: false,
                created_at: now,
            },
            id: GrantId::random(&*self.rng),
            name: GrantName::random(&*self.rng),
            ending,
            pick,
            now,
        }
    }

    /// Makes or changes the grant, and makes the code unless a device waits; the address to go to.
    pub(super) async fn allow(&self, ending: Ending, pick: Pick) -> Result<String, PageFault> {
        let (asked, yes) = (ending.asked().clone(), self.yes(ending, pick));
        let code = self.store.transact(move |tx| yes.run(tx)).await?;
        match code.ok_or(PageFault::Expired)? {
            Some(code) => Ok(self.with_code(&asked, &code)),
            None => Ok(self.path(done(&asked, "/device/allowed", "/account/approvals?done=allowed"))),
        }
    }

    /// Makes a code for what was agreed to before, if that is remembered, or what an administrator agreed to; the address to
    /// go to. What a client looks like may have changed since, and then the user is asked.
    pub(super) async fn allow_again(&self, ending: Ending) -> Result<Option<String>, PageFault> {
        let asked = ending.asked().clone();
        if !asked.may_be_remembered() || asked.management.is_some() {
            return Ok(None);
        }
        let yes = self.yes(ending, Pick::default());
        let Some(code) = self.store.transact(move |tx| yes.run_again(tx)).await? else { return Ok(None) };
        let code = code.flatten().ok_or(PageFault::Expired)?;
        Ok(Some(self.with_code(&asked, &code)))
    }

    /// Records, once an interaction, what the organisation does not let the user allow, so that an administrator sees what
    /// was asked for.
    pub(super) async fn note_withheld(&self, ending: &Ending, prospect: &Prospect) -> Result<(), PageFault> {
        let now = self.now();
        let seen = format!("withheld\n{}", ending.id);
        let mut event = ending.event(EventKind::Consent, "consent:withheld", Outcome::Deny, now);
        event = event.because("organisation");
        let left = &prospect.withheld;
        event.details.insert("scope", left.actions.to_string().into());
        event.details.insert("client_name", ending.asked().name.as_str().into());
        if !left.details.is_empty() {
            event.details.insert(DETAILS, rich::to_value(&left.details, &ending.asked().resource));
        }
        let agents = prospect.withheld_agents.iter().map(|f| f.agent.as_str());
        event.details.insert("may_act", agents.collect());
        let note = move |tx: &mut Tx<'_>| {
            if tx.claim(ArtifactKind::AssertionJti, &seen, now, now.after(super::pages::LIFE))? {
                tx.record(event.clone());
            }
            Ok(())
        };
        Ok(self.store.transact::<_, StoreError>(note).await?)
    }

    fn with_code(&self, asked: &Asked, code: &str) -> String {
        asked.redirect_with(self.issuer().as_str(), &[("code", code)])
    }

    /// Ends the interaction with a No, on record; the address to go to.
    pub(super) async fn refuse(&self, ending: Ending, no: No) -> Result<String, PageFault> {
        let (now, asked) = (self.now(), ending.asked().clone());
        let refused = self
            .store
            .transact(move |tx| {
                let spent = ending.spend(tx, &Answer::Refused, now)?;
                if spent {
                    tx.record(no.because(ending.event(
                        EventKind::Consent,
                        "consent:refuse",
                        Outcome::Deny,
                        now,
                    )));
                }
                Ok::<_, StoreError>(spent)
            })
            .await?;
        if !refused {
            return Err(PageFault::Expired);
        }
        match asked.is_waited_for() {
            false => Ok(asked.redirect_with(self.issuer().as_str(), &[("error", no.error().code())])),
            true => Ok(self.path(done(&asked, "/device/refused", "/account/approvals?done=said-no"))),
        }
    }
}

/// Where a person is left whose answer somebody waits for elsewhere.
fn done(asked: &Asked, of_device: &'static str, elsewhere: &'static str) -> &'static str {
    if asked.called.is_some() { elsewhere } else { of_device }
}

/// Why an interaction ends with a No.
#[derive(Debug, Clone, Copy)]
pub(super) enum No {
    /// The user said it.
    User,
    /// The user cannot sign in as surely as is asked.
    TooWeak,
    /// The grant that the client named is another user's.
    OtherGrant,
}

impl No {
    fn error(self) -> OAuthError {
        match self {
            Self::User => OAuthError::AccessDenied,
            Self::TooWeak => OAuthError::UnmetAuthenticationRequirements,
            Self::OtherGrant => OAuthError::InvalidGrantId,
        }
    }

    fn because(self, event: Event) -> Event {
        match self {
            Self::User => event,
            Self::TooWeak => event.because("sign_in_too_weak"),
            Self::OtherGrant => event.because("grant_id_of_another_user"),
        }
    }
}
