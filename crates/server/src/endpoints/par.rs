//! `/par`: pushed authorization requests (RFC 9126).

use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::steps::{Endpoint, Stop, Walk};
use crate::wire::{form, json};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::TraceId;
use prokura_ledger::EventKind;
use prokura_oauth::authorize::REQUEST_URI_PREFIX;
use prokura_oauth::dpop::HEADER;
use prokura_oauth::json::obj;
use std::sync::Arc;

pub(super) async fn par(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "par");
    match answer(&app, request, &trace, &mut about).await {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

async fn answer(
    app: &AppState,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let form = form(&parts, body).await?;
    match Walk::new(app, &parts, Endpoint::Par, trace, form).walk(about).await? {
        Stop::Pushed(reference) => {
            let mut response = json(
                StatusCode::CREATED,
                &obj([
                    ("request_uri", format!("{REQUEST_URI_PREFIX}{reference}").into()),
                    ("expires_in", Stop::PUSHED_SECONDS.into()),
                ]),
            );
            if parts.headers.contains_key(HEADER) {
                app.offer_nonce(&mut response);
            }
            Ok(response)
        }
        Stop::Ask(_) | Stop::Wait(_) | Stop::Call(_) => {
            Err(Fault::Broken("a client was asked like a user".to_owned()))
        }
    }
}
