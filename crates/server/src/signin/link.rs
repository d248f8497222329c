//! One-time links: the first user's, and those that an operator gives.

use super::hash::MAX_PASSWORD;
use super::session::Way;
use super::users::{LinkFor, NewUser, added_event, has_users};
use crate::people::{PageFault, People, Posted, Visit};
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::UserId;
use prokura_store::{ArtifactKind, Consumed, StoreError, User};
use prokura_ui::{FirstProblems, FirstUser, Shown, Welcome};
use std::sync::Arc;

/// `GET /setup/{secret}`. Looking spends nothing: mail scanners look.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    Path(secret): Path<String>,
    visit: Visit,
) -> Response {
    let result = look(&people, &visit, &secret).await;
    people.answer(&visit, result)
}

/// Who a link is for, while it can be used.
async fn open(people: &People, secret: &str) -> Result<Option<User>, PageFault> {
    let (secret, now) = (secret.to_owned(), people.now());
    let found = people
        .store
        .read(move |tx| {
            let link = tx.artifact(ArtifactKind::SignInLink, &secret)?;
            let Some(link) = link.filter(|l| l.consumed_at.is_none() && l.expires_at > now) else {
                return Ok(None);
            };
            match LinkFor::read(&link.payload) {
                Some(LinkFor::FirstUser) if !has_users(tx)? => Ok(Some(None)),
                Some(LinkFor::User(id)) => Ok(tx.user(&id)?.filter(|u| !u.disabled).map(Some)),
                _ => Ok::<_, StoreError>(None),
            }
        })
        .await?;
    found.ok_or(PageFault::UsedLink)
}

async fn look(people: &People, visit: &Visit, secret: &str) -> Result<Response, PageFault> {
    match open(people, secret).await? {
        None => {
            let new = NewUser { login: String::new(), name: String::new(), password: None };
            first_user(people, visit, secret, new, FirstProblems::default(), StatusCode::OK)
        }
        Some(user) => {
            let view = Welcome {
                frame: people.frame(visit),
                form: people.form(visit, &format!("/setup/{secret}")),
                name: Shown::name(&user.display_name),
            };
            people.show(visit, StatusCode::OK, &view)
        }
    }
}

fn first_user(
    people: &People,
    visit: &Visit,
    secret: &str,
    new: NewUser,
    problems: FirstProblems,
    status: StatusCode,
) -> Result<Response, PageFault> {
    let view = FirstUser {
        frame: people.frame(visit),
        form: people.form(visit, &format!("/setup/{secret}")),
        login: new.login,
        name: new.name,
        password: people.config.sign_in.password,
        problems,
    };
    people.show(visit, status, &view)
}

/// `POST /setup/{secret}`.
pub(super) async fn take(
    State(people): State<Arc<People>>,
    Path(secret): Path<String>,
    posted: Posted,
) -> Response {
    let result = async {
        match open(&people, &secret).await? {
            None => create(&people, &posted, secret).await,
            Some(user) => enter(&people, &posted.visit, secret, Taken::Existing(user.id)).await,
        }
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

async fn create(people: &People, posted: &Posted, secret: String) -> Result<Response, PageFault> {
    let field = |name| posted.fields.one(name).trim().chars().take(200).collect::<String>();
    let password = people.config.sign_in.password.then(|| posted.fields.one("password"));
    let new = NewUser {
        login: field("login"),
        name: field("name"),
        password: password.map(|p| p.chars().take(MAX_PASSWORD + 1).collect()),
    };
    let problems = new.problems();
    if problems.any() {
        return first_user(people, &posted.visit, &secret, new, problems, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let hash = match password {
        Some(password) => Some(people.hasher.hash(password.to_owned(), &*people.rng).await?),
        None => None,
    };
    let user = new.row(UserId::random(&*people.rng), hash, people.now());
    enter(people, &posted.visit, secret, Taken::First(user)).await
}

/// What a link is taken for.
enum Taken {
    First(User),
    Existing(UserId),
}

/// Spends the link and signs in, in one step: of two who open the first link, one is the first user.
async fn enter(people: &People, visit: &Visit, secret: String, taken: Taken) -> Result<Response, PageFault> {
    let id = match &taken {
        Taken::First(user) => &user.id,
        Taken::Existing(id) => id,
    };
    let session = people.new_session(visit, id, Way::Link);
    let (begun, now, trace) = (session.clone(), people.now(), visit.trace.clone());
    let entered = people
        .store
        .transact(move |tx| {
            if !matches!(tx.consume(ArtifactKind::SignInLink, &secret, now)?, Consumed::Won(_)) {
                return Ok(false);
            }
            if let Taken::First(user) = &taken {
                if has_users(tx)? || !tx.insert_user(user)? {
                    return Ok(false);
                }
                tx.record(added_event(user, &trace));
            }
            begun.begin(tx)?;
            Ok::<_, StoreError>(true)
        })
        .await?;
    if !entered {
        return Err(PageFault::UsedLink);
    }
    Ok(people.signed_in(visit, &session, &people.path("/account/security")))
}
