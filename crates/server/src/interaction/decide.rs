//! The end of an interaction: agreed or refused, once, on record.

use super::asked::Stored;
use super::{Asked, Granted};
use crate::device::Outcome as Answer;
use crate::people::{PageFault, People, SignedIn};
use prokura_core::{
    AgentId, Details, Evidence, Grant, GrantId, GrantName, GrantState, Grantor, InteractionId, Principal,
    ScopeSet, Terms, Timestamp,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::error::OAuthError;
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_store::{Agent, ArtifactKind, Consent, Consumed, SecretHash, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;

/// How many hops may be made below a consent.
const DEPTH: u8 = 5;

/// What the user chose: no more than was asked.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) scope: ScopeSet,
    pub(super) details: Details,
    pub(super) lasts: Duration,
}

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
        match &self.asked().device {
            None => Ok(true),
            Some(device) if now >= device.until => Ok(false),
            Some(device) => {
                let left = tx.consume_with(ArtifactKind::UserCode, &device.key, now, &answer.to_vec())?;
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
            terms: Terms::default(),
            evidence: Evidence::Consent { interaction: public_name(&self.id) },
            state: GrantState::Active,
            revision: 0,
        }
    }

    fn consent(&self, grant: &Grant) -> Consent {
        let asked = self.asked();
        Consent {
            user: self.who.user.id.clone(),
            client: asked.client.clone(),
            redirect: asked.redirect.clone(),
            resource: asked.resource.clone(),
            scope: grant.actions.clone(),
            details: grant.details.clone(),
            grant: grant.id.clone(),
            created_at: grant.not_before,
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
    pub(super) fn agree(&self, tx: &mut Tx<'_>, grant: &Grant, now: Timestamp) -> Result<(), StoreError> {
        tx.insert_grant(grant)?;
        self.agreed(tx, grant, "grant:make", now)
    }

    /// Records what was agreed to and what became of it, and remembers the consent where that is safe.
    pub(super) fn agreed(
        &self,
        tx: &mut Tx<'_>,
        grant: &Grant,
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
            match &self.asked().device {
                None => event.details.insert("redirect", self.asked().redirect.as_str().into()),
                Some(device) => event.details.insert("device", device.from.as_str().into()),
            }
            tx.record(event);
        }
        if self.asked().may_be_remembered() {
            tx.remember_consent(&self.consent(grant))?;
        }
        Ok(())
    }
}

/// An interaction's name in the record. Its id is a secret while it lives.
fn public_name(id: &InteractionId) -> String {
    format!("i_{}", &SecretHash::of(id.as_str()).to_string()[..32])
}

impl People {
    /// Makes the grant, and the code unless a device waits; the address to go to.
    pub(super) async fn allow(&self, ending: Ending, choice: Choice) -> Result<String, PageFault> {
        let (codes, now) = (Arc::clone(&self.codes), self.now());
        let fresh = Agent {
            id: AgentId::random(&*self.rng),
            name: ending.asked().name.clone(),
            disabled: false,
            created_at: now,
        };
        let (grant, asked) = (GrantId::random(&*self.rng), ending.asked().clone());
        let name = GrantName::random(&*self.rng);
        let answer = ending.yes(&grant, &choice.scope);
        let code = self
            .store
            .transact(move |tx| {
                if !ending.spend(tx, &answer, now)? {
                    return Ok(None);
                }
                let agent = tx.agent_for_client(&ending.asked().client, &fresh)?;
                let grant = ending.grant(grant.clone(), agent.id, &choice, now);
                let Some((grant, name)) = ending.settle(tx, &grant, &name, now)? else { return Ok(None) };
                if ending.asked().device.is_some() {
                    return Ok(Some(None));
                }
                let granted = ending.granted(grant, (choice.scope.clone(), choice.details.clone()), name);
                codes.issue(tx, ending.asked(), &granted).map(|code| Some(Some(code)))
            })
            .await?;
        match code.ok_or(PageFault::Expired)? {
            Some(code) => Ok(self.with_code(&asked, &code)),
            None => Ok(self.path("/device/allowed")),
        }
    }

    /// Makes a code for what was agreed to before, if that is remembered; the address to go to.
    pub(super) async fn allow_again(&self, ending: Ending) -> Result<Option<String>, PageFault> {
        let (codes, now, asked) = (Arc::clone(&self.codes), self.now(), ending.asked().clone());
        if !asked.may_be_remembered() || asked.management.is_some() {
            return Ok(None);
        }
        let code = self
            .store
            .transact(move |tx| {
                let Some(grant) = ending.remembered(tx, now)? else { return Ok(None) };
                let answer = ending.yes(&grant, &ending.asked().scope);
                if !ending.spend(tx, &answer, now)? {
                    return Ok(Some(None));
                }
                let mut event = ending.event(EventKind::Consent, "consent:remembered", Outcome::Permit, now);
                event.grant = Some(grant.clone());
                tx.record(event);
                let agreed = (ending.asked().scope.clone(), ending.asked().details.clone());
                let granted = ending.granted(grant, agreed, None);
                codes.issue(tx, ending.asked(), &granted).map(|code| Some(Some(code)))
            })
            .await?;
        let Some(code) = code else { return Ok(None) };
        Ok(Some(self.with_code(&asked, &code.ok_or(PageFault::Expired)?)))
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
        match &asked.device {
            None => Ok(asked.redirect_with(self.issuer().as_str(), &[("error", no.error().code())])),
            Some(_) => Ok(self.path("/device/refused")),
        }
    }
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

impl Ending {
    fn remembered(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<GrantId>, StoreError> {
        let asked = self.asked();
        let user = &self.who.user.id;
        let what = (&asked.scope, &asked.details);
        let consent = tx.consent(user, &asked.client, &asked.redirect, &asked.resource, what, now)?;
        Ok(consent.map(|c| c.grant))
    }
}
