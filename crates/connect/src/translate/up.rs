//! A legacy host at a modern server.

use super::{PAGES_SINCE, capability, in_meta, without_meta};
use crate::fault::Fault;
use prokura_core::{Rng, random_id};
use prokura_mcp::envelope::Call;
use prokura_mcp::meta::{CAPABILITIES, CLIENT, LOG_LEVEL, SERVER, SUBSCRIPTION, VERSION};
use prokura_mcp::version::{Era, Version};
use prokura_oauth::json::{Object, Value, obj};

/// The version that is spoken to a modern server.
pub(crate) const MODERN: &str = "2026-07-28";
/// The newest version of the other era.
pub(crate) const LEGACY: &str = "2025-11-25";

/// What a legacy host said when it opened, and what it set since.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Opened {
    /// The version that it was answered with.
    pub(crate) version: Version,
    /// What it can do, as it said.
    pub(crate) capabilities: Object,
    /// Which software it is.
    client: Option<Value>,
    /// From which level on it wants to be told.
    pub(crate) log_level: Option<String>,
}

impl Opened {
    /// Reads `initialize`. A version that is not known is answered with the newest that is.
    ///
    /// # Errors
    /// [`Fault::Params`] if something that has to be there is not.
    pub(crate) fn read(params: Option<&Object>) -> Result<Self, Fault> {
        let params = params.ok_or(Fault::Params("`initialize` needs parameters"))?;
        let version = params.str("protocolVersion").ok_or(Fault::Params("`protocolVersion` is missing"))?;
        let version = Version::parse(version)
            .filter(|v| v.era() == Era::Legacy)
            .or_else(|| Version::parse(LEGACY))
            .ok_or(Fault::Params("`protocolVersion` is not known"))?;
        let capabilities = params.get("capabilities").and_then(Value::as_object).cloned();
        let capabilities = capabilities.ok_or(Fault::Params("`capabilities` is missing"))?;
        Ok(Self { version, capabilities, client: params.get("clientInfo").cloned(), log_level: None })
    }

    /// Puts on a request what a modern one has to say.
    pub(crate) fn sign(&self, params: &mut Object) {
        in_meta(params, |meta| {
            meta.insert(VERSION, MODERN.into());
            meta.insert(CAPABILITIES, capability::of_legacy_host(&self.capabilities).into());
            if let Some(client) = &self.client {
                meta.insert(CLIENT, client.clone());
            }
            if let Some(level) = &self.log_level {
                meta.insert(LOG_LEVEL, level.as_str().into());
            }
        });
    }

    /// A request of this host, for a modern server.
    pub(crate) fn request(&self, mut call: Call) -> Call {
        self.sign(call.params.get_or_insert_default());
        call
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It goes to the server, with what a modern request has to say.
    On,
    /// It is answered here: nothing of the other era is like it.
    Empty,
    /// The level is kept and said with every request.
    Level,
    /// It becomes part of the one subscription.
    Subscribe,
    /// It is taken out of it.
    Unsubscribe,
    /// It cannot be said in the other era.
    No(&'static str),
}

/// What becomes of a request of this method.
pub(crate) fn way(method: &str) -> Way {
    match method {
        "ping" => Way::Empty,
        "logging/setLevel" => Way::Level,
        "resources/subscribe" => Way::Subscribe,
        "resources/unsubscribe" => Way::Unsubscribe,
        "initialize" => Way::No("the session is open already"),
        "server/discover" | "subscriptions/listen" => {
            Way::No("the host opened with `initialize`, whose versions do not have it")
        }
        m if m.starts_with("tasks/") => {
            Way::No("the server speaks 2026-07-28, whose tasks are not those of 2025-11-25")
        }
        _ => Way::On,
    }
}

/// What a host may not send to a modern server although its method can be sent.
///
/// # Errors
/// [`Fault::Params`] for a call that is to become a task.
pub(crate) fn check(call: &Call) -> Result<(), Fault> {
    match call.params.as_ref().and_then(|p| p.get("task")) {
        Some(_) => {
            Err(Fault::Params("the server speaks 2026-07-28, where a call is not made a task by its caller"))
        }
        None => Ok(()),
    }
}

/// The answer to `initialize`, from that to `server/discover`.
pub(crate) fn opened(version: Version, discovered: &Object) -> Object {
    let offered = discovered.get("capabilities").and_then(Value::as_object);
    let server = discovered.get("_meta").and_then(Value::as_object).and_then(|m| m.get(SERVER)).cloned();
    let unnamed = || obj([("name", "MCP server".into()), ("version", "0".into())]).into();
    let mut opened = obj([
        ("protocolVersion", version.as_str().into()),
        ("capabilities", offered.map(capability::of_modern_server).unwrap_or_default().into()),
        ("serverInfo", server.unwrap_or_else(unnamed)),
    ]);
    if let Some(instructions) = discovered.get("instructions") {
        opened.insert("instructions", instructions.clone());
    }
    opened
}

/// What a result says of itself (MCP 2026-07-28, "ResultType").
#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    /// It is the answer.
    Complete,
    /// The server needs input first.
    InputRequired,
}

/// What kind of result it is. None that is said means complete.
///
/// # Errors
/// [`Fault::Malformed`] for a kind that is not known.
pub(crate) fn kind(result: &Object) -> Result<Kind, Fault> {
    match result.get("resultType").map(Value::as_str) {
        None | Some(Some("complete")) => Ok(Kind::Complete),
        Some(Some("input_required")) => Ok(Kind::InputRequired),
        Some(_) => Err(Fault::Malformed("its result is of a type that is not known here".into())),
    }
}

/// A complete result, for a legacy host.
pub(crate) fn result(method: &str, mut result: Object) -> Object {
    for name in ["resultType", "ttlMs", "cacheScope"] {
        result.remove(name);
    }
    without_meta(&mut result, &[SERVER]);
    match method {
        "tools/list" => plain_schemas(&mut result),
        // Until 2025-11-25 structured content is an object; the text beside it says the same.
        "tools/call" => drop_unless_object(&mut result, "structuredContent"),
        _ => {}
    }
    result
}

/// Until 2025-11-25 the schema of a tool's output describes an object.
fn plain_schemas(result: &mut Object) {
    let tools = result.get_mut("tools").and_then(Value::as_array_mut);
    for tool in tools.into_iter().flatten().filter_map(Value::as_object_mut) {
        let schema = tool.get("outputSchema").and_then(Value::as_object);
        if schema.and_then(|s| s.str("type")) != Some("object") {
            tool.remove("outputSchema");
        }
    }
}

fn drop_unless_object(result: &mut Object, name: &str) {
    if result.get(name).is_some_and(|v| v.as_object().is_none()) {
        result.remove(name);
    }
}

/// A notification, for a legacy host; `None` if it is none of its era.
pub(crate) fn notification(mut call: Call) -> Option<Call> {
    if call.method == "notifications/subscriptions/acknowledged" || call.method == "notifications/cancelled" {
        return None;
    }
    if let Some(params) = &mut call.params {
        without_meta(params, &[SUBSCRIPTION]);
    }
    Some(call)
}

/// What a server needs, as a request to a legacy host.
///
/// # Errors
/// [`Fault::Input`] if it is nothing that this host may be asked.
pub(crate) fn input(opened: &Opened, asked: &Value, rng: &dyn Rng) -> Result<Call, Fault> {
    let unreadable = || Fault::Input("what it needs cannot be read".into());
    let asked = asked.as_object().ok_or_else(unreadable)?;
    let method = asked.str("method").ok_or_else(unreadable)?;
    let mut params = asked.get("params").and_then(Value::as_object).cloned();
    let can = matches!(method, "elicitation/create" | "sampling/createMessage" | "roots/list")
        && capability::may_be_asked(Some(&opened.capabilities), method, params.as_ref());
    let pages = params.as_ref().and_then(|p| p.str("mode")) == Some("url");
    if !can || pages && opened.version.as_str() < PAGES_SINCE {
        let shown: String = method.chars().take(64).collect();
        return Err(Fault::Input(format!("it asks for `{shown}`, which the host did not declare")));
    }
    if let Some(params) = params.as_mut().filter(|_| method == "elicitation/create") {
        if pages {
            params.insert("elicitationId", random_id("", rng).into());
        } else {
            // Hosts before 2025-11-25 know no modes, and later ones take its absence for a form.
            params.remove("mode");
        }
    }
    Ok(Call { method: method.to_owned(), params })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::SeededRng;
    use prokura_oauth::json::{Limits, parse};

    fn object(text: &str) -> Object {
        parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap()
    }

    fn opening(version: &str, capabilities: &str) -> Opened {
        let params = format!(
            r#"{{"protocolVersion":"{version}","capabilities":{capabilities},"clientInfo":{{"name":"h","version":"1"}}}}"#
        );
        Opened::read(Some(&object(&params))).unwrap()
    }

    #[test]
    fn requests_say_what_modern_ones_have_to() {
        let mut host = opening("2025-06-18", r#"{"roots":{"listChanged":true},"tasks":{}}"#);
        host.log_level = Some("info".into());
        let call = Call { method: "tools/list".into(), params: None };
        let expected = object(
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
                "io.modelcontextprotocol/clientCapabilities":{"roots":{}},
                "io.modelcontextprotocol/clientInfo":{"name":"h","version":"1"},
                "io.modelcontextprotocol/logLevel":"info"}}"#,
        );
        assert_eq!(host.request(call).params.unwrap(), expected);
        let params = object(
            r#"{"name":"t","_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"x"}}"#,
        );
        let call = host.request(Call { method: "tools/call".into(), params: Some(params) });
        let meta = call.params.unwrap().remove("_meta").unwrap().into_object().unwrap();
        assert_eq!(
            (meta.get("progressToken").and_then(Value::as_i64), meta.str(VERSION)),
            (Some(7), Some(MODERN))
        );
    }

    #[test]
    fn each_method_has_its_way() {
        for (method, expected) in [
            ("ping", Way::Empty),
            ("logging/setLevel", Way::Level),
            ("resources/subscribe", Way::Subscribe),
            ("resources/unsubscribe", Way::Unsubscribe),
            ("tools/list", Way::On),
            ("tools/call", Way::On),
            ("resources/read", Way::On),
            ("prompts/get", Way::On),
            ("completion/complete", Way::On),
        ] {
            assert_eq!(way(method), expected, "{method}");
        }
        for method in ["initialize", "server/discover", "subscriptions/listen", "tasks/get", "tasks/result"] {
            assert!(matches!(way(method), Way::No(_)), "{method}");
        }
        let task = Call { method: "tools/call".into(), params: Some(object(r#"{"name":"t","task":{}}"#)) };
        assert!(matches!(check(&task), Err(Fault::Params(_))));
    }

    #[test]
    fn discovery_becomes_the_answer_to_initialize() {
        let discovered = object(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"ttlMs":1,"cacheScope":"public",
                "capabilities":{"tools":{},"extensions":{"a/b":{}}},"instructions":"Go.",
                "_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"2"}}}"#,
        );
        let expected = object(
            r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"2"},"instructions":"Go."}"#,
        );
        assert_eq!(opened(Version::parse("2025-06-18").unwrap(), &discovered), expected);
        for (asked, answered) in
            [("2024-11-05", "2024-11-05"), ("2026-07-28", LEGACY), ("1999-01-01", LEGACY)]
        {
            assert_eq!(opening(asked, "{}").version.as_str(), answered);
        }
        for bad in ["{}", r#"{"protocolVersion":"2025-11-25"}"#, r#"{"protocolVersion":1,"capabilities":{}}"#]
        {
            assert!(Opened::read(Some(&object(bad))).is_err(), "{bad}");
        }
    }

    #[test]
    fn results_lose_what_the_older_era_does_not_know() {
        let call = object(
            r#"{"resultType":"complete","content":[],"structuredContent":[1],"_meta":{"io.modelcontextprotocol/serverInfo":{},"x/y":1}}"#,
        );
        assert_eq!(result("tools/call", call), object(r#"{"content":[],"_meta":{"x/y":1}}"#));
        let list = object(
            r#"{"resultType":"complete","ttlMs":5,"cacheScope":"private","tools":[
                {"name":"a","outputSchema":{"type":"array"}},{"name":"b","outputSchema":{"type":"object"}}]}"#,
        );
        let expected = object(r#"{"tools":[{"name":"a"},{"name":"b","outputSchema":{"type":"object"}}]}"#);
        assert_eq!(result("tools/list", list), expected);
        assert_eq!(kind(&object("{}")), Ok(Kind::Complete));
        assert_eq!(kind(&object(r#"{"resultType":"input_required"}"#)), Ok(Kind::InputRequired));
        assert!(kind(&object(r#"{"resultType":"task"}"#)).is_err());
        assert!(kind(&object(r#"{"resultType":1}"#)).is_err());
    }

    #[test]
    fn notifications_lose_their_subscription() {
        let call = |method: &str, params: &str| Call { method: method.into(), params: Some(object(params)) };
        let updated = call(
            "notifications/resources/updated",
            r#"{"uri":"x:y","_meta":{"io.modelcontextprotocol/subscriptionId":1}}"#,
        );
        assert_eq!(notification(updated), Some(call("notifications/resources/updated", r#"{"uri":"x:y"}"#)));
        assert_eq!(notification(call("notifications/subscriptions/acknowledged", "{}")), None);
        assert_eq!(notification(call("notifications/cancelled", "{}")), None);
    }

    #[test]
    fn input_is_asked_for_only_as_far_as_it_was_declared() {
        let rng = SeededRng::new(1);
        let page =
            r#"{"method":"elicitation/create","params":{"mode":"url","url":"https://a/","message":"m"}}"#;
        let form = r#"{"method":"elicitation/create","params":{"mode":"form","message":"m"}}"#;
        let both = r#"{"elicitation":{"form":{},"url":{}},"sampling":{},"roots":{}}"#;
        for (version, declared, asked, may) in [
            ("2025-11-25", both, page, true),
            ("2025-06-18", both, page, false),
            ("2025-11-25", r#"{"elicitation":{}}"#, page, false),
            ("2025-11-25", both, form, true),
            ("2025-11-25", "{}", form, false),
            ("2025-11-25", both, r#"{"method":"roots/list"}"#, true),
            ("2025-11-25", both, r#"{"method":"ping"}"#, false),
            ("2025-11-25", both, r#"{"method":"tools/call"}"#, false),
            ("2025-11-25", both, r#"{"params":{}}"#, false),
            ("2025-11-25", both, "7", false),
        ] {
            let asked_value = parse(asked.as_bytes(), &Limits::MESSAGE).unwrap();
            let got = input(&opening(version, declared), &asked_value, &rng);
            assert_eq!(got.is_ok(), may, "{version} {declared} {asked}");
        }
        let value = |text: &str| parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        let host = opening("2025-11-25", both);
        assert!(input(&host, &value(page), &rng).unwrap().params.unwrap().str("elicitationId").is_some());
        assert!(!input(&host, &value(form), &rng).unwrap().params.unwrap().contains_key("mode"));
    }
}
