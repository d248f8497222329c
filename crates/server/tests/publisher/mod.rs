//! A client's web server on loopback: publishes what it is told, and counts who asks.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use prokura_egress::{AllowList, Egress, EgressConfig};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
struct Page {
    status: StatusCode,
    cache: Option<&'static str>,
    body: String,
    hits: usize,
}

pub(crate) struct Publisher {
    /// Where the document is.
    pub(crate) address: String,
    authority: String,
    page: Arc<Mutex<Page>>,
}

impl Publisher {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let page = Page { status: StatusCode::OK, cache: None, body: String::new(), hits: 0 };
        let page = Arc::new(Mutex::new(page));
        let router = Router::new().fallback(answer).with_state(page.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address: format!("http://{authority}/client.json"), authority, page }
    }

    /// A client for fetching that trusts this server only.
    pub(crate) fn egress(&self) -> Egress {
        let allow = AllowList::parse(&[&self.authority]).unwrap();
        Egress::system(EgressConfig { allow, ..EgressConfig::default() })
    }

    /// Publishes `body` with this `Cache-Control`.
    pub(crate) fn publish(&self, cache: &'static str, body: impl Into<String>) {
        let mut page = self.page.lock().unwrap();
        *page = Page { status: StatusCode::OK, cache: Some(cache), body: body.into(), hits: page.hits };
    }

    /// Answers with `status` from now on.
    pub(crate) fn fail(&self, status: u16) {
        self.page.lock().unwrap().status = StatusCode::from_u16(status).unwrap();
    }

    /// How often it was asked.
    pub(crate) fn hits(&self) -> usize {
        self.page.lock().unwrap().hits
    }
}

async fn answer(State(page): State<Arc<Mutex<Page>>>) -> (StatusCode, HeaderMap, String) {
    let page = {
        let mut page = page.lock().unwrap();
        page.hits += 1;
        page.clone()
    };
    // Long enough for those who ask at the same time to find the fetch under way.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let json = (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"));
    let cache = page.cache.map(|c| (HeaderName::from_static("cache-control"), HeaderValue::from_static(c)));
    (page.status, [Some(json), cache].into_iter().flatten().collect(), page.body)
}
