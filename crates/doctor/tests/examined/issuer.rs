//! The authorization server.

use crate::faults::Fault;
use crate::world::{Asked, JSON, World, answer, form, json, not_found};
use axum::http::Method;
use axum::response::Response;
use prokura_oauth::jose::KeySet;
use prokura_oauth::json::{Limits, Object, Value, obj, parse};
use prokura_oauth::pkce::CodeVerifier;
use std::collections::BTreeMap;

pub(crate) fn serve(w: &World, asked: &Asked, path: &str) -> Response {
    let openid = path == "/.well-known/openid-configuration";
    match path {
        _ if w.shape.open => not_found(),
        "/.well-known/oauth-authorization-server" if w.has(Fault::OpenIdOnly) => not_found(),
        "/.well-known/oauth-authorization-server" if w.has(Fault::ServerPage) => {
            answer(200, &[("content-type", "text/html")], "<!doctype html><title>App</title>")
        }
        "/.well-known/oauth-authorization-server" if w.has(Fault::ServerMoved) => {
            answer(302, &[("location", "/.well-known/openid-configuration")], String::new())
        }
        "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => {
            metadata(w, asked, openid)
        }
        "/jwks" => json(if w.has(Fault::NoKeys) { 404 } else { 200 }, &[], &keys(w)),
        "/register" => register(w, asked),
        "/authorize" if !w.has(Fault::AuthorizeMissing) => authorize(w, asked),
        "/token" => token(w, asked),
        "/revoke" => answer(200, &[], String::new()),
        _ if path.starts_with("/register/") && asked.method == Method::DELETE => {
            w.memory().clients.remove(path.trim_start_matches("/register/"));
            answer(204, &[], String::new())
        }
        _ => not_found(),
    }
}

fn texts(all: &[&str]) -> Value {
    all.iter().copied().collect()
}

fn metadata(w: &World, asked: &Asked, openid: bool) -> Response {
    if w.has(Fault::NoServerMetadata) {
        return not_found();
    }
    let mut headers = vec![];
    if !w.has(Fault::ServerNoCors) {
        headers.push(("access-control-allow-origin", "*"));
    }
    if w.has(Fault::ServerNoJson) && !openid {
        headers.push(JSON);
        return answer(200, &headers, "{");
    }
    let document = document(w, asked, openid);
    if w.has(Fault::ServerText) {
        headers.push(("content-type", "text/json"));
        return answer(200, &headers, document.to_vec());
    }
    if w.has(Fault::ServerDoubled) && !openid {
        headers.push(JSON);
        let text = String::from_utf8(document.to_vec()).unwrap();
        return answer(200, &headers, text.replacen('{', "{\"issuer\":\"https://evil.example\",", 1));
    }
    json(200, &headers, &document)
}

fn document(w: &World, asked: &Asked, openid: bool) -> Object {
    let forwarded = asked.header("x-forwarded-host").filter(|_| w.has(Fault::ServerForwardedHost));
    let base = forwarded.map_or_else(|| w.issuer(), |h| format!("https://{h}"));
    let at = |path: &str| Value::from(format!("{base}{path}"));
    let mut o = obj([
        ("issuer", w.issuer().into()),
        ("authorization_endpoint", at("/authorize")),
        ("token_endpoint", at("/token")),
        ("jwks_uri", at("/jwks")),
        ("registration_endpoint", at("/register")),
        ("revocation_endpoint", at("/revoke")),
        ("response_types_supported", texts(&["code"])),
        ("grant_types_supported", texts(&["authorization_code", "refresh_token"])),
        ("token_endpoint_auth_methods_supported", texts(&["none", "private_key_jwt"])),
        ("token_endpoint_auth_signing_alg_values_supported", texts(&["ES256"])),
        ("code_challenge_methods_supported", texts(&["S256"])),
        ("authorization_response_iss_parameter_supported", true.into()),
        ("client_id_metadata_document_supported", true.into()),
        ("protected_resources", [w.url()].iter().collect()),
    ]);
    for fault in &w.faults {
        spoil(&mut o, *fault, w, openid);
    }
    o
}

/// Puts a fault into the metadata.
fn spoil(o: &mut Object, fault: Fault, w: &World, openid: bool) {
    let methods = "code_challenge_methods_supported";
    match fault {
        Fault::OtherIssuer => o.insert("issuer", format!("{}/", w.issuer()).into()),
        Fault::Disagreeing if openid => o.insert("token_endpoint", format!("{}/token2", w.issuer()).into()),
        Fault::NoTokenEndpoint => drop(o.remove("token_endpoint")),
        Fault::PlainEndpoint => o.insert("introspection_endpoint", "http://as.example/introspect".into()),
        Fault::FragmentEndpoint => o.insert("introspection_endpoint", format!("{}/i#x", w.issuer()).into()),
        Fault::NoResponseTypes => drop(o.remove("response_types_supported")),
        Fault::NoPkce if openid => drop(o.remove(methods)),
        Fault::PkceOnlyPlain => o.insert(methods, texts(&["plain"])),
        Fault::PkcePlain => o.insert(methods, texts(&["S256", "plain"])),
        Fault::NoIss | Fault::IssUnsaid => drop(o.remove("authorization_response_iss_parameter_supported")),
        Fault::ImplicitOffered => o.insert("response_types_supported", texts(&["code", "code token"])),
        Fault::NoGrantTypes => drop(o.remove("grant_types_supported")),
        Fault::SecretsOnly => {
            o.insert("token_endpoint_auth_methods_supported", texts(&["client_secret_basic"]))
        }
        Fault::NoAlgorithms => drop(o.remove("token_endpoint_auth_signing_alg_values_supported")),
        Fault::AlgorithmNone => {
            o.insert("token_endpoint_auth_signing_alg_values_supported", texts(&["ES256", "none"]));
        }
        Fault::EmptyList => o.insert("scopes_supported", texts(&[])),
        Fault::OtherResources => o.insert("protected_resources", texts(&["https://mcp.example/other"])),
        Fault::NoRegistration => {
            o.remove("registration_endpoint");
            o.remove("client_id_metadata_document_supported");
        }
        Fault::NoDocuments => drop(o.remove("client_id_metadata_document_supported")),
        _ => {}
    }
}

fn keys(w: &World) -> Object {
    let set = KeySet::of(vec![w.key.public()]).unwrap().to_jwks();
    let mut keys = set.get("keys").and_then(Value::as_array).unwrap().to_vec();
    let mut more = keys[0].as_object().unwrap().clone();
    match w.faults.first() {
        Some(Fault::PrivateKey) => more.insert("d", "c2VjcmV0".into()),
        Some(Fault::SharedKey) => {
            more = obj([("kty", "oct".into()), ("kid", "s".into()), ("k", "c2VjcmV0".into())]);
        }
        Some(Fault::SameKid) => {}
        Some(Fault::NoKid) => drop(more.remove("kid")),
        Some(Fault::WrongAlgorithm) => {
            more.insert("kid", "2".into());
            more.insert("alg", "RS256".into());
        }
        Some(Fault::NoKeyType) => {
            more.insert("kid", "2".into());
            more.remove("kty");
        }
        Some(Fault::ShortKey) => {
            let n = "v".repeat(171);
            more = obj([("kty", "RSA".into()), ("kid", "2".into()), ("e", "AQAB".into()), ("n", n.into())]);
        }
        _ => return set,
    }
    if w.has(Fault::PrivateKey) {
        more.insert("kid", "2".into());
    }
    keys.push(more.into());
    obj([("keys", Value::Array(keys))])
}

fn register(w: &World, asked: &Asked) -> Response {
    let request = parse(&asked.body, &Limits::MESSAGE).unwrap().into_object().unwrap();
    let redirect = request.get("redirect_uris").unwrap().as_array().unwrap()[0].as_str().unwrap().to_owned();
    let url = url::Url::parse(&redirect);
    let plain = url.as_ref().is_ok_and(|u| u.scheme() == "http" && u.host_str() != Some("127.0.0.1"));
    let bad = url.is_err() || (plain && !w.has(Fault::RegistersPlainHttp));
    if bad && !w.has(Fault::RegistersAnything) {
        if w.has(Fault::RegistrationPage) {
            return answer(400, &[("content-type", "text/html")], "<html>No</html>");
        }
        return json(400, &[], &obj([("error", "invalid_redirect_uri".into())]));
    }
    let id = w.fresh("client-");
    w.memory().clients.insert(id.clone(), redirect);
    let mut told = request;
    told.insert("client_id", id.as_str().into());
    told.insert("registration_client_uri", format!("{}/register/{id}", w.issuer()).into());
    told.insert("registration_access_token", "rat".into());
    let kept: &[(&str, &str)] =
        if w.has(Fault::RegistrationKept) { &[] } else { &[("cache-control", "no-store")] };
    json(if w.has(Fault::RegistrationOk200) { 200 } else { 201 }, kept, &told)
}

/// A page for people, or where the browser is sent.
fn authorize(w: &World, asked: &Asked) -> Response {
    let mut response = authorized(w, &asked.query());
    if w.has(Fault::AuthorizeOpenToPages) {
        response.headers_mut().insert("access-control-allow-origin", "*".parse().unwrap());
    }
    response
}

fn authorized(w: &World, asked: &BTreeMap<String, String>) -> Response {
    let get = |name: &str| asked.get(name).map_or("", String::as_str);
    if w.has(Fault::SamePage) && !asked.contains_key("signed_in") {
        return answer(200, &[("x-frame-options", "DENY")], "<html><title>App</title>");
    }
    let redirect = get("redirect_uri");
    let registered = w.memory().clients.get(get("client_id")).cloned();
    let fits = match &registered {
        Some(r) if w.has(Fault::PrefixRedirect) => redirect.starts_with(r.as_str()),
        Some(r) => r == redirect || w.has(Fault::ForeignRedirect),
        None => false,
    };
    if !fits && w.has(Fault::OpenRedirect) {
        return sent(w, redirect, &[("error", "invalid_request"), ("state", get("state"))]);
    }
    if !fits {
        return answer(400, &[("content-type", "text/html")], "<html>This client is not known.</html>");
    }
    let error = match (get("response_type"), get("code_challenge_method")) {
        ("token", _) if !w.has(Fault::ImplicitTaken) => Some("unsupported_response_type"),
        (_, "plain")
            if !w.has(Fault::PlainTaken) && !w.has(Fault::PkcePlain) && !w.has(Fault::PkceOnlyPlain) =>
        {
            Some("invalid_request")
        }
        (_, "") if !w.has(Fault::PkceOptional) => Some("invalid_request"),
        _ if get("resource") != w.url() && !w.has(Fault::AnyResource) && !accepts(w, get("resource")) => {
            Some("invalid_target")
        }
        _ => None,
    };
    if let Some(error) = error {
        return sent(w, redirect, &[("error", error), ("state", get("state"))]);
    }
    if !asked.contains_key("signed_in") {
        let policy = ("content-security-policy", "frame-ancestors 'none'");
        let headers = if w.has(Fault::Framed) { vec![] } else { vec![policy] };
        return answer(200, &headers, "<html>Who are you?</html>");
    }
    let code = w.fresh("code-");
    w.memory().codes.insert(code.clone(), Some(asked.clone()));
    sent(w, redirect, &[("code", &code), ("state", get("state"))])
}

/// What the metadata call this resource, wrongly or not.
fn accepts(w: &World, resource: &str) -> bool {
    w.has(Fault::ResourceSlash) && resource.trim_end_matches('/') == w.url()
        || w.has(Fault::TwoResources) && resource.trim_end_matches('/') == w.url()
        || w.has(Fault::ResourcePlain) && resource == "http://mcp.example/mcp"
}

fn sent(w: &World, redirect: &str, parameters: &[(&str, &str)]) -> Response {
    let mut to = url::Url::parse(redirect).unwrap();
    for (name, value) in parameters {
        if *name != "state" || !w.has(Fault::StateLost) {
            to.query_pairs_mut().append_pair(name, value);
        }
    }
    if !w.has(Fault::IssMissing) && !w.has(Fault::NoIss) {
        let iss = if w.has(Fault::IssOther) { "https://evil.example".to_owned() } else { w.issuer() };
        to.query_pairs_mut().append_pair("iss", &iss);
    }
    answer(302, &[("location", to.as_str())], String::new())
}

fn token(w: &World, asked: &Asked) -> Response {
    if asked.method != Method::POST {
        return answer(if w.has(Fault::TokenByGet) { 200 } else { 405 }, &[], String::new());
    }
    let form = form(&asked.body);
    let get = |name: &str| form.get(name).map_or("", String::as_str);
    if !w.memory().clients.contains_key(get("client_id")) {
        return refused(w, if w.has(Fault::ClientLast) { "invalid_grant" } else { "invalid_client" });
    }
    match get("grant_type") {
        "authorization_code" => redeem(w, &form),
        "refresh_token" => renew(w, get("refresh_token")),
        _ => refused(w, "unsupported_grant_type"),
    }
}

fn refused(w: &World, error: &str) -> Response {
    if w.has(Fault::TokenErrorPage) {
        return answer(400, &[("content-type", "text/html")], "<html>No</html>");
    }
    let status = if w.has(Fault::TokenError200) { 200 } else { 400 };
    let kept: &[(&str, &str)] =
        if w.has(Fault::TokenErrorCached) { &[] } else { &[("cache-control", "no-store")] };
    json(status, kept, &obj([("error", error.into())]))
}

fn redeem(w: &World, form: &BTreeMap<String, String>) -> Response {
    let mut memory = w.memory();
    let Some(code) = memory.codes.get_mut(&form["code"]) else { return refused(w, "invalid_grant") };
    let request = if w.has(Fault::CodeTwice) { code.clone() } else { code.take() };
    let Some(request) = request else { return refused(w, "invalid_grant") };
    drop(memory);
    let verifier = CodeVerifier::parse(form["code_verifier"].as_str()).unwrap();
    assert_eq!(verifier.challenge().as_str(), request["code_challenge"]);
    assert_eq!((&form["redirect_uri"], &form["resource"]), (&request["redirect_uri"], &request["resource"]));
    issued(w, None)
}

fn renew(w: &World, token: &str) -> Response {
    let used = w.memory().refresh.get(token).copied();
    if used.is_none_or(|used| used && !w.has(Fault::RefreshTwice) && !w.has(Fault::NoRotation)) {
        return refused(w, "invalid_grant");
    }
    w.memory().refresh.insert(token.to_owned(), true);
    issued(w, Some(token))
}

fn issued(w: &World, old: Option<&str>) -> Response {
    let audience =
        if w.has(Fault::OtherAudience) { "https://mcp.example/other".to_owned() } else { audience(w) };
    let access = w.token(&audience);
    let refresh = match old {
        Some(old) if w.has(Fault::NoRotation) => old.to_owned(),
        _ => w.fresh("refresh-"),
    };
    let mut memory = w.memory();
    memory.access.insert(access.clone());
    memory.refresh.entry(refresh.clone()).or_insert(false);
    let mut told = obj([
        ("access_token", access.into()),
        ("token_type", "Bearer".into()),
        ("expires_in", (if w.has(Fault::LongLife) { 86_400 } else { 300 }).into()),
        ("refresh_token", refresh.into()),
    ]);
    if w.has(Fault::NoTokenType) {
        told.remove("token_type");
    }
    if w.has(Fault::NoExpiry) {
        told.remove("expires_in");
    }
    let kept: &[(&str, &str)] =
        if w.has(Fault::TokenCached) { &[] } else { &[("cache-control", "no-store")] };
    json(200, kept, &told)
}

/// As the metadata say it, so that a fault of the metadata is one fault.
fn audience(w: &World) -> String {
    match () {
        () if w.has(Fault::ResourceSlash) || w.has(Fault::TwoResources) => format!("{}/", w.url()),
        () if w.has(Fault::ResourcePlain) => "http://mcp.example/mcp".into(),
        () => w.url(),
    }
}
