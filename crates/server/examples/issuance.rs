//! How much CPU a recorded, durable client_credentials token and a whole code flow cost, through the router and
//! without sockets: `cargo run --release -p prokura-server --example issuance [TOKENS] [AT_ONCE]`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]

use axum::body::Body;
use axum::extract::Request;
use futures_util::stream::{self, StreamExt as _};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use prokura_access::Guard;
use prokura_config::Config;
use prokura_core::{PointId, SystemClock, SystemRng};
use prokura_egress::{Egress, EgressConfig};
use prokura_oauth::seal::MasterKey;
use prokura_server::{Secrets, Server, ServerOptions};
use prokura_store::{DatabaseUrl, Store};
use std::sync::Arc;
use std::time::Instant;
use tower::ServiceExt as _;

const CONFIG: &str = r#"
    issuer = "http://localhost:9400"
    database = "sqlite::memory:"
    [dev]
    auto_approve_user = "alice"
    [[resource]]
    name = "sales"
    upstream = "http://127.0.0.1:9500/mcp"
    [resource.scopes]
    read = { title = "Read", actions = ["tool:read"] }
    [[client]]
    id = "batch"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    [[client.grant]]
    resource = "sales"
    scopes = ["read"]
    [[client]]
    id = "web"
    redirect_uris = ["https://app.example/cb"]
"#;
const AUTHORIZE: &str = "/authorize?response_type=code&client_id=web&redirect_uri=https%3A%2F%2Fapp.example%2Fcb\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&state=s";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// CPU time of this process, all threads, in seconds; ticks are a hundredth of one.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn post(path: &str, body: impl Into<Body>) -> Request {
    let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    request
        .header(AUTHORIZATION, "Basic YmF0Y2g6YS1zZWNyZXQtdGhhdC1hLW1hY2hpbmUtbWFkZS0xMjM0NTY3ODkw")
        .body(body.into())
        .unwrap()
}

async fn own(router: axum::Router) {
    let response = router.oneshot(post("/token", "grant_type=client_credentials")).await.unwrap();
    assert_eq!(response.status(), 200);
}

async fn code(router: axum::Router) {
    let asked = Request::get(AUTHORIZE).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(asked).await.unwrap();
    let to: url::Url = response.headers()[LOCATION].to_str().unwrap().parse().unwrap();
    let code = to.query_pairs().find(|(n, _)| n == "code").unwrap().1.into_owned();
    let body = format!("grant_type=authorization_code&client_id=web&code={code}&code_verifier={VERIFIER}");
    let mut request = post("/token", body);
    request.headers_mut().remove(AUTHORIZATION);
    assert_eq!(router.oneshot(request).await.unwrap().status(), 200);
}

async fn measure<F: Future<Output = ()> + Send + 'static>(
    what: &str,
    router: &axum::Router,
    count: usize,
    at_once: usize,
    one: fn(axum::Router) -> F,
) {
    one(router.clone()).await;
    let (cpu_before, wall) = (cpu(), Instant::now());
    let all = stream::iter(0..count).map(|_| tokio::spawn(one(router.clone())));
    all.buffer_unordered(at_once).for_each(|done| async { done.unwrap() }).await;
    let (cpu, wall) = (cpu() - cpu_before, wall.elapsed().as_secs_f64());
    let each = |seconds: f64| seconds * 1e6 / f64::from(u32::try_from(count).unwrap());
    println!("{what}: {:.1} µs CPU, {:.1} µs wall each, {count} by {at_once} at once", each(cpu), each(wall));
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse().unwrap());
    let (count, at_once) = (arguments.next().unwrap_or(20_000), arguments.next().unwrap_or(64));
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.path().join("t.db").display())).unwrap();
    let clock = Arc::new(SystemClock);
    let store = Store::open(&url, PointId::parse("pep_bench").unwrap(), clock.clone()).await.unwrap();
    let config = Config::parse(CONFIG).unwrap();
    let secret = |_: &str| Some("a-secret-that-a-machine-made-1234567890".to_owned());
    let secrets = Secrets::read(&config, secret, |_| Err("no file".to_owned())).unwrap();
    let access = Arc::new(Guard::open(&store));
    let server = Server::new(ServerOptions {
        config: Arc::new(config),
        secrets,
        store,
        clock,
        rng: Arc::new(SystemRng),
        master_key: Arc::new(MasterKey::new([7; 32])),
        egress: Egress::system(EgressConfig::default()),
        access,
        decider: Arc::default(),
    });
    let router = server.await.unwrap().router();
    measure("client_credentials", &router, count, at_once, own).await;
    measure("code flow", &router, count / 10, at_once, code).await;
}
