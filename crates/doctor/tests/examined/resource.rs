//! The MCP server.

use crate::faults::Fault;
use crate::world::{Asked, JSON, World, answer, json};
use axum::http::Method;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_mcp::{header, meta};
use prokura_oauth::json::{Limits, Object, Problem, Value, obj, parse};

const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-11-25";

/// RFC 9728.
pub(crate) fn metadata(w: &World, asked: &Asked) -> Response {
    if w.has(Fault::NoMetadata) || (w.has(Fault::HintNowhere) && asked.uri.path() == "/prm") {
        return crate::world::not_found();
    }
    if w.has(Fault::ResourceMoved) {
        return answer(307, &[("location", "/elsewhere")], String::new());
    }
    if w.has(Fault::ResourceNoJson) {
        return answer(200, &[JSON], "{resource: x}");
    }
    let document = document(w, asked);
    let mut headers = vec![];
    if !w.has(Fault::ResourceNoCors) {
        headers.push(("access-control-allow-origin", "*"));
    }
    if w.has(Fault::ResourceText) {
        headers.push(("content-type", "text/plain"));
        return answer(200, &headers, document.to_vec());
    }
    if w.has(Fault::ResourceDoubled) {
        let text = String::from_utf8(document.to_vec()).unwrap().replacen('{', "{\"resource\":\"x\",", 1);
        headers.push(JSON);
        return answer(200, &headers, text);
    }
    json(200, &headers, &document)
}

fn document(w: &World, asked: &Asked) -> Object {
    let text = |all: &[&str]| all.iter().copied().collect::<Value>();
    let host = asked.header("x-forwarded-host").filter(|_| w.has(Fault::ForwardedMetadata));
    let mut resource = host.map_or_else(|| w.url(), |h| format!("https://{h}/mcp"));
    if w.has(Fault::ResourceSlash) || (w.has(Fault::TwoResources) && asked.uri.path() == "/prm") {
        resource.push('/');
    }
    if w.has(Fault::ResourcePlain) {
        resource = "http://mcp.example/mcp".into();
    }
    let mut issuer = w.issuer();
    if w.has(Fault::ServerQuery) {
        issuer.push_str("?tenant=1");
    }
    if w.has(Fault::ServerInside) {
        issuer = "https://10.0.0.7".into();
    }
    let mut o = obj([
        ("resource", resource.into()),
        ("authorization_servers", text(&[&issuer])),
        ("scopes_supported", text(&["read"])),
        ("bearer_methods_supported", text(&["header"])),
    ]);
    if w.has(Fault::NoServers) {
        o.remove("authorization_servers");
    }
    if w.has(Fault::ServersEmpty) {
        o.insert("authorization_servers", text(&[]));
    }
    if w.has(Fault::NoScopes) {
        o.remove("scopes_supported");
    }
    if w.has(Fault::ResourceOfflineAccess) {
        o.insert("scopes_supported", text(&["read", "offline_access"]));
    }
    if w.has(Fault::QueryMethod) {
        o.insert("bearer_methods_supported", text(&["header", "query"]));
    }
    if w.has(Fault::ResourceNone) {
        o.insert("resource_signing_alg_values_supported", text(&["ES256", "none"]));
    }
    o
}

/// The MCP endpoint.
pub(crate) fn mcp(w: &World, asked: &Asked) -> Response {
    let mut response = admitted(w, asked);
    if let Some(origin) = asked.headers.get("origin").filter(|_| w.has(Fault::LeaveForAll)) {
        let headers = response.headers_mut();
        headers.insert("access-control-allow-origin", origin.clone());
        headers.insert("access-control-allow-credentials", "true".parse().unwrap());
    }
    response
}

fn admitted(w: &World, asked: &Asked) -> Response {
    if w.has(Fault::Limited) && w.memory().requests.iter().filter(|r| r.ends_with("/mcp")).count() > 20 {
        return answer(429, &[("retry-after", "60")], String::new());
    }
    if asked.header("host") != w.origin.strip_prefix("http://") && !w.has(Fault::AnyHost) {
        return answer(403, &[], String::new());
    }
    if asked.header("origin").is_some() && !w.has(Fault::AnyOrigin) {
        return answer(if w.has(Fault::OriginIs401) { 404 } else { 403 }, &[], String::new());
    }
    if let Some(refusal) = refusal(w, asked) {
        return refusal;
    }
    match asked.method {
        Method::POST => post(w, asked),
        Method::DELETE if !w.shape.no_legacy => end(w, asked),
        Method::GET if w.has(Fault::GetIs200) => answer(200, &[JSON], "{}"),
        _ => answer(405, &[("allow", "POST")], String::new()),
    }
}

/// Why the token does not let the request in.
fn refusal(w: &World, asked: &Asked) -> Option<Response> {
    if w.shape.open {
        return None;
    }
    let session = asked.header("mcp-session-id").filter(|_| w.has(Fault::SessionIsEnough));
    if session.is_some_and(|s| w.memory().sessions.contains(s)) {
        return None;
    }
    let query = asked.query().remove("access_token").filter(|_| w.has(Fault::TakesQuery));
    let Some(value) =
        asked.header("authorization").map(str::to_owned).or(query.map(|t| format!("Bearer {t}")))
    else {
        return Some(unauthorized(w, asked, false));
    };
    let (scheme, token) = value.split_once(' ').unwrap_or((&value, ""));
    let bearer = scheme == "Bearer" || (scheme.eq_ignore_ascii_case("Bearer") && !w.has(Fault::CaseOfScheme));
    if !bearer || token.is_empty() {
        let broken = w.has(Fault::EmptyIs500);
        return Some(if broken { answer(500, &[], String::new()) } else { unauthorized(w, asked, false) });
    }
    if is_taken(w, token) {
        return None;
    }
    if w.has(Fault::GarbageIs500) && !token.contains('.') {
        return Some(answer(500, &[], String::new()));
    }
    Some(unauthorized(w, asked, true))
}

fn is_taken(w: &World, token: &str) -> bool {
    let known = |t: &str| w.memory().access.contains(t);
    if known(token) {
        return !w.has(Fault::TokenRefused);
    }
    let header = token.split('.').next().and_then(|h| URL_SAFE_NO_PAD.decode(h).ok());
    let header = header.and_then(|h| parse(&h, &Limits::TOKEN).ok()).and_then(Value::into_object);
    let header = header.unwrap_or_default();
    let alg = header.str("alg").unwrap_or_default();
    let claims = |t: &str| t.split('.').nth(1).map(str::to_owned);
    let foreign = token == "x.foreign.x";
    let own = header.contains_key("jwk");
    let tampered = w.memory().access.iter().any(|t| claims(t) == claims(token) && claims(token).is_some());
    w.has(Fault::TakesAnything)
        || (w.has(Fault::TakesUnsigned) && alg == "none")
        || (w.has(Fault::TakesConfused) && alg == "HS256")
        || (w.has(Fault::TakesOwnKey) && own)
        || (w.has(Fault::TakesForged) && alg == "ES256" && !own && !tampered)
        || (w.has(Fault::TakesTampered) && tampered)
        || (w.has(Fault::TakesForeign) && foreign)
}

fn unauthorized(w: &World, asked: &Asked, wrong: bool) -> Response {
    let host = asked.header("x-forwarded-host").filter(|_| w.has(Fault::ForwardedChallenge));
    let mut at = host.map_or_else(|| format!("{}/prm", w.origin), |h| format!("https://{h}/prm"));
    if w.has(Fault::HintRelative) {
        at = "/prm".into();
    }
    let mut challenge = format!("{} realm=\"x\"", if w.has(Fault::OtherScheme) { "MCP" } else { "Bearer" });
    if !w.has(Fault::NoHint) && !w.has(Fault::NoMetadata) {
        challenge += &format!(", resource_metadata=\"{at}\"");
    }
    if !w.has(Fault::NoScope) {
        let more = if w.has(Fault::OfflineScope) { " offline_access" } else { "" };
        challenge += &format!(", scope=\"read{more}\"");
    }
    if (wrong && !w.has(Fault::GarbageUntold)) || (!wrong && w.has(Fault::ErrorWithoutToken)) {
        challenge += ", error=\"invalid_token\"";
    }
    if w.has(Fault::BrokenChallenge) {
        challenge += ", extra=\"never closed";
    }
    if w.has(Fault::RepeatedParameter) {
        challenge += ", scope=\"write\"";
    }
    let status =
        if w.has(Fault::Forbidden) && !wrong && asked.header("authorization").is_none() { 403 } else { 401 };
    if w.has(Fault::NoChallenge) {
        return answer(status, &[], String::new());
    }
    answer(status, &[("www-authenticate", &challenge)], String::new())
}

fn error(status: u16, id: Value, code: i64, data: Object) -> Response {
    let error = obj([("code", code.into()), ("message", "no".into()), ("data", data.into())]);
    json(status, &[], &obj([("jsonrpc", "2.0".into()), ("id", id), ("error", error.into())]))
}

fn result(w: &World, id: Value, result: Object, more: &[(&str, &str)]) -> Response {
    let id = if w.has(Fault::OtherId) { "other".into() } else { id };
    let message = obj([("jsonrpc", "2.0".into()), ("id", id), ("result", result.into())]);
    if w.shape.streams {
        let text = format!("data: {}\n\n", Value::Object(message));
        let mut headers = vec![("content-type", "text/event-stream")];
        if !w.has(Fault::NoAnswerType) {
            headers.push(("x-accel-buffering", "no"));
        }
        headers.extend(more);
        return answer(200, &headers, text);
    }
    if w.has(Fault::NoAnswerType) {
        return answer(200, more, message.to_vec());
    }
    json(200, more, &message)
}

fn post(w: &World, asked: &Asked) -> Response {
    if asked.header("content-type") != Some("application/json") && !w.has(Fault::TakesText) {
        return answer(415, &[], String::new());
    }
    let read = match parse(&asked.body, &Limits::MESSAGE) {
        Err(e) if e.problem() == Problem::DuplicateMember && w.has(Fault::TakesTwice) => {
            let text = String::from_utf8(asked.body.to_vec()).unwrap();
            parse(text.replacen("\"jsonrpc\":\"2.0\",", "", 1).as_bytes(), &Limits::MESSAGE)
        }
        other => other,
    };
    let message = match read {
        Ok(Value::Object(message)) => message,
        Ok(Value::Array(all)) if w.has(Fault::TakesBatch) => all[0].as_object().unwrap().clone(),
        Ok(_) => return error(400, Value::Null, -32600, Object::new()),
        Err(e) if e.problem() == Problem::Syntax && w.has(Fault::NonsenseIs500) => {
            return answer(500, &[], String::new());
        }
        Err(_) => return error(400, Value::Null, -32700, Object::new()),
    };
    let Some(id) = message.get("id").cloned() else {
        return answer(if w.has(Fault::NotificationIs200) { 200 } else { 202 }, &[], String::new());
    };
    let method = message.str("method").unwrap_or_default();
    let legacy = method == "initialize" || asked.header("mcp-protocol-version").is_some_and(|v| v < MODERN);
    let known =
        [MODERN, LEGACY, "1900-01-01"].contains(&asked.header("mcp-protocol-version").unwrap_or(LEGACY));
    let unknown = asked.header("mcp-protocol-version") == Some("1900-01-01");
    let modern_body = message.get("params").and_then(|p| p.as_object()?.get("_meta")).is_some();
    match (legacy && !(unknown && modern_body), known) {
        (true, true) if !w.shape.no_legacy => self::legacy(w, asked, id, method, &message),
        (true, true) => unsupported(id),
        _ if w.shape.no_modern => error(400, id, -32600, Object::new()),
        _ => modern(w, asked, id, method, &message),
    }
}

fn unsupported(id: Value) -> Response {
    error(400, id, -32022, obj([("supported", [MODERN].into_iter().collect())]))
}

fn modern(w: &World, asked: &Asked, id: Value, method: &str, message: &Object) -> Response {
    let mismatch = |id| error(400, id, -32020, Object::new());
    let params = message.get("params").and_then(Value::as_object);
    let version = params.and_then(|p| p.get("_meta")?.as_object()?.str(meta::VERSION));
    let header_version = asked.header("mcp-protocol-version");
    if version.is_none() && !w.has(Fault::MetaNotNeeded) {
        return error(400, id, -32602, Object::new());
    }
    if version.is_some() && header_version != version && !w.has(Fault::VersionNotCompared) {
        return mismatch(id);
    }
    if header_version != Some(MODERN) && !w.has(Fault::AnyVersion) {
        return if w.has(Fault::VersionUntold) {
            error(400, id, -32600, Object::new())
        } else {
            unsupported(id)
        };
    }
    match asked.header("mcp-method") {
        None if !w.has(Fault::MethodNotNeeded) => return mismatch(id),
        Some(named) if named != method && !w.has(Fault::MethodNotCompared) => return mismatch(id),
        _ => {}
    }
    match method {
        "server/discover" => discover(w, id),
        "tools/list" => result(w, id, obj([("tools", Value::Array(Vec::new()))]), &[]),
        "tools/call" => {
            let name = asked.header("mcp-name").unwrap_or_default();
            let decoded = header::decode(name).unwrap();
            let named = if w.has(Fault::NameNotDecoded) { name } else { &decoded };
            if Some(named) != params.unwrap().str("name") && !w.has(Fault::NameNotCompared) {
                return mismatch(id);
            }
            error(200, id, -32602, Object::new())
        }
        _ => error(if w.has(Fault::UnknownIs200) { 200 } else { 404 }, id, -32601, Object::new()),
    }
}

fn discover(w: &World, id: Value) -> Response {
    let mut told = obj([
        ("supportedVersions", [MODERN].into_iter().collect()),
        ("capabilities", obj([("tools", Object::new().into())]).into()),
    ]);
    if w.has(Fault::DiscoverBare) {
        told.remove("supportedVersions");
    }
    let session = [("mcp-session-id", "s1")];
    result(w, id, told, if w.has(Fault::ModernSession) { &session } else { &[] })
}

fn legacy(w: &World, asked: &Asked, id: Value, method: &str, message: &Object) -> Response {
    if method == "initialize" {
        let asked = message.get("params").and_then(|p| p.as_object()?.str("protocolVersion"));
        let version = if w.has(Fault::InitializeEcho) { asked.unwrap() } else { LEGACY };
        let mut told = obj([
            ("protocolVersion", version.into()),
            ("capabilities", Object::new().into()),
            ("serverInfo", obj([("name", "x".into()), ("version", "1".into())]).into()),
        ]);
        if w.has(Fault::InitializeHalf) {
            told.remove("serverInfo");
        }
        let space = if w.has(Fault::SessionIdSpaces) { " x" } else { "" };
        let session = w.fresh("session-") + space;
        w.memory().sessions.insert(session.clone());
        return result(w, id, told, &[("mcp-session-id", &session)]);
    }
    if asked.header("mcp-protocol-version").is_some_and(|v| v != LEGACY) && !w.has(Fault::AnyVersion) {
        return error(400, id, -32600, Object::new());
    }
    match asked.header("mcp-session-id") {
        None => error(if w.has(Fault::SessionMissing404) { 404 } else { 400 }, id, -32600, Object::new()),
        Some(s) if !w.memory().sessions.contains(s) => error(404, id, -32600, Object::new()),
        Some(_) => result(w, id, Object::new(), &[]),
    }
}

fn end(w: &World, asked: &Asked) -> Response {
    let session = asked.header("mcp-session-id").unwrap_or_default();
    if w.has(Fault::SessionLivesOn) || w.memory().sessions.remove(session) {
        return answer(200, &[], String::new());
    }
    answer(404, &[], String::new())
}
