//! An MCP server and a strict authorization server on loopback: refresh tokens are good for one use, and a second use
//! ends the login, as an attacker's would.

use async_trait::async_trait;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use bytes::Bytes;
use http_body_util::Full;
use prokura_core::{ManualClock, Timestamp};
use prokura_egress::{Upstream, UpstreamConfig};
use prokura_sdk::client::{Builder, Client, Software, UserAgent, Visit, VisitError, Way};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

pub(crate) type Fields = HashMap<String, String>;

/// What happened, and what is to happen.
#[derive(Default)]
pub(crate) struct Facts {
    /// Token requests, in order.
    pub(crate) tokens: Vec<Fields>,
    /// Authorization requests, in order.
    pub(crate) asked: Vec<Fields>,
    /// Registrations, in order.
    pub(crate) registered: Vec<String>,
    /// `Authorization` of requests to `/mcp`.
    pub(crate) presented: Vec<Option<String>>,
    /// Refresh tokens that were used a second time.
    pub(crate) reused: usize,
    /// Whether `/mcp` wants a sign-in by passkey (RFC 9470); who was asked for one has it, unless nobody ever does.
    pub(crate) surer: Option<Surer>,
    serial: u64,
    refresh: Option<String>,
    access: Option<String>,
    /// Clients that are not known any more.
    pub(crate) forgotten: Vec<String>,
    /// What `authorization_servers` says instead of the truth.
    pub(crate) issuer_instead: Option<String>,
    /// What refreshes are refused with, although nothing is wrong with them.
    pub(crate) ill: Option<String>,
    /// How often the device endpoint still says that nobody decided.
    pub(crate) pending: usize,
}

/// What is to be had of a surer sign-in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surer {
    Possible,
    Impossible,
}

pub(crate) struct World {
    pub(crate) origin: String,
    pub(crate) facts: Mutex<Facts>,
    pub(crate) clock: Arc<ManualClock>,
    /// If set, refreshes wait until they are let go.
    pub(crate) gate: Mutex<Option<Arc<Notify>>>,
    /// Told when a refresh has arrived.
    pub(crate) arrived: Notify,
}

impl World {
    pub(crate) async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let world = Arc::new(Self {
            origin,
            facts: Mutex::default(),
            clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000))),
            gate: Mutex::default(),
            arrived: Notify::new(),
        });
        let router = Router::new()
            .route("/mcp", post(mcp))
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(issuer))
            .route("/authorize", get(authorize))
            .route("/register", post(register))
            .route("/device", post(device))
            .route("/token", post(token))
            .with_state(world.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        world
    }

    pub(crate) fn address(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    pub(crate) fn client(&self) -> Builder {
        Client::to(&self.address())
            .unwrap()
            .software(Software::named("test"))
            .way(Way::Browser(Arc::new(Headless(Upstream::new(UpstreamConfig::default())))))
            .clock(self.clock.clone())
    }

    pub(crate) fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    /// How often tokens were asked for by this grant.
    pub(crate) fn count(&self, grant: &str) -> usize {
        self.facts().tokens.iter().filter(|t| t["grant_type"] == grant).count()
    }
}

impl Facts {
    fn give(&mut self, scope: Option<&String>) -> Response {
        self.serial += 1;
        let (access, refresh) = (format!("at-{}", self.serial), format!("rt-{}", self.serial));
        let scope = scope.map(|s| format!(r#","scope":"{s}""#)).unwrap_or_default();
        let told = format!(
            r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":300,"refresh_token":"{refresh}"{scope}}}"#
        );
        (self.access, self.refresh) = (Some(access), Some(refresh));
        json(StatusCode::OK, told)
    }
}

fn json(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn refusal(error: &str) -> Response {
    json(StatusCode::BAD_REQUEST, format!(r#"{{"error":"{error}"}}"#))
}

async fn mcp(State(world): State<Arc<World>>, headers: HeaderMap, body: String) -> Response {
    let presented = headers.get(header::AUTHORIZATION).map(|v| v.to_str().unwrap().to_owned());
    let mut facts = world.facts();
    facts.presented.push(presented.clone());
    let right = facts.access.as_ref().map(|a| format!("Bearer {a}"));
    if presented.is_some() && presented == right {
        let sure = facts.asked.last().is_some_and(|a| a.get("acr_values").is_some_and(|acr| acr == "phr"));
        if facts.surer.is_some_and(|s| s == Surer::Impossible || !sure) {
            let challenge =
                r#"Bearer error="insufficient_user_authentication", acr_values="phr", max_age="600""#;
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
        }
        return answer(&body);
    }
    let challenge = format!(
        r#"Bearer resource_metadata="{}/.well-known/oauth-protected-resource/mcp", scope="read""#,
        world.origin
    );
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
}

/// As much of the protocol of 2025-11-25 as a client needs to list tools; one answer comes as a stream.
fn answer(body: &str) -> Response {
    let Ok(message) = prokura_oauth::json::parse(body.as_bytes(), &prokura_oauth::json::Limits::MESSAGE)
    else {
        return json(StatusCode::OK, "{}".to_owned());
    };
    let message = message.into_object().unwrap();
    let Some(id) = message.get("id") else { return StatusCode::ACCEPTED.into_response() };
    match message.str("method") {
        Some("initialize") => json(
            StatusCode::OK,
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"2025-11-25","capabilities":{{"tools":{{}}}},
                "serverInfo":{{"name":"world","version":"1"}}}}}}"#
            ),
        ),
        Some("tools/list") => {
            let tool = r#"{"name":"hammer","inputSchema":{"type":"object"}}"#;
            let event = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{tool}]}}}}"#);
            ([(header::CONTENT_TYPE, "text/event-stream")], format!("data: {event}\n\n")).into_response()
        }
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn resource(State(world): State<Arc<World>>) -> Response {
    let issuer = world.facts().issuer_instead.clone().unwrap_or_else(|| world.origin.clone());
    json(
        StatusCode::OK,
        format!(r#"{{"resource":"{}","authorization_servers":["{issuer}"]}}"#, world.address()),
    )
}

async fn issuer(State(world): State<Arc<World>>) -> Response {
    let o = &world.origin;
    json(
        StatusCode::OK,
        format!(
            r#"{{"issuer":"{o}","authorization_endpoint":"{o}/authorize","token_endpoint":"{o}/token",
            "registration_endpoint":"{o}/register","device_authorization_endpoint":"{o}/device",
            "code_challenge_methods_supported":["S256"],"token_endpoint_auth_methods_supported":["none"],
            "authorization_response_iss_parameter_supported":true}}"#
        ),
    )
}

async fn authorize(State(world): State<Arc<World>>, Query(asked): Query<Fields>) -> Redirect {
    let back = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("code", "c"), ("state", &asked["state"]), ("iss", &world.origin)])
        .finish();
    let to = format!("{}?{back}", asked["redirect_uri"]);
    world.facts().asked.push(asked);
    Redirect::to(&to)
}

async fn register(State(world): State<Arc<World>>, body: String) -> Response {
    let mut facts = world.facts();
    facts.registered.push(body);
    let id = format!("client-{}", facts.registered.len());
    json(StatusCode::CREATED, format!(r#"{{"client_id":"{id}"}}"#))
}

async fn device(State(world): State<Arc<World>>, Form(asked): Form<Fields>) -> Response {
    world.facts().asked.push(asked);
    json(
        StatusCode::OK,
        format!(
            r#"{{"device_code":"d","user_code":"ABCD","verification_uri":"{}/x","expires_in":60,"interval":1}}"#,
            world.origin
        ),
    )
}

/// Whoever asked may be gone: what was begun is done all the same.
async fn token(State(world): State<Arc<World>>, Form(form): Form<Fields>) -> Response {
    tokio::spawn(redeemed(world, form)).await.unwrap()
}

async fn redeemed(world: Arc<World>, form: Fields) -> Response {
    let gate = world.gate.lock().unwrap().clone();
    if let Some(gate) = gate.filter(|_| form["grant_type"] == "refresh_token") {
        world.arrived.notify_one();
        gate.notified().await;
    }
    let mut facts = world.facts();
    facts.tokens.push(form.clone());
    if form.get("client_id").is_some_and(|id| facts.forgotten.contains(id)) {
        return refusal("invalid_client");
    }
    if let Some(error) = facts.ill.as_ref().filter(|_| form["grant_type"] == "refresh_token") {
        return refusal(error);
    }
    match form["grant_type"].as_str() {
        "refresh_token" if facts.refresh.as_ref() == form.get("refresh_token") => facts.give(None),
        "refresh_token" => {
            facts.reused += 1;
            (facts.refresh, facts.access) = (None, None);
            refusal("invalid_grant")
        }
        "urn:ietf:params:oauth:grant-type:device_code" if facts.pending > 0 => {
            facts.pending -= 1;
            refusal("authorization_pending")
        }
        _ => facts.give(form.get("scope")),
    }
}

/// A browser without a person.
pub(crate) struct Headless(pub(crate) Upstream);

#[async_trait]
impl UserAgent for Headless {
    async fn ready(&self, _before: Option<&str>) -> Result<Box<dyn Visit>, VisitError> {
        Ok(Box::new(Self(self.0.clone())))
    }
}

#[async_trait]
impl Visit for Headless {
    fn redirect_uri(&self) -> &'static str {
        "http://127.0.0.1:1/callback"
    }

    async fn visit(self: Box<Self>, url: &Url, _state: &str) -> Result<String, VisitError> {
        let request = http::Request::get(url.as_str()).body(Full::new(Bytes::new())).unwrap();
        let answer = self.0.send(request).await.map_err(|e| VisitError::Other(e.to_string()))?;
        let to = answer.headers()[header::LOCATION].to_str().unwrap();
        Ok(Url::parse(to).unwrap().query().unwrap().to_owned())
    }
}
