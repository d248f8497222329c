//! The redirect to this machine (RFC 8252 §7.3): a listener on loopback for one answer.

use super::visit::{Opener, SystemBrowser, UserAgent, Visit, VisitError};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prokura_oauth::form::Form;
use prokura_oauth::secret::constant_time_eq;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

const PATH: &str = "/callback";
/// A browser opens several connections at once, some of them in vain.
const MAX_CONNECTIONS: usize = 16;

/// A browser on this machine that comes back to a listener on `127.0.0.1`.
#[derive(Clone)]
pub struct Loopback {
    opener: Arc<dyn Opener>,
    patience: Duration,
}

impl Default for Loopback {
    /// The system's browser, and five minutes.
    fn default() -> Self {
        Self::new(SystemBrowser)
    }
}

impl Loopback {
    /// Another opener: one that also shows the address, or a test's.
    pub fn new(opener: impl Opener) -> Self {
        Self { opener: Arc::new(opener), patience: Duration::from_secs(300) }
    }

    /// How long the person may take.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback").field("patience", &self.patience).finish_non_exhaustive()
    }
}

#[async_trait]
impl UserAgent for Loopback {
    async fn ready(&self, before: Option<&str>) -> Result<Box<dyn Visit>, VisitError> {
        let listener = match before.and_then(port) {
            // The port of the last time, so that what was registered then fits; any other will do if it is taken.
            Some(port) => match TcpListener::bind(("127.0.0.1", port)).await {
                Ok(listener) => Ok(listener),
                Err(_taken) => TcpListener::bind("127.0.0.1:0").await,
            },
            None => TcpListener::bind("127.0.0.1:0").await,
        };
        let listener = listener.map_err(|e| VisitError::Listen(e.to_string()))?;
        let port = listener.local_addr().map_err(|e| VisitError::Listen(e.to_string()))?.port();
        let redirect_uri = format!("http://127.0.0.1:{port}{PATH}");
        Ok(Box::new(Waiting { listener, redirect_uri, loopback: self.clone() }))
    }
}

fn port(redirect_uri: &str) -> Option<u16> {
    let url = Url::parse(redirect_uri).ok()?;
    if url.host_str() == Some("127.0.0.1") { url.port() } else { None }
}

struct Waiting {
    listener: TcpListener,
    redirect_uri: String,
    loopback: Loopback,
}

#[async_trait]
impl Visit for Waiting {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    async fn visit(self: Box<Self>, url: &Url, state: &str) -> Result<String, VisitError> {
        self.loopback.opener.open(url).map_err(VisitError::Open)?;
        let patience = self.loopback.patience;
        let waited = timeout(patience, answer(&self.listener, state)).await;
        waited.map_err(|_| VisitError::TimedOut(patience.as_secs().div_ceil(60)))?
    }
}

/// Serves the listener until the browser brings the answer.
async fn answer(listener: &TcpListener, state: &str) -> Result<String, VisitError> {
    let (tell, mut told) = mpsc::channel::<String>(1);
    let state: Arc<str> = state.into();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(query) = told.recv() => {
                // The page is still on its way to the person.
                connections.shutdown().await;
                return Ok(query);
            }
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                let (stream, _) = accepted.map_err(|e| VisitError::Listen(e.to_string()))?;
                let (tell, state) = (tell.clone(), state.clone());
                let service = service_fn(move |request| {
                    let (tell, state) = (tell.clone(), state.clone());
                    async move { Ok::<_, Infallible>(respond(&request, &state, &tell)) }
                });
                connections.spawn(async move {
                    let serving = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(Duration::from_secs(10))
                        .keep_alive(false)
                        .max_buf_size(64 * 1024)
                        .serve_connection(TokioIo::new(stream), service);
                    drop(serving.await);
                });
            }
        }
    }
}

fn respond(request: &Request<Incoming>, state: &str, tell: &mpsc::Sender<String>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET || request.uri().path() != PATH {
        return page(StatusCode::NOT_FOUND, "Nothing is here.");
    }
    let query = request.uri().query().unwrap_or_default();
    let given = Form::parse(query.as_bytes()).ok().and_then(|f| f.value("state").map(str::to_owned));
    if !constant_time_eq(given.unwrap_or_default().as_bytes(), state.as_bytes()) {
        return page(StatusCode::BAD_REQUEST, "This does not belong to the sign-in under way.");
    }
    // A second answer with the same state finds the channel full, and is as good as none.
    drop(tell.try_send(query.to_owned()));
    page(StatusCode::OK, "The answer has arrived. You can close this window and go back to your program.")
}

fn page(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Sign-in</title>\
         <meta name=viewport content=\"width=device-width\"><meta name=color-scheme content=\"light dark\"><p>{text}"
    );
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
        .header(REFERRER_POLICY, "no-referrer")
        .header(CACHE_CONTROL, "no-store");
    response.body(Full::new(Bytes::from(html))).unwrap_or_default()
}
