//! A whole authorization server on a database in memory, asked through its router, with a clock that is moved by
//! hand. The development user agrees to everything, so a code takes one request.
#![allow(dead_code, unreachable_pub, reason = "every test target uses its own part")]

pub mod attest;
pub mod authzen;
pub mod backchannel;
pub mod chain;
pub mod exchange;
pub mod feed;
pub mod person;
pub mod pki;
pub mod proof;
pub mod signals;
pub mod standing;
pub mod streams;
pub mod workload;

mod forms;

pub use forms::*;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use prokura_access::Guard;
use prokura_config::Config;
use prokura_core::{ClientId, Clock as _, ManualClock, PointId, ResourceUri, SystemRng, Timestamp};
use prokura_decider::Decider;
use prokura_egress::{Egress, EgressConfig};
use prokura_ledger::{Event, Filter};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{self, Limits, Object, obj};
use prokura_oauth::pkce::CodeVerifier;
use prokura_oauth::seal::MasterKey;
use prokura_oauth::token_request::ASSERTION_TYPE;
use prokura_policy::access::OwnSources;
use prokura_server::{Secrets, Server, ServerOptions};
use prokura_store::{DatabaseUrl, Store, StoreError, Tx};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tower::ServiceExt as _;

pub const ISSUER: &str = "http://localhost:9400";
pub const SALES: &str = "http://localhost:9400/mcp/sales";
pub const SECRET: &str = "a-secret-that-a-machine-made-1234567890";
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const CB: &str = "https://app.example/cb";
pub const CIMD: &str = "https://planner.example/client.json";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The usual configuration: one resource, and a client of every sort.
pub const USUAL: &str = r#"
    issuer = "http://localhost:9400"
    database = "sqlite::memory:"
    [dev]
    auto_approve_user = "alice"
    [[resource]]
    name = "sales"
    upstream = "http://127.0.0.1:9500/mcp"
    [resource.scopes]
    read = { title = "Read", actions = ["tool:read"] }
    write = { title = "Write", actions = ["tool:write"] }
    [[client]]
    id = "web"
    redirect_uris = ["https://app.example/cb", "https://app.example/other"]
    [[client]]
    id = "native"
    redirect_uris = ["http://127.0.0.1/cb"]
    [[client]]
    id = "basic"
    secret = { env = "SECRET" }
    redirect_uris = ["https://app.example/cb"]
    [[client]]
    id = "post"
    auth = "client_secret_post"
    secret = { env = "SECRET" }
    redirect_uris = ["https://app.example/cb"]
    [[client]]
    id = "signer"
    jwks_file = "signer.json"
    grant_types = ["client_credentials", "authorization_code", "refresh_token"]
    redirect_uris = ["https://app.example/cb"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "batch"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "rs"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    introspects = ["sales"]
"#;

/// A second resource, whose server may introspect only its own tokens.
pub const SECOND: &str = r#"
    [[resource]]
    name = "hr"
    upstream = "http://127.0.0.1:9501/mcp"
    [resource.scopes]
    "hr:read" = { title = "Read", actions = ["tool:list"] }
    [[client]]
    id = "hr-rs"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    introspects = ["hr"]
"#;

/// Clients without a browser: a public one and one with a secret.
pub const DEVICES: &str = r#"
    [[client]]
    id = "tv"
    name = "Television"
    grant_types = ["device_code", "refresh_token"]
    [[client]]
    id = "box"
    secret = { env = "SECRET" }
    grant_types = ["device_code"]
"#;

/// A public client that has to sign what it asks for.
pub const SIGNS: &str = r#"
    [[client]]
    id = "signs"
    auth = "none"
    jwks_file = "signer.json"
    require_signed_request_object = true
    redirect_uris = ["https://app.example/cb"]
"#;

pub const OPEN_REGISTRATION: &str = "\n[registration]\ndynamic = \"open\"\nper_minute = 1000\n";

pub struct World {
    pub server: Server,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub signer: SigningKey,
    pub decider: Arc<Decider>,
    router: axum::Router,
    keys: tokio::sync::watch::Receiver<Arc<KeySet>>,
    jti: AtomicU64,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Object {
        let value = json::parse(self.body.as_bytes(), &Limits::DOCUMENT);
        value.unwrap_or_else(|e| panic!("{e}: {}", self.body)).into_object().unwrap()
    }

    pub fn text(&self, member: &str) -> String {
        self.json().str(member).unwrap_or_else(|| panic!("no {member}: {}", self.body)).to_owned()
    }

    /// Status and error in one line.
    pub fn error(&self) -> String {
        let code = json::parse(self.body.as_bytes(), &Limits::DOCUMENT).ok();
        let code = code.and_then(|v| v.as_object().and_then(|o| o.str("error").map(str::to_owned)));
        format!("{} {}", self.status.as_u16(), code.unwrap_or_default())
    }

    /// The parameters of the redirect.
    pub fn redirect(&self) -> (String, BTreeMap<String, String>) {
        let to = self.headers.get(LOCATION).unwrap_or_else(|| panic!("{} {}", self.status, self.body));
        let url: url::Url = to.to_str().unwrap().parse().unwrap();
        let parameters = url.query_pairs().into_owned().collect();
        let mut base = url;
        base.set_query(None);
        (base.to_string(), parameters)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

fn document() -> Vec<u8> {
    format!(
        r#"{{"client_id":"{CIMD}","client_name":"Planner","redirect_uris":["https://planner.example/cb","http://localhost/callback"],"grant_types":["authorization_code","refresh_token"]}}"#
    )
    .into_bytes()
}

impl World {
    pub async fn new() -> Self {
        Self::with(USUAL).await
    }

    pub async fn and(more: &str) -> Self {
        Self::with(&format!("{USUAL}{more}")).await
    }

    pub async fn with(config: &str) -> Self {
        Self::on(config, "sqlite::memory:", "pep_test").await
    }

    /// A server on this database; several may share a file.
    pub async fn on(config: &str, database: &str, point: &str) -> Self {
        let (store, clock) = opened(database, point).await;
        Self::start(config, store, clock).await
    }

    /// A server that starts anew on a store.
    pub async fn start(config: &str, store: Store, clock: Arc<ManualClock>) -> Self {
        Self::start_as(config, store, clock, SigningKey::generate(Algorithm::Es256).unwrap()).await
    }

    /// The same server, started anew.
    pub async fn again(self) -> Self {
        Self::start_as(USUAL, self.store, self.clock, self.signer).await
    }

    /// A server that may also fetch from `host`, which is not public.
    pub async fn that_reaches(host: &str, config: &str, database: &str, point: &str) -> Self {
        let (store, clock) = opened(database, point).await;
        let allow = prokura_egress::AllowList::parse(&[host]).unwrap();
        let egress = Egress::system(EgressConfig { allow, ..EgressConfig::default() });
        let signer = SigningKey::generate(Algorithm::Es256).unwrap();
        Self::start_with(config, store, clock, signer, egress).await
    }

    async fn start_as(config: &str, store: Store, clock: Arc<ManualClock>, signer: SigningKey) -> Self {
        Self::start_with(config, store, clock, signer, Egress::system(EgressConfig::default())).await
    }

    async fn start_with(
        config: &str,
        store: Store,
        clock: Arc<ManualClock>,
        signer: SigningKey,
        egress: Egress,
    ) -> Self {
        let jwks = KeySet::of(vec![signer.public()]).unwrap().to_jwks();
        let config = Config::parse(config).unwrap();
        let file = |path: &str| match path {
            "ca.pem" => Ok(pki::authority().pem()),
            "own.json" => Ok(String::from_utf8(pki::own().jwks.to_vec()).unwrap()),
            _ => Ok(String::from_utf8(jwks.to_vec()).unwrap()),
        };
        let mut secrets = Secrets::read(&config, |name| Some(secret(name).to_owned()), file).unwrap();
        secrets.documents.insert(CIMD.to_owned(), document());
        let access = Guard::new(config.access().unwrap(), Arc::new(OwnSources), &store);
        let access = Arc::new(access);
        let decider = Arc::<Decider>::default();
        let server = Server::new(ServerOptions {
            config: Arc::new(config),
            secrets,
            store: store.clone(),
            clock: clock.clone(),
            rng: Arc::new(SystemRng),
            master_key: Arc::new(MasterKey::new([7; 32])),
            egress,
            access,
            decider: Arc::clone(&decider),
        });
        let server = server.await.unwrap();
        let (router, keys) = (server.router(), server.keys());
        Self { server, store, clock, signer, router, keys, decider, jti: AtomicU64::new(0) }
    }

    pub fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub async fn send(&self, request: http::request::Builder, body: impl Into<Body>) -> Answer {
        let mut request: Request = request.body(body.into()).unwrap();
        if request.extensions().get::<ConnectInfo<SocketAddr>>().is_none() {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 4000))));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        assert!(
            !parts.status.is_server_error() || parts.status == StatusCode::SERVICE_UNAVAILABLE,
            "no 5xx for what a stranger sends: {body}"
        );
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::builder().uri(path), "").await
    }

    /// Posts a form, authenticated as `basic` says (`id:secret`).
    pub async fn form(&self, path: &str, basic: Option<&str>, parameters: &[(&str, &str)]) -> Answer {
        self.raw_form(path, basic, &encode(parameters)).await
    }

    pub async fn raw_form(&self, path: &str, basic: Option<&str>, body: &str) -> Answer {
        let mut request = Request::builder().method(Method::POST).uri(path);
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(basic)));
        }
        self.send(request, body.to_owned()).await
    }

    pub async fn json(&self, method: Method, path: &str, bearer: Option<&str>, body: &str) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        self.send(request, body.to_owned()).await
    }

    /// The usual authorization request with some parameters changed; an empty value removes one.
    pub async fn authorize(&self, changes: &[(&str, &str)]) -> Answer {
        self.get(&format!("/authorize?{}", encode(&request(changes)))).await
    }

    /// A code for a client of the usual configuration.
    pub async fn code(&self, client: &str) -> String {
        let redirect = match client {
            "native" => "http://127.0.0.1:5000/cb",
            CIMD => "https://planner.example/cb",
            _ => CB,
        };
        let answer = self.authorize(&[("client_id", client), ("redirect_uri", redirect)]).await;
        answer.redirect().1.remove("code").unwrap_or_else(|| panic!("{:?}", answer.redirect()))
    }

    /// Redeems a code of the public client `web`.
    pub async fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        self.form("/token", None, &redemption(code, changes)).await
    }

    /// Access and refresh token of the public client `web`.
    pub async fn tokens(&self) -> (String, String) {
        let answer = self.redeem(&self.code("web").await, &[]).await;
        (answer.text("access_token"), answer.text("refresh_token"))
    }

    pub async fn refresh(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let mut parameters =
            vec![("grant_type", "refresh_token"), ("client_id", "web"), ("refresh_token", token)];
        parameters.extend(more);
        self.form("/token", None, &parameters).await
    }

    pub async fn batch(&self) -> Answer {
        self.form("/token", Some(&format!("batch:{SECRET}")), &[("grant_type", "client_credentials")]).await
    }

    /// A device of `tv` asks for codes.
    pub async fn begin_device(&self, more: &[(&str, &str)]) -> Answer {
        let mut parameters = vec![("client_id", "tv")];
        parameters.extend(more);
        self.form("/device_authorization", None, &parameters).await
    }

    /// A device of `tv` asks whether its person has answered.
    pub async fn poll(&self, code: &str) -> Answer {
        let parameters = [("grant_type", DEVICE_GRANT), ("client_id", "tv"), ("device_code", code)];
        self.form("/token", None, &parameters).await
    }

    /// What a resource server hears of a token.
    pub async fn introspect(&self, client: &str, token: &str) -> Object {
        let basic = format!("{client}:{SECRET}");
        let answer = self.form("/introspect", Some(&basic), &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub async fn is_active(&self, token: &str) -> bool {
        self.introspect("rs", token).await.get("active").unwrap().as_bool().unwrap()
    }

    /// An assertion of the client `signer` with some claims changed; `null` removes one.
    pub fn assertion(&self, typ: &str, changes: &[(&str, json::Value)]) -> String {
        let now = self.clock.now().seconds();
        let jti = self.jti.fetch_add(1, Ordering::SeqCst);
        let mut claims = obj([
            ("iss", "signer".into()),
            ("sub", "signer".into()),
            ("aud", ISSUER.into()),
            ("jti", format!("j{jti}").into()),
            ("iat", now.into()),
            ("exp", (now + 60).into()),
        ]);
        for (name, value) in changes {
            claims.remove(name);
            if !value.is_null() {
                claims.insert(*name, value.clone());
            }
        }
        self.signer.sign(typ, &claims).unwrap()
    }

    /// The usual authorization request of `client`, signed, with some claims changed; `null` removes one.
    pub fn request_object(&self, client: &str, typ: &str, changes: &[(&str, json::Value)]) -> String {
        let jti = self.jti.fetch_add(1, Ordering::SeqCst);
        let now = self.clock.now().seconds();
        let mut claims = obj([
            ("iss", client.into()),
            ("aud", ISSUER.into()),
            ("jti", format!("r{jti}").into()),
            ("exp", (now + 60).into()),
        ]);
        for (name, value) in request(&[("client_id", client)]) {
            claims.insert(name, value.into());
        }
        for (name, value) in changes {
            claims.remove(name);
            if !value.is_null() {
                claims.insert(*name, value.clone());
            }
        }
        self.signer.sign(typ, &claims).unwrap()
    }

    /// Brings a signed request, with other parameters beside it.
    pub async fn bring_signed(&self, client: &str, jwt: &str, beside: &[(&str, &str)]) -> Answer {
        let mut all = vec![("client_id", client), ("request", jwt)];
        all.extend(beside);
        self.get(&format!("/authorize?{}", encode(&all))).await
    }

    pub async fn assert(&self, jwt: &str) -> Answer {
        let parameters = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", jwt),
        ];
        self.form("/token", None, &parameters).await
    }

    pub fn verified(&self, token: &str) -> AccessToken {
        let resource = ResourceUri::parse(SALES).unwrap();
        AccessToken::verify(token, &self.keys.borrow(), ISSUER, &resource, self.clock.now()).unwrap()
    }

    pub async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.transact(f).await.unwrap()
    }

    pub async fn disable_client(&self, id: &str) {
        let (id, now) = (ClientId::parse(id).unwrap(), self.clock.now());
        self.write(move |tx| tx.disable_client(&id, true, "test", "test", now)).await;
    }

    /// The newest entries of the record.
    pub async fn record(&self) -> Vec<Event> {
        let all =
            self.store.read::<_, StoreError>(|tx| tx.entries(&Filter { limit: 1000, ..Filter::default() }));
        all.await.unwrap().into_iter().map(|(_, entry)| entry.event).collect()
    }

    /// Whether the newest entry is a refusal for this reason.
    pub async fn refused_for(&self, reason: &str) {
        let newest = self.record().await.remove(0);
        assert_eq!((newest.outcome.as_str(), newest.reasons.as_slice()), ("deny", &[reason.to_owned()][..]));
    }

    pub async fn count(&self, action: &str) -> usize {
        self.record().await.iter().filter(|e| e.action == action && e.outcome.as_str() == "permit").count()
    }
}

fn secret(name: &str) -> &'static str {
    if name == "HOOK" { backchannel::HOOK } else { SECRET }
}

async fn opened(database: &str, point: &str) -> (Store, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
    let url = DatabaseUrl::parse(database).unwrap();
    let store = Store::open(&url, PointId::parse(point).unwrap(), clock.clone()).await.unwrap();
    // A machine that is busy for seconds has not lost its database.
    store.revoked().believe_for(Duration::from_secs(60));
    (store, clock)
}

pub fn challenge() -> String {
    CodeVerifier::parse(VERIFIER).unwrap().challenge().as_str().to_owned()
}
