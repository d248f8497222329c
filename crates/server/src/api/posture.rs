//! Signed postures: whoever delivers them need not be believed, only whoever signed them.

use super::call::Sent;
use super::facts::{event, put_all, room};
use super::{ApiFault, Call, Reply, Route, Takes};
use http::Method;
use prokura_config::FactIssuer;
use prokura_core::Timestamp;
use prokura_facts::{Posture, verify_posture};
use prokura_ledger::Event;
use prokura_oauth::jose::{KeySet, peek};
use prokura_oauth::json::obj;
use prokura_store::{ArtifactKind, Tx};
use std::sync::Arc;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::POST,
    path: "/posture",
    scope: "posture:write",
    summary: "Delivers a posture that a configured issuer signed, once",
    query: &[],
    takes: Takes::Jwt,
    gives: r#"{"type":"object","required":["kept","older"],"properties":{
        "kept":{"type":"integer"},"older":{"type":"integer"}}}"#,
    handler: |call| Box::pin(deliver(call)),
}];

async fn deliver(call: Call) -> Result<Reply, ApiFault> {
    let Sent::Jwt(jwt) = &call.sent else { return Err(ApiFault::NotText) };
    let said = peek(jwt).ok_or_else(|| refused("it is no signed token"))?;
    let issuers = &call.app.config.facts.issuers;
    let issuer = issuers.iter().find(|i| said.issuer.as_deref() == Some(i.issuer.as_str()));
    let issuer = issuer.ok_or_else(|| refused("nobody here believes its issuer"))?;
    let keys = keys(&call, issuer, said.kid.as_deref()).await?;
    let audience = call.app.config.issuer.as_str();
    let posture = verify_posture(jwt, &keys, issuer, audience, call.now);
    let posture = posture.map_err(|e| ApiFault::Evidence(e.to_string()))?;
    room(&call, posture.facts.len())?;
    let events: Vec<Event> = posture.facts.iter().map(|f| event(&call, "fact:posture", f)).collect();
    let (all, now) = (posture.facts.len(), call.now);
    let kept = call.app.store.transact(move |tx| keep(tx, &posture, &events, now)).await?;
    let number = |n: usize| u64::try_from(n).unwrap_or(0).into();
    Reply::ok(obj([("kept", number(kept)), ("older", number(all - kept))]))
}

fn keep(tx: &mut Tx<'_>, posture: &Posture, events: &[Event], now: Timestamp) -> Result<usize, ApiFault> {
    if !tx.claim(ArtifactKind::PostureJti, &posture.replay_key, now, posture.until)? {
        return Err(refused("it was delivered before"));
    }
    Ok(put_all(tx, &posture.facts, events)?)
}

fn refused(why: &str) -> ApiFault {
    ApiFault::Evidence(why.to_owned())
}

async fn keys(call: &Call, issuer: &FactIssuer, kid: Option<&str>) -> Result<Arc<KeySet>, ApiFault> {
    if let Some(keys) = call.app.posture_keys.get(&issuer.issuer) {
        return Ok(Arc::clone(keys));
    }
    let address = issuer.jwks_uri.as_deref().unwrap_or_default();
    let found = call.app.clients.keys_at(address, kid).await;
    found.map_err(|e| ApiFault::Evidence(format!("the keys of its issuer are not to be had: {e}")))
}
