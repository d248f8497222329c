//! A new password: after the old one, or, where there is none, after a sign-in of a moment ago. Every other browser is
//! signed out by it.

use super::{poster, security::done, sign_in_first};
use crate::people::{PageFault, People, Posted, SignedIn, Visit};
use crate::signin::{Guess, MAX_PASSWORD, MIN_PASSWORD};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use prokura_core::Principal;
use prokura_ledger::{EventKind, Outcome};
use prokura_store::{StoreError, User};
use prokura_ui::{ENGLISH, Meaning, Notice, Password};
use std::sync::Arc;

/// `GET /account/password`.
pub(super) async fn show(State(people): State<Arc<People>>, visit: Visit) -> Response {
    let Some(owner) = visit.signed_in.clone() else { return sign_in_first(&people) };
    let result = page(&people, &visit, &owner, None, StatusCode::OK);
    people.answer(&visit, result)
}

fn page(
    people: &People,
    visit: &Visit,
    owner: &SignedIn,
    refused: Option<String>,
    status: StatusCode,
) -> Result<Response, PageFault> {
    if !people.config.sign_in.password {
        return Err(PageFault::Missing);
    }
    let has_one = owner.user.password_hash.is_some();
    if !has_one && !people.is_fresh(owner) {
        return Ok(people.again());
    }
    let view = Password {
        frame: people.frame(visit),
        form: people.form(visit, "/account/password"),
        login: owner.user.name.clone(),
        has_one,
        notice: refused.map(|sentence| Notice { meaning: Meaning::Refused, sentence }),
    };
    people.show(visit, status, &view)
}

/// `POST /account/password`.
pub(super) async fn change(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = replace(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn replace(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let (owner, visit) = (poster(posted)?, &posted.visit);
    if !people.config.sign_in.password {
        return Err(PageFault::Missing);
    }
    let new = posted.fields.one("new");
    if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&new.chars().count()) {
        let said = ENGLISH.bad_password.to_string();
        return page(people, visit, &owner, Some(said), StatusCode::UNPROCESSABLE_ENTITY);
    }
    if owner.user.password_hash.is_none() {
        if !people.is_fresh(&owner) {
            return Ok(people.again());
        }
    } else if let Guess::Refused(status, said) =
        people.guess(visit, &owner.user, posted.fields.one("old")).await?
    {
        return page(people, visit, &owner, Some(said), status);
    }
    let hash = people.hasher.hash(new.to_owned(), &*people.rng).await?;
    store(people, visit, owner, hash).await?;
    Ok(done(people, "password"))
}

async fn store(people: &People, visit: &Visit, owner: SignedIn, hash: String) -> Result<(), PageFault> {
    let mut event = visit.event(EventKind::SignIn, "password:change", Outcome::Permit, people.now());
    event.subject = Some(Principal::User(owner.user.id.clone()));
    let changed = people
        .store
        .transact(move |tx| {
            // Whatever else is in the row is as it is now.
            let Some(user) = tx.user(&owner.user.id)?.filter(|u| u.password_hash == owner.user.password_hash)
            else {
                return Ok(false);
            };
            tx.update_user(&User { password_hash: Some(hash.clone()), ..user })?;
            tx.end_other_sessions(&owner.user.id, &owner.session.hash)?;
            crate::signals::credential_changed(tx, &owner.user.id, "password:update", event.at)?;
            tx.record(event.clone());
            Ok::<_, StoreError>(true)
        })
        .await?;
    if changed { Ok(()) } else { Err(PageFault::Expired) }
}
