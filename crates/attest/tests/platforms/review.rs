//! Asking the API server about each token.

use crate::issuer::FakeIssuer;
use crate::world::{SERVER, World, but, registered};
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use prokura_attest::Refused;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use std::sync::{Arc, Mutex};

const SUBJECT: &str = "system:serviceaccount:agents:planner";

/// Status and body of its answer, and what it was asked: path and token, and the body.
type State = (u16, Object, Vec<(String, Object)>);

/// An API server that answers what it is told, and keeps what it was asked.
struct ApiServer {
    url: String,
    state: Arc<Mutex<State>>,
}

impl ApiServer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new((201, good(), Vec::new())));
        let served = Arc::clone(&state);
        let answer = move |request: Request| {
            let state = Arc::clone(&served);
            async move {
                let shown = format!("{} {}", request.uri().path(), header(&request, "authorization"));
                let body = to_bytes(request.into_body(), 65_536).await.unwrap();
                let asked = json::parse(&body, &Limits::DOCUMENT).unwrap().into_object().unwrap();
                let mut state = state.lock().unwrap();
                state.2.push((shown, asked));
                let status = axum::http::StatusCode::from_u16(state.0).unwrap();
                (status, [("content-type", "application/json")], state.1.to_vec())
            }
        };
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state }
    }

    fn answers(&self, status: u16, body: Object) {
        let mut state = self.state.lock().unwrap();
        (state.0, state.1) = (status, body);
    }
}

fn header(request: &Request, name: &str) -> String {
    request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

fn review(status: Object) -> Object {
    obj([("kind", "TokenReview".into()), ("status", status.into())])
}

fn good() -> Object {
    let user = obj([
        ("username", SUBJECT.into()),
        ("extra", obj([("authentication.kubernetes.io/pod-uid", Value::Array(vec!["pod-1".into()]))]).into()),
    ]);
    review(obj([
        ("authenticated", true.into()),
        ("user", user.into()),
        ("audiences", Value::Array(vec![SERVER.into()])),
    ]))
}

fn token(issuer: &FakeIssuer) -> String {
    let named = |name: &str, uid: &str| obj([("name", name.into()), ("uid", uid.into())]);
    let cluster = obj([
        ("namespace", "agents".into()),
        ("serviceaccount", named("planner", "sa-1").into()),
        ("pod", named("planner-7", "pod-1").into()),
    ]);
    issuer.sign("JWT", &but(&registered(&issuer.issuer, SUBJECT), "kubernetes.io", cluster))
}

async fn cluster() -> (FakeIssuer, ApiServer, World, tempfile::NamedTempFile) {
    let (issuer, api) = (FakeIssuer::start("").await, ApiServer::start().await);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "reviewer\n").unwrap();
    let review =
        format!("review = {{ server = \"{}\", token_file = \"{}\" }}", api.url, file.path().display());
    let world = World::of("kubernetes", &issuer, &review);
    (issuer, api, world, file)
}

#[tokio::test]
async fn a_token_is_reviewed_each_time_for_the_audience_it_was_accepted_for() {
    let (issuer, api, world, file) = cluster().await;
    let jwt = token(&issuer);
    assert!(world.verify(&jwt).await.is_ok());
    std::fs::write(file.path(), "renewed").unwrap();
    assert!(world.verify(&jwt).await.is_ok());
    let asked = std::mem::take(&mut api.state.lock().unwrap().2);
    let path = "/apis/authentication.k8s.io/v1/tokenreviews";
    let shown: Vec<_> = asked.iter().map(|(shown, _)| shown.as_str()).collect();
    assert_eq!(shown, [format!("{path} Bearer reviewer"), format!("{path} Bearer renewed")]);
    let spec = asked[0].1.get("spec").unwrap().as_object().unwrap();
    assert_eq!(spec.str("token"), Some(jwt.as_str()));
    let audiences = |n: usize| {
        let spec = asked[n].1.get("spec").unwrap().as_object().unwrap();
        spec.get("audiences").unwrap().as_array().unwrap().to_vec()
    };
    assert_eq!(audiences(0)[0].as_str(), Some(SERVER));
    assert_ne!(
        audiences(0)[1],
        audiences(1)[1],
        "the API server is never asked the same twice, for it remembers"
    );
}

#[tokio::test]
async fn d07_a_token_whose_pod_is_gone_or_whose_review_says_something_else_is_refused() {
    let (issuer, api, world, _file) = cluster().await;
    let gone = obj([("authenticated", false.into()), ("error", "Token has been invalidated".into())]);
    api.answers(201, review(gone));
    let refused = world.refusal(&token(&issuer)).await;
    assert_eq!(refused, Refused::Review("Token has been invalidated".to_owned()));
    let status = |name: &str, value: Value| {
        let mut status = good().get("status").unwrap().as_object().unwrap().clone();
        status.insert(name, value);
        review(status)
    };
    let user = |name: &str, pod: &str| {
        let extra = obj([("authentication.kubernetes.io/pod-uid", Value::Array(vec![pod.into()]))]);
        Value::Object(obj([("username", name.into()), ("extra", extra.into())]))
    };
    for body in [
        status("authenticated", "true".into()),
        status("audiences", Value::Null),
        status("audiences", Value::Array(vec!["https://kubernetes.default.svc".into()])),
        status("user", Value::Null),
        status("user", user("system:serviceaccount:agents:other", "pod-1")),
        status("user", user(SUBJECT, "pod-2")),
    ] {
        api.answers(201, body.clone());
        assert!(matches!(world.refusal(&token(&issuer)).await, Refused::Review(_)), "{body:?}");
    }
}

#[tokio::test]
async fn d07_without_an_answer_nobody_gets_in() {
    let (issuer, api, world, file) = cluster().await;
    for (status, body) in [(403, obj([])), (500, good()), (200, obj([("kind", "Status".into())]))] {
        api.answers(status, body);
        let refused = world.verify(&token(&issuer)).await.unwrap_err();
        assert!(refused.is_unavailable(), "{refused}");
    }
    api.answers(201, good());
    assert!(world.verify(&token(&issuer)).await.is_ok());
    std::fs::remove_file(file.path()).unwrap();
    assert!(world.verify(&token(&issuer)).await.unwrap_err().is_unavailable());
}

#[tokio::test]
async fn d08_strangers_have_nobody_asked() {
    let (issuer, api, world, _file) = cluster().await;
    let forger = FakeIssuer::start("").await;
    let claims = registered(&issuer.issuer, SUBJECT);
    assert!(world.verify(&forger.sign("JWT", &claims)).await.is_err());
    assert!(world.verify(&issuer.sign("JWT", &claims)).await.is_err(), "no pod is named");
    assert!(api.state.lock().unwrap().2.is_empty(), "only what was verified is reviewed");
}
