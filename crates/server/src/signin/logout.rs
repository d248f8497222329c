//! Signing out because a client asks for it (OpenID Connect RP-Initiated Logout 1.0 §2).

use crate::people::{PageFault, People, Posted, Visit, see_other};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use prokura_core::UserId;
use prokura_oauth::form::Form;
use std::sync::Arc;
use url::form_urlencoded::Serializer;

/// What a client asks for, checked.
#[derive(Debug, Clone, Default)]
pub struct LogOut {
    /// Whom its ID token is about.
    pub subject: Option<UserId>,
    /// Where it wants the user back; one of its own addresses.
    pub back: Option<String>,
}

/// Where the question is answered.
const CONFIRM: &str = "/logout/confirm";

impl People {
    /// Signs out whom the client's ID token is about, and asks anybody else whether they want to: a link on any page
    /// could lead here.
    pub async fn log_out(&self, parts: &Parts, asked: LogOut) -> Response {
        match self.visit(parts).await {
            Ok(visit) => {
                let result = self.logged_out(&visit, asked).await;
                self.answer(&visit, result)
            }
            Err(fault) => self.fault(&fault, &prokura_core::TraceId::random(&*self.rng)),
        }
    }

    async fn logged_out(&self, visit: &Visit, asked: LogOut) -> Result<Response, PageFault> {
        match &visit.signed_in {
            None => Ok(self.gone(asked.back)),
            Some(who) if asked.subject.as_ref() == Some(&who.user.id) => {
                self.sign_out(visit).await?;
                Ok(self.gone(asked.back))
            }
            Some(_) => {
                let mut action = CONFIRM.to_owned();
                if let Some(back) = &asked.back {
                    action.push('?');
                    action.push_str(&Serializer::new(String::new()).append_pair("back", back).finish());
                }
                // The mark of the form covers its whole address, the way back among it.
                let view = prokura_ui::LogOut { frame: self.frame(visit), form: self.form(visit, &action) };
                self.show_leading(visit, StatusCode::OK, &view, asked.back.as_deref())
            }
        }
    }

    fn gone(&self, back: Option<String>) -> Response {
        let mut response = see_other(&back.unwrap_or_else(|| self.path("/signed-out")));
        self.forget_session(&mut response);
        response
    }
}

/// `POST /logout/confirm`.
pub(super) async fn confirm(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    posted: Posted,
) -> Response {
    let form = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let back = form.value("back").map(str::to_owned);
    let result = people.sign_out(&posted.visit).await.map(|()| people.gone(back));
    people.answer(&posted.visit, result)
}
