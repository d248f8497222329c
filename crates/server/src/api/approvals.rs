//! Calls that wait for somebody to agree, how people decide, and what is looked at afterwards.

use super::fields::Fields;
use super::{ApiFault, Call, Reply, Route, Takes};
use crate::approvals::{decide, end_rule};
use crate::standing::{Act, Actor};
use http::Method;
use prokura_core::{Acr, Ballot, GrantId, NoVote, Risk, TaskId, TaskState, Timestamp, Voter};
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{
    ApprovalRule, Review, ReviewState, StoreError, StoredTask, TaskFilter, TaskStats, Voted,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// The longest word for the record, in bytes.
const WORD: usize = 480;
/// What is asked of the figures if nothing is said: thirty days, in seconds.
const MONTH: i64 = 30 * 24 * 3600;

const TASK: &str = r#"{"type":"object","required":["id","state","subject","agent","client","resource","action",
    "arguments_hash","approvers","of","because","until"],"properties":{"id":{"type":"string"},
    "state":{"enum":["pending","approved","used","refused","expired","void"]},"subject":{"type":"string"},
    "agent":{"type":"string"},"chain":{"type":"array","items":{"type":"string"}},"client":{"type":"string"},
    "grant":{"type":"string"},"resource":{"type":"string"},"action":{"type":"string"},
    "arguments_hash":{"type":"string"},"approvers":{"type":"array","items":{"type":"string"}},
    "of":{"type":"integer"},"acr":{"type":"string"},"because":{"type":"string"},
    "rules":{"type":"array","items":{"type":"string"}},"risk":{"enum":["low","medium","high"]},
    "reversible":{"type":"boolean"},"asked":{"type":"integer"},"asked_at":{"type":"integer"},
    "decided_at":{"type":"integer"},"used_at":{"type":"integer"},"until":{"type":"integer"},
    "trace":{"type":"string"},"title":{"type":"string"},"arguments":{"type":"object"},"votes":{"type":"array","items":{"type":"object"}}}}"#;
const REVIEW: &str = r#"{"type":"object","required":["id","state","subject","agent","action","because","at"],
    "properties":{"id":{"type":"string"},"state":{"enum":["open","fine","objected"]},"subject":{"type":"string"},
    "agent":{"type":"string"},"client":{"type":"string"},"grant":{"type":"string"},"resource":{"type":"string"},
    "action":{"type":"string"},"arguments_hash":{"type":"string"},"because":{"type":"string"},
    "trace":{"type":"string"},"at":{"type":"integer"},"decided_by":{"type":"string"},"word":{"type":"string"}}}"#;
const LIST: &str = r#"{"type":"object","properties":{"approvals":{"type":"array","items":{"type":"object"}},
    "rules":{"type":"array","items":{"type":"object"}},"reviews":{"type":"array","items":{"type":"object"}}}}"#;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/approvals",
        scope: "approvals:read",
        summary: "The calls that wait for somebody to agree, and what became of others; never their arguments",
        query: &[(
            "state",
            "`pending`, `approved`, `used`, `refused`, `expired` or `void`; all if nothing is said",
        )],
        takes: Takes::Nothing,
        gives: LIST,
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::GET,
        path: "/approvals/stats",
        scope: "approvals:read",
        summary: "How often people agree, and how long they take",
        query: &[("seconds", "of what was asked in the last so many seconds; 30 days if nothing is said")],
        takes: Takes::Nothing,
        gives: r#"{"type":"object","required":["asked","approved","refused","undecided","pending"],
            "properties":{"asked":{"type":"integer"},"approved":{"type":"integer"},"refused":{"type":"integer"},
            "undecided":{"type":"integer"},"pending":{"type":"integer"},"approval_rate":{"type":"integer"},
            "median_seconds":{"type":"integer"}}}"#,
        handler: |call| Box::pin(stats(call)),
    },
    Route {
        method: Method::GET,
        path: "/approvals/rules",
        scope: "approvals:read",
        summary: "What was agreed to for a while",
        query: &[],
        takes: Takes::Nothing,
        gives: LIST,
        handler: |call| Box::pin(rules(call)),
    },
    Route {
        method: Method::DELETE,
        path: "/approvals/rules/{id}",
        scope: "approvals:write",
        summary: "End an agreement for a while; the next call asks again",
        query: &[],
        takes: Takes::Nothing,
        gives: "",
        handler: |call| Box::pin(end(call)),
    },
    Route {
        method: Method::GET,
        path: "/approvals/reviews",
        scope: "approvals:read",
        summary: "The calls that were permitted and are looked at afterwards",
        query: &[("state", "`open`, `fine` or `objected`; all if nothing is said")],
        takes: Takes::Nothing,
        gives: LIST,
        handler: |call| Box::pin(reviews(call)),
    },
    Route {
        method: Method::POST,
        path: "/approvals/reviews/{id}",
        scope: "approvals:write",
        summary: "Find a call fine, or object: then the grant by which it was done ends",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["decision"],"properties":{"decision":{"enum":["fine","objected"]},
            "word":{"type":"string"}}}"#,
            4096,
        ),
        gives: REVIEW,
        handler: |call| Box::pin(review(call)),
    },
    Route {
        method: Method::GET,
        path: "/approvals/{id}",
        scope: "approvals:read",
        summary: "One call that waits or waited; its arguments only for who may decide (`approvals:write`), while they are kept",
        query: &[],
        takes: Takes::Nothing,
        gives: TASK,
        handler: |call| Box::pin(one(call)),
    },
    Route {
        method: Method::POST,
        path: "/approvals/{id}",
        scope: "approvals:write",
        summary: "Refuse a call, or agree where `operator` is among those who may; never to one of the client's own agent",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["decision"],"properties":{"decision":{"enum":["approved","refused"]},
            "word":{"type":"string"}}}"#,
            4096,
        ),
        gives: TASK,
        handler: |call| Box::pin(vote(call)),
    },
];

async fn list(call: Call) -> Result<Reply, ApiFault> {
    let state = match call.query.value("state") {
        None => None,
        Some(word) => Some(TaskState::parse(word).ok_or_else(|| ApiFault::Query("state".to_owned()))?),
    };
    let filter = TaskFilter { state, subject: None, limit: 1000 };
    let all = call.app.store.read::<_, StoreError>(move |tx| tx.tasks(&filter)).await?;
    let all = all.iter().map(|t| Value::Object(described(t, call.now))).collect();
    Reply::ok(obj([("approvals", Value::Array(all))]))
}

async fn one(call: Call) -> Result<Reply, ApiFault> {
    let id = TaskId::parse(call.param("id")).map_err(|_| ApiFault::Missing("approval"))?;
    let found = call.app.store.read::<_, StoreError>(move |tx| tx.task(&id)).await?;
    let found = found.ok_or(ApiFault::Missing("approval"))?;
    let mut described = described(&found, call.now);
    // Who may decide sees on what.
    if call.caller.scopes.iter().any(|scope| scope.as_str() == "approvals:write")
        && let Some(facts) = call.app.people.approvals.open(&found.task.id, &found.sealed)
    {
        described.insert("title", facts.title.as_str().into());
        described.insert("arguments", Value::Object(facts.arguments));
    }
    Reply::ok(described)
}

async fn vote(call: Call) -> Result<Reply, ApiFault> {
    let mut fields = Fields::of(call.body(), "");
    let agrees = match fields.text("decision", 16)?.as_str() {
        "approved" => true,
        "refused" => false,
        _ => return Err(ApiFault::Wrong(vec![fields.wrong("decision", "write `approved` or `refused`")])),
    };
    let word = fields.text_if("word", WORD)?.unwrap_or_default();
    fields.done()?;
    let id = TaskId::parse(call.param("id")).map_err(|_| ApiFault::Missing("approval"))?;
    let ballot = Ballot {
        voter: Voter::Operator(Some(call.caller.client.clone())),
        groups: BTreeSet::new(),
        agent: Some(call.caller.agent.clone()),
        sign_in: None,
        agrees,
        word,
        at: call.now,
    };
    let mut event = call.event("approval");
    event.details.insert("by", call.caller.client.as_str().into());
    let child = GrantId::random(&*call.app.rng);
    let done = call
        .app
        .store
        .transact::<_, StoreError>(move |tx| decide(tx, &id, child.clone(), &ballot, event.clone()));
    match done.await? {
        Voted::Counted(task) => Reply::ok(described(&task, call.now)),
        Voted::Missing => Err(ApiFault::Missing("approval")),
        Voted::Not(NoVote::NotAsked) => {
            Err(ApiFault::Conflict("`operator` is not among those who may agree to it".to_owned()))
        }
        Voted::Not(why) => Err(ApiFault::Conflict(why.to_string())),
    }
}

async fn stats(call: Call) -> Result<Reply, ApiFault> {
    let seconds = match call.query.value("seconds") {
        None => Some(MONTH),
        Some(text) => text.parse::<i64>().ok().filter(|s| *s > 0),
    };
    let seconds = seconds.ok_or_else(|| ApiFault::Query("seconds".to_owned()))?;
    let (now, since) = (call.now, call.now.before(Duration::from_secs(seconds.unsigned_abs())));
    let stats = call.app.store.read::<_, StoreError>(move |tx| tx.task_stats(since, now)).await?;
    Reply::ok(figures(&stats))
}

fn figures(stats: &TaskStats) -> Object {
    let mut o = obj([
        ("asked", stats.asked.into()),
        ("approved", stats.approved.into()),
        ("refused", stats.refused.into()),
        ("undecided", stats.undecided.into()),
        ("pending", stats.pending.into()),
    ]);
    if let Some(rate) = stats.approval_rate() {
        o.insert("approval_rate", rate.into());
    }
    if let Some(median) = stats.median {
        o.insert("median_seconds", median.as_secs().into());
    }
    o
}

async fn rules(call: Call) -> Result<Reply, ApiFault> {
    let now = call.now;
    let all = call.app.store.read::<_, StoreError>(move |tx| tx.approval_rules(None, now)).await?;
    let all = all.iter().map(|r| Value::Object(rule(r))).collect();
    Reply::ok(obj([("rules", Value::Array(all))]))
}

fn rule(r: &ApprovalRule) -> Object {
    obj([
        ("id", r.id.as_str().into()),
        ("approval", r.task.as_str().into()),
        ("grant", r.grant.as_str().into()),
        ("subject", r.subject.as_str().into()),
        ("agent", r.actor.as_str().into()),
        ("resource", r.server.as_str().into()),
        ("action", r.action.as_str().into()),
        ("by", r.by.as_str().into()),
        ("made_at", r.made_at.seconds().into()),
        ("until", r.until.seconds().into()),
    ])
}

async fn end(call: Call) -> Result<Reply, ApiFault> {
    let (id, mut event) = (call.param("id").to_owned(), call.event("approval"));
    event.details.insert("by", call.caller.client.as_str().into());
    let done = call.app.store.transact::<_, StoreError>(move |tx| end_rule(tx, &id, event.clone()));
    done.await?.map(|_| Reply::Done).ok_or(ApiFault::Missing("rule"))
}

async fn reviews(call: Call) -> Result<Reply, ApiFault> {
    let state = match call.query.value("state") {
        None => None,
        Some(word) => Some(ReviewState::parse(word).ok_or_else(|| ApiFault::Query("state".to_owned()))?),
    };
    let all = call.app.store.read::<_, StoreError>(move |tx| tx.reviews(state)).await?;
    let all = all.iter().map(|r| Value::Object(reviewed(r))).collect();
    Reply::ok(obj([("reviews", Value::Array(all))]))
}

async fn review(call: Call) -> Result<Reply, ApiFault> {
    let mut fields = Fields::of(call.body(), "");
    let fine = match fields.text("decision", 16)?.as_str() {
        "fine" => true,
        "objected" => false,
        _ => return Err(ApiFault::Wrong(vec![fields.wrong("decision", "write `fine` or `objected`")])),
    };
    let word = fields.text_if("word", WORD)?.unwrap_or_default();
    fields.done()?;
    let (id, by, now) = (call.param("id").to_owned(), call.caller.client.to_string(), call.now);
    let event = call.event(if fine { "review:fine" } else { "review:object" });
    let why = if word.is_empty() { "somebody objected to a call".to_owned() } else { word.clone() };
    let actor = Actor { by: by.clone(), owner: None, why, event: event.clone() };
    let done = call.app.store.transact::<_, StoreError>(move |tx| {
        let Some(review) = tx.decide_review(&id, fine, &by, &word, now)? else { return Ok(None) };
        let mut entry = event.clone();
        entry.grant = Some(review.grant.clone());
        entry.details.insert("review", review.id.as_str().into());
        entry.details.insert("about", review.action.as_str().into());
        tx.record(entry);
        if !fine {
            drop(Act::Revoke.run(tx, &review.grant, None, &actor)?);
        }
        Ok(Some(review))
    });
    Reply::ok(reviewed(&done.await?.ok_or(ApiFault::Missing("review"))?))
}

fn reviewed(r: &Review) -> Object {
    obj([
        ("id", r.id.as_str().into()),
        ("state", r.state.as_str().into()),
        ("subject", r.subject.as_str().into()),
        ("agent", r.actor.as_str().into()),
        ("client", r.client.as_str().into()),
        ("grant", r.grant.as_str().into()),
        ("resource", r.server.as_str().into()),
        ("action", r.action.as_str().into()),
        ("arguments_hash", r.arguments.as_str().into()),
        ("because", r.because.as_str().into()),
        ("trace", r.trace.as_str().into()),
        ("at", r.at.seconds().into()),
        ("decided_by", r.decided_by.as_str().into()),
        ("word", r.word.as_str().into()),
    ])
}

/// A task for machines: everything but the arguments.
fn described(stored: &StoredTask, now: Timestamp) -> Object {
    let (task, call) = (&stored.task, &stored.task.call);
    let texts = |all: &mut dyn Iterator<Item = &str>| Value::Array(all.map(Value::from).collect());
    let mut o = obj([
        ("id", task.id.as_str().into()),
        ("state", task.state_at(now).as_str().into()),
        ("subject", call.subject.as_str().into()),
        ("agent", call.actor.as_str().into()),
        ("chain", texts(&mut call.chain.iter().map(|a| a.as_str()))),
        ("client", call.client.as_str().into()),
        ("grant", call.grant.as_str().into()),
        ("resource", call.server.as_str().into()),
        ("action", call.action.as_str().into()),
        ("arguments_hash", call.arguments.as_str().into()),
        ("approvers", texts(&mut task.quorum.approvers.iter().map(String::as_str))),
        ("of", u64::from(task.quorum.of).into()),
        ("because", task.because.as_str().into()),
        ("rules", texts(&mut stored.rules.iter().map(String::as_str))),
        ("asked", stored.asked.into()),
        ("asked_at", task.asked_at.seconds().into()),
        ("decided_at", stored.decided_at.seconds().into()),
        ("used_at", stored.used_at.seconds().into()),
        ("until", task.until.seconds().into()),
        ("trace", stored.trace.as_str().into()),
    ]);
    for (name, word) in [("acr", task.quorum.acr.map(Acr::as_str)), ("risk", stored.risk.map(Risk::as_str))] {
        if let Some(word) = word {
            o.insert(name, word.into());
        }
    }
    if let Some(reversible) = stored.reversible {
        o.insert("reversible", Value::Bool(reversible));
    }
    let vote = |vote: &prokura_core::Vote| {
        Value::Object(obj([
            ("by", vote.by.as_str().into()),
            ("agrees", Value::Bool(vote.agrees)),
            ("word", vote.word.as_str().into()),
            ("at", vote.at.seconds().into()),
        ]))
    };
    o.insert("votes", Value::Array(task.votes.iter().map(vote).collect()));
    o
}
