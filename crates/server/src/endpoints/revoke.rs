//! `/revoke` (RFC 7009). Revoking any token that came of a user's consent ends the grant behind it: nobody who takes
//! back a token wants the others to live on. What is not the caller's own is left alone, with the same answer.

use crate::authenticate;
use crate::clients::Client;
use crate::fault::Fault;
use crate::grants::RefreshPayload;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{form, json};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use prokura_core::{ClientId, Evidence, GrantId, Timestamp, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::authorize::ParameterError;
use prokura_oauth::json::Object;
use prokura_store::{ArtifactKind, Tx};
use std::sync::Arc;

pub(super) async fn revoke(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Grant, "grant:revoke");
    match answer(&app, request, &trace, &mut about).await {
        Ok(()) => json(StatusCode::OK, &Object::default()),
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

async fn answer(app: &AppState, request: Request, trace: &TraceId, about: &mut About) -> Result<(), Fault> {
    let (parts, body) = request.into_parts();
    let form = form(&parts, body).await?;
    let client = authenticate::client(app, &parts, &form, None, about).await?.client;
    let token = form.value("token").ok_or(ParameterError::Missing("token"))?;
    let found = match own_access_token(app, &client, token) {
        Some(grant) => Found::Grant(grant),
        None => Found::Refresh(token.to_owned()),
    };
    let end = End { client: client.id.clone(), trace: trace.clone(), now: app.clock.now() };
    app.store.transact(move |tx| end.run(tx, &found)).await
}

/// The grant of an access token of this client.
fn own_access_token(app: &AppState, client: &Client, token: &str) -> Option<GrantId> {
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let token = AccessToken::verify_any_resource(token, &keys, issuer, app.clock.now()).ok()?;
    (token.client == client.id).then_some(token.grant.id)
}

enum Found {
    Grant(GrantId),
    Refresh(String),
}

struct End {
    client: ClientId,
    trace: TraceId,
    now: Timestamp,
}

impl End {
    fn run(&self, tx: &mut Tx<'_>, found: &Found) -> Result<(), Fault> {
        let Some(id) = self.grant(tx, found)? else { return Ok(()) };
        let Some(grant) = tx.grant(&id)? else { return Ok(()) };
        if matches!(grant.evidence, Evidence::Configuration | Evidence::Policy) {
            return Err(Fault::TokenType);
        }
        let ended = tx.revoke_tree(&id, self.client.as_str(), "the client revoked its token", self.now)?;
        if let Some(ended) = ended {
            let mut event =
                Event::new(EventKind::Grant, "grant:revoke", Outcome::Permit, self.now, self.trace.clone())
                    .because("revoked_by_client");
            event.subject = Some(grant.subject.clone());
            event.client = Some(self.client.clone());
            event.resource = Some(grant.resource);
            ended.describe(&mut event);
            tx.record(event);
        }
        Ok(())
    }

    fn grant(&self, tx: &mut Tx<'_>, found: &Found) -> Result<Option<GrantId>, Fault> {
        match found {
            Found::Grant(grant) => Ok(Some(grant.clone())),
            Found::Refresh(token) => {
                let Some(artifact) = tx.artifact(ArtifactKind::RefreshToken, token)? else { return Ok(None) };
                let payload = RefreshPayload::read(&artifact.payload)?;
                Ok(artifact.grant.filter(|_| payload.client == self.client))
            }
        }
    }
}
