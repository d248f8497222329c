//! The sign-in page and its two answers.

use super::attempt::Counters;
use super::goal::Goal;
use super::hash::{HashError, MAX_PASSWORD};
use super::provider::{Provider, ProviderFault, links};
use super::second::after_password;
use super::session::{NewSession, Way};
use crate::people::{PageFault, People, Posted, Visit};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::{Acr, AskId, InteractionId, TaskId};
use prokura_ledger::{EventKind, Outcome};
use prokura_store::{StoreError, User};
use prokura_ui::{ENGLISH, Form, Meaning, Notice, PasskeyForm, SignIn, When};
use std::sync::Arc;

/// Where to sign in for an interaction, or for the account.
pub(crate) fn sign_in_path(interaction: Option<&InteractionId>) -> String {
    interaction.map_or(Goal::Account, |id| Goal::Interaction(id.clone())).at("/signin")
}

/// The way to sign in for who decides on a call; anew and more surely, if `sure`.
pub(crate) fn approve_sign_in(task: &TaskId, sure: bool) -> String {
    Goal::Approve { task: task.clone(), sure }.at("/signin")
}

/// The way to sign in for who is asked by software that is elsewhere.
pub(crate) fn ask_sign_in(ask: &AskId) -> String {
    Goal::Ask(ask.clone()).at("/signin")
}

/// What went before on this page.
#[derive(Default)]
struct Before {
    login: String,
    notice: Option<Notice>,
    status: StatusCode,
}

impl Before {
    fn refused(login: &str, status: StatusCode, sentence: impl std::fmt::Display) -> Self {
        let sentence = sentence.to_string();
        Self {
            login: login.chars().take(64).collect(),
            notice: Some(Notice { meaning: Meaning::Refused, sentence }),
            status,
        }
    }
}

/// `GET /signin`.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let result = match Goal::parse(query.as_deref()) {
        Ok(goal) => page(&people, &visit, &goal, Before::default()).await,
        Err(fault) => Err(fault),
    };
    people.answer(&visit, result)
}

async fn page(people: &People, visit: &Visit, goal: &Goal, before: Before) -> Result<Response, PageFault> {
    let ceremony = people.ask_passkey(visit)?;
    let passkey = ceremony.map(|c| PasskeyForm {
        form: people.form(visit, &goal.at("/signin/passkey")),
        options: c.options,
        state: c.state,
    });
    let password: Option<Form> =
        people.config.sign_in.password.then(|| people.form(visit, &goal.at("/signin/password")));
    let (mut asker, mut notice) = (None, before.notice);
    if let Goal::Interaction(id) = goal {
        asker = Some(people.asker(visit, id).await?);
        let surer = people.demanded(visit, id).await?.map(surer);
        notice = notice.or(surer);
    }
    let view = SignIn {
        frame: people.frame(visit),
        asker,
        again: matches!(goal, Goal::Again | Goal::Approve { sure: true, .. }),
        notice,
        password,
        login: before.login,
        passkey,
        providers: links(people, visit, goal),
    };
    people.show(visit, before.status, &view)
}

/// What is said to who has to sign in more surely than usual (RFC 9470).
fn surer(asked: Acr) -> Notice {
    let sentence = match asked {
        Acr::Phr => ENGLISH.surer_phr,
        Acr::Mfa | Acr::Single => ENGLISH.surer_mfa,
    };
    Notice { meaning: Meaning::Attention, sentence: sentence.to_string() }
}

/// `POST /signin/password`.
pub(super) async fn password(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    let result = async {
        let goal = Goal::parse(query.as_deref())?;
        let before = match by_password(&people, &posted).await? {
            Ok(user) => return after_password(&people, &posted.visit, &user, &goal).await,
            Err(before) => before,
        };
        page(&people, &posted.visit, &goal, before).await
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

/// Whose user name and password were posted. Whether there is such a user changes neither the answer nor the
/// work done for it.
async fn by_password(people: &People, posted: &Posted) -> Result<Result<User, Before>, PageFault> {
    let (login, password) = (posted.fields.one("login"), posted.fields.one("password"));
    let wrong = || Before::refused(login, StatusCode::UNAUTHORIZED, ENGLISH.wrong_credentials);
    if !people.config.sign_in.password {
        return Err(PageFault::Missing);
    }
    let no_login = login.chars().count() > 64 || login.contains(char::is_control);
    if no_login || password.is_empty() || password.chars().count() > MAX_PASSWORD {
        return Ok(Err(wrong()));
    }
    let name = login.to_owned();
    let user = people.store.read(move |tx| tx.user_by_name(&name)).await?;
    match guess(people, &posted.visit, login, user.as_ref(), password).await? {
        Guess::Right => user.map(Ok).ok_or(PageFault::Missing),
        Guess::Refused(status, said) => Ok(Err(Before::refused(login, status, said))),
    }
}

/// What became of a password.
pub(crate) enum Guess {
    /// It is the user's, who is not disabled.
    Right,
    /// It was not looked at, or is not; with the words for whoever typed it.
    Refused(StatusCode, String),
}

impl People {
    /// Whether `password` is that of a user who is signed in, at the pace of the sign-in page.
    pub(crate) async fn guess(&self, visit: &Visit, user: &User, password: &str) -> Result<Guess, PageFault> {
        guess(self, visit, &user.name, Some(user), password).await
    }
}

/// Counts a guess, then looks at it. A user who is unknown costs what a known one does.
async fn guess(
    people: &People,
    visit: &Visit,
    login: &str,
    user: Option<&User>,
    password: &str,
) -> Result<Guess, PageFault> {
    let counters = Counters::new(login, visit);
    if let Some(until) = begin(people, &counters).await? {
        let when = When::at(until.seconds() + 1, people.now().seconds(), &ENGLISH).relative;
        refusal(people, visit, Way::Password, "paused").await;
        let said = ENGLISH.slow_down.with("when", when).to_string();
        return Ok(Guess::Refused(StatusCode::TOO_MANY_REQUESTS, said));
    }
    let hash = user.as_ref().and_then(|u| u.password_hash.clone());
    let right = match people.hasher.verify(password.to_owned(), hash).await {
        Ok(right) => right,
        Err(HashError::Busy) => {
            return Ok(Guess::Refused(StatusCode::SERVICE_UNAVAILABLE, ENGLISH.busy.to_string()));
        }
        Err(error) => return Err(PageFault::Ours(error.into())),
    };
    if right && user.is_some_and(|u| !u.disabled) {
        let now = people.now();
        people.store.transact(move |tx| counters.clear(tx, now)).await?;
        return Ok(Guess::Right);
    }
    refusal(people, visit, Way::Password, "wrong_credentials").await;
    Ok(Guess::Refused(StatusCode::UNAUTHORIZED, ENGLISH.wrong_credentials.to_string()))
}

async fn begin(people: &People, counters: &Counters) -> Result<Option<prokura_core::Timestamp>, StoreError> {
    let (counters, now) = (counters.clone(), people.now());
    people.store.transact(move |tx| counters.begin(tx, now)).await
}

/// Records a sign-in that was refused, if there is room. Nothing that was typed is kept: people type passwords into the
/// wrong field.
async fn refusal(people: &People, visit: &Visit, way: Way, why: &str) {
    let event = visit.event(EventKind::SignIn, way.action(), Outcome::Deny, people.now()).because(why);
    people.refusals.put_event(event).await;
}

pub(super) async fn admit(
    people: &People,
    visit: &Visit,
    user: &User,
    way: Way,
    goal: &Goal,
) -> Result<Response, PageFault> {
    let session = people.new_session(visit, &user.id, way);
    let begun = session.clone();
    people.store.transact(move |tx| begun.begin(tx)).await?;
    Ok(people.signed_in(visit, &session, &goal.onward(people)))
}

/// The sign-in page after a sign-in at a provider came to nothing, on record.
pub(super) async fn refused_at(
    people: &People,
    visit: &Visit,
    provider: &Provider,
    goal: &Goal,
    fault: ProviderFault,
) -> Result<Response, PageFault> {
    let event = visit.event(EventKind::SignIn, Way::Provider.action(), Outcome::Deny, people.now());
    let mut event = event.because(fault.word());
    event.details.insert("provider", provider.config.name.as_str().into());
    people.refusals.put_event(event).await;
    let said = fault.text().with("provider", prokura_ui::Shown::name(provider.config.title()));
    page(people, visit, goal, Before::refused("", fault.status(), said)).await
}

/// `POST /signin/passkey`.
pub(super) async fn passkey(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    let result = async {
        let goal = Goal::parse(query.as_deref())?;
        if let Some(session) = by_passkey(&people, &posted).await? {
            return Ok(people.signed_in(&posted.visit, &session, &goal.onward(&people)));
        }
        refusal(&people, &posted.visit, Way::Passkey, "wrong_passkey").await;
        let before = Before::refused("", StatusCode::UNAUTHORIZED, ENGLISH.wrong_passkey);
        page(&people, &posted.visit, &goal, before).await
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

/// The session of whoever's passkey answered; its challenge is spent and the session begun in one step.
async fn by_passkey(people: &People, posted: &Posted) -> Result<Option<NewSession>, PageFault> {
    let (state, credential) = (posted.fields.one("state"), posted.fields.one("credential"));
    let Some(answered) = people.answered(&posted.visit, state, credential).await? else { return Ok(None) };
    let session = people.new_session(&posted.visit, &answered.user.id, Way::Passkey);
    let (begun, now) = (session.clone(), people.now());
    let won = people
        .store
        .transact(move |tx| {
            let won = answered.spend(tx, now)?;
            if won {
                begun.begin(tx)?;
            }
            Ok::<_, StoreError>(won)
        })
        .await?;
    Ok(won.then_some(session))
}
