//! Conditional access: the policies, what they would say, and what waits for somebody to agree.

use super::fields::Fields;
use super::{ApiFault, Call, Reply, Route, Takes};
use http::Method;
use prokura_access::Question;
use prokura_core::{ScopeSet, Timestamp};
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{Approval, ApprovalState, Decided, StoreError};
use std::time::Duration;

/// The longest text of a question, and the most facts.
const MAX_TEXT: usize = 2048;
const MAX_FACTS: usize = 64;
/// The longest that a decision holds: thirty days, in seconds.
const LONGEST: i64 = 30 * 24 * 3600;

const APPROVAL: &str = r#"{"type":"object","required":["id","policy","agent","subject","resource","action","state"],
    "properties":{"id":{"type":"string"},"policy":{"type":"string"},"agent":{"type":"string"},"subject":{"type":"string"},
    "client":{"type":"string"},"workload":{"type":"string"},"resource":{"type":"string"},"action":{"type":"string"},
    "state":{"enum":["pending","approved","refused"]},"asked":{"type":"integer"},"last_asked_at":{"type":"integer"},
    "decided_by":{"type":"string"},"without":{"type":"string"},"until":{"type":"integer"},"trace":{"type":"string"}}}"#;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/access/policies",
        scope: "access:read",
        summary: "The policies of conditional access, and which set they are",
        query: &[],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["set","policies"],"properties":{"set":{"type":"string"},
            "policies":{"type":"array","items":{"type":"object"}}}}"#,
        handler: |call| Box::pin(policies(call)),
    },
    Route {
        method: Method::POST,
        path: "/access/what-if",
        scope: "access:read",
        summary: "What the policies would say; nothing is recorded and nothing changes",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["resource"],"properties":{"agent":{"type":"string"},"user":{"type":"string"},
            "client":{"type":"string"},"resource":{"type":"string"},"action":{"type":"string"},"stage":{"type":"string"},
            "scopes":{"type":"string"},"address":{"type":"string"},"at":{"type":"integer"},
            "facts":{"type":"array","items":{"type":"string"}}}}"#,
            64 * 1024,
        ),
        gives: r#"{"type":"object","required":["verdict","policies"],"properties":{"verdict":{"type":"object"},
            "policies":{"type":"array","items":{"type":"object"}}}}"#,
        handler: |call| Box::pin(what_if(call)),
    },
    Route {
        method: Method::GET,
        path: "/access/approvals",
        scope: "access:read",
        summary: "What waits for somebody to agree, and what was decided",
        query: &[("state", "`pending`, `approved` or `refused`; all if nothing is said")],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["approvals"],"properties":{"approvals":{"type":"array",
            "items":{"type":"object"}}}}"#,
        handler: |call| Box::pin(approvals(call)),
    },
    Route {
        method: Method::POST,
        path: "/access/approvals/{id}",
        scope: "access:write",
        summary: "Agree or refuse, for so many seconds; every process goes by it at the next call",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["decision"],"properties":{"decision":{"enum":["approved","refused"]},
            "for":{"type":"integer","minimum":1},"without":{"type":"string"}}}"#,
            4096,
        ),
        gives: APPROVAL,
        handler: |call| Box::pin(decide(call)),
    },
];

async fn policies(call: Call) -> Result<Reply, ApiFault> {
    let policies = call.app.judge.guard().policies();
    let all = policies.iter().map(|p| Value::Object(p.to_object())).collect();
    Reply::ok(obj([("set", policies.set().as_str().into()), ("policies", Value::Array(all))]))
}

async fn what_if(call: Call) -> Result<Reply, ApiFault> {
    let mut fields = Fields::of(call.body(), "");
    let mut text = |name: &str| fields.text_if(name, MAX_TEXT);
    let (agent, user, client) = (text("agent")?, text("user")?, text("client")?);
    let (action, stage, address) = (text("action")?, text("stage")?, text("address")?);
    let scopes = text("scopes")?.unwrap_or_default();
    let resource = fields.text("resource", MAX_TEXT)?;
    let at = fields.number_if("at", 0, i64::from(u32::MAX))?.map_or(call.now, Timestamp::from_seconds);
    let has_facts = call.body().contains_key("facts");
    let listed = if has_facts { fields.array("facts", MAX_FACTS)? } else { Vec::new() };
    let facts = listed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if listed.iter().any(|fact| fact.as_str().is_none()) {
        return Err(ApiFault::Wrong(vec![fields.wrong("facts", "write each as `name=value`")]));
    }
    let question = Question { agent, user, client, resource, action, stage, scopes, address, facts };
    let asked = question.ask(call.app.judge.guard(), at);
    let answer = asked.map_err(|e| ApiFault::Wrong(vec![fields.wrong(e.member, e.why)]))?;
    fields.done()?;
    Reply::ok(answer.to_object())
}

async fn approvals(call: Call) -> Result<Reply, ApiFault> {
    let state = match call.query.value("state") {
        None => None,
        Some(word) => Some(ApprovalState::parse(word).ok_or_else(|| ApiFault::Query("state".to_owned()))?),
    };
    let all = call.app.store.read::<_, StoreError>(move |tx| tx.approvals(state)).await?;
    let all = all.iter().map(|a| Value::Object(described(a))).collect();
    Reply::ok(obj([("approvals", Value::Array(all))]))
}

async fn decide(call: Call) -> Result<Reply, ApiFault> {
    let mut fields = Fields::of(call.body(), "");
    let word = fields.text("decision", 16)?;
    let seconds = fields.number_if("for", 1, LONGEST)?.unwrap_or(3600);
    let without = fields.text_if("without", 4096)?.unwrap_or_default();
    let scopes = ScopeSet::parse(&without);
    let scopes = scopes.map_err(|e| ApiFault::Wrong(vec![fields.wrong("without", e.to_string())]))?;
    let decided = match word.as_str() {
        "approved" => Decided::Approved(scopes),
        "refused" => Decided::Refused,
        _ => return Err(ApiFault::Wrong(vec![fields.wrong("decision", "write `approved` or `refused`")])),
    };
    fields.done()?;
    let (id, by, now) = (call.param("id").to_owned(), call.caller.client.to_string(), call.now);
    let until = now.after(Duration::from_secs(seconds.unsigned_abs()));
    let mut event =
        call.event(if decided == Decided::Refused { "approval:refuse" } else { "approval:approve" });
    event.details.insert("approval", Value::from(id.as_str()));
    event.details.insert("until", until.seconds().into());
    let done = call.app.store.transact::<_, StoreError>(move |tx| {
        let done = tx.decide_approval(&id, &decided, &by, until, now)?;
        if done.is_some() {
            tx.record(event.clone());
        }
        Ok(done)
    });
    let approval = done.await?.ok_or(ApiFault::Missing("approval"))?;
    Reply::ok(described(&approval))
}

fn described(approval: &Approval) -> Object {
    let key = &approval.key;
    let mut o = Object::default();
    for (name, text) in [
        ("id", key.id().as_str()),
        ("policy", &key.policy),
        ("agent", &key.agent),
        ("subject", &key.subject),
        ("client", &approval.client),
        ("workload", &approval.workload),
        ("resource", &key.resource),
        ("action", &key.action),
        ("state", approval.state.as_str()),
        ("decided_by", &approval.decided_by),
        ("without", &approval.without.to_string()),
        ("trace", &approval.trace),
    ] {
        o.insert(name, Value::from(text));
    }
    o.insert("asked", approval.asked.into());
    o.insert("last_asked_at", approval.last_asked_at.seconds().into());
    o.insert("until", approval.until.seconds().into());
    o
}
