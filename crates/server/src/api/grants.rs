//! Grants: what was allowed to whom, what came of it, and how an administrator takes something away, stops or ends it.

use super::{ApiFault, Call, Fields, Reply, Route, Takes, Wrong};
use crate::standing::{Act, Actor, OWNER, Refusal};
use http::Method;
use prokura_core::{
    AgentId, Edit, Evidence, Grant, GrantId, GrantState, Grantor, InvalidEdit, MayAct, Principal,
    ResourceUri, ScopeSet, Timestamp,
};
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_store::{GrantFilter, Held, StoreError, TreeNode, TreeWindow, Tx};
use std::collections::BTreeSet;

const READ: &str = "grants:read";
const WRITE: &str = "grants:write";

/// The most grants in one answer.
const MOST: u32 = 1000;
/// The most of what came of one in one answer, if nothing is said.
const BRANCHES: u32 = 200;

const GRANTS: &str = r#"{"type":"object","required":["grants"],"properties":{"grants":{"type":"array","items":{"type":"object"}},"next":{"type":"string"}}}"#;
const GRANT: &str = r#"{"type":"object","required":["id","subject","grantee","resource","scope","state","revision"],"properties":{"id":{"type":"string"},"parents":{"type":"array","items":{"type":"string"}},"subject":{"type":"string"},"grantor":{"type":"string"},"grantee":{"type":"string"},"resource":{"type":"string"},"scope":{"type":"string"},"authorization_details":{"type":"array"},"not_before":{"type":"integer"},"expires_at":{"type":"integer"},"last_used":{"type":"integer"},"depth_left":{"type":"integer"},"may_act":{"type":"array","items":{"type":"string"}},"evidence":{"type":"string"},"state":{"type":"string","enum":["active","suspended","revoked","expired"]},"causes":{"type":"array","items":{"type":"string"}},"ended":{"type":"object"},"revision":{"type":"integer"}}}"#;
const TREE: &str = r#"{"type":"object","required":["grants"],"properties":{"grants":{"type":"array","items":{"type":"object","required":["id","depth","more"]}}}}"#;
const NARROW: &str = r#"{"type":"object","properties":{"without":{"type":"array","items":{"type":"string"}},"without_details":{"type":"array","items":{"type":"integer"}},"without_agents":{"type":"array","items":{"type":"string"}},"nobody_else":{"type":"boolean"},"until":{"type":"integer"},"revision":{"type":"integer"},"why":{"type":"string"}}}"#;
const WHY: &str = r#"{"type":"object","properties":{"why":{"type":"string"}}}"#;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/grants",
        scope: READ,
        summary: "Grants, the newest first, a page at a time",
        query: &[
            ("subject", "Only grants of this user's or agent's authority"),
            ("agent", "Only grants that this agent holds"),
            ("resource", "Only grants for this resource"),
            ("roots", "`true`: only those that nothing is above"),
            ("all", "`true`: ended and expired ones too"),
            ("after", "The `next` of the page before"),
            ("limit", "At most so many, up to 1000"),
        ],
        takes: Takes::Nothing,
        gives: GRANTS,
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::GET,
        path: "/grants/{id}",
        scope: READ,
        summary: "One grant",
        query: &[],
        takes: Takes::Nothing,
        gives: GRANT,
        handler: |call| Box::pin(show(call)),
    },
    Route {
        method: Method::GET,
        path: "/grants/{id}/tree",
        scope: READ,
        summary: "What came of a grant: itself and those below it, each after the one above it",
        query: &[
            ("all", "`true`: ended and expired ones too"),
            ("skip", "Leave out so many of those directly below"),
            ("limit", "At most so many below it, up to 1000"),
        ],
        takes: Takes::Nothing,
        gives: TREE,
        handler: |call| Box::pin(tree(call)),
    },
    Route {
        method: Method::POST,
        path: "/grants/{id}/narrow",
        scope: WRITE,
        summary: "Take something away from a grant; tokens of before count no more",
        query: &[],
        takes: Takes::Json(NARROW, 16 * 1024),
        gives: GRANT,
        handler: |call| Box::pin(narrow(call)),
    },
    Route {
        method: Method::POST,
        path: "/grants/{id}/suspend",
        scope: WRITE,
        summary: "Stop a grant, with everything below it, until further notice",
        query: &[],
        takes: Takes::Json(WHY, 1024),
        gives: GRANT,
        handler: |call| Box::pin(turn(call, Act::Suspend)),
    },
    Route {
        method: Method::POST,
        path: "/grants/{id}/resume",
        scope: WRITE,
        summary: "Put a stopped grant in force again, unless its owner paused it",
        query: &[],
        takes: Takes::Json(WHY, 1024),
        gives: GRANT,
        handler: |call| Box::pin(turn(call, Act::Resume)),
    },
    Route {
        method: Method::POST,
        path: "/grants/{id}/revoke",
        scope: WRITE,
        summary: "End a grant for ever, with everything below it",
        query: &[],
        takes: Takes::Json(WHY, 1024),
        gives: GRANT,
        handler: |call| Box::pin(turn(call, Act::Revoke)),
    },
];

async fn list(call: Call) -> Result<Reply, ApiFault> {
    let now = call.now;
    let filter = filter(&call)?;
    let limit = filter.limit as usize;
    let asked = GrantFilter { limit: filter.limit.saturating_add(1), ..filter };
    let all = call.app.store.read::<_, StoreError>(move |tx| {
        let mut described = Vec::new();
        for grant in tx.grants_where(&asked)? {
            described.push((grant.id.clone(), describe(tx, &grant, now)?));
        }
        Ok(described)
    });
    let all = all.await?;
    let next = all.get(limit.saturating_sub(1)).filter(|_| all.len() > limit).map(|(id, _)| id.clone());
    let grants: Value = all.into_iter().take(limit).map(|(_, grant)| grant).collect();
    let mut body = obj([("grants", grants)]);
    if let Some(next) = next {
        body.insert("next", next.as_str().into());
    }
    Reply::ok(body)
}

fn filter(call: &Call) -> Result<GrantFilter, ApiFault> {
    let said = |name: &str| call.query.value(name);
    let no = |name: &'static str, why: &str| ApiFault::from(Wrong::new(name, why));
    let subject = said("subject").map(Principal::parse).transpose();
    let agent = said("agent").map(AgentId::parse).transpose();
    let resource = said("resource").map(ResourceUri::parse_exact).transpose();
    let after = said("after").map(GrantId::parse).transpose();
    Ok(GrantFilter {
        subject: subject.map_err(|_| no("subject", "it must be an id like `usr_…` or `agt_…`"))?,
        grantee: agent.map_err(|_| no("agent", "it must be an id like `agt_…`"))?,
        resource: resource.map_err(|e| no("resource", &e.to_string()))?,
        roots: flag(call, "roots")?,
        living_at: if flag(call, "all")? { None } else { Some(call.now) },
        after: after.map_err(|_| no("after", "it must be the `next` of another page"))?,
        limit: number(call, "limit")?.unwrap_or(100).clamp(1, MOST - 1),
    })
}

fn flag(call: &Call, name: &'static str) -> Result<bool, ApiFault> {
    match call.query.value(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Wrong::new(name, "it must be `true` or `false`").into()),
    }
}

fn number(call: &Call, name: &'static str) -> Result<Option<u32>, ApiFault> {
    let parsed = call.query.value(name).map(str::parse::<u32>).transpose();
    parsed.map_err(|_| Wrong::new(name, "it must be a whole number").into())
}

fn grant_id(call: &Call) -> Result<GrantId, ApiFault> {
    GrantId::parse(call.param("id")).map_err(|_| ApiFault::Missing("grant"))
}

async fn show(call: Call) -> Result<Reply, ApiFault> {
    let (id, now) = (grant_id(&call)?, call.now);
    let found = call.app.store.read::<_, StoreError>(move |tx| match tx.grant(&id)? {
        Some(grant) => describe(tx, &grant, now).map(Some),
        None => Ok(None),
    });
    Reply::ok(found.await?.ok_or(ApiFault::Missing("grant"))?)
}

async fn tree(call: Call) -> Result<Reply, ApiFault> {
    let (id, now) = (grant_id(&call)?, call.now);
    let window = TreeWindow {
        skip: number(&call, "skip")?.unwrap_or(0),
        most: number(&call, "limit")?.unwrap_or(BRANCHES).min(MOST),
        all: flag(&call, "all")?,
    };
    let nodes = call.app.store.read::<_, StoreError>(move |tx| {
        let mut all = Vec::new();
        for TreeNode { grant, depth, more, .. } in tx.grant_tree(&id, window, now)? {
            let mut node = describe(tx, &grant, now)?;
            node.insert("depth", (depth as u64).into());
            node.insert("more", more.into());
            all.push(node);
        }
        Ok(all)
    });
    let nodes = nodes.await?;
    if nodes.is_empty() {
        return Err(ApiFault::Missing("grant"));
    }
    Reply::ok(obj([("grants", nodes.into_iter().collect())]))
}

async fn narrow(call: Call) -> Result<Reply, ApiFault> {
    let mut fields = Fields::of(call.body(), "");
    let edit = edit(&mut fields)?;
    let revision = fields.number_if("revision", 0, i64::MAX)?.and_then(|n| u64::try_from(n).ok());
    act(call, fields, Act::Narrow(edit), revision).await
}

fn edit(fields: &mut Fields) -> Result<Edit, Wrong> {
    let scopes = texts(fields, "without")?.join(" ");
    let scopes = if scopes.is_empty() { Ok(ScopeSet::default()) } else { ScopeSet::parse(&scopes) };
    let scopes = scopes.map_err(|e| fields.wrong("without", e.to_string()))?;
    let agents: Result<BTreeSet<AgentId>, _> =
        texts(fields, "without_agents")?.into_iter().map(AgentId::parse).collect();
    let agents = agents.map_err(|_| fields.wrong("without_agents", "each must be an id like `agt_…`"))?;
    let until = fields.number_if("until", 0, Timestamp::FOR_EVER.seconds())?.map(Timestamp::from_seconds);
    let (details, passing_on) = (places(fields)?, nobody_else(fields)?);
    Ok(Edit { scopes, details, agents, passing_on, until, ..Edit::default() })
}

fn places(fields: &mut Fields) -> Result<BTreeSet<usize>, Wrong> {
    let Some(all) = fields.array_if("without_details", 16)? else { return Ok(BTreeSet::new()) };
    let place = |v: &Value| v.as_u64().and_then(|n| usize::try_from(n).ok());
    let places: Option<BTreeSet<usize>> = all.iter().map(place).collect();
    places.ok_or_else(|| fields.wrong("without_details", "each must be a place, counted from 0"))
}

fn nobody_else(fields: &mut Fields) -> Result<bool, Wrong> {
    match fields.any_if("nobody_else") {
        None => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| fields.wrong("nobody_else", "it must be true or false")),
    }
}

fn texts(fields: &mut Fields, name: &'static str) -> Result<Vec<String>, Wrong> {
    let Some(all) = fields.array_if(name, 64)? else { return Ok(Vec::new()) };
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let texts: Option<Vec<String>> = all.iter().map(text).collect();
    texts.ok_or_else(|| fields.wrong(name, "it must be an array of strings"))
}

async fn turn(call: Call, what: Act) -> Result<Reply, ApiFault> {
    let fields = Fields::of(call.body(), "");
    act(call, fields, what, None).await
}

async fn act(call: Call, mut fields: Fields, what: Act, revision: Option<u64>) -> Result<Reply, ApiFault> {
    let why = fields.text_if("why", 256)?.unwrap_or_default();
    fields.done()?;
    let (id, now) = (grant_id(&call)?, call.now);
    let actor =
        Actor { by: call.caller.client.to_string(), owner: None, why, event: call.event(what.action()) };
    let done =
        call.app.store.transact::<_, StoreError>(move |tx| match what.run(tx, &id, revision, &actor)? {
            Ok(done) => {
                let mut described = describe(tx, &done.grant, now)?;
                if what == Act::Revoke {
                    described.insert("below", done.below.into());
                }
                Ok(Ok(described))
            }
            Err(refusal) => Ok(Err(refusal)),
        });
    Reply::ok(done.await?.map_err(refused)?)
}

fn refused(refusal: Refusal) -> ApiFault {
    match refusal {
        Refusal::Missing => ApiFault::Missing("grant"),
        Refusal::Edit(InvalidEdit::Wider(_) | InvalidEdit::Past) => {
            Wrong::new("/until", refusal.to_string()).into()
        }
        Refusal::Edit(InvalidEdit::Scope(_)) => Wrong::new("/without", refusal.to_string()).into(),
        Refusal::Edit(InvalidEdit::Detail(_) | InvalidEdit::Value(_)) => {
            Wrong::new("/without_details", refusal.to_string()).into()
        }
        Refusal::Edit(InvalidEdit::Agent(_)) => Wrong::new("/without_agents", refusal.to_string()).into(),
        other => ApiFault::Conflict(other.to_string()),
    }
}

/// A grant, for programs; times in seconds since the epoch.
fn describe(tx: &mut Tx<'_>, grant: &Grant, now: Timestamp) -> Result<Object, StoreError> {
    let mut described = obj([
        ("id", grant.id.as_str().into()),
        ("parents", grant.parents.iter().map(GrantId::as_str).collect()),
        ("subject", grant.subject.as_str().into()),
        ("grantor", grantor(grant).into()),
        ("grantee", grant.grantee.as_str().into()),
        ("resource", grant.resource.as_str().into()),
        ("scope", grant.actions.to_string().into()),
        ("not_before", grant.not_before.seconds().into()),
        ("expires_at", grant.expires_at.seconds().into()),
        ("depth_left", u32::from(grant.depth_left).into()),
        ("evidence", evidence(grant).into()),
        ("state", state(grant, now).into()),
        ("revision", grant.revision.into()),
    ]);
    if !grant.details.is_empty() {
        described.insert(DETAILS, rich::to_value(&grant.details, &grant.resource));
    }
    if let MayAct::Only(agents) = &grant.terms.may_act {
        described.insert("may_act", agents.iter().map(AgentId::as_str).collect());
    }
    if let Some(used) = tx.used(&grant.id, now)? {
        described.insert("last_used", used.seconds().into());
    }
    if grant.state == GrantState::Suspended {
        let causes = tx.causes(&Held::Grant(grant.id.clone()))?;
        let causes = if causes.is_empty() { vec!["operator".to_owned()] } else { causes };
        described.insert("causes", causes.iter().map(|c| if c == OWNER { "owner" } else { c }).collect());
    }
    if let GrantState::Revoked(end) = &grant.state {
        let ended = obj([
            ("at", end.at.seconds().into()),
            ("by", end.by.as_str().into()),
            ("why", end.why.as_str().into()),
        ]);
        described.insert("ended", Value::Object(ended));
    }
    Ok(described)
}

fn grantor(grant: &Grant) -> &str {
    match &grant.grantor {
        Grantor::User(user) => user.as_str(),
        Grantor::Agent(agent) => agent.as_str(),
        Grantor::Operator => "operator",
    }
}

fn evidence(grant: &Grant) -> &'static str {
    match &grant.evidence {
        Evidence::Consent { .. } => "consent",
        Evidence::Configuration => "configuration",
        Evidence::Policy => "policy",
        Evidence::IdJag { .. } => "id_jag",
        Evidence::Administrator { .. } => "administrator",
        Evidence::Exchange { .. } => "exchange",
        Evidence::Approval { .. } => "approval",
    }
}

fn state(grant: &Grant, now: Timestamp) -> &'static str {
    match &grant.state {
        GrantState::Revoked(_) => "revoked",
        _ if grant.expires_at <= now => "expired",
        GrantState::Suspended => "suspended",
        GrantState::Active => "active",
    }
}
