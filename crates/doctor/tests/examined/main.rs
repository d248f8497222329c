//! A server that is right gets no finding. With one fault in it, exactly the checks that are named for it find it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod faults;
mod issuer;
mod resource;
mod world;

use faults::{FAULTS, Fault};
use prokura_core::{Clock, SeededRng};
use prokura_doctor::{Check, Level, Options, Person, Protection, Report, Unwatched, Watch, examine};
use prokura_egress::{Ask, BoxFuture, Egress, EgressConfig, FetchUrl, Reading, Resolver, SystemResolver};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use world::{Shape, World};

const DUAL: Shape = Shape { open: false, no_modern: false, no_legacy: false, streams: false };

/// Somebody who signs in without a browser.
struct Bot;

impl Person for Bot {
    fn redirect_uri(&self) -> String {
        "http://127.0.0.1:9/callback".to_owned()
    }

    fn sign_in<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let url = FetchUrl::parse(&format!("{address}&signed_in=yes")).map_err(|e| e.to_string())?;
            let config = EgressConfig {
                allow: prokura_egress::AllowList::default().and_loopback(),
                ..EgressConfig::default()
            };
            let reading =
                Reading { max_bytes: 1024, deadline: Duration::from_secs(20), enough: |_, _| false };
            let answer = Egress::system(config)
                .ask(&url, Ask::default(), &reading)
                .await
                .map_err(|e| e.to_string())?;
            let to = answer.headers.get("location").ok_or_else(|| answer.status.to_string())?;
            Ok(to.to_str().map_err(|e| e.to_string())?.to_owned())
        })
    }
}

fn everything() -> Options {
    Options {
        register: true,
        invasive: true,
        foreign_token: Some("x.foreign.x".to_owned()),
        person: Some(Arc::new(Bot)),
        ..Options::default()
    }
}

async fn examined(world: &World, options: &Options) -> Report {
    let clock: Arc<dyn Clock> = world.clock.clone();
    examine(&world.url(), options, clock, Arc::new(SeededRng::new(3)), &Unwatched).await.unwrap()
}

fn found(report: &Report) -> BTreeSet<Check> {
    report.findings.iter().map(|f| f.check).collect()
}

/// What cannot be seen at a server that is right, of this shape.
fn unseen(report: &Report) -> BTreeSet<Check> {
    report.unseen.iter().map(|(c, _)| *c).collect()
}

#[tokio::test]
async fn a_right_server_gets_no_finding_and_everything_is_seen() {
    let world = World::start(DUAL, &[]).await;
    let report = examined(&world, &everything()).await;
    assert!(report.findings.is_empty(), "{}", prokura_doctor::text(&report));
    assert!(report.trouble.is_none() && report.is_well(true));
    assert_eq!(unseen(&report), BTreeSet::from([Check::StreamBuffering, Check::InitializeRefusal]));
    assert_eq!(
        (report.protection, report.versions),
        (Protection::Token, vec!["2026-07-28".into(), "2025-11-25".into()])
    );
    let left: Vec<_> = world.memory().clients.keys().cloned().collect();
    assert!(left.is_empty(), "what was registered is deleted: {left:?}");
}

#[tokio::test]
async fn each_fault_is_found_by_exactly_the_checks_that_are_named_for_it() {
    let mut wrong = Vec::new();
    for (fault, checks) in FAULTS {
        let world = World::start(DUAL, &[*fault]).await;
        let report = examined(&world, &everything()).await;
        let (found, expected) = (found(&report), checks.iter().copied().collect::<BTreeSet<_>>());
        if found != expected || report.trouble.is_some() {
            wrong.push(format!("{fault:?}: found {found:?}, expected {expected:?} {:?}", report.trouble));
        }
    }
    assert!(wrong.is_empty(), "{} of {} faults:\n{}", wrong.len(), FAULTS.len(), wrong.join("\n"));
    assert!(FAULTS.len() >= 30);
}

/// Found by faults of servers that are built otherwise, or by tests of their own below.
const ELSEWHERE: [Check; 4] =
    [Check::Https, Check::McpEndpoint, Check::StreamBuffering, Check::InitializeRefusal];

#[test]
fn every_check_has_a_fault_that_it_finds() {
    let found: BTreeSet<_> =
        FAULTS.iter().flat_map(|(_, checks)| *checks).copied().chain(ELSEWHERE).collect();
    let never: Vec<_> = Check::ALL.iter().filter(|c| !found.contains(c)).collect();
    assert!(never.is_empty(), "{never:?}");
}

#[tokio::test]
async fn servers_of_one_era_without_tokens_and_with_streams_are_right_too() {
    let shapes = [
        Shape { no_legacy: true, streams: true, ..DUAL },
        Shape { no_modern: true, ..DUAL },
        Shape { open: true, ..DUAL },
        Shape { open: true, no_modern: true, streams: true, ..DUAL },
    ];
    for shape in shapes {
        let world = World::start(shape, &[]).await;
        let report = examined(&world, &everything()).await;
        assert!(report.is_well(true), "{shape:?}: {}", prokura_doctor::text(&report));
        assert_eq!(report.protection == Protection::Open, shape.open);
        assert_eq!(unseen(&report).contains(&Check::Discover), shape.no_modern);
        assert_eq!(unseen(&report).contains(&Check::Initialize), shape.no_legacy);
    }
}

#[tokio::test]
async fn a_modern_server_that_buffers_is_found() {
    let shape = Shape { no_legacy: true, streams: true, ..DUAL };
    let world = World::start(shape, &[Fault::NoAnswerType]).await;
    assert_eq!(found(&examined(&world, &everything()).await), BTreeSet::from([Check::StreamBuffering]));
}

#[tokio::test]
async fn without_a_login_nothing_is_changed_and_what_was_not_seen_is_told() {
    let world = World::start(DUAL, &[]).await;
    let report = examined(&world, &Options::default()).await;
    assert!(report.is_well(true), "{}", prokura_doctor::text(&report));
    for check in
        [Check::TokenWorks, Check::AuthorizePkce, Check::RegistrationAnswer, Check::Batch, Check::CodeReuse]
    {
        let (_, why) = report.unseen.iter().find(|(c, _)| *c == check).unwrap();
        assert!(why.contains("--"), "{check}: {why}");
    }
    let memory = world.memory();
    assert!(memory.clients.is_empty() && memory.codes.is_empty() && memory.access.is_empty());
    assert!(memory.requests.len() < 60, "{} requests", memory.requests.len());
    let told: BTreeSet<_> = report.held.iter().copied().chain(unseen(&report)).collect();
    assert_eq!(told.len(), Check::ALL.len(), "each check held, or could not be seen");
}

#[tokio::test]
async fn a_token_that_was_given_goes_to_the_server_only() {
    let world = World::start(DUAL, &[]).await;
    let token = world.token(&world.url());
    world.memory().access.insert(token.clone());
    let options = Options { token: Some(format!("{token}\n")), ..Options::default() };
    let report = examined(&world, &options).await;
    assert!(report.is_well(true), "{}", prokura_doctor::text(&report));
    assert!(report.held.contains(&Check::TokenWorks) && report.held.contains(&Check::Batch));
    let leaked: Vec<_> = world
        .memory()
        .requests
        .iter()
        .filter(|r| r.contains(&token) && !r.starts_with("POST /mcp?"))
        .cloned()
        .collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}

async fn trouble(url: &str) -> Report {
    let clock = Arc::new(prokura_core::ManualClock::new(prokura_core::Timestamp::from_seconds(0)));
    examine(url, &Options::default(), clock, Arc::new(SeededRng::new(3)), &Unwatched).await.unwrap()
}

async fn serving(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

#[tokio::test]
async fn what_is_no_mcp_server_is_told_in_clear_words() {
    let page = || async { axum::response::Html("<!doctype html><title>Sign in</title>") };
    let moved = || async { axum::response::Redirect::temporary("/mcp/") };
    let away = || async { axum::response::Redirect::to("https://login.example/sso") };
    let broken = || async { axum::http::StatusCode::BAD_GATEWAY };
    let json = || async { axum::http::StatusCode::NOT_FOUND };
    let router = axum::Router::new()
        .route("/page", axum::routing::any(page))
        .route("/moved", axum::routing::any(moved))
        .route("/away", axum::routing::any(away))
        .route("/broken", axum::routing::any(broken))
        .route("/json", axum::routing::any(json));
    let origin = serving(router).await;
    for (path, word, said) in [
        ("/page", "login_page", "web page"),
        ("/moved", "moved", "/mcp/"),
        ("/away", "moved", "login.example"),
        ("/broken", "not_mcp", "502"),
        ("/json", "not_mcp", "no MCP server"),
    ] {
        let report = trouble(&format!("{origin}{path}")).await;
        let trouble = report.trouble.clone().unwrap();
        assert_eq!(trouble.word, word, "{path}: {}", trouble.what);
        assert!(trouble.what.contains(said) && !trouble.mend.is_empty(), "{path}: {}", trouble.what);
        assert_eq!((found(&report), report.is_well(false)), (BTreeSet::from([Check::McpEndpoint]), false));
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_apart() {
    let origin = serving(axum::Router::new()).await;
    let secure = origin.replace("http://", "https://");
    assert_eq!(trouble(&secure).await.trouble.unwrap().word, "tls");
    let nobody = trouble("http://127.0.0.1:9/mcp").await;
    assert_eq!(nobody.trouble.as_ref().unwrap().word, "unreachable");
    assert!(!nobody.is_well(false) && nobody.requests == 1);
    let clear = trouble("http://prokura-doctor.invalid/mcp").await;
    assert_eq!(found(&clear), BTreeSet::from([Check::Https]), "a token would go there in the clear");
}

/// Remembers where connections went.
#[derive(Default)]
struct Watched(Mutex<Vec<SocketAddr>>);

impl Resolver for Watched {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Err(std::io::Error::other(format!("nobody knows {host}"))) })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, std::io::Result<tokio::net::TcpStream>> {
        self.0.lock().unwrap().push(to);
        if to.ip().is_loopback() {
            SystemResolver::default().connect(to)
        } else {
            Box::pin(async { Err(std::io::Error::other("no")) })
        }
    }
}

#[tokio::test]
async fn a_server_cannot_lead_it_to_addresses_that_nobody_named() {
    let world = World::start(DUAL, &[Fault::ServerInside]).await;
    let watched = Arc::new(Watched::default());
    let mut options = Options { resolver: watched.clone(), ..Options::default() };
    let report = examined(&world, &options).await;
    let (_, why) = report.unseen.iter().find(|(c, _)| *c == Check::ServerFound).unwrap();
    assert!(why.contains("10.0.0.7") && why.contains("--allow"), "{why}");
    let strange = |w: &Watched| w.0.lock().unwrap().iter().filter(|a| !a.ip().is_loopback()).count();
    assert_eq!(strange(&watched), 0);
    options.allow = vec!["10.0.0.7".to_owned()];
    examined(&world, &options).await;
    assert!(strange(&watched) > 0, "who named it, opened it");
}

#[test]
fn nothing_is_only_a_must_or_only_a_should() {
    let count = |level| Check::ALL.iter().filter(|c| c.row().level == level).count();
    assert!(count(Level::Must) > 60 && count(Level::Should) > 20);
}

#[tokio::test]
async fn a_server_whose_pages_are_all_alike_is_not_accused() {
    let world = World::start(DUAL, &[Fault::SamePage]).await;
    let report = examined(&world, &everything()).await;
    assert!(report.findings.is_empty(), "{}", prokura_doctor::text(&report));
    assert!(unseen(&report).contains(&Check::AuthorizePkce));
}

#[tokio::test]
async fn a_server_that_has_had_enough_is_not_accused() {
    let world = World::start(DUAL, &[Fault::Limited]).await;
    let report = examined(&world, &everything()).await;
    assert!(report.findings.is_empty(), "{}", prokura_doctor::text(&report));
    assert!(report.unseen.iter().any(|(_, why)| why.contains("429")));
}

/// A minute passes with everything that is looked at.
struct Slow(Arc<prokura_core::ManualClock>);

impl Watch for Slow {
    fn looks_at(&self, _what: &str) {
        self.0.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn an_examination_ends_and_accuses_nobody_of_what_it_no_longer_saw() {
    let world = World::start(DUAL, &[]).await;
    let (clock, slow) = (world.clock.clone(), Slow(world.clock.clone()));
    let report =
        examine(&world.url(), &everything(), clock, Arc::new(SeededRng::new(3)), &slow).await.unwrap();
    assert!(report.findings.is_empty(), "{}", prokura_doctor::text(&report));
    let ended = report.unseen.iter().filter(|(_, why)| why.contains("was ended")).count();
    assert!(ended > 3 && report.requests < 30, "{ended} of {} requests", report.requests);
}
