//! Who a provider's person is here: known by (issuer, subject); at first sight what the policy says.

use super::back::Arrived;
use super::policy::Person;
use super::{Provider, ProviderFault};
use crate::consent;
use crate::people::{PageFault, People, Visit};
use crate::signin::goal::Goal;
use crate::signin::session::{NewSession, Proof, Way};
use crate::signin::users::{NewUser, added_event};
use axum::response::Response;
use prokura_config::{Config, Linking};
use prokura_core::{Timestamp, TraceId, UserId, random_id};
use prokura_decider::relations;
use prokura_ledger::Event;
use prokura_store::{Identity, StoreError, Tx, User};
use std::sync::Arc;

/// So many user names are tried for a new user before one is made up.
const NAMES: usize = 20;

/// Everything that the transaction needs.
struct Admission {
    config: Arc<Config>,
    provider: Arc<Provider>,
    person: Person,
    fresh: UserId,
    spare: String,
    session: NewSession,
    trace: TraceId,
    now: Timestamp,
}

impl People {
    /// Signs the person in as whoever they are here; their session is begun in the same step.
    pub(super) async fn admit(
        &self,
        visit: &Visit,
        provider: &Arc<Provider>,
        goal: &Goal,
        arrived: &Arrived,
    ) -> Result<Result<Response, ProviderFault>, PageFault> {
        let (person, fresh) = (arrived.person.clone(), UserId::random(&*self.rng));
        let proof = Proof {
            amr: person.amr.clone(),
            acr: person.acr,
            auth_at: Some(arrived.auth_at),
            provider: Some(provider.config.name.clone()),
            groups: person.groups.clone(),
            ..Proof::of(Way::Provider)
        };
        let admission = Admission {
            config: Arc::clone(&self.config),
            provider: Arc::clone(provider),
            spare: random_id("", &*self.rng).to_lowercase(),
            session: self.new_session(visit, &fresh, proof),
            trace: visit.trace.clone(),
            now: self.now(),
            person,
            fresh,
        };
        let admitted = self.store.transact(move |tx| admission.run(tx)).await?;
        Ok(admitted.map(|session| self.signed_in(visit, &session, &goal.onward(self))))
    }
}

impl Admission {
    fn run(&self, tx: &mut Tx<'_>) -> Result<Result<NewSession, ProviderFault>, StoreError> {
        let issuer = self.provider.config.issuer();
        let found = match tx.identity(issuer, &self.person.subject)? {
            Some(identity) => tx.user(&identity.user)?.ok_or(ProviderFault::Unknown),
            None => self.first_sight(tx)?,
        };
        let user = match found {
            Ok(user) if user.disabled => return Ok(Err(ProviderFault::Disabled)),
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        tx.use_identity(&self.identity(&user.id), self.now)?;
        self.say_groups(tx, &user.id)?;
        // Who is no longer in a group has no more what an administrator allows that group.
        consent::review(tx, &self.config, (Some(&user.id), None), self.now, &self.trace)?;
        let session = self.session.clone().of(&user.id);
        session.begin(tx)?;
        Ok(Ok(session))
    }

    /// The groups that the provider names become tuples, where the configuration says so.
    fn say_groups(&self, tx: &mut Tx<'_>, user: &UserId) -> Result<(), StoreError> {
        if !self.config.relations.provider_groups {
            return Ok(());
        }
        let mut event = linked_event(self.session.event(), &self.provider, user);
        event.action = "relation:groups".into();
        let provider = (self.provider.config.name.as_str(), user.as_str());
        relations::groups(tx, provider, &self.person.groups, self.now, &event)
    }

    /// Somebody whom nobody here knows yet.
    fn first_sight(&self, tx: &mut Tx<'_>) -> Result<Result<User, ProviderFault>, StoreError> {
        let known = match &self.person.email {
            Some(email) => tx.user_by_email(email)?,
            None => None,
        };
        let user = match (self.provider.config.link, known) {
            (Linking::Invite, _) | (Linking::VerifiedEmail, None) => return Ok(Err(ProviderFault::Unknown)),
            // The policy says who is made, not who is joined: whoever has the account connects it.
            (Linking::Create, Some(_)) => return Ok(Err(ProviderFault::Taken)),
            (Linking::VerifiedEmail, Some(user)) if user.disabled => return Ok(Err(ProviderFault::Disabled)),
            (Linking::VerifiedEmail, Some(user)) => user,
            (Linking::Create, None) => match self.create(tx)? {
                Some(user) => user,
                None => return Ok(Err(ProviderFault::Taken)),
            },
        };
        tx.insert_identity(&self.identity(&user.id))?;
        tx.record(linked_event(self.session.event(), &self.provider, &user.id));
        Ok(Ok(user))
    }

    fn create(&self, tx: &mut Tx<'_>) -> Result<Option<User>, StoreError> {
        let person = NewPerson {
            name: self.person.name.clone(),
            handle: self.person.handle.clone(),
            email: self.person.email.clone(),
            fresh: self.fresh.clone(),
            spare: self.spare.clone(),
            now: self.now,
            trace: self.trace.clone(),
        };
        make_user(tx, &person)
    }

    fn identity(&self, user: &UserId) -> Identity {
        identity(&self.provider, &self.person, user, self.now)
    }
}

/// Somebody for whom a user is made because a provider vouches for them.
pub(crate) struct NewPerson {
    pub(crate) name: String,
    /// What a user name may be made of.
    pub(crate) handle: String,
    /// A verified address.
    pub(crate) email: Option<String>,
    pub(crate) fresh: UserId,
    /// What a user name ends in if all others are taken.
    pub(crate) spare: String,
    pub(crate) now: Timestamp,
    pub(crate) trace: TraceId,
}

/// Makes a user, on record, under the first name that is free; `None` if none is.
pub(crate) fn make_user(tx: &mut Tx<'_>, person: &NewPerson) -> Result<Option<User>, StoreError> {
    for login in logins(&person.handle, &person.spare) {
        let new = NewUser { login, name: display_name(&person.name), password: None };
        let user = User { email: person.email.clone(), ..new.row(person.fresh.clone(), None, person.now) };
        if tx.insert_user(&user)? {
            tx.record(added_event(&user, &person.trace));
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// The person's account at the provider, as it is kept with a user.
pub(super) fn identity(provider: &Provider, person: &Person, user: &UserId, now: Timestamp) -> Identity {
    Identity {
        issuer: provider.config.issuer().to_owned(),
        subject: person.subject.clone(),
        user: user.clone(),
        provider: provider.config.name.clone(),
        label: person.label.clone(),
        groups: person.groups.clone(),
        created_at: now,
        last_used_at: None,
    }
}

/// That an account at a provider now belongs to a user.
pub(super) fn linked_event(like: &Event, provider: &Provider, user: &UserId) -> Event {
    let mut event = like.clone();
    event.action = "identity:link".to_owned();
    event.subject = Some(prokura_core::Principal::User(user.clone()));
    event.details.insert("provider", provider.config.name.as_str().into());
    event
}

/// User names for somebody whom a provider calls so: what is before the `@`, then with numbers, then one made up.
fn logins(handle: &str, spare: &str) -> Vec<String> {
    let local = handle.split('@').next().unwrap_or_default().to_lowercase();
    let fine = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(*c);
    let base: String = local.chars().map(|c| if c == ' ' { '.' } else { c }).filter(fine).take(40).collect();
    let base = if base.is_empty() { "user".to_owned() } else { base };
    let numbered = (2..=NAMES).map(|n| format!("{base}-{n}"));
    let last = format!("{base}-{}", spare.chars().filter(fine).take(20).collect::<String>());
    std::iter::once(base.clone()).chain(numbered).chain(std::iter::once(last)).collect()
}

fn display_name(name: &str) -> String {
    let shown = prokura_ui::Shown::name(name);
    if shown.is_empty() { "?".to_owned() } else { shown.as_str().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_made_of_what_the_provider_says_and_is_always_one() {
        assert_eq!(logins("Ada.Lovelace@example.org", "x1")[..2], ["ada.lovelace", "ada.lovelace-2"]);
        assert_eq!(logins("Ada King", "x")[0], "ada.king");
        for odd in ["", "@x", "§§§", "\u{202e}"] {
            assert_eq!(logins(odd, "x")[0], "user", "{odd:?}");
        }
        for login in logins(&"x".repeat(500), &"y".repeat(500)) {
            let new = NewUser { login, name: "A".into(), password: None };
            assert!(!new.problems().any(), "{}", new.login);
        }
        assert_eq!(display_name("\u{200b}"), "?");
    }
}
