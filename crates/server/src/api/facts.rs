//! Facts that clients say: about workloads, hosts, agents, clients and users.

use super::{ApiFault, Call, Fields, Reply, Route, Takes, Wrong};
use http::Method;
use prokura_core::{FactName, FactValue, Timestamp};
use prokura_facts::pushed::{self, LONGEST, NotSaid};
use prokura_ledger::Event;
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{FactSubject, StoreError, StoredFact, Tx};
use std::time::Duration;

/// At most so many facts at once.
const AT_ONCE: usize = 200;
/// The largest batch, in bytes.
const MAX: usize = 256 * 1024;
/// So many facts on a page.
const PAGE: u32 = 200;

/// The tables need constants, and constants cannot be put together of others at run time.
macro_rules! many {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            r#"{"type":"object","required":["subject","name","value","max_age"],"properties":{"subject":{"type":"object","required":["kind","id"],"properties":{"kind":{"enum":["workload","host","agent","client","user"]},"id":{"type":"string","description":"A host is written PROVIDER/CLAIM:VALUE, such as prod/node:worker-1"}}},"name":{"type":"string","description":"posture.*, risk.* or custom.*; risk.level is LOW, MEDIUM or HIGH"},"value":{"type":["string","integer","boolean"]},"observed_at":{"type":"integer","description":"Seconds since 1970; now if nothing is said"},"max_age":{"type":"integer","minimum":1,"maximum":2592000,"description":"For how many seconds it counts"}}}"#,
            $after
        )
    };
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::PUT,
        path: "/facts",
        scope: "facts:write",
        summary: "Says what is known; an older observation never replaces a newer one",
        query: &[],
        takes: Takes::Json(
            many!(
                r#"{"type":"object","required":["facts"],"additionalProperties":false,"properties":{"facts":{"type":"array","minItems":1,"maxItems":200,"items":"#,
                "}}}"
            ),
            MAX,
        ),
        gives: r#"{"type":"object","required":["kept","older"],"properties":{
            "kept":{"type":"integer"},"older":{"type":"integer","description":"So many were older than what is known"}}}"#,
        handler: |call| Box::pin(put(call)),
    },
    Route {
        method: Method::GET,
        path: "/facts",
        scope: "facts:read",
        summary: "What was said, 200 at a time",
        query: &[
            ("kind", "Only of this kind; with `id`"),
            ("id", "Only of this subject; with `kind`"),
            ("after", "`next` of the page before"),
        ],
        takes: Takes::Nothing,
        gives: many!(
            r#"{"type":"object","required":["facts"],"properties":{"next":{"type":"string","description":"Ask with it as `after` for more"},"facts":{"type":"array","items":"#,
            "}}}"
        ),
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::DELETE,
        path: "/facts/{kind}/{id}/{name}",
        scope: "facts:write",
        summary: "Nothing is known of that name any more, until somebody says it again",
        query: &[],
        takes: Takes::Nothing,
        gives: "",
        handler: |call| Box::pin(forget(call)),
    },
];

async fn put(call: Call) -> Result<Reply, ApiFault> {
    let mut body = Fields::of(call.body(), "");
    let all = body.array("facts", AT_ONCE)?;
    body.done()?;
    let source = format!("client {}", call.caller.client);
    let read = |(n, value): (usize, Value)| one(value, format!("/facts/{n}"), &source, call.now);
    let mut wrong = Vec::new();
    let facts: Vec<_> =
        all.into_iter().enumerate().filter_map(|f| read(f).map_err(|w| wrong.push(w)).ok()).collect();
    if !wrong.is_empty() {
        return Err(ApiFault::Wrong(wrong));
    }
    let kept = keep(&call, facts.clone(), "fact:put").await?;
    let kept = u64::try_from(kept).unwrap_or(0);
    let older = u64::try_from(facts.len()).unwrap_or(0) - kept;
    Reply::ok(obj([("kept", kept.into()), ("older", older.into())]))
}

/// Keeps what was said, on record, if there is room; says how many were newer than what is known.
pub(super) async fn keep(call: &Call, facts: Vec<StoredFact>, action: &str) -> Result<usize, ApiFault> {
    room(call, facts.len())?;
    let events: Vec<Event> = facts.iter().map(|f| event(call, action, f)).collect();
    let kept = call.app.store.transact::<_, StoreError>(move |tx| put_all(tx, &facts, &events)).await?;
    Ok(kept)
}

/// Refuses more than is kept: every process holds all of them in memory.
pub(super) fn room(call: &Call, more: usize) -> Result<(), ApiFault> {
    let most = usize::try_from(call.app.config.facts.most).unwrap_or(usize::MAX);
    if call.app.store.facts().count().saturating_add(more) > most {
        return Err(ApiFault::Full("no more facts are kept: raise `[facts] most`, or say less"));
    }
    Ok(())
}

/// Puts those that are newer than what is known, each with its entry.
pub(super) fn put_all(tx: &mut Tx<'_>, facts: &[StoredFact], events: &[Event]) -> Result<usize, StoreError> {
    let mut kept = 0;
    for (fact, event) in facts.iter().zip(events) {
        if tx.put_fact(fact)? {
            tx.record(event.clone());
            kept += 1;
        }
    }
    Ok(kept)
}

/// The entry that says that something was said.
pub(super) fn event(call: &Call, action: &str, fact: &StoredFact) -> Event {
    let mut event = call.event(action);
    event.details = shown(fact);
    event
}

fn one(value: Value, at: String, source: &str, now: Timestamp) -> Result<StoredFact, Wrong> {
    let Value::Object(object) = value else { return Err(Wrong::new(at, "it must be an object")) };
    let mut f = Fields::of(object, at.clone());
    let subject = match f.any("subject")? {
        Value::Object(o) => subject(o, &format!("{at}/subject"))?,
        _ => return Err(f.wrong("subject", "it must be an object of `kind` and `id`")),
    };
    let name = pushed::name(&f.text("name", 128)?).map_err(|e| f.wrong("name", e.to_string()))?;
    let value = f.any("value")?;
    let value = pushed::value(&name, &value).map_err(|e| f.wrong("value", e.to_string()))?;
    let observed_at = f.number_if("observed_at", 0, 253_402_300_799)?;
    let observed_at = observed_at.map_or(now, Timestamp::from_seconds);
    let most = i64::try_from(LONGEST.as_secs()).unwrap_or(i64::MAX);
    let max_age = Duration::from_secs(u64::try_from(f.number("max_age", 1, most)?).unwrap_or(0));
    pushed::timing(observed_at, max_age, now).map_err(|e| match e {
        NotSaid::MaxAge => f.wrong("max_age", e.to_string()),
        _ => f.wrong("observed_at", e.to_string()),
    })?;
    f.done()?;
    Ok(StoredFact { subject, name, value, source: source.to_owned(), observed_at, max_age })
}

fn subject(object: Object, at: &str) -> Result<FactSubject, Wrong> {
    let mut f = Fields::of(object, at);
    let (kind, id) = (f.text("kind", 16)?, f.text("id", 2048)?);
    let subject = pushed::subject(&kind, &id);
    let subject =
        subject.map_err(|e| f.wrong(if e == NotSaid::Kind { "kind" } else { "id" }, e.to_string()))?;
    f.done()?;
    Ok(subject)
}

async fn list(call: Call) -> Result<Reply, ApiFault> {
    let of = match (call.query.value("kind"), call.query.value("id")) {
        (None, None) => None,
        (Some(kind), Some(id)) => {
            Some(pushed::subject(kind, id).map_err(|e| Wrong::new("id", e.to_string()))?)
        }
        _ => return Err(Wrong::new("kind", "`kind` and `id` stand together").into()),
    };
    let after = call.query.value("after").unwrap_or_default().to_owned();
    let mut parts = after.splitn(3, ' ').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    let (kind, name, id) = (part(), part(), part());
    let read = move |tx: &mut Tx<'_>| tx.facts(of.as_ref(), (&kind, &id, &name), PAGE);
    let facts = call.app.store.read::<_, StoreError>(read).await?;
    let more = u32::try_from(facts.len()).is_ok_and(|n| n == PAGE);
    let next = facts.last().filter(|_| more).map(next);
    let said = |f: &StoredFact| pushed::name(f.name.as_str()).is_ok();
    let mut body = obj([(
        "facts",
        Value::Array(facts.iter().filter(|f| said(f)).map(|f| Value::Object(shown(f))).collect()),
    )]);
    if let Some(next) = next {
        body.insert("next", next.into());
    }
    Reply::ok(body)
}

/// Ids have no spaces in them but hosts might in their values, so the id stands last.
fn next(last: &StoredFact) -> String {
    format!("{} {} {}", last.subject.kind.as_str(), last.name, last.subject.id)
}

fn shown(fact: &StoredFact) -> Object {
    let subject = obj([("kind", fact.subject.kind.as_str().into()), ("id", fact.subject.id.as_str().into())]);
    obj([
        ("subject", Value::Object(subject)),
        ("name", fact.name.as_str().into()),
        ("value", value(&fact.value)),
        ("source", fact.source.as_str().into()),
        ("observed_at", fact.observed_at.seconds().into()),
        ("max_age", fact.max_age.as_secs().into()),
    ])
}

fn value(value: &FactValue) -> Value {
    match value {
        FactValue::Text(text) => (&**text).into(),
        FactValue::Number(number) => (*number).into(),
        FactValue::Flag(flag) => (*flag).into(),
    }
}

async fn forget(call: Call) -> Result<Reply, ApiFault> {
    const MISSING: ApiFault = ApiFault::Missing("fact");
    let subject = pushed::subject(call.param("kind"), call.param("id")).map_err(|_| MISSING)?;
    let name: FactName = pushed::name(call.param("name")).map_err(|_| MISSING)?;
    let mut event = call.event("fact:forget");
    event.details = obj([
        ("kind", subject.kind.as_str().into()),
        ("id", subject.id.as_str().into()),
        ("name", name.as_str().into()),
    ]);
    let now = call.now;
    let gone = call.app.store.transact::<_, StoreError>(move |tx| {
        let gone = tx.forget_fact(&subject, &name, now)?;
        if gone {
            tx.record(event.clone());
        }
        Ok(gone)
    });
    if gone.await? { Ok(Reply::Done) } else { Err(MISSING) }
}
