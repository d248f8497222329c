//! Enrolling an authenticator application: at sign-in where it is required, else in the account.

use super::claim;
use crate::people::{PageFault, People, Posted, Visit};
use crate::signin::goal::Goal;
use crate::signin::session::{NewSession, Way};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use prokura_core::{Principal, UserId};
use prokura_ledger::{EventKind, Outcome};
use prokura_oauth::totp::TotpSecret;
use prokura_store::{StoreError, User};
use prokura_ui::{ENGLISH, Enrol, Form, Meaning, Notice, Qr, RecoveryCodes};
use std::sync::Arc;
use std::time::Duration;

/// How long somebody has to set the application up.
const LIFE: Duration = Duration::from_secs(15 * 60);
const PURPOSE: &str = "enrolment";

/// An enrolment under way: whose, with which secret, and what for where it is part of a sign-in.
pub(crate) struct Enrolment {
    pub(crate) user: UserId,
    secret: TotpSecret,
    goal: Option<Goal>,
}

impl People {
    /// The page with a new secret; or, after a code that did not fit, with the same.
    pub(crate) fn enrol_page(
        &self,
        visit: &Visit,
        user: &User,
        enrolment: &Enrolment,
        form: Form,
        again: bool,
    ) -> Result<Response, PageFault> {
        let (secret, text) = (&enrolment.secret, enrolment.secret.text());
        let view = Enrol {
            frame: self.frame(visit),
            form,
            state: self.wrap(visit, enrolment),
            secret: text.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect(),
            qr: Qr::new(&secret.uri(&self.issuer().authority(), &user.name)),
            notice: again
                .then(|| Notice { meaning: Meaning::Refused, sentence: ENGLISH.wrong_code.to_string() }),
            required: enrolment.goal.is_some(),
        };
        let status = if again { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        self.show(visit, status, &view)
    }

    /// An enrolment with a new secret.
    pub(crate) fn enrolment(&self, user: &UserId) -> Enrolment {
        Enrolment { user: user.clone(), secret: TotpSecret::generate(&*self.rng), goal: None }
    }

    /// The secret goes through the page in any case, where its reader types it off; so it is marked, not sealed.
    fn wrap(&self, visit: &Visit, enrolment: &Enrolment) -> String {
        let goal = enrolment.goal.as_ref().map_or("-".to_owned(), |g| format!("+{}", g.query()));
        let mut payload = format!("{} {goal} ", enrolment.user).into_bytes();
        payload.extend_from_slice(enrolment.secret.bytes());
        self.seal.wrap(PURPOSE, holder(visit), &payload, self.now().after(LIFE))
    }

    /// The enrolment that a form brought back.
    pub(crate) fn enrolment_of(&self, visit: &Visit, state: &str) -> Option<Enrolment> {
        let bytes = self.seal.unwrap(PURPOSE, holder(visit), state, self.now())?;
        let mut parts = bytes.splitn(3, |b| *b == b' ');
        let user = UserId::parse(std::str::from_utf8(parts.next()?).ok()?).ok()?;
        let goal = match std::str::from_utf8(parts.next()?).ok()? {
            "-" => None,
            goal => Some(Goal::parse(goal.strip_prefix('+')).ok()?),
        };
        Some(Enrolment { user, secret: TotpSecret::from_bytes(parts.next()?)?, goal })
    }

    /// Enrols, if the code fits, with new recovery codes; begins `session` in the same step. The codes, or nothing if
    /// the code did not fit; `UsedLink` where the user has a second factor already.
    pub(crate) async fn enrol(
        &self,
        visit: &Visit,
        enrolment: &Enrolment,
        typed: &str,
        session: Option<NewSession>,
    ) -> Result<Option<Vec<String>>, PageFault> {
        let Some(step) = enrolment.secret.step_of(&super::tidy(typed), self.now()) else { return Ok(None) };
        let (factor, codes) = (self.factor(&enrolment.user, &enrolment.secret)?, self.recovery_codes());
        let mut event = visit.event(EventKind::SignIn, "totp:add", Outcome::Permit, self.now());
        event.subject = Some(Principal::User(enrolment.user.clone()));
        let (kept, now) = (codes.clone(), self.now());
        let added = self
            .store
            .transact(move |tx| {
                let active = tx.user(&factor.user)?.is_some_and(|u| !u.disabled);
                if !active || !tx.insert_second_factor(&factor, &kept)? {
                    return Ok(false);
                }
                crate::signals::credential_changed(tx, &factor.user, "app:create", now)?;
                claim(tx, &factor, step, now)?;
                tx.record(event.clone());
                if let Some(session) = &session {
                    session.begin(tx)?;
                }
                Ok::<_, StoreError>(true)
            })
            .await?;
        if added { Ok(Some(codes)) } else { Err(PageFault::Expired) }
    }

    /// The page that shows recovery codes, once.
    pub(crate) fn codes_page(
        &self,
        visit: &Visit,
        codes: &[String],
        onward: String,
    ) -> Result<Response, PageFault> {
        let group = |code: &String| {
            let four = code.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned());
            four.collect::<Vec<_>>().join("-")
        };
        let view =
            RecoveryCodes { frame: self.frame(visit), codes: codes.iter().map(group).collect(), onward };
        self.show(visit, StatusCode::OK, &view)
    }
}

/// To whom an enrolment belongs: the session, or before there is one, the browser.
fn holder(visit: &Visit) -> &str {
    visit.signed_in.as_ref().map_or(visit.browser.as_str(), |s| s.secret.as_str())
}

/// The page that somebody comes to whose password was right where a second factor is required.
pub(crate) fn enrol_at_sign_in(
    people: &People,
    visit: &Visit,
    user: &User,
    goal: &Goal,
) -> Result<Response, PageFault> {
    let enrolment = Enrolment { goal: Some(goal.clone()), ..people.enrolment(&user.id) };
    people.enrol_page(visit, user, &enrolment, people.form(visit, "/signin/enrol"), false)
}

/// `POST /signin/enrol`.
pub(crate) async fn finish(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = answer(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn answer(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let visit = &posted.visit;
    let enrolment = people.enrolment_of(visit, posted.fields.one("state")).ok_or(PageFault::Expired)?;
    let goal = enrolment.goal.clone().ok_or(PageFault::Expired)?;
    let session = people.new_session(visit, &enrolment.user, Way::Code);
    let begun = Some(session.clone());
    match people.enrol(visit, &enrolment, posted.fields.one("code"), begun).await? {
        Some(codes) => {
            let mut page = people.codes_page(visit, &codes, goal.onward(people))?;
            people.keep_session(&session, &mut page);
            Ok(page)
        }
        None => {
            let id = enrolment.user.clone();
            let user = people.store.read(move |tx| tx.user(&id)).await?.ok_or(PageFault::Expired)?;
            people.enrol_page(visit, &user, &enrolment, people.form(visit, "/signin/enrol"), true)
        }
    }
}
