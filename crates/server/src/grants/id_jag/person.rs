//! Who an identity provider's person is here: known by (issuer, subject), at first sight what the configuration says.

use super::accept::Job;
use crate::fault::{Fault, IdJagFault};
use crate::signin::{NewPerson, email_of, make_user};
use prokura_config::Linking;
use prokura_core::Principal;
use prokura_ledger::EventKind;
use prokura_store::{Identity, StoreError, Tx, User};

const NOBODY: Fault = Fault::IdJag(IdJagFault::Person);

/// The user, who may act.
pub(super) fn person(job: &Job, tx: &mut Tx<'_>) -> Result<User, Fault> {
    let user = match tx.identity(&job.said.issuer, &job.said.subject)? {
        Some(identity) => tx.user(&identity.user)?.ok_or(NOBODY)?,
        None => first_sight(job, tx)?,
    };
    if user.disabled { Err(Fault::Disabled) } else { Ok(user) }
}

fn first_sight(job: &Job, tx: &mut Tx<'_>) -> Result<User, Fault> {
    let email = job.said.email.as_ref().filter(|(_, verified)| *verified).and_then(|(e, _)| email_of(e));
    let known = match &email {
        Some(email) => tx.user_by_email(email)?,
        None => None,
    };
    let user = match (job.trusted.link, known) {
        (Linking::VerifiedEmail, Some(user)) if user.disabled => return Err(Fault::Disabled),
        (Linking::VerifiedEmail, Some(user)) => user,
        (Linking::Create, None) => create(job, tx, email)?.ok_or(NOBODY)?,
        // Who is made is not joined: whoever has the account here connects it.
        (Linking::Invite | Linking::VerifiedEmail | Linking::Create, _) => return Err(NOBODY),
    };
    link(job, tx, &user)?;
    Ok(user)
}

fn create(job: &Job, tx: &mut Tx<'_>, email: Option<String>) -> Result<Option<User>, StoreError> {
    let handle = email.clone().unwrap_or_else(|| job.said.subject.clone());
    let person = NewPerson {
        name: handle.split('@').next().unwrap_or_default().to_owned(),
        handle,
        email,
        fresh: job.fresh.clone(),
        spare: job.spare.clone(),
        now: job.minting.now,
        trace: job.minting.trace.clone(),
    };
    make_user(tx, &person)
}

fn link(job: &Job, tx: &mut Tx<'_>, user: &User) -> Result<(), StoreError> {
    let label = job.said.email.as_ref().map_or(&job.said.subject, |(email, _)| email);
    tx.insert_identity(&Identity {
        issuer: job.said.issuer.clone(),
        subject: job.said.subject.clone(),
        user: user.id.clone(),
        provider: job.trusted.name.clone(),
        label: label.clone(),
        groups: Vec::new(),
        created_at: job.minting.now,
        last_used_at: Some(job.minting.now),
    })?;
    let mut event = job.event(EventKind::SignIn, "identity:link");
    event.subject = Some(Principal::User(user.id.clone()));
    tx.record(event);
    Ok(())
}
