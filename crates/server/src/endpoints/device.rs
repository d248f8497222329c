//! `/device_authorization` (RFC 8628 §3.1): a device asks for a code to show.

use crate::device::{Codes, INTERVAL, begin};
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
use prokura_oauth::device::DeviceAuthorization;
use std::sync::Arc;

pub(super) async fn authorize(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "device_authorization");
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
    if !app.devices.admit(peer(&parts), app.clock.now()) {
        return Err(Fault::TooManyCodes);
    }
    let form = form(&parts, body).await?;
    let asked = match Walk::new(app, &parts, Endpoint::Device, trace, form).walk(about).await? {
        Stop::Wait(asked) => *asked,
        Stop::Ask(_) | Stop::Pushed(_) | Stop::Call(_) => {
            return Err(Fault::Broken("a device has no browser".to_owned()));
        }
    };
    let Codes { device, user } = begin(app, &parts, asked).await?;
    let body = DeviceAuthorization {
        device_code: &device,
        user_code: &user,
        verification_uri: &format!("{}/device", app.config.issuer),
        expires_in: app.config.device.code.get(),
        interval: INTERVAL,
    };
    Ok(json(StatusCode::OK, &body.to_object()))
}
