//! The headers that mirror a message for a modern server: made from the message, never from anything else (MCP
//! 2026-07-28, "Standard Request Headers" and "Custom Headers from Tool Parameters").

use http::{HeaderMap, HeaderName, HeaderValue};
use prokura_mcp::envelope::Call;
use prokura_mcp::header::{self, encode, mirrored_name};
use prokura_oauth::json::{Object, Value};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The member of a schema that asks for a header.
const MARK: &str = "x-mcp-header";
/// How many tools are remembered, and how many headers one may ask for.
const MOST_TOOLS: usize = 4096;
const MOST_HEADERS: usize = 64;
/// The largest integer that ECMAScript holds exactly.
const LARGEST: i64 = (1 << 53) - 1;

/// A parameter that a header mirrors: where it stands in the arguments, and in which header.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirrored {
    path: Vec<String>,
    name: HeaderName,
}

/// Which parameters of which tools are mirrored; learned from lists of tools as they pass.
#[derive(Default)]
pub(crate) struct Mirrors(Mutex<HashMap<String, Vec<Mirrored>>>);

impl Mirrors {
    /// Learns from a list of tools, and takes the tools out that no client may offer: those whose annotations break
    /// a rule of the specification.
    pub(crate) fn learn(&self, result: &mut Object) {
        let Some(tools) = result.get_mut("tools").and_then(Value::as_array_mut) else { return };
        tools.retain(|tool| {
            let Some(name) = tool.as_object().and_then(|t| t.str("name")) else { return true };
            match annotations(tool) {
                Ok(mirrored) => {
                    self.remember(name, mirrored);
                    true
                }
                Err(why) => {
                    let shown: String = name.chars().take(64).flat_map(char::escape_default).collect();
                    tracing::warn!("the tool `{shown}` is left out of the list: {why}");
                    false
                }
            }
        });
    }

    fn remember(&self, tool: &str, mirrored: Vec<Mirrored>) {
        let mut known = self.known();
        if mirrored.is_empty() {
            known.remove(tool);
        } else if known.len() < MOST_TOOLS || known.contains_key(tool) {
            known.insert(tool.to_owned(), mirrored);
        }
    }

    /// The headers of a message.
    pub(crate) fn head(&self, version: &'static str, call: &Call) -> HeaderMap {
        let mut head = HeaderMap::new();
        head.insert(header::VERSION, HeaderValue::from_static(version));
        put(&mut head, &header::METHOD, &call.method);
        let name = mirrored_name(&call.method).and_then(|n| call.params.as_ref()?.str(n));
        if let Some(name) = name {
            put(&mut head, &header::NAME, name);
        }
        if call.method == "tools/call" {
            self.parameters(&mut head, call);
        }
        head
    }

    fn parameters(&self, head: &mut HeaderMap, call: &Call) {
        let Some(params) = &call.params else { return };
        let Some(arguments) = params.get("arguments") else { return };
        let known = self.known();
        let mirrored = params.str("name").and_then(|tool| known.get(tool));
        for parameter in mirrored.into_iter().flatten() {
            if let Some(text) = at(arguments, &parameter.path).and_then(text) {
                put(head, &parameter.name, &text);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Vec<Mirrored>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(head: &mut HeaderMap, name: &HeaderName, text: &str) {
    // What was encoded is visible ASCII and so always a header's value.
    if let Ok(value) = HeaderValue::from_str(&encode(text)) {
        head.insert(name.clone(), value);
    }
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| value.as_object()?.get(step))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.as_i64().map_or_else(|| n.text().into_owned(), |i| i.to_string())),
        _ => None,
    }
}

fn annotations(tool: &Value) -> Result<Vec<Mirrored>, &'static str> {
    let Some(schema) = tool.as_object().and_then(|t| t.get("inputSchema")) else { return Ok(Vec::new()) };
    let mut found = Found::default();
    found.object(schema, &mut Vec::new())?;
    Ok(found.mirrored)
}

#[derive(Default)]
struct Found {
    mirrored: Vec<Mirrored>,
    names: HashSet<HeaderName>,
}

impl Found {
    /// A schema at a place that is reached by `properties` alone.
    fn object(&mut self, schema: &Value, path: &mut Vec<String>) -> Result<(), &'static str> {
        let Some(schema) = schema.as_object() else { return Ok(()) };
        if let Some(mark) = schema.get(MARK) {
            self.mark(mark, schema, path)?;
        }
        for (keyword, below) in schema {
            match (keyword, below) {
                ("properties", Value::Object(properties)) => {
                    for (name, property) in properties {
                        path.push(name.to_owned());
                        self.object(property, path)?;
                        path.pop();
                    }
                }
                // Values, not schemas: a mark in one of these is somebody's data.
                (MARK | "const" | "enum" | "default" | "examples", _) => {}
                _ => unreachable_marks(below)?,
            }
        }
        Ok(())
    }

    fn mark(&mut self, mark: &Value, schema: &Object, path: &[String]) -> Result<(), &'static str> {
        let name = mark.as_str().ok_or("`x-mcp-header` is no text")?;
        if name.is_empty() || path.is_empty() {
            return Err("`x-mcp-header` names nothing");
        }
        let name = HeaderName::from_bytes(format!("{}{name}", header::PARAM).as_bytes())
            .map_err(|_| "`x-mcp-header` is no name of a header")?;
        if !matches!(schema.str("type"), Some("string" | "integer" | "boolean")) {
            return Err(
                "`x-mcp-header` stands at a parameter that is neither a string, an integer nor a boolean",
            );
        }
        if !within_range(schema) {
            return Err("`x-mcp-header` stands at an integer beyond the safe range");
        }
        if !self.names.insert(name.clone()) {
            return Err("two parameters ask for the same header");
        }
        if self.mirrored.len() == MOST_HEADERS {
            return Err("it asks for too many headers");
        }
        self.mirrored.push(Mirrored { path: path.to_vec(), name });
        Ok(())
    }
}

/// Bounds that a schema states itself must be within what every client can write.
fn within_range(schema: &Object) -> bool {
    let safe = |name: &str| {
        schema.get(name).and_then(Value::as_number).is_none_or(|n| n.as_f64().abs() <= LARGEST as f64)
    };
    schema.str("type") != Some("integer") || (safe("minimum") && safe("maximum"))
}

/// No mark may stand where no argument can be told to belong to it.
fn unreachable_marks(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Object(o) if o.contains_key(MARK) => {
            Err("`x-mcp-header` stands where it is not reached by `properties` alone")
        }
        Value::Object(o) => o.iter().try_for_each(|(_, below)| unreachable_marks(below)),
        Value::Array(all) => all.iter().try_for_each(unreachable_marks),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn object(text: &str) -> Object {
        parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap()
    }

    fn learned(schema: &str) -> (Mirrors, bool) {
        let mirrors = Mirrors::default();
        let mut list = object(&format!(r#"{{"tools":[{{"name":"t","inputSchema":{schema}}}]}}"#));
        mirrors.learn(&mut list);
        let kept = !list.get("tools").unwrap().as_array().unwrap().is_empty();
        (mirrors, kept)
    }

    fn head(mirrors: &Mirrors, arguments: &str) -> Vec<(String, String)> {
        let params = object(&format!(r#"{{"name":"t","arguments":{arguments}}}"#));
        let head = mirrors.head("2026-07-28", &Call { method: "tools/call".into(), params: Some(params) });
        let mut all: Vec<_> = head
            .iter()
            .filter(|(n, _)| n.as_str().starts_with(header::PARAM))
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned()))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn parameters_are_mirrored_as_the_schema_says() {
        let (mirrors, kept) = learned(
            r#"{"type":"object","properties":{
                "region":{"type":"string","x-mcp-header":"Region"},
                "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
                "dry":{"type":"boolean","x-mcp-header":"Dry"},"free":{"type":"string"}}}"#,
        );
        assert!(kept);
        let pair = |n: &str, v: &str| (format!("mcp-param-{n}"), v.to_owned());
        let all = head(&mirrors, r#"{"region":"us","deep":{"n":-7},"dry":true,"free":"x"}"#);
        assert_eq!(all, [pair("dry", "true"), pair("n", "-7"), pair("region", "us")]);
        assert_eq!(head(&mirrors, r#"{"region":"é","dry":null}"#), [pair("region", "=?base64?w6k=?=")]);
        assert_eq!(head(&mirrors, r#"{"region":"a\r\nX: y"}"#).len(), 1);
        assert_eq!(head(&mirrors, "{}"), []);
    }

    #[test]
    fn a_tool_that_breaks_a_rule_is_not_offered() {
        for properties in [
            r#""a":{"type":"string","x-mcp-header":""}"#,
            r#""a":{"type":"string","x-mcp-header":7}"#,
            r#""a":{"type":"string","x-mcp-header":"a b"}"#,
            r#""a":{"type":"string","x-mcp-header":"a\r\nb"}"#,
            r#""a":{"type":"number","x-mcp-header":"A"}"#,
            r#""a":{"type":"array","x-mcp-header":"A"}"#,
            r#""a":{"x-mcp-header":"A"}"#,
            r#""a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}"#,
            r#""a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}"#,
            r#""a":{"oneOf":[{"type":"string","x-mcp-header":"A"}]}"#,
            r#""a":{"type":"object","additionalProperties":{"type":"string","x-mcp-header":"A"}}"#,
            r#""a":{"type":"integer","maximum":9007199254740993,"x-mcp-header":"A"}"#,
        ] {
            let (_, kept) = learned(&format!(r#"{{"type":"object","properties":{{{properties}}}}}"#));
            assert!(!kept, "{properties}");
        }
        for fine in
            [r#""a":{"type":"string","default":{"x-mcp-header":""}}"#, r#""x-mcp-header":{"type":"string"}"#]
        {
            let (_, kept) = learned(&format!(r#"{{"type":"object","properties":{{{fine}}}}}"#));
            assert!(kept, "{fine}");
        }
        let (_, kept) = learned(r#"{"type":"object","$defs":{"d":{"type":"string","x-mcp-header":"D"}}}"#);
        assert!(!kept);
    }

    #[test]
    fn standard_headers_are_made_from_the_message() {
        let mirrors = Mirrors::default();
        let call = |method: &str, params: &str| Call { method: method.into(), params: Some(object(params)) };
        let read = mirrors.head("2026-07-28", &call("resources/read", r#"{"uri":"x://é"}"#));
        assert_eq!(read["mcp-name"], "=?base64?eDovL8Op?=");
        assert_eq!(
            (&read["mcp-method"], &read["mcp-protocol-version"]),
            (&"resources/read".parse().unwrap(), &"2026-07-28".parse().unwrap())
        );
        assert!(!mirrors.head("2026-07-28", &call("tools/list", "{}")).contains_key("mcp-name"));
    }
}
