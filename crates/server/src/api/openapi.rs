//! The OpenAPI document, written by hand from the table of routes: it says what the router does because both are made
//! of the same rows (docs/decisions/0020).

use super::route::{Route, Takes};
use super::{PATH, TABLES};
use crate::server::AppState;
use crate::wire::public_json;
use axum::extract::State;
use axum::response::Response;
use http::Method;
use prokura_config::ADMIN_SCOPES;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use std::sync::Arc;

/// Only what belongs to `/api/openapi.json` is public: what the API takes, not what is in it.
pub(super) async fn serve(State(app): State<Arc<AppState>>) -> Response {
    public_json(&openapi(app.config.issuer.as_str()))
}

/// The OpenAPI 3.1 document of the administration API of `issuer`.
pub fn openapi(issuer: &str) -> Object {
    let mut paths = Object::default();
    for route in TABLES.iter().copied().flatten() {
        if !paths.contains_key(route.path) {
            paths.insert(route.path, Value::Object(Object::default()));
        }
        if let Some(path) = paths.get_mut(route.path).and_then(Value::as_object_mut) {
            path.insert(method(&route.method), Value::Object(operation(route)));
        }
    }
    obj([
        ("openapi", "3.1.0".into()),
        ("info", info()),
        ("servers", Value::Array(vec![Value::Object(obj([("url", format!("{issuer}{PATH}").into())]))])),
        ("paths", Value::Object(paths)),
        ("components", components(issuer)),
    ])
}

fn info() -> Value {
    Value::Object(obj([
        ("title", "Prokura administration".into()),
        ("version", "v1".into()),
        ("summary", "What configured clients may see and change; everything changed is on record.".into()),
    ]))
}

fn method(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}

fn operation(route: &Route) -> Object {
    let mut operation = obj([
        ("summary", route.summary.into()),
        ("security", security(route.scope)),
        ("parameters", Value::Array(parameters(route))),
    ]);
    match route.takes {
        Takes::Nothing => {}
        Takes::Json(schema, _) => operation.insert("requestBody", body("application/json", json_of(schema))),
        Takes::Jwt => {
            operation.insert("requestBody", body("application/jwt", json_of(r#"{"type":"string"}"#)))
        }
    }
    operation.insert("responses", Value::Object(responses(route)));
    operation
}

fn security(scope: &str) -> Value {
    let scopes: Value = [scope].into_iter().filter(|s| !s.is_empty()).collect();
    Value::Array(vec![Value::Object(obj([("client", scopes)]))])
}

fn parameters(route: &Route) -> Vec<Value> {
    let named = route.path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'));
    let text = || json_of(r#"{"type":"string"}"#);
    let in_path = named.map(|name| {
        obj([("name", name.into()), ("in", "path".into()), ("required", true.into()), ("schema", text())])
    });
    let in_query = route.query.iter().map(|(name, said)| {
        obj([
            ("name", (*name).into()),
            ("in", "query".into()),
            ("description", (*said).into()),
            ("schema", text()),
        ])
    });
    in_path.chain(in_query).map(Value::Object).collect()
}

fn content(media: &str, schema: Value) -> Value {
    let of_media = Value::Object(obj([("schema", schema)]));
    Value::Object([(media.to_owned(), of_media)].into_iter().collect())
}

fn body(media: &str, schema: Value) -> Value {
    Value::Object(obj([("required", true.into()), ("content", content(media, schema))]))
}

fn responses(route: &Route) -> Object {
    let done = match route.gives {
        "" => ("204", obj([("description", "Done".into())])),
        schema => (
            "200",
            obj([("description", "Done".into()), ("content", content("application/json", json_of(schema)))]),
        ),
    };
    let refused = json_of(r##"{"$ref":"#/components/responses/Problem"}"##);
    [(done.0, Value::Object(done.1)), ("default", refused)].into_iter().collect()
}

fn components(issuer: &str) -> Value {
    let scopes: Object = ADMIN_SCOPES.iter().map(|(name, said)| (*name, Value::from(*said))).collect();
    let flow = obj([("tokenUrl", format!("{issuer}/token").into()), ("scopes", Value::Object(scopes))]);
    let flows = obj([("clientCredentials", Value::Object(flow))]);
    let scheme = obj([
        ("type", "oauth2".into()),
        ("description", format!("Ask with `resource={issuer}{PATH}`.").into()),
        ("flows", Value::Object(flows)),
    ]);
    let problem = obj([
        ("description", "Refused (RFC 9457)".into()),
        ("content", content("application/problem+json", json_of(PROBLEM))),
    ]);
    Value::Object(obj([
        ("securitySchemes", Value::Object(obj([("client", Value::Object(scheme))]))),
        ("responses", Value::Object(obj([("Problem", Value::Object(problem))]))),
    ]))
}

/// The schema of problem documents.
const PROBLEM: &str = r#"{"type":"object","required":["title","status","detail","code","trace"],"properties":{
"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},
"code":{"type":"string","description":"The stable word, also in the record"},
"trace":{"type":"string","description":"Leads to the entry in the record"},
"errors":{"type":"array","items":{"type":"object","required":["pointer","detail"],"properties":{
"pointer":{"type":"string"},"detail":{"type":"string"}}}}}}"#;

/// A schema of the tables; that each can be read is a test.
fn json_of(text: &str) -> Value {
    json::parse(text.as_bytes(), &Limits::DOCUMENT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_can_be_read() {
        for route in TABLES.iter().copied().flatten() {
            let taken = match route.takes {
                Takes::Json(schema, _) => schema,
                Takes::Nothing | Takes::Jwt => "",
            };
            for schema in [taken, route.gives] {
                assert!(schema.is_empty() || json_of(schema).as_object().is_some(), "{schema}");
            }
        }
        assert!(json_of(PROBLEM).as_object().is_some());
    }

    #[test]
    fn the_document_is_what_the_documentation_has() {
        let text = openapi("https://as.example").to_vec();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        insta::assert_snapshot!("openapi", serde_json::to_string_pretty(&value).unwrap());
    }
}
