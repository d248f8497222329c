//! The second factor in the account: enrolling, new recovery codes, removing. Each needs a sign-in of a moment ago.

use super::{poster, security::done, sign_in_first};
use crate::people::{PageFault, People, Posted, SignedIn, Visit};
use axum::extract::State;
use axum::response::Response;
use prokura_config::Totp;
use prokura_core::Principal;
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::StoreError;
use std::sync::Arc;

const PATH: &str = "/account/totp";

fn event(people: &People, visit: &Visit, owner: &SignedIn, action: &str) -> Event {
    let mut event = visit.event(EventKind::SignIn, action, Outcome::Permit, people.now());
    event.subject = Some(Principal::User(owner.user.id.clone()));
    event
}

/// `GET /account/totp`.
pub(super) async fn show(State(people): State<Arc<People>>, visit: Visit) -> Response {
    let Some(owner) = visit.signed_in.clone() else { return sign_in_first(&people) };
    let result = page(&people, &visit, &owner);
    people.answer(&visit, result)
}

fn page(people: &People, visit: &Visit, owner: &SignedIn) -> Result<Response, PageFault> {
    if people.config.sign_in.totp == Totp::Off {
        return Err(PageFault::Missing);
    }
    if !people.is_fresh(owner) {
        return Ok(people.again());
    }
    let enrolment = people.enrolment(&owner.user.id);
    people.enrol_page(visit, &owner.user, &enrolment, people.form(visit, PATH), false)
}

/// `POST /account/totp`.
pub(super) async fn add(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = enrol(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn enrol(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let (owner, visit) = (poster(posted)?, &posted.visit);
    if !people.is_fresh(&owner) {
        return Ok(people.again());
    }
    let enrolment = people.enrolment_of(visit, posted.fields.one("state"));
    let enrolment = enrolment.filter(|e| e.user == owner.user.id).ok_or(PageFault::Expired)?;
    match people.enrol(visit, &enrolment, posted.fields.one("code"), None).await? {
        Some(codes) => people.codes_page(visit, &codes, people.path("/account/security")),
        None => people.enrol_page(visit, &owner.user, &enrolment, people.form(visit, PATH), true),
    }
}

/// `POST /account/totp/codes`: new recovery codes in the place of those of before.
pub(super) async fn codes(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = renew(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn renew(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let owner = poster(posted)?;
    if !people.is_fresh(&owner) {
        return Ok(people.again());
    }
    let (codes, user) = (people.recovery_codes(), owner.user.id.clone());
    let (kept, event) = (codes.clone(), event(people, &posted.visit, &owner, "totp:codes"));
    let renewed = people
        .store
        .transact(move |tx| {
            let Some(factor) = tx.second_factor(&user)? else { return Ok(false) };
            tx.replace_recovery_codes(&factor, &kept)?;
            tx.record(event.clone());
            Ok::<_, StoreError>(true)
        })
        .await?;
    if !renewed {
        return Err(PageFault::Missing);
    }
    people.codes_page(&posted.visit, &codes, people.path("/account/security"))
}

/// `POST /account/totp/remove`.
pub(super) async fn remove(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = take_away(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn take_away(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let owner = poster(posted)?;
    if !people.is_fresh(&owner) {
        return Ok(people.again());
    }
    if people.config.sign_in.totp == Totp::Required {
        return Ok(done(people, "totp-required"));
    }
    let (user, event) = (owner.user.id.clone(), event(people, &posted.visit, &owner, "totp:remove"));
    let removed = people
        .store
        .transact(move |tx| {
            let removed = tx.delete_second_factor(&user)?;
            if removed {
                crate::signals::credential_changed(tx, &user, "app:delete", event.at)?;
                tx.record(event.clone());
            }
            Ok::<_, StoreError>(removed)
        })
        .await?;
    if removed { Ok(done(people, "totp-removed")) } else { Err(PageFault::Missing) }
}
