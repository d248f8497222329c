//! An authorization server on loopback that serves what it is told and counts what it is asked.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use prokura_core::{Clock, Timestamp};
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// What it serves, and how often it was asked.
pub struct State {
    pub keys: Vec<SigningKey>,
    /// Whether it answers at all.
    pub up: bool,
    /// What its metadata say of themselves.
    pub names_itself: String,
    /// The answers to introspection, by token.
    pub answers: HashMap<String, Object>,
    pub metadata_asked: u32,
    pub keys_asked: u32,
    /// Every introspection: the form, and the `Authorization` header.
    pub introspections: Vec<(String, Option<String>)>,
    pub cache_control: &'static str,
    /// Where its metadata say that its keys are, if not here.
    pub keys_at: Option<String>,
    /// What was shown in `Authorization` where metadata and keys were asked for.
    pub shown: Vec<Option<String>>,
}

/// The server.
pub struct FakeIssuer {
    pub address: SocketAddr,
    pub issuer: String,
    state: Arc<Mutex<State>>,
}

impl FakeIssuer {
    /// A server at `http://127.0.0.1:PORT/PATH`, with one key.
    pub async fn start(path: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}{path}");
        let state = Arc::new(Mutex::new(State {
            keys: vec![SigningKey::generate(Algorithm::Es256).unwrap()],
            up: true,
            names_itself: issuer.clone(),
            answers: HashMap::new(),
            metadata_asked: 0,
            keys_asked: 0,
            introspections: Vec::new(),
            cache_control: "max-age=60",
            keys_at: None,
            shown: Vec::new(),
        }));
        let served = Arc::clone(&state);
        let router = Router::new().fallback(move |request: Request| answer(Arc::clone(&served), request));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, issuer, state }
    }

    /// Changes what it serves, or looks at what it was asked.
    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// A token of type `typ`, by its newest key.
    pub fn sign(&self, typ: &str, claims: &Object) -> String {
        self.with(|s| s.keys.last().unwrap().sign(typ, claims).unwrap())
    }

    /// The claims of an access token as RFC 9068 has them, for 300 s from now.
    pub fn claims(&self, audience: &str, clock: &dyn Clock) -> Object {
        let now: Timestamp = clock.now();
        obj([
            ("iss", self.issuer.as_str().into()),
            ("aud", audience.into()),
            ("sub", "alice".into()),
            ("client_id", "desk".into()),
            ("scope", "read".into()),
            ("jti", "j1".into()),
            ("iat", now.seconds().into()),
            ("exp", (now.seconds() + 300).into()),
        ])
    }

    /// Adds a key that signs from now on; takes away those before if `only`.
    pub fn rotate(&self, only: bool) {
        self.with(|s| {
            if only {
                s.keys.clear();
            }
            s.keys.push(SigningKey::generate(Algorithm::Es256).unwrap());
        });
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let authorization =
        request.headers().get("authorization").and_then(|v| v.to_str().ok()).map(str::to_owned);
    let form = to_bytes(request.into_body(), 65_536).await.unwrap();
    let mut s = state.lock().unwrap();
    if !s.up {
        return respond(503, "no-store", &obj([]));
    }
    let (at, cache) = (s.names_itself.clone(), s.cache_control);
    let base = at.clone();
    if !path.ends_with("/introspect") {
        s.shown.push(authorization.clone());
    }
    if path.contains("/.well-known/") {
        s.metadata_asked += 1;
        return respond(
            200,
            cache,
            &obj([
                ("issuer", at.into()),
                ("jwks_uri", s.keys_at.clone().unwrap_or(format!("{base}/jwks")).into()),
                ("introspection_endpoint", format!("{base}/introspect").into()),
            ]),
        );
    }
    if path.ends_with("/jwks") {
        s.keys_asked += 1;
        let keys = KeySet::of(s.keys.iter().map(SigningKey::public).collect()).unwrap();
        return respond(200, cache, &keys.to_jwks());
    }
    if path.ends_with("/introspect") {
        let form = String::from_utf8_lossy(&form).into_owned();
        let token = form.split('&').find_map(|p| p.strip_prefix("token=")).unwrap_or_default().to_owned();
        s.introspections.push((form, authorization));
        let inactive = obj([("active", false.into())]);
        return respond(200, "no-store", s.answers.get(&token).unwrap_or(&inactive));
    }
    respond(404, "no-store", &obj([]))
}

fn respond(status: u16, cache: &str, body: &Object) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("cache-control", cache)
        .body(Body::from(body.to_vec()))
        .unwrap()
}

/// An object from its text.
pub fn object(text: &str) -> Object {
    match json::parse(text.as_bytes(), &Limits::DOCUMENT) {
        Ok(Value::Object(object)) => object,
        other => panic!("{other:?}"),
    }
}
