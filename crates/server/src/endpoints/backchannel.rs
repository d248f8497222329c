//! `/bc-authorize` (OpenID Connect CIBA Core §7): a client asks a user who is elsewhere.

use crate::ciba::{Begun, CibaFault, INTERVAL, begin};
use crate::fault::Fault;
use crate::record::About;
use crate::server::AppState;
use crate::steps::{Endpoint, Stop, Walk};
use crate::wire::{form, json, peer};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::TraceId;
use prokura_ledger::EventKind;
use prokura_oauth::ciba::BackchannelAnswer;
use std::sync::Arc;

pub(super) async fn authorize(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "bc_authorize");
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
    if !app.backchannel.admit(peer(&parts), app.clock.now()) {
        return Err(Fault::Ciba(CibaFault::TooMuch));
    }
    let form = form(&parts, body).await?;
    let Stop::Call(call) = Walk::new(app, &parts, Endpoint::Backchannel, trace, form).walk(about).await?
    else {
        return Err(Fault::Broken("a client was asked like a user".to_owned()));
    };
    let Begun { request, lasts } = begin(app, (&parts, trace), &call.client, call.asked, call.wanted).await?;
    let body = BackchannelAnswer { auth_req_id: &request, expires_in: lasts, interval: INTERVAL };
    Ok(json(StatusCode::OK, &body.to_object()))
}
