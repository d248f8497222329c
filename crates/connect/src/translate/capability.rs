//! What a host declares that it can do, and what that lets a server ask of it.

use super::PAGES_SINCE;
use prokura_oauth::json::{Object, Value, obj};

/// Whether a host that declared `capabilities` may be asked this. A server that asks for what was not declared is
/// refused without the host hearing of it.
pub(crate) fn may_be_asked(capabilities: Option<&Object>, method: &str, params: Option<&Object>) -> bool {
    let has = |name: &str| capabilities.and_then(|c| c.get(name)).and_then(Value::as_object);
    match method {
        "ping" => true,
        "roots/list" => has("roots").is_some(),
        "sampling/createMessage" => has("sampling").is_some(),
        "elicitation/create" => has("elicitation").is_some_and(|modes| takes_mode(modes, params)),
        "tasks/get" | "tasks/result" | "tasks/list" | "tasks/cancel" => has("tasks").is_some(),
        _ => false,
    }
}

/// An empty object means forms only (MCP 2025-11-25 and 2026-07-28, "Elicitation", "Capabilities").
fn takes_mode(modes: &Object, params: Option<&Object>) -> bool {
    match params.and_then(|p| p.get("mode")) {
        None => forms(modes),
        Some(Value::String(mode)) if mode == "form" => forms(modes),
        Some(Value::String(mode)) if mode == "url" => modes.contains_key("url"),
        Some(_) => false,
    }
}

fn forms(modes: &Object) -> bool {
    modes.contains_key("form") || !modes.contains_key("url")
}

/// What a legacy host declared, as a modern request says it. Tasks are another thing there, and so are left out.
pub(crate) fn of_legacy_host(declared: &Object) -> Object {
    declared
        .iter()
        .filter(|(name, _)| matches!(*name, "experimental" | "roots" | "sampling" | "elicitation"))
        .map(|(name, value)| (name, if name == "roots" { Object::new().into() } else { value.clone() }))
        .collect()
}

/// What a modern host declared, as `initialize` says it. Extensions are not of that era.
pub(crate) fn of_modern_host(declared: &Object) -> Object {
    let known = |name: &str| matches!(name, "experimental" | "roots" | "sampling" | "elicitation");
    declared.iter().filter(|(name, _)| known(name)).map(|(name, value)| (name, value.clone())).collect()
}

/// What a modern server offers, as the answer to `initialize` says it.
pub(crate) fn of_modern_server(offered: &Object) -> Object {
    offered.iter().filter(|(name, _)| *name != "extensions").map(|(n, v)| (n, v.clone())).collect()
}

/// What a legacy server offers, as the answer to `server/discover` says it.
pub(crate) fn of_legacy_server(offered: &Object) -> Object {
    offered.iter().filter(|(name, _)| *name != "tasks").map(|(n, v)| (n, v.clone())).collect()
}

/// Whether a server offers something: `["resources", "subscribe"]`. An object counts as offered.
pub(crate) fn offers(capabilities: Option<&Object>, path: [&str; 2]) -> bool {
    let area = capabilities.and_then(|c| c.get(path[0])).and_then(Value::as_object);
    area.and_then(|a| a.get(path[1])).and_then(Value::as_bool).unwrap_or(false)
}

/// Whether a host of this version and these capabilities can send a person to a page.
pub(crate) fn opens_pages(version: &str, capabilities: Option<&Object>) -> bool {
    let page = obj([("mode", "url".into())]);
    version >= PAGES_SINCE && may_be_asked(capabilities, "elicitation/create", Some(&page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn object(text: &str) -> Object {
        parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap()
    }

    #[test]
    fn a_host_is_asked_only_what_it_declared() {
        let all = r#"{"roots":{},"sampling":{},"elicitation":{"form":{},"url":{}},"tasks":{}}"#;
        let form = r#"{"mode":"form"}"#;
        let url = r#"{"mode":"url"}"#;
        for (declared, method, params, may) in [
            ("{}", "ping", "{}", true),
            ("{}", "roots/list", "{}", false),
            ("{}", "sampling/createMessage", "{}", false),
            ("{}", "elicitation/create", form, false),
            (all, "roots/list", "{}", true),
            (all, "sampling/createMessage", "{}", true),
            (all, "elicitation/create", url, true),
            (all, "tasks/get", "{}", true),
            (all, "tools/call", "{}", false),
            (all, "x/y", "{}", false),
            (r#"{"elicitation":{}}"#, "elicitation/create", "{}", true),
            (r#"{"elicitation":{}}"#, "elicitation/create", form, true),
            (r#"{"elicitation":{}}"#, "elicitation/create", url, false),
            (r#"{"elicitation":{"url":{}}}"#, "elicitation/create", form, false),
            (r#"{"elicitation":{"url":{}}}"#, "elicitation/create", url, true),
            (r#"{"elicitation":{"form":{},"url":{}}}"#, "elicitation/create", r#"{"mode":7}"#, false),
            (r#"{"elicitation":true}"#, "elicitation/create", form, false),
            (r#"{"tasks":null}"#, "tasks/get", "{}", false),
        ] {
            let asked = may_be_asked(Some(&object(declared)), method, Some(&object(params)));
            assert_eq!(asked, may, "{declared} {method} {params}");
        }
        assert!(!may_be_asked(None, "roots/list", None));
    }

    #[test]
    fn capabilities_are_said_as_the_other_era_says_them() {
        let host =
            object(r#"{"roots":{"listChanged":true},"sampling":{"tools":{}},"tasks":{},"elicitation":{}}"#);
        assert_eq!(of_legacy_host(&host), object(r#"{"roots":{},"sampling":{"tools":{}},"elicitation":{}}"#));
        let host = object(r#"{"roots":{},"extensions":{"x/y":{}},"experimental":{"z":{}}}"#);
        assert_eq!(of_modern_host(&host), object(r#"{"roots":{},"experimental":{"z":{}}}"#));
        let server = object(r#"{"tools":{"listChanged":true},"extensions":{"x/y":{}},"logging":{}}"#);
        assert_eq!(of_modern_server(&server), object(r#"{"tools":{"listChanged":true},"logging":{}}"#));
        let server = object(r#"{"tools":{},"tasks":{"list":{}}}"#);
        assert_eq!(of_legacy_server(&server), object(r#"{"tools":{}}"#));
    }
}
