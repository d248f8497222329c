//! The pooled client for servers that the operator configured. They are trusted by configuration: `http` or
//! `https`, loopback or private. A stranger's URL never comes here.

use crate::Trust;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds of the pool.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    /// How long a connection may take to be made, TLS not included.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many unused connections to one server are kept.
    pub max_idle_per_host: usize,
    /// Requests under way in all, each until its answer was read or dropped.
    pub max_requests: usize,
    /// Whose certificates are believed.
    pub trust: Trust,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(60),
            max_idle_per_host: 256,
            max_requests: 8192,
            trust: Trust::default(),
        }
    }
}

/// Why an upstream gave no answer. For administrators; a client is told only that the server cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// All places are taken; nothing was sent.
    #[error("too many requests to upstreams are under way")]
    Busy,
    /// No connection; nothing was sent.
    #[error("the upstream cannot be reached: {0}")]
    Connect(String),
    /// No certificate authority can be read, so `https` cannot be spoken; nothing was sent.
    #[error("https cannot be spoken to the upstream: {0}")]
    Tls(String),
    /// The connection broke or the answer is not HTTP; the upstream may have acted.
    #[error("the upstream did not answer in HTTP as it should: {0}")]
    Protocol(String),
}

impl UpstreamError {
    /// Whether nothing was sent, so that the request can safely be repeated.
    pub fn nothing_was_sent(&self) -> bool {
        !matches!(self, Self::Protocol(_))
    }
}

type Plain = Client<HttpConnector, Full<Bytes>>;
type Secure = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A pooled HTTP/1.1 client. Cheap to clone; every clone shares the pool.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    config: UpstreamConfig,
    plain: Plain,
    secure: OnceLock<Result<Secure, String>>,
    places: Arc<Semaphore>,
}

impl Upstream {
    /// A client with an empty pool. Certificate authorities are read when the first `https` upstream is asked.
    pub fn new(config: UpstreamConfig) -> Self {
        let plain = pool(&config, connector(&config));
        let places = Arc::new(Semaphore::new(config.max_requests));
        Self(Arc::new(Inner { config, plain, secure: OnceLock::new(), places }))
    }

    /// Sends a request whose URI is absolute; `Host` is set from it. Returns when the head of the answer is there;
    /// the content streams. Dropping the answer closes its connection unless it was read to the end, which tells
    /// the upstream to stop. No deadline: the caller sets one.
    ///
    /// # Errors
    /// [`UpstreamError`]; see [`UpstreamError::nothing_was_sent`].
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<UpstreamBody>, UpstreamError> {
        let place = self.0.places.clone().try_acquire_owned().map_err(|_| UpstreamError::Busy)?;
        let answer = if request.uri().scheme_str() == Some("https") {
            self.secure()?.request(request).await
        } else {
            self.0.plain.request(request).await
        };
        let answer = answer.map_err(|e| failure(&e))?;
        Ok(answer.map(|incoming| UpstreamBody { incoming, _place: place }))
    }

    fn secure(&self) -> Result<&Secure, UpstreamError> {
        let made = self.0.secure.get_or_init(|| {
            let tls = HttpsConnectorBuilder::new()
                .with_tls_config((*self.0.config.trust.config()?).clone())
                .https_only()
                .enable_http1();
            Ok(pool(&self.0.config, tls.wrap_connector(connector(&self.0.config))))
        });
        made.as_ref().map_err(|cause| UpstreamError::Tls(cause.clone()))
    }
}

fn connector(config: &UpstreamConfig) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(Duration::from_secs(60)));
    connector.set_connect_timeout(Some(config.connect_timeout));
    connector
}

fn pool<C: Connect + Clone>(config: &UpstreamConfig, connector: C) -> Client<C, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(config.idle_timeout)
        .pool_max_idle_per_host(config.max_idle_per_host)
        .build(connector)
}

fn failure(error: &Error) -> UpstreamError {
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        cause = format!("{cause}: {inner}");
        source = inner.source();
    }
    if error.is_connect() { UpstreamError::Connect(cause) } else { UpstreamError::Protocol(cause) }
}

/// The content of an answer as it comes in; holds its place until it is dropped.
#[derive(Debug)]
pub struct UpstreamBody {
    incoming: Incoming,
    _place: OwnedSemaphorePermit,
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("config", &self.0.config).finish_non_exhaustive()
    }
}
