//! Enterprise consents: what administrators allow for groups of users, and what users asked for and could not allow.

use super::{ApiFault, Call, Reply, Route, Takes};
use crate::consent;
use http::{Method, StatusCode};
use prokura_config::EnterpriseConsent;
use prokura_ledger::{Entry, Filter};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_store::{StoreError, StoredConsent, Tx};
use std::sync::Arc;

/// The largest consent, in bytes.
const MAX: usize = 16 * 1024;
/// The most requests in one answer.
const MOST: u32 = 200;

const CONSENT: &str = r#"{"type":"object","required":["resource"],"properties":{
    "name":{"type":"string"},"groups":{"type":"array","items":{"type":"string"}},
    "clients":{"type":"array","items":{"type":"string"}},"agents":{"type":"array","items":{"type":"string"}},
    "resource":{"type":"string"},"scopes":{"type":"array","items":{"type":"string"}},"details":{"type":"string"},
    "lasts":{"type":"string"},"may_act":{"type":"array","items":{"type":"string"}},
    "users_may_end":{"type":"boolean"},"users_may_allow":{"type":"array","items":{"type":"string"}}}}"#;
const CONSENTS: &str = r#"{"type":"object","required":["consents"],"properties":{"consents":{"type":"array","items":{"type":"object"}}}}"#;
const REQUESTS: &str = r#"{"type":"object","required":["requests"],"properties":{"requests":{"type":"array","items":{"type":"object"}}}}"#;

const READ: &str = "consents:read";
const WRITE: &str = "consents:write";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/consents",
        scope: READ,
        summary: "The enterprise consents: those of the file first",
        query: &[],
        takes: Takes::Nothing,
        gives: CONSENTS,
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::PUT,
        path: "/consents/{name}",
        scope: WRITE,
        summary: "Store an enterprise consent, or replace the stored one of that name; what it gives no longer ends at once",
        query: &[],
        takes: Takes::Json(CONSENT, MAX),
        gives: r#"{"type":"object"}"#,
        handler: |call| Box::pin(put(call)),
    },
    Route {
        method: Method::DELETE,
        path: "/consents/{name}",
        scope: WRITE,
        summary: "End a stored enterprise consent, and every grant that rests on it",
        query: &[],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["ended"],"properties":{"ended":{"type":"integer"}}}"#,
        handler: |call| Box::pin(end(call)),
    },
    Route {
        method: Method::GET,
        path: "/consent-requests",
        scope: READ,
        summary: "What users were asked for and could not allow, the newest first",
        query: &[],
        takes: Takes::Nothing,
        gives: REQUESTS,
        handler: |call| Box::pin(requests(call)),
    },
];

async fn list(call: Call) -> Result<Reply, ApiFault> {
    let stored = call.app.store.read::<_, StoreError>(|tx| tx.enterprise_consents()).await?;
    let of_file = &call.app.config.enterprise_consents;
    let mut all: Vec<Value> =
        of_file.iter().filter_map(|c| of_text(&c.to_json().ok()?, "file", None)).collect();
    for one in &stored {
        let shadowed = of_file.iter().any(|c| c.name == one.name);
        let from = match (shadowed, consent::readable(&call.app.config, one)) {
            (true, _) => "shadowed",
            (false, None) => "unfit",
            (false, Some(_)) => "store",
        };
        all.extend(of_text(&one.consent, from, Some(one)));
    }
    Reply::ok(obj([("consents", Value::Array(all))]))
}

fn of_text(text: &str, from: &str, stored: Option<&StoredConsent>) -> Option<Value> {
    let mut object = json::parse(text.as_bytes(), &Limits::DOCUMENT).ok()?.into_object()?;
    object.insert("from", from.into());
    if let Some(stored) = stored {
        object.insert("stored_at", stored.at.seconds().into());
        object.insert("stored_by", stored.by.as_str().into());
    }
    Some(Value::Object(object))
}

async fn put(call: Call) -> Result<Reply, ApiFault> {
    let name = call.param("name").to_owned();
    let mut body = call.body();
    body.insert("name", name.as_str().into());
    let stored = read(&call, &body)?;
    if call.app.config.enterprise_consents.iter().any(|c| c.name == name) {
        return Err(in_file(&name));
    }
    let mut event = call.event("consent:put");
    event.details.insert("consent", Value::Object(body.clone()));
    let (config, trace, now) = (Arc::clone(&call.app.config), call.trace.clone(), call.now);
    let put = move |tx: &mut Tx<'_>| {
        tx.put_enterprise_consent(&stored)?;
        tx.record(event.clone());
        consent::review(tx, &config, (None, Some(&stored.name)), now, &trace).map(drop)
    };
    call.app.store.transact::<_, StoreError>(put).await?;
    Ok(Reply::Json(StatusCode::OK, body))
}

fn in_file(name: &str) -> ApiFault {
    ApiFault::Conflict(format!("the consent `{name}` stands in the configuration file: change it there"))
}

/// The consent of a body, checked as those of the file are.
fn read(call: &Call, body: &Object) -> Result<StoredConsent, ApiFault> {
    let wrong = |e: prokura_config::ConfigError| ApiFault::Conflict(e.to_string());
    let text = String::from_utf8(body.to_vec()).map_err(|_| ApiFault::NotText)?;
    let consent = EnterpriseConsent::from_json(&text).map_err(wrong)?;
    call.app.config.check_enterprise_consent(&consent).map_err(wrong)?;
    consent::check_details(&call.app.config, &consent).map_err(ApiFault::Conflict)?;
    let text = consent.to_json().map_err(wrong)?;
    Ok(StoredConsent { name: consent.name, consent: text, at: call.now, by: call.caller.client.to_string() })
}

async fn end(call: Call) -> Result<Reply, ApiFault> {
    let name = call.param("name").to_owned();
    if call.app.config.enterprise_consents.iter().any(|c| c.name == name) {
        return Err(in_file(&name));
    }
    let mut event = call.event("consent:end");
    event.details.insert("consent", name.as_str().into());
    let (config, trace, now) = (Arc::clone(&call.app.config), call.trace.clone(), call.now);
    let end = move |tx: &mut Tx<'_>| {
        if !tx.delete_enterprise_consent(&name)? {
            return Ok(None);
        }
        let ended = consent::review(tx, &config, (None, Some(&name)), now, &trace)?;
        let mut event = event.clone();
        event.details.insert("ended", u64::try_from(ended).unwrap_or(u64::MAX).into());
        tx.record(event);
        Ok(Some(ended))
    };
    let ended = call.app.store.transact::<_, StoreError>(end).await?;
    let ended = ended.ok_or(ApiFault::Missing("stored consent"))?;
    Reply::ok(obj([("ended", u64::try_from(ended).unwrap_or(u64::MAX).into())]))
}

async fn requests(call: Call) -> Result<Reply, ApiFault> {
    let filter = Filter { action: Some("consent:withheld".to_owned()), limit: MOST, ..Filter::default() };
    let found = call.app.store.read::<_, StoreError>(move |tx| tx.entries(&filter)).await?;
    let all: Value = found.iter().map(|(_, entry)| request(entry)).collect();
    Reply::ok(obj([("requests", all)]))
}

fn request(entry: &Entry) -> Value {
    let event = &entry.event;
    let mut o = obj([("at", event.at.seconds().into()), ("trace", event.trace.as_str().into())]);
    let texts = [
        ("user", event.subject.as_ref().map(|s| s.as_str())),
        ("client", event.client.as_ref().map(|c| c.as_str())),
        ("resource", event.resource.as_ref().map(|r| r.as_str())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            o.insert(name, text.into());
        }
    }
    for name in ["client_name", "scope", "authorization_details", "may_act"] {
        if let Some(value) = event.details.get(name) {
            o.insert(name, value.clone());
        }
    }
    Value::Object(o)
}
