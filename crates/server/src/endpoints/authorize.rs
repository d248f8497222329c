//! `/authorize` (RFC 6749 §3.1), by GET and by POST.

use crate::fault::Fault;
use crate::people::see_other;
use crate::record::About;
use crate::server::AppState;
use crate::steps::{Endpoint, Stop, Walk};
use crate::wire::form;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use prokura_core::TraceId;
use prokura_ledger::EventKind;
use prokura_oauth::form::Form;
use prokura_oauth::redirect::with_query;
use std::sync::Arc;

pub(super) async fn get(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let read = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).map_err(Fault::from);
    authorize(&app, &parts, read).await
}

pub(super) async fn post(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let read = posted(&parts, body).await;
    authorize(&app, &parts, read).await
}

async fn posted(parts: &Parts, body: Body) -> Result<Form, Fault> {
    form(parts, body).await
}

async fn authorize(app: &AppState, parts: &Parts, read: Result<Form, Fault>) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "authorize");
    let form = match read {
        Ok(form) => form,
        Err(fault) => return locally(app, &fault, &about, &trace).await,
    };
    let mut walk = Walk::new(app, parts, Endpoint::Authorize, &trace, form);
    let fault = match walk.walk(&mut about).await {
        Ok(Stop::Ask(asked)) => return app.people.begin(parts, *asked).await,
        Ok(Stop::Pushed(_) | Stop::Wait(_) | Stop::Call(_)) => {
            Fault::Broken("a browser did not ask".to_owned())
        }
        Err(fault) => fault,
    };
    match walk.error_redirect() {
        None => locally(app, &fault, &about, &trace).await,
        Some((redirect, state)) => {
            let to = error_address(app, redirect, state, &fault, &trace);
            app.note(&fault, &about, &trace).await;
            see_other(&to)
        }
    }
}

/// The local page: nothing in the request can be trusted to lead anywhere (RFC 6749 §4.1.2.1).
async fn locally(app: &AppState, fault: &Fault, about: &About, trace: &TraceId) -> Response {
    app.note(fault, about, trace).await;
    app.people.refuse_locally(trace, fault.verdict().error.code(), fault.to_string())
}

/// Every answer names its issuer (RFC 9207 §2).
fn error_address(
    app: &AppState,
    redirect: &str,
    state: Option<&str>,
    fault: &Fault,
    trace: &TraceId,
) -> String {
    let description = format!("{fault} ({trace})");
    let mut parameters = vec![("error", fault.verdict().error.code()), ("error_description", &description)];
    parameters.extend(state.map(|s| ("state", s)));
    parameters.push(("iss", app.config.issuer.as_str()));
    with_query(redirect, &parameters)
}
