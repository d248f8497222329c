//! Descriptions of tools: which are in force, which differ and wait, and what changed in them.

use super::{ApiFault, Call, Reply, Route, Takes, fields::Fields};
use http::Method;
use prokura_mcp::tool::{Description, difference};
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{StoreError, StoredTool, ToolState, ToolText, Tx};

const READ: &str = "tools:read";
const WRITE: &str = "tools:write";
/// The largest body, in bytes.
const MAX: usize = 1024;

const TOOL: &str = r#"{"type":"object","required":["resource","name","state"],"properties":{
    "resource":{"type":"string"},"name":{"type":"string"},"state":{"enum":["in_force","new","changed"]},
    "approved_by":{"type":"string"},"pinned":{"type":"object"},"offered":{"type":"object"},
    "difference":{"type":"array","items":{"type":"object","properties":{
        "place":{"type":"string"},"before":{"type":"string"},"after":{"type":"string"}}}}}}"#;
const TOOLS: &str = r#"{"type":"object","required":["tools"],"properties":{"tools":{"type":"array","items":{"type":"object"}}}}"#;

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/tools",
        scope: READ,
        summary: "The tools of MCP servers as they were described: which are in force, and which wait for an approval",
        query: &[
            ("resource", "Only those of this resource"),
            ("state", "Only those in this state: `in_force`, `new` or `changed`"),
        ],
        takes: Takes::Nothing,
        gives: TOOLS,
        handler: |call| Box::pin(list(call)),
    },
    Route {
        method: Method::GET,
        path: "/tools/{resource}/{name}",
        scope: READ,
        summary: "A tool: the description in force, the one that waits, and what differs between them",
        query: &[],
        takes: Takes::Nothing,
        gives: TOOL,
        handler: |call| Box::pin(show(call)),
    },
    Route {
        method: Method::POST,
        path: "/tools/{resource}/{name}/approve",
        scope: WRITE,
        summary: "Put the description with this hash in force; 409 if another was seen since",
        query: &[],
        takes: Takes::Json(
            r#"{"type":"object","required":["hash"],"properties":{"hash":{"type":"string"}}}"#,
            MAX,
        ),
        gives: "",
        handler: |call| Box::pin(approve(call)),
    },
];

async fn list(call: Call) -> Result<Reply, ApiFault> {
    let resource = call.query.value("resource").map(str::to_owned);
    let state = match call.query.value("state") {
        None => None,
        Some(word) => {
            let known = [ToolState::InForce, ToolState::New, ToolState::Changed];
            let found = known.into_iter().find(|state| state.as_str() == word);
            Some(found.ok_or_else(|| ApiFault::Query("state".to_owned()))?)
        }
    };
    let tools = call.app.store.read::<_, StoreError>(move |tx| tx.tools(resource.as_deref())).await?;
    let wanted = tools.iter().filter(|tool| state.is_none_or(|state| tool.state() == state));
    let all: Value = wanted.map(|tool| Value::Object(summary(tool, brief))).collect();
    Reply::ok(obj([("tools", all)]))
}

async fn show(call: Call) -> Result<Reply, ApiFault> {
    let tool = found(&call).await?;
    let mut body = summary(&tool, whole);
    body.insert("difference", Value::Array(changes(&tool)));
    Reply::ok(body)
}

async fn approve(call: Call) -> Result<Reply, ApiFault> {
    let tool = found(&call).await?;
    let mut fields = Fields::of(call.body(), "");
    let hash = fields.text("hash", 64)?;
    fields.done()?;
    let mut event = call.event("tool:approve");
    event.details.insert("server", tool.resource.as_str().into());
    event.details.insert("tool", tool.name.as_str().into());
    event.details.insert("description", hash.as_str().into());
    let (by, now) = (call.caller.client.to_string(), call.now);
    let put = move |tx: &mut Tx<'_>| {
        let done = tx.approve_tool(&tool.resource, &tool.name, &hash, &by, now)?;
        if done {
            tx.record(event.clone());
        }
        Ok(done)
    };
    if call.app.store.transact::<_, StoreError>(put).await? {
        return Ok(Reply::Done);
    }
    let why = "no description of this tool that is in force or waits has this hash: look at it again";
    Err(ApiFault::Conflict(why.to_owned()))
}

async fn found(call: &Call) -> Result<StoredTool, ApiFault> {
    let (resource, name) = (call.param("resource").to_owned(), call.param("name").to_owned());
    let found = call.app.store.read::<_, StoreError>(move |tx| tx.tool(&resource, &name)).await?;
    found.ok_or(ApiFault::Missing("tool"))
}

fn summary(tool: &StoredTool, text: fn(&ToolText) -> Object) -> Object {
    let mut body = obj([
        ("resource", tool.resource.as_str().into()),
        ("name", tool.name.as_str().into()),
        ("state", tool.state().as_str().into()),
    ]);
    if let Some(by) = &tool.approved_by {
        body.insert("approved_by", by.as_str().into());
    }
    for (name, found) in [("pinned", &tool.pinned), ("offered", &tool.offered)] {
        if let Some(found) = found {
            body.insert(name, Value::Object(text(found)));
        }
    }
    body
}

fn brief(text: &ToolText) -> Object {
    obj([("hash", text.hash.as_str().into()), ("at", text.at.seconds().into())])
}

fn whole(text: &ToolText) -> Object {
    let mut body = brief(text);
    if let Ok(description) = Description::read(&text.text) {
        body.insert("description", Value::Object(description.entry().clone()));
    }
    body
}

/// What differs between the description in force and the one that waits.
fn changes(tool: &StoredTool) -> Vec<Value> {
    let read = |text: &Option<ToolText>| Description::read(&text.as_ref()?.text).ok();
    let (Some(before), Some(after)) = (read(&tool.pinned), read(&tool.offered)) else { return Vec::new() };
    let one = |d: prokura_mcp::tool::Difference| {
        let mut change = obj([("place", Value::from(d.place))]);
        for (name, side) in [("before", d.before), ("after", d.after)] {
            if let Some(side) = side {
                change.insert(name, Value::from(side));
            }
        }
        Value::Object(change)
    };
    difference(&before, &after).into_iter().map(one).collect()
}
