//! A server that believes a trust domain, and the endpoint of that domain's bundle.

use crate::svid::NOW;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use prokura_attest::{AttestError, Door, Evidence, Providers, Refused};
use prokura_config::Config;
use prokura_core::{Clock, ManualClock};
use prokura_egress::{Egress, EgressConfig};
use prokura_oauth::jose::SigningKey;
use prokura_oauth::json::{Object, Value, obj};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The server whose workloads these are.
pub(crate) const SERVER: &str = "https://as.example";
pub(crate) const PLANNER: &str = "spiffe://example.org/agents/planner";

/// What a bundle endpoint serves, and how often it was asked.
pub(crate) struct Endpoint {
    pub(crate) address: String,
    says: Mutex<Vec<u8>>,
    status: AtomicU16,
    asked: AtomicUsize,
}

impl Endpoint {
    pub(crate) async fn of(bundle: Vec<u8>) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/bundle.json", listener.local_addr().unwrap());
        let this = Arc::new(Self {
            address,
            says: Mutex::new(bundle),
            status: AtomicU16::new(200),
            asked: AtomicUsize::default(),
        });
        let router = Router::new().route("/bundle.json", get(answer)).with_state(Arc::clone(&this));
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    pub(crate) fn say(&self, bundle: Vec<u8>) {
        *self.says.lock().unwrap() = bundle;
    }

    pub(crate) fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// How often it was asked since this was asked before.
    pub(crate) fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

async fn answer(State(endpoint): State<Arc<Endpoint>>) -> (StatusCode, Vec<u8>) {
    endpoint.asked.fetch_add(1, Ordering::SeqCst);
    let status = StatusCode::from_u16(endpoint.status.load(Ordering::SeqCst)).unwrap();
    (status, endpoint.says.lock().unwrap().clone())
}

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) providers: Providers,
}

impl World {
    /// A server that believes `example.org` by this bundle, a table of the configuration.
    pub(crate) fn of(bundle: &str) -> Self {
        Self::with(&format!(
            "[[workload.provider]]\nname = \"mesh\"\nplatform = \"spiffe\"\ntrust_domain = \"example.org\"\nbundle = {{ {bundle} }}\n"
        ))
    }

    pub(crate) fn at(endpoint: &Endpoint) -> Self {
        Self::of(&format!("endpoint = \"{}\", profile = \"https_web\"", endpoint.address))
    }

    pub(crate) fn with(providers: &str) -> Self {
        let text = format!("issuer = \"{SERVER}\"\ndatabase = \"sqlite::memory:\"\n{providers}");
        let config = Config::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let clock = Arc::new(ManualClock::new(NOW));
        let shared: Arc<dyn Clock> = clock.clone();
        let egress = Egress::system(EgressConfig::default());
        Self { providers: Providers::new(&config, &egress, shared).unwrap(), clock }
    }

    pub(crate) async fn verify(&self, jwt: &str) -> Result<Evidence, AttestError> {
        self.providers.verify_jwt(jwt, Door::ClientAuthentication).await
    }

    /// Why a token is refused.
    pub(crate) async fn refusal(&self, jwt: &str) -> Refused {
        match self.verify(jwt).await {
            Err(AttestError::Refused { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A JWT-SVID for five minutes from now.
    pub(crate) fn svid(&self, key: &SigningKey) -> String {
        signed(key, &claims(self.clock.now().seconds()))
    }
}

pub(crate) fn claims(now: i64) -> Object {
    obj([
        ("sub", PLANNER.into()),
        ("aud", Value::Array(vec![SERVER.into()])),
        ("iat", now.into()),
        ("exp", (now + 300).into()),
    ])
}

pub(crate) fn signed(key: &SigningKey, claims: &Object) -> String {
    key.sign("JWT", claims).unwrap()
}
