//! Between the password and the session: the page that asks for a code.

use super::{Typed, enrol_at_sign_in, spend};
use crate::people::{PageFault, People, Posted, Visit};
use crate::signin::attempt::Counters;
use crate::signin::goal::Goal;
use crate::signin::pages::admit;
use crate::signin::session::{NewSession, Way};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use prokura_config::Totp;
use prokura_core::UserId;
use prokura_ledger::{EventKind, Outcome};
use prokura_store::{ArtifactKind, SecondFactor, StoreError, User};
use prokura_ui::{ENGLISH, Meaning, Notice, SecondStep, When};
use std::sync::Arc;
use std::time::Duration;

/// How long somebody has for the second step.
const LIFE: Duration = Duration::from_secs(5 * 60);
const PURPOSE: &str = "second step";

/// After a right password: the session, a code first, or an enrolment first.
pub(crate) async fn after_password(
    people: &People,
    visit: &Visit,
    user: &User,
    goal: &Goal,
) -> Result<Response, PageFault> {
    if people.config.sign_in.totp == Totp::Off {
        return admit(people, visit, user, Way::Password, goal).await;
    }
    let id = user.id.clone();
    let factor = people.store.read(move |tx| tx.second_factor(&id)).await?;
    match (factor, people.config.sign_in.totp) {
        (Some(_), _) => ask(people, visit, &people.pending(visit, &user.id, goal), None, StatusCode::OK),
        (None, Totp::Required) => enrol_at_sign_in(people, visit, user, goal),
        (None, _) => admit(people, visit, user, Way::Password, goal).await,
    }
}

impl People {
    /// Whose password was right, and what for, until the second step.
    fn pending(&self, visit: &Visit, user: &UserId, goal: &Goal) -> String {
        let unique = prokura_core::random_id("", &*self.rng);
        let payload = format!("{user} {unique} {}", goal.query());
        self.seal.wrap(PURPOSE, &visit.browser, payload.as_bytes(), self.now().after(LIFE))
    }

    fn pending_of(&self, visit: &Visit, state: &str) -> Option<(UserId, Goal)> {
        let bytes = self.seal.unwrap(PURPOSE, &visit.browser, state, self.now())?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.splitn(3, ' ');
        let user = UserId::parse(parts.next()?).ok()?;
        let _unique = parts.next()?;
        Some((user, Goal::parse(parts.next()).ok()?))
    }
}

fn ask(
    people: &People,
    visit: &Visit,
    state: &str,
    refused: Option<String>,
    status: StatusCode,
) -> Result<Response, PageFault> {
    let view = SecondStep {
        frame: people.frame(visit),
        form: people.form(visit, "/signin/code"),
        state: state.to_owned(),
        notice: refused.map(|sentence| Notice { meaning: Meaning::Refused, sentence }),
    };
    people.show(visit, status, &view)
}

/// `POST /signin/code`.
pub(crate) async fn code(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = answer(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn answer(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let (visit, state) = (&posted.visit, posted.fields.one("state"));
    let (user, goal) = people.pending_of(visit, state).ok_or(PageFault::Expired)?;
    let (counters, now) = (Counters::second(user.as_str(), visit), people.now());
    let counted = counters.clone();
    if let Some(until) = people.store.transact(move |tx| counted.begin(tx, now)).await? {
        note(people, visit, &user, "paused").await;
        let when = When::at(until.seconds() + 1, now.seconds(), &ENGLISH).relative;
        let said = ENGLISH.slow_down.with("when", when).to_string();
        return ask(people, visit, state, Some(said), StatusCode::TOO_MANY_REQUESTS);
    }
    let id = user.clone();
    let factor = people.store.read(move |tx| tx.second_factor(&id)).await?.ok_or(PageFault::Expired)?;
    let typed = people.read_code(&factor, posted.fields.one("code"))?;
    let passed = match typed {
        Some(typed) => pass(people, visit, state, factor, typed, counters).await?,
        None => None,
    };
    match passed {
        Some(session) => Ok(people.signed_in(visit, &session, &goal.onward(people))),
        None => {
            note(people, visit, &user, "wrong_code").await;
            ask(people, visit, state, Some(ENGLISH.wrong_code.to_string()), StatusCode::UNAUTHORIZED)
        }
    }
}

/// The session, if the code was not spent before. The code, the step and the session are one transaction.
async fn pass(
    people: &People,
    visit: &Visit,
    state: &str,
    factor: SecondFactor,
    typed: Typed,
    counters: Counters,
) -> Result<Option<NewSession>, PageFault> {
    let way = match typed {
        Typed::Step(_) => Way::Code,
        Typed::Recovery(_) => Way::Recovery,
    };
    let session = people.new_session(visit, &factor.user, way);
    let (begun, state, now) = (session.clone(), state.to_owned(), people.now());
    let passed = people
        .store
        .transact(move |tx| {
            let active = tx.user(&factor.user)?.is_some_and(|u| !u.disabled);
            if !active || !spend(tx, &factor, &typed, now)? {
                return Ok(Passed::No);
            }
            if !tx.claim(ArtifactKind::SecondStep, &state, now, now.after(LIFE))? {
                return Ok(Passed::Before);
            }
            counters.clear(tx, now)?;
            begun.begin(tx)?;
            Ok::<_, StoreError>(Passed::Yes)
        })
        .await?;
    match passed {
        Passed::Yes => Ok(Some(session)),
        Passed::No => Ok(None),
        Passed::Before => Err(PageFault::Expired),
    }
}

enum Passed {
    Yes,
    No,
    /// The step was taken before, with another code.
    Before,
}

async fn note(people: &People, visit: &Visit, user: &UserId, why: &str) {
    let event = visit.event(EventKind::SignIn, Way::Code.action(), Outcome::Deny, people.now());
    let mut event = event.because(why);
    event.subject = Some(prokura_core::Principal::User(user.clone()));
    people.refusals.put_event(event).await;
}
