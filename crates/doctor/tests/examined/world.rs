//! A server that is right, with faults that can be put in: an MCP server and its authorization server on one port.

use crate::faults::Fault;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use prokura_core::{Clock, ManualClock, Rng, SeededRng, Timestamp, random_id};
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::{Object, obj};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// How the server is built, all of which is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    /// It asks for no token.
    pub(crate) open: bool,
    /// It does not speak the modern era.
    pub(crate) no_modern: bool,
    /// It does not speak the legacy era.
    pub(crate) no_legacy: bool,
    /// It answers with streams of events.
    pub(crate) streams: bool,
}

/// What the authorization server remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Redirect URIs by client.
    pub(crate) clients: BTreeMap<String, String>,
    /// Form parameters of the request, by code. `None`: redeemed.
    pub(crate) codes: BTreeMap<String, Option<BTreeMap<String, String>>>,
    /// Whether it was used, by refresh token.
    pub(crate) refresh: BTreeMap<String, bool>,
    pub(crate) access: BTreeSet<String>,
    pub(crate) sessions: BTreeSet<String>,
    /// What was asked, a line each.
    pub(crate) requests: Vec<String>,
}

pub(crate) struct World {
    pub(crate) origin: String,
    pub(crate) shape: Shape,
    pub(crate) faults: Vec<Fault>,
    pub(crate) key: SigningKey,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) rng: SeededRng,
    pub(crate) memory: Mutex<Memory>,
}

/// A request, whole.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    pub(crate) fn query(&self) -> BTreeMap<String, String> {
        form(self.uri.query().unwrap_or_default().as_bytes())
    }
}

pub(crate) fn form(bytes: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

impl World {
    /// Starts a server on a free port of loopback.
    pub(crate) async fn start(shape: Shape, faults: &[Fault]) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Arc::new(Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            shape,
            faults: faults.to_vec(),
            key: SigningKey::generate(Algorithm::Es256).unwrap(),
            clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000))),
            rng: SeededRng::new(7),
            memory: Mutex::default(),
        });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&world));
        tokio::spawn(async move { axum::serve(listener, router).await });
        world
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    pub(crate) fn issuer(&self) -> String {
        self.origin.clone()
    }

    pub(crate) fn fresh(&self, prefix: &str) -> String {
        let rng: &dyn Rng = &self.rng;
        random_id(prefix, rng)
    }

    pub(crate) fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    /// A token for this resource, or for another.
    pub(crate) fn token(&self, audience: &str) -> String {
        let now = self.clock.now().seconds();
        let life = if self.has(Fault::LongLife) { 86_400 } else { 300 };
        let claims = obj([
            ("iss", self.issuer().into()),
            ("aud", audience.into()),
            ("jti", self.fresh("").into()),
            ("iat", now.into()),
            ("exp", (now + life).into()),
        ]);
        self.key.sign("at+jwt", &claims).unwrap()
    }
}

async fn serve(
    State(world): State<Arc<World>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked { method, uri, headers, body };
    world.memory().requests.push(format!("{} {}", asked.method, asked.uri));
    let path = asked.uri.path().to_owned();
    match path.as_str() {
        "/mcp" => crate::resource::mcp(&world, &asked),
        "/.well-known/oauth-protected-resource/mcp" if world.has(Fault::NoWellKnown) => not_found(),
        "/.well-known/oauth-protected-resource/mcp" | "/prm" if !world.shape.open => {
            crate::resource::metadata(&world, &asked)
        }
        _ => crate::issuer::serve(&world, &asked, &path),
    }
}

pub(crate) fn not_found() -> Response {
    answer(404, &[], String::new())
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    response
}

pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

pub(crate) fn json(status: u16, headers: &[(&str, &str)], body: &Object) -> Response {
    let mut all = vec![JSON];
    all.extend(headers);
    answer(status, &all, body.to_vec())
}
