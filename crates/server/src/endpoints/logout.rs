//! `/logout` (OpenID Connect RP-Initiated Logout 1.0): a client sends its user here to end the session, and has them
//! back if it registered the address.

use crate::clients::Client;
use crate::server::AppState;
use crate::signin::LogOut;
use crate::wire::form;
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use prokura_core::ClientId;
use prokura_oauth::form::Form;
use prokura_oauth::id_token::{Hint, read_hint};
use prokura_oauth::redirect::with_query;
use prokura_ui::Standing;
use std::sync::Arc;

pub(super) async fn get(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    log_out(&app, &parts, &form).await
}

pub(super) async fn post(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let form = form(&parts, body).await.unwrap_or_default();
    log_out(&app, &parts, &form).await
}

/// What cannot be read or does not hold is left out: whoever wants to sign out is to be signed out all the same, and
/// only the way back is lost (§4).
async fn log_out(app: &AppState, parts: &Parts, form: &Form) -> Response {
    let hint = form.value("id_token_hint").and_then(|hint| {
        read_hint(hint, &app.keys.published(), app.config.issuer.as_str(), app.clock.now()).ok()
    });
    let back = back(app, form, hint.as_ref()).await;
    app.people.log_out(parts, LogOut { subject: hint.map(|h| h.subject), back }).await
}

/// Where the user is sent afterwards: an address that the client registered for this (§3), with its `state`. Who
/// vouches for itself alone could use this server to lead people anywhere, so it gets nobody back.
async fn back(app: &AppState, form: &Form, hint: Option<&Hint>) -> Option<String> {
    let asked = form.value("post_logout_redirect_uri")?;
    let named = form.value("client_id").map(ClientId::parse).transpose().ok()?;
    let id = match (named, hint) {
        (Some(named), Some(hint)) if named != hint.audience => return None,
        (Some(id), _) => id,
        (None, hint) => hint?.audience.clone(),
    };
    let client: Arc<Client> = app.clients.find(&id).await.ok()?;
    let registered = client.metadata.post_logout_redirect_uris.iter().any(|u| u.matches(asked));
    let trusted = client.standing() != Standing::Unverified;
    let state: Vec<_> =
        form.value("state").filter(|s| s.len() <= 2048).map(|s| ("state", s)).into_iter().collect();
    (registered && trusted).then(|| with_query(asked, &state))
}
