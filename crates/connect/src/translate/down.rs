//! A modern host at a legacy server.

use super::up::{LEGACY, MODERN};
use super::{capability, in_meta, without_meta};
use crate::fault::Fault;
use prokura_mcp::envelope::{Call, Id};
use prokura_mcp::meta::{CAPABILITIES, CLIENT, LOG_LEVEL, RELATED_TASK, SERVER, SUBSCRIPTION, VERSION};
use prokura_mcp::version::SUPPORTED;
use prokura_oauth::json::{Object, Value, obj};

/// The levels of log messages, the least first (RFC 5424).
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
/// An error of 2025-11-25: a person has to visit a page first.
const PAGE_NEEDED: i64 = -32042;
/// "Resource not found", until 2025-11-25 and since.
const NOT_FOUND: [i64; 2] = [-32002, -32602];

/// What a modern request says of its host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Says {
    /// What the host can do.
    pub(crate) capabilities: Object,
    client: Option<Value>,
    /// From which level on it wants to be told, for this request.
    pub(crate) log_level: Option<String>,
    /// The token of its progress.
    pub(crate) progress: Option<Value>,
}

impl Says {
    /// Reads `_meta`.
    ///
    /// # Errors
    /// [`Fault::Params`] if something that has to be there is not.
    pub(crate) fn read(params: Option<&Object>) -> Result<Self, Fault> {
        let meta = params.and_then(|p| p.get("_meta")).and_then(Value::as_object);
        let meta = meta.ok_or(Fault::Params("`_meta` is missing"))?;
        let capabilities = meta.get(CAPABILITIES).and_then(Value::as_object).cloned();
        Ok(Self {
            capabilities: capabilities
                .ok_or(Fault::Params("`_meta` lacks `io.modelcontextprotocol/clientCapabilities`"))?,
            client: meta.get(CLIENT).cloned(),
            log_level: meta.str(LOG_LEVEL).map(str::to_owned),
            progress: meta.get("progressToken").cloned(),
        })
    }

    /// The parameters of `initialize`. Two requests that give the same share a session.
    pub(crate) fn opening(&self) -> Object {
        let unnamed = || {
            obj([("name", "prokura-connect".into()), ("version", env!("CARGO_PKG_VERSION").into())]).into()
        };
        obj([
            ("protocolVersion", LEGACY.into()),
            ("capabilities", capability::of_modern_host(&self.capabilities).into()),
            ("clientInfo", self.client.clone().unwrap_or_else(unnamed)),
        ])
    }

    /// Whether a log message of this level is wanted.
    pub(crate) fn wants(&self, level: Option<&str>) -> bool {
        let rank = |name: &str| LEVELS.iter().position(|l| *l == name);
        match (self.log_level.as_deref().and_then(rank), level.and_then(rank)) {
            (Some(wanted), Some(said)) => said >= wanted,
            _ => false,
        }
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It goes to the server without what only a modern request says.
    On,
    /// It is answered from what the server said when the session was opened.
    Discover,
    /// It is held here, and fed with what the server says of its own accord.
    Listen,
    /// It cannot be said in the other era.
    No(&'static str),
}

/// What becomes of a request of this method.
pub(crate) fn way(method: &str) -> Way {
    match method {
        "server/discover" => Way::Discover,
        "subscriptions/listen" => Way::Listen,
        "initialize" | "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => {
            Way::No("2026-07-28 does not have it")
        }
        m if m.starts_with("tasks/") => {
            Way::No("the server speaks an older version, whose tasks are not those of 2026-07-28")
        }
        _ => Way::On,
    }
}

/// Whether the server may need input before it answers (MCP 2026-07-28, "Supported Requests").
pub(crate) fn takes_input(method: &str) -> bool {
    matches!(method, "tools/call" | "resources/read" | "prompts/get")
}

/// A request of a modern host, for a legacy server.
pub(crate) fn request(mut call: Call) -> Call {
    if let Some(params) = &mut call.params {
        without_meta(params, &[VERSION, CAPABILITIES, CLIENT, LOG_LEVEL]);
        params.remove("requestState");
        params.remove("inputResponses");
    }
    call
}

/// The answer to `server/discover`, from that to `initialize`.
pub(crate) fn discovered(opened: &Object) -> Object {
    let offered = opened.get("capabilities").and_then(Value::as_object);
    let mut discovered = obj([
        ("supportedVersions", SUPPORTED.into_iter().collect::<Value>()),
        ("capabilities", offered.map(capability::of_legacy_server).unwrap_or_default().into()),
    ]);
    if let Some(instructions) = opened.get("instructions") {
        discovered.insert("instructions", instructions.clone());
    }
    result("server/discover", discovered, opened.get("serverInfo"))
}

/// A result, for a modern host: complete, and not to be kept, since a legacy server says nothing of how long it holds.
pub(crate) fn result(method: &str, mut result: Object, server: Option<&Value>) -> Object {
    result.insert("resultType", "complete".into());
    if is_cacheable(method) {
        result.insert("ttlMs", 0_i64.into());
        result.insert("cacheScope", "private".into());
    }
    without_meta(&mut result, &[RELATED_TASK]);
    if let Some(server) = server {
        in_meta(&mut result, |meta| meta.insert(SERVER, server.clone()));
    }
    result
}

fn is_cacheable(method: &str) -> bool {
    matches!(
        method,
        "tools/list"
            | "prompts/list"
            | "resources/list"
            | "resources/templates/list"
            | "resources/read"
            | "server/discover"
    )
}

/// An error, for a modern host.
pub(crate) fn error(method: &str, mut error: Object) -> Object {
    if method == "resources/read" && code(&error) == Some(NOT_FOUND[0]) {
        error.insert("code", NOT_FOUND[1].into());
    }
    error
}

fn code(error: &Object) -> Option<i64> {
    error.get("code").and_then(Value::as_i64)
}

/// The pages that a person has to visit before the request is sent again, if that is what the error says.
pub(crate) fn pages(error: &Object) -> Option<Vec<Call>> {
    if code(error) != Some(PAGE_NEEDED) {
        return None;
    }
    let pages = error.get("data")?.as_object()?.get("elicitations")?.as_array()?;
    let pages: Option<Vec<_>> = pages.iter().map(|page| page.as_object().cloned()).collect();
    let call = |params| Call { method: "elicitation/create".into(), params: Some(params) };
    pages.filter(|p| !p.is_empty() && p.len() <= 16).map(|p| p.into_iter().map(call).collect())
}

/// What a legacy server asks, as an input that it needs.
pub(crate) fn input(call: Call) -> Value {
    let mut asked = obj([("method", call.method.into())]);
    if let Some(mut params) = call.params {
        for name in ["elicitationId", "task"] {
            params.remove(name);
        }
        without_meta(&mut params, &[RELATED_TASK, "progressToken"]);
        asked.insert("params", params.into());
    }
    asked.into()
}

/// Says that input is needed.
pub(crate) fn input_required(asked: Object, state: String) -> Object {
    obj([
        ("resultType", "input_required".into()),
        ("inputRequests", asked.into()),
        ("requestState", state.into()),
    ])
}

/// Where a notification of a legacy server goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goes {
    /// With the request on whose stream it came.
    Request,
    /// The same, if the request asked for log messages.
    Log,
    /// To the subscriptions that want it.
    Subscriptions,
    /// Nowhere: it is none of the other era.
    Nowhere,
}

/// Where a notification of this method goes.
pub(crate) fn goes(method: &str) -> Goes {
    match method {
        "notifications/progress" => Goes::Request,
        "notifications/message" => Goes::Log,
        "notifications/tools/list_changed"
        | "notifications/prompts/list_changed"
        | "notifications/resources/list_changed"
        | "notifications/resources/updated" => Goes::Subscriptions,
        _ => Goes::Nowhere,
    }
}

/// What a subscription wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Filter {
    /// Whether it wants to know of changed lists of tools, prompts and resources.
    pub(crate) lists: [bool; 3],
    /// Of which resources it wants to know changes.
    pub(crate) resources: Vec<String>,
}

/// The members of a filter that stand for lists, what a server offers for them, and what it then says.
const LISTS: [(&str, &str, &str); 3] = [
    ("toolsListChanged", "tools", "notifications/tools/list_changed"),
    ("promptsListChanged", "prompts", "notifications/prompts/list_changed"),
    ("resourcesListChanged", "resources", "notifications/resources/list_changed"),
];
/// At most so many resources in one subscription.
const MOST: usize = 256;

impl Filter {
    /// Reads the filter of a request, as far as the server offers it.
    ///
    /// # Errors
    /// [`Fault::Params`] if it cannot be read.
    pub(crate) fn read(params: Option<&Object>, offered: Option<&Object>) -> Result<Self, Fault> {
        let wanted = params.and_then(|p| p.get("notifications")).and_then(Value::as_object);
        let wanted = wanted.ok_or(Fault::Params("`notifications` is missing"))?;
        let lists = LISTS.map(|(name, area, _)| {
            wanted.get(name).and_then(Value::as_bool) == Some(true)
                && capability::offers(offered, [area, "listChanged"])
        });
        let resources = match wanted.get("resourceSubscriptions") {
            None => Vec::new(),
            Some(uris) => {
                let uris = uris.as_array().filter(|u| u.len() <= MOST);
                let uris = uris.and_then(|u| u.iter().map(|u| u.as_str().map(str::to_owned)).collect());
                uris.ok_or(Fault::Params("`resourceSubscriptions` is no list of at most 256 addresses"))?
            }
        };
        let subscribes = capability::offers(offered, ["resources", "subscribe"]);
        Ok(Self { lists, resources: if subscribes { resources } else { Vec::new() } })
    }

    /// The filter of a subscription to all that a server offers, and these resources.
    pub(crate) fn all(offered: Option<&Object>, resources: Vec<String>) -> Self {
        let lists = LISTS.map(|(_, area, _)| capability::offers(offered, [area, "listChanged"]));
        Self { lists, resources }
    }

    /// Whether there is nothing that it wants.
    pub(crate) fn is_empty(&self) -> bool {
        self.lists == [false; 3] && self.resources.is_empty()
    }

    /// The filter as a message says it.
    pub(crate) fn to_object(&self) -> Object {
        let named = LISTS.iter().zip(self.lists);
        let mut filter: Object =
            named.filter(|(_, on)| *on).map(|((name, ..), _)| (*name, Value::Bool(true))).collect();
        if !self.resources.is_empty() {
            filter.insert("resourceSubscriptions", self.resources.iter().collect());
        }
        filter
    }

    /// Whether it wants this notification.
    pub(crate) fn wants(&self, call: &Call) -> bool {
        let list = LISTS.iter().zip(self.lists).any(|((_, _, method), on)| on && call.method == *method);
        let uri = call.params.as_ref().and_then(|p| p.str("uri"));
        let updated = call.method == "notifications/resources/updated";
        // Part of a resource may be told of under its own address, below that which was subscribed to.
        list || updated && uri.is_some_and(|uri| self.resources.iter().any(|r| uri == r || is_below(uri, r)))
    }
}

fn is_below(uri: &str, of: &str) -> bool {
    uri.strip_prefix(of).is_some_and(|rest| of.ends_with('/') || rest.starts_with(['/', '#', '?']))
}

/// A notification that belongs to a subscription.
pub(crate) fn subscribed(mut call: Call, to: &Id) -> Call {
    in_meta(call.params.get_or_insert_default(), |meta| meta.insert(SUBSCRIPTION, to.to_value()));
    call
}

/// Says to what a subscription was agreed.
pub(crate) fn acknowledged(filter: &Filter, to: &Id) -> Call {
    let params = obj([("notifications", filter.to_object().into())]);
    subscribed(Call { method: "notifications/subscriptions/acknowledged".into(), params: Some(params) }, to)
}

/// Whether a request is one of a modern host, and in which version: `None` if it says no version at all.
///
/// # Errors
/// [`Fault::Version`] if it says one that is not spoken.
pub(crate) fn version(call: &Call) -> Option<Result<(), Fault>> {
    let meta = call.params.as_ref()?.get("_meta")?.as_object()?;
    match meta.get(VERSION)?.as_str() {
        Some(MODERN) => Some(Ok(())),
        other => {
            let requested = other.unwrap_or("?").chars().take(64).collect();
            Some(Err(Fault::Version { requested }))
        }
    }
}

#[cfg(test)]
#[path = "down_tests.rs"]
mod tests;
