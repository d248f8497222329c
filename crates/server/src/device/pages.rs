//! The page where a person brings a device's code, and where they end.

use super::guess::Guesses;
use super::waiting::question;
use crate::interaction::Asked;
use crate::people::{PageFault, People, Posted, Visit};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use prokura_config::DeviceClients;
use prokura_ledger::{EventKind, Outcome};
use prokura_oauth::device::UserCode;
use prokura_store::{ArtifactKind, StoreError};
use prokura_ui::{DeviceCode, DeviceDone, ENGLISH, Meaning, Notice, When};
use std::sync::Arc;

impl People {
    /// Where the question of a user code is kept. The key of the mark is not in the store, so that whoever reads it
    /// finds no code that could be entered.
    pub(crate) fn user_code_key(&self, code: &UserCode) -> String {
        self.seal.mark(&["user code", &code.letters()])
    }

    fn is_off(&self) -> bool {
        self.config.device.clients == DeviceClients::Off
    }
}

/// What went before on this page.
#[derive(Default)]
struct Before {
    typed: String,
    status: StatusCode,
    notice: Option<Notice>,
}

impl Before {
    fn refused(typed: &str, status: StatusCode, sentence: String) -> Self {
        let notice = Some(Notice { meaning: Meaning::Refused, sentence });
        Self { typed: typed.chars().take(16).collect(), status, notice }
    }
}

/// `GET /device`. A code in the address is shown and has to be compared; nothing is looked up for it.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let result = match brought(query.as_deref().unwrap_or_default()) {
        None => page(&people, &visit, None, Before::default()),
        Some(text) => match UserCode::parse(&text) {
            Ok(code) => page(&people, &visit, Some(&code), Before::default()),
            Err(_) => page(&people, &visit, None, Before::refused("", StatusCode::OK, wrong())),
        },
    };
    people.answer(&visit, result)
}

fn brought(query: &str) -> Option<String> {
    let pair = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "user_code");
    pair.map(|(_, value)| value.into_owned()).filter(|v| !v.is_empty())
}

fn wrong() -> String {
    ENGLISH.device_wrong.to_string()
}

fn page(
    people: &People,
    visit: &Visit,
    compare: Option<&UserCode>,
    before: Before,
) -> Result<Response, PageFault> {
    if people.is_off() {
        return Err(PageFault::Missing);
    }
    let view = DeviceCode {
        frame: people.frame(visit),
        form: people.form(visit, "/device"),
        compare: compare.map(ToString::to_string),
        typed: before.typed,
        notice: before.notice,
    };
    people.show(visit, before.status, &view)
}

/// `POST /device`.
pub(super) async fn enter(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = entered(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn entered(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let (visit, typed) = (&posted.visit, posted.fields.one("user_code"));
    let again = |status, sentence| page(people, visit, None, Before::refused(typed, status, sentence));
    let Ok(code) = UserCode::parse(typed) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, wrong());
    };
    let (guesses, now) = (Guesses::new(visit), people.now());
    let counted = guesses.clone();
    let paused = people.store.transact(move |tx| counted.begin(tx, now)).await?;
    if let Some(until) = paused {
        let when = When::at(until.seconds() + 1, now.seconds(), &ENGLISH).relative;
        refusal(people, visit, "paused").await;
        return again(StatusCode::TOO_MANY_REQUESTS, ENGLISH.slow_down.with("when", when).to_string());
    }
    let Some(asked) = waiting(people, &code).await? else {
        refusal(people, visit, "code_unknown").await;
        return again(StatusCode::UNPROCESSABLE_ENTITY, wrong());
    };
    people.store.transact::<_, StoreError>(move |tx| guesses.take_back(tx, now)).await?;
    people.begin_visit(visit, asked).await
}

/// The question of a code that nobody has answered yet.
async fn waiting(people: &People, code: &UserCode) -> Result<Option<Asked>, PageFault> {
    let (key, now) = (people.user_code_key(code), people.now());
    let found = people.store.read(move |tx| tx.artifact(ArtifactKind::UserCode, &key)).await?;
    let Some(open) = found.filter(|a| a.consumed_at.is_none()) else { return Ok(None) };
    let asked = question(&open.payload)
        .ok_or_else(|| PageFault::Ours(anyhow::anyhow!("the question of a device cannot be read back")))?;
    Ok(Some(asked).filter(|a| a.device.as_ref().is_some_and(|d| now < d.until)))
}

/// Records a guess that was refused, if there is room. What was typed is not kept.
async fn refusal(people: &People, visit: &Visit, why: &str) {
    let mut event = visit.event(EventKind::Consent, "device:enter", Outcome::Deny, people.now()).because(why);
    let user = |who: &crate::people::SignedIn| prokura_core::Principal::User(who.user.id.clone());
    event.subject = visit.signed_in.as_ref().map(user);
    people.refusals.put_event(event).await;
}

/// `GET /device/allowed`.
pub(super) async fn allowed(State(people): State<Arc<People>>, visit: Visit) -> Response {
    done(&people, &visit, true)
}

/// `GET /device/refused`.
pub(super) async fn refused(State(people): State<Arc<People>>, visit: Visit) -> Response {
    done(&people, &visit, false)
}

fn done(people: &People, visit: &Visit, allowed: bool) -> Response {
    let result = match people.is_off() {
        true => Err(PageFault::Missing),
        false => people.show(visit, StatusCode::OK, &DeviceDone { frame: people.frame(visit), allowed }),
    };
    people.answer(visit, result)
}
