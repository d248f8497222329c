//! Workloads, the rules about them, and what would become of a token.

use super::{ApiFault, Call, Reply, Route, Takes};
use crate::workload::{Examination, examine};
use http::{Method, StatusCode};
use prokura_config::{WorkloadProvider, WorkloadRule};
use prokura_core::{AgentId, WorkloadId};
use prokura_ledger::Event;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_store::{Foreigner, StoreError, StoredRule, Workload};

/// The most workloads in one answer.
const MOST: u32 = 1000;
/// The largest rule, in bytes.
const MAX_RULE: usize = 16 * 1024;

const RULE: &str = r#"{"type":"object","required":["name","provider","agent","when"],"properties":{
    "name":{"type":"string"},"provider":{"type":"string"},"agent":{"type":"string"},
    "when":{"type":"object","minProperties":1},"needs_key":{"type":"boolean"},"life":{"type":"string"},
    "grant":{"type":"array","items":{"type":"object","required":["resource","scopes"],"properties":{
        "resource":{"type":"string"},"scopes":{"type":"array","items":{"type":"string"}}}}}}}"#;
const RULES: &str = r#"{"type":"object","required":["rules"],"properties":{"rules":{"type":"array","items":{"type":"object"}}}}"#;
const WORKLOADS: &str = r#"{"type":"object","required":["workloads"],"properties":{"workloads":{"type":"array","items":{"type":"object"}}}}"#;
const PROVIDERS: &str = r#"{"type":"object","required":["providers"],"properties":{"providers":{"type":"array","items":{"type":"object"}}}}"#;
const STOP: &str = r#"{"type":"object","required":["disabled"],"properties":{"disabled":{"type":"boolean"},"why":{"type":"string"}}}"#;
const TRIED: &str = r#"{"type":"object","required":["believed","tried"],"properties":{"believed":{"type":"boolean"},"why":{"type":"string"},"rule":{},"agent":{},"tried":{"type":"array"}}}"#;

const READ: &str = "workloads:read";
const WRITE: &str = "workloads:write";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/workloads",
        scope: READ,
        summary: "Workloads that were seen, the newest first",
        query: &[("agent", "Only workloads of this agent")],
        takes: Takes::Nothing,
        gives: WORKLOADS,
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::GET,
        path: "/workloads/{id}",
        scope: READ,
        summary: "One workload",
        query: &[],
        takes: Takes::Nothing,
        gives: r#"{"type":"object"}"#,
        handler: |call| Box::pin(show(call)),
    },
    Route {
        method: Method::PUT,
        path: "/workloads/{id}/standing",
        scope: WRITE,
        summary: "Stop a workload at the next call, or let it act again",
        query: &[],
        takes: Takes::Json(STOP, 1024),
        gives: "",
        handler: |call| Box::pin(stop(call)),
    },
    Route {
        method: Method::GET,
        path: "/workload-providers",
        scope: READ,
        summary: "The providers of the configuration",
        query: &[],
        takes: Takes::Nothing,
        gives: PROVIDERS,
        handler: |call| Box::pin(providers(call)),
    },
    Route {
        method: Method::PUT,
        path: "/workload-providers/{name}/standing",
        scope: WRITE,
        summary: "Stop every workload of a provider at the next call, or let them act again",
        query: &[],
        takes: Takes::Json(STOP, 1024),
        gives: "",
        handler: |call| Box::pin(stop_provider(call)),
    },
    Route {
        method: Method::GET,
        path: "/workload-rules",
        scope: READ,
        summary: "The rules in their order: those of the file first",
        query: &[],
        takes: Takes::Nothing,
        gives: RULES,
        handler: |call| Box::pin(rules(call)),
    },
    Route {
        method: Method::PUT,
        path: "/workload-rules/{name}",
        scope: WRITE,
        summary: "Store a rule, or replace the stored one of that name; rules of the file cannot be changed here",
        query: &[],
        takes: Takes::Json(RULE, MAX_RULE),
        gives: r#"{"type":"object"}"#,
        handler: |call| Box::pin(put_rule(call)),
    },
    Route {
        method: Method::DELETE,
        path: "/workload-rules/{name}",
        scope: WRITE,
        summary: "Remove a stored rule",
        query: &[],
        takes: Takes::Nothing,
        gives: "",
        handler: |call| Box::pin(remove_rule(call)),
    },
    Route {
        method: Method::POST,
        path: "/workload-test",
        scope: READ,
        summary: "What would become of a token of a workload: whether it is believed, and which rule is for it",
        query: &[("as", "`grant` (if nothing is said) or `client`: at which door it would be shown")],
        takes: Takes::Jwt,
        gives: TRIED,
        handler: |call| Box::pin(test(call)),
    },
];

async fn list(call: Call) -> Result<Reply, ApiFault> {
    let agent = call.query.value("agent").map(AgentId::parse).transpose();
    let agent = agent.map_err(|_| ApiFault::Missing("agent"))?;
    let all = call.app.store.read::<_, StoreError>(move |tx| tx.workloads(agent.as_ref(), MOST)).await?;
    let all: Value = all.iter().map(|w| describe(&call, w)).collect();
    Reply::ok(obj([("workloads", all)]))
}

async fn show(call: Call) -> Result<Reply, ApiFault> {
    let id = workload_id(&call)?;
    let found = call.app.store.read::<_, StoreError>(move |tx| tx.workload(&id)).await?;
    let found = found.ok_or(ApiFault::Missing("workload"))?;
    let described = describe(&call, &found).into_object();
    Reply::ok(described.unwrap_or_default())
}

fn workload_id(call: &Call) -> Result<WorkloadId, ApiFault> {
    WorkloadId::parse(call.param("id")).map_err(|_| ApiFault::Missing("workload"))
}

fn describe(call: &Call, w: &Workload) -> Value {
    let claims = json::parse(w.claims.as_bytes(), &Limits::DOCUMENT).unwrap_or(Value::Null);
    let view = call.app.store.revoked();
    let disabled = view.workload_disabled(&w.id) || view.provider_disabled(&w.provider);
    Value::Object(obj([
        ("id", w.id.as_str().into()),
        ("provider", w.provider.as_str().into()),
        ("platform", w.platform.as_str().into()),
        ("subject", w.subject.as_str().into()),
        ("instance", w.instance.as_str().into()),
        ("agent", w.agent.as_str().into()),
        ("rule", w.rule.as_str().into()),
        ("claims", claims),
        ("first_seen", w.first_seen.seconds().into()),
        ("last_seen", w.last_seen.seconds().into()),
        ("disabled", disabled.into()),
    ]))
}

async fn stop(call: Call) -> Result<Reply, ApiFault> {
    let id = workload_id(&call)?;
    let known = id.clone();
    let found = call.app.store.read::<_, StoreError>(move |tx| tx.workload(&known)).await?;
    let found = found.ok_or(ApiFault::Missing("workload"))?;
    let mut event = call.event("workload:standing");
    event.details.insert("workload", found.id.as_str().into());
    set_standing(call, Foreigner::Workload(id), event).await
}

async fn stop_provider(call: Call) -> Result<Reply, ApiFault> {
    let name = call.param("name").to_owned();
    if call.app.config.workload.provider(&name).is_none() {
        return Err(ApiFault::Missing("provider"));
    }
    let mut event = call.event("workload_provider:standing");
    event.details.insert("provider", name.as_str().into());
    set_standing(call, Foreigner::provider(&name), event).await
}

async fn set_standing(call: Call, who: Foreigner, mut event: Event) -> Result<Reply, ApiFault> {
    let mut fields = super::fields::Fields::of(call.body(), "");
    let disabled = fields
        .any("disabled")?
        .as_bool()
        .ok_or_else(|| fields.wrong("disabled", "it must be true or false"))?;
    let why = fields.text_if("why", 256)?.unwrap_or_default();
    fields.done()?;
    event.details.insert("disabled", disabled.into());
    event.reasons.extend((!why.is_empty()).then(|| why.clone()));
    let (by, now) = (call.caller.client.to_string(), call.now);
    let set = move |tx: &mut prokura_store::Tx<'_>| {
        if tx.disable_foreigner(&who, disabled, &by, &why, now)? {
            tx.record(event.clone());
        }
        Ok(())
    };
    call.app.store.transact::<_, StoreError>(set).await?;
    Ok(Reply::Done)
}

async fn providers(call: Call) -> Result<Reply, ApiFault> {
    let view = call.app.store.revoked();
    let one = |p: &WorkloadProvider| {
        Value::Object(obj([
            ("name", p.name.as_str().into()),
            ("platform", p.platform().as_str().into()),
            ("issuers", p.issuers().iter().map(String::as_str).collect()),
            ("disabled", view.provider_disabled(&p.name).into()),
        ]))
    };
    let all: Value = call.app.config.workload.providers.iter().map(one).collect();
    Reply::ok(obj([("providers", all)]))
}

async fn rules(call: Call) -> Result<Reply, ApiFault> {
    let stored = call.app.store.read::<_, StoreError>(|tx| tx.workload_rules()).await?;
    let of_file = &call.app.config.workload.rules;
    let mut all: Vec<Value> = of_file.iter().filter_map(|r| of_text(&r.to_json().ok()?, "file")).collect();
    for rule in &stored {
        let from = if of_file.iter().any(|r| r.name == rule.name) { "shadowed" } else { "store" };
        all.extend(of_text(&rule.rule, from));
    }
    Reply::ok(obj([("rules", Value::Array(all))]))
}

fn of_text(rule: &str, from: &str) -> Option<Value> {
    let mut object = json::parse(rule.as_bytes(), &Limits::DOCUMENT).ok()?.into_object()?;
    object.insert("from", from.into());
    Some(Value::Object(object))
}

async fn put_rule(call: Call) -> Result<Reply, ApiFault> {
    let name = call.param("name").to_owned();
    let mut body = call.body();
    body.insert("name", name.as_str().into());
    let rule = stored_rule(&call, &body)?;
    if call.app.config.workload.rule(&name).is_some() {
        return Err(ApiFault::Conflict(format!(
            "the rule `{name}` stands in the configuration file: change it there"
        )));
    }
    let mut event = call.event("workload_rule:put");
    event.details.insert("rule", Value::Object(body.clone()));
    let put = move |tx: &mut prokura_store::Tx<'_>| {
        tx.put_workload_rule(&rule)?;
        tx.record(event.clone());
        Ok(())
    };
    call.app.store.transact::<_, StoreError>(put).await?;
    Ok(Reply::Json(StatusCode::OK, body))
}

/// The rule of a body, checked as those of the file are.
fn stored_rule(call: &Call, body: &Object) -> Result<StoredRule, ApiFault> {
    let wrong = |e: prokura_config::ConfigError| ApiFault::Conflict(e.to_string());
    let text = String::from_utf8(body.to_vec()).map_err(|_| ApiFault::NotText)?;
    let rule = WorkloadRule::from_json(&text).map_err(wrong)?;
    call.app.config.check_workload_rule(&rule).map_err(wrong)?;
    let rule_text = rule.to_json().map_err(wrong)?;
    Ok(StoredRule { name: rule.name, rule: rule_text, at: call.now, by: call.caller.client.to_string() })
}

async fn remove_rule(call: Call) -> Result<Reply, ApiFault> {
    let (name, by, now) = (call.param("name").to_owned(), call.caller.client.to_string(), call.now);
    let mut event = call.event("workload_rule:remove");
    event.details.insert("rule", name.as_str().into());
    let remove = move |tx: &mut prokura_store::Tx<'_>| {
        let removed = tx.delete_workload_rule(&name, &by, now)?;
        if removed {
            tx.record(event.clone());
        }
        Ok(removed)
    };
    let removed = call.app.store.transact::<_, StoreError>(remove).await?;
    if removed { Ok(Reply::Done) } else { Err(ApiFault::Missing("stored rule")) }
}

async fn test(call: Call) -> Result<Reply, ApiFault> {
    let as_client = match call.query.value("as") {
        None | Some("grant") => false,
        Some("client") => true,
        Some(_) => return Err(ApiFault::Query("as".to_owned())),
    };
    let super::Sent::Jwt(jwt) = &call.sent else { return Err(ApiFault::NotText) };
    let stored = call.app.store.read::<_, StoreError>(|tx| tx.workload_rules()).await?;
    let providers = &call.app.workloads.providers;
    let examined: Examination = examine(&call.app.config, providers, &stored, jwt, as_client).await;
    Reply::ok(examined.to_object())
}
