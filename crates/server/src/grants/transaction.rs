//! Exchange for a transaction token (draft-ietf-oauth-transaction-tokens): what serves a resource shows the access token
//! that it was called with, or a transaction token that it was handed, and gets one for what it calls itself. It says who
//! acts for whom as the token does; nobody is put into the chain and nobody is left out.

use super::mint;
use crate::clients::Client;
use crate::fault::{Fault, TransactionFault};
use crate::left::{Standing, standing};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use crate::wire::json;
use axum::response::Response;
use http::StatusCode;
use prokura_core::{ClientId, Effective, Passages, Timestamp, TraceId, TrustDomain};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::exchange::TokenType;
use prokura_oauth::form::Form;
use prokura_oauth::json::{Value, obj};
use prokura_oauth::transaction_token::{Making, TransactionRequest, TransactionToken};
use prokura_policy::access::{Situation, Stage};
use prokura_store::{RevokedView, Tx};
use std::sync::Arc;

const SUBJECT: Fault = Fault::Transaction(TransactionFault::Subject);

/// Exchanges a token for a transaction token.
pub(crate) async fn transaction(
    app: &AppState,
    client: &Client,
    form: &Form,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let said = &app.config.transaction_tokens;
    let domain = said.trust_domain.as_ref().ok_or(Fault::Transaction(TransactionFault::Off))?;
    if !said.clients.iter().any(|id| id == client.id.as_str()) {
        return Err(Fault::Transaction(TransactionFault::Client));
    }
    let asked = TransactionRequest::read(form).map_err(TransactionFault::from)?;
    if asked.audience != domain.as_str() {
        return Err(Fault::Transaction(TransactionFault::Audience));
    }
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let requester = requester(client, &possession);
    let found = match asked.subject_type {
        TokenType::Access => begun(app, client, &asked.subject, domain, &requester, trace).await?,
        _ => replaced(app, &asked.subject, domain, &requester)?,
    };
    about.resource = Some(found.resource.clone());
    about.grant = Some(found.grant.id.clone());
    about.subject = Some(found.subject.clone());
    let token = found.narrowed(asked.scope.clone()).map_err(TransactionFault::from)?;
    let token = token.saying(&asked.details, &asked.context).map_err(TransactionFault::from)?;
    let token = judged(app, client, token, &possession, trace)?;
    let job =
        Job { token, client: client.id.clone(), possession, trace: trace.clone(), now: app.clock.now() };
    let (passages, view) = (Arc::clone(&app.passages), app.store.revoked_view());
    let token = app.store.transact(move |tx| job.run(tx, &*passages, &view)).await?;
    respond(app, &token)
}

/// The workload that asks, as surely as it is known: by what its infrastructure said of it, else by its client.
fn requester(client: &Client, possession: &Possession) -> String {
    let attested = possession.workload().map(|shown| shown.attested.workload.to_string());
    attested.unwrap_or_else(|| client.id.to_string())
}

/// The transaction of a call that came with this access token. Only who serves the resource may begin it: it has seen
/// the token at work, and has checked what it is bound to.
async fn begun(
    app: &AppState,
    client: &Client,
    subject: &str,
    domain: &TrustDomain,
    requester: &str,
    trace: &TraceId,
) -> Result<TransactionToken, Fault> {
    let Some(Standing { token, .. }) = standing(app, subject).await? else { return Err(SUBJECT) };
    if !client.introspects.contains(&token.audience) {
        return Err(SUBJECT);
    }
    let making = Making {
        issuer: app.config.issuer.as_str(),
        domain,
        txn: trace,
        requester,
        life: app.config.transaction_tokens.life.get(),
        now: app.clock.now(),
    };
    Ok(TransactionToken::of(&token, &making))
}

/// The token that takes the place of another one of the same transaction.
fn replaced(
    app: &AppState,
    subject: &str,
    domain: &TrustDomain,
    requester: &str,
) -> Result<TransactionToken, Fault> {
    let (keys, issuer, now) = (app.keys.published(), app.config.issuer.as_str(), app.clock.now());
    let handed = TransactionToken::verify(subject, &keys, issuer, domain, now).map_err(|_| SUBJECT)?;
    Ok(handed.replaced(requester, now).map_err(TransactionFault::from)?)
}

/// What conditional access leaves of it.
fn judged(
    app: &AppState,
    client: &Client,
    token: TransactionToken,
    possession: &Possession,
    trace: &TraceId,
) -> Result<TransactionToken, Fault> {
    let place = app.places.at(&token.resource);
    let authentication = Authentication::read(&token.request).ok().flatten();
    let situation = Situation {
        stage: Stage::Exchange,
        subject: Some(&token.subject),
        agent: token.actors.first(),
        client: Some(&client.id),
        workload: possession.workload().map(|shown| &shown.attested),
        resource: place.as_ref().map_or("", |p| p.name.as_str()),
        action: None,
        scopes: &token.scopes,
        address: possession.address(),
        sign_in: authentication.as_ref().map(Authentication::sign_in),
        now: app.clock.now(),
    };
    let (allowed, _) = app.judge.transaction(&situation, place.as_deref(), &token.details, trace)?;
    let expires_at = allowed.until.map_or(token.expires_at, |until| until.min(token.expires_at));
    Ok(TransactionToken { scopes: allowed.scopes, expires_at, ..token })
}

/// Everything that the transaction needs.
struct Job {
    token: TransactionToken,
    client: ClientId,
    possession: Possession,
    trace: TraceId,
    now: Timestamp,
}

impl Job {
    /// The grant and everything above it are asked once more, in the step in which the token is put on record.
    fn run(
        &self,
        tx: &mut Tx<'_>,
        passages: &dyn Passages,
        view: &RevokedView,
    ) -> Result<TransactionToken, Fault> {
        let chain = mint::chain(tx, &self.token.grant.id)?;
        mint::in_force(view, &chain, &self.client, self.now)?;
        mint::nobody_is_disabled(tx, &chain, &self.client)?;
        if !view.stands(self.token.grant.standing()) {
            return Err(Fault::GrantOver);
        }
        let left = chain.effective(self.now, passages).map_err(|_| Fault::GrantOver)?;
        let token = within(self.token.clone(), &left).ok_or(Fault::GrantOver)?;
        self.possession.spend(tx, self.now)?;
        tx.record(self.event(&token));
        Ok(token)
    }

    fn event(&self, token: &TransactionToken) -> Event {
        let action = "token:transaction_token";
        let mut event =
            Event::new(EventKind::Issuance, action, Outcome::Permit, self.now, self.trace.clone());
        event.subject = Some(token.subject.clone());
        event.actors.clone_from(&token.actors);
        event.client = Some(self.client.clone());
        event.grant = Some(token.grant.id.clone());
        event.resource = Some(token.resource.clone());
        event.details.insert("txn", token.txn.as_str().into());
        event.details.insert("scope", token.scopes.to_string().into());
        event.details.insert("expires_at", token.expires_at.seconds().into());
        event.details.insert("requesters", token.requesters().map(Value::from).collect());
        let above = token.grant.ancestors.iter().map(|g| Value::from(g.as_str()));
        event.details.insert("anc", Value::Array(above.collect()));
        event
    }
}

/// The token cut to what is left of its grant; `None` if it says more.
fn within(token: TransactionToken, left: &Effective) -> Option<TransactionToken> {
    if !token.scopes.is_within(&left.held.actions) {
        return None;
    }
    let details = left.held.details.meet(&token.details).ok().flatten()?;
    Some(TransactionToken { details, expires_at: token.expires_at.min(left.expires_at), ..token })
}

/// Signs the token and answers (RFC 8693 §2.2.1): it is no access token, so `token_type` is `N_A`.
fn respond(app: &AppState, token: &TransactionToken) -> Result<Response, Fault> {
    let key = app.keys.transactions(app.clock.now());
    let key = key.ok_or_else(|| Fault::Broken("there is no signing key".to_owned()))?;
    let jwt = token.sign(&key).map_err(|e| Fault::Broken(e.to_string()))?;
    let body = obj([
        ("access_token", jwt.into()),
        ("issued_token_type", TokenType::Transaction.as_str().into()),
        ("token_type", "N_A".into()),
        ("expires_in", token.expires_at.since(token.issued_at).as_secs().into()),
        ("scope", token.scopes.to_string().into()),
    ]);
    Ok(json(StatusCode::OK, &body))
}
