//! Fetching what a stranger named: resolve once, check every address, connect to a checked one, read within bounds.

use crate::address::special;
use crate::error::quoted;
use crate::fetched::{etag, foreign_encoding, is_json, media_type};
use crate::gate::{Gate, Place};
use crate::tls::server_name;
use crate::{AllowList, CacheControl, EgressError, FetchUrl, Fetched, Resolver, SystemResolver, Trust};
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

/// The largest head of an answer, in bytes, and its most fields.
const MAX_HEAD: usize = 16 * 1024;
const MAX_FIELDS: usize = 64;
/// A further address is tried beside the one before it after this long (RFC 8305 §5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// No more addresses of one name than these are tried.
const MAX_ATTEMPTS: usize = 4;

/// What may be fetched, and how much at once.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    /// What is trusted although it is not public.
    pub allow: AllowList,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Requests under way in all.
    pub max_requests: usize,
    /// Requests under way to one host.
    pub max_requests_per_host: usize,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow: AllowList::default(),
            trust: Trust::default(),
            max_requests: 64,
            max_requests_per_host: 4,
        }
    }
}

/// Which content types are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// `application/json`, or a type whose name ends in `+json`.
    Json,
    /// Any.
    Any,
}

/// Bounds of one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// The largest content, in bytes.
    pub max_bytes: usize,
    /// From the call to the last byte: waiting for a place, resolving, connecting, TLS, head and content.
    pub deadline: Duration,
    /// Which content types are taken.
    pub accept: Accept,
}

impl FetchLimits {
    /// A client metadata document: 5 KiB in 5 seconds.
    pub const CLIENT_METADATA: Self = Self::json(5 * 1024);
    /// A key set or the metadata of a server: 64 KiB in 5 seconds.
    pub const DOCUMENT: Self = Self::json(64 * 1024);

    const fn json(max_bytes: usize) -> Self {
        Self { max_bytes, deadline: Duration::from_secs(5), accept: Accept::Json }
    }
}

/// The client that fetches what a stranger named. Cheap to clone; every clone shares the same bounds.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    config: EgressConfig,
    resolver: Arc<dyn Resolver>,
    gate: Arc<Gate>,
}

/// What is asked.
struct Ask {
    method: Method,
    form: Option<String>,
    authorization: Option<HeaderValue>,
}

impl Egress {
    /// A client with its doors.
    pub fn new(config: EgressConfig, resolver: Arc<dyn Resolver>) -> Self {
        let gate = Gate::new(config.max_requests, config.max_requests_per_host);
        Self(Arc::new(Inner { config, resolver, gate }))
    }

    /// A client that uses the resolver and the connections of this machine.
    pub fn system(config: EgressConfig) -> Self {
        Self::new(config, Arc::new(SystemResolver::default()))
    }

    /// A client like this one, with doors of its own, that may ask the hosts of `named` at their ports too, since a person
    /// named them, and believes `trust` if it is given. For servers that the configuration names.
    #[must_use]
    pub fn for_named(&self, named: &[FetchUrl], trust: Option<Trust>) -> Self {
        let mut config = self.0.config.clone();
        config.allow = named.iter().fold(config.allow, AllowList::and_named);
        config.trust = trust.unwrap_or(config.trust);
        Self::new(config, Arc::clone(&self.0.resolver))
    }

    /// Whether `url` may be asked for at all: `https` on port 443, or a host that is on the allow list at that
    /// port. Its addresses are checked when it is fetched.
    ///
    /// # Errors
    /// [`EgressError::Http`] or [`EgressError::Port`].
    pub fn check(&self, url: &FetchUrl) -> Result<(), EgressError> {
        if self.0.config.allow.names(url) {
            return Ok(());
        }
        if !url.is_https() {
            return Err(EgressError::Http { authority: url.authority() });
        }
        if url.port() != 443 {
            return Err(EgressError::Port { host: url.host().to_owned(), port: url.port() });
        }
        Ok(())
    }

    /// Fetches a document. Only status 200 counts (a partial or empty answer is no document).
    ///
    /// # Errors
    /// [`EgressError`] says what was refused or failed; nothing partial is returned.
    pub async fn get(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<Fetched, EgressError> {
        self.get_as(url, None, limits).await
    }

    /// Fetches a document as [`Egress::get`] does, with `authorization` as it is to stand in the header. It goes to `url`
    /// and nowhere else, since nothing is followed.
    ///
    /// # Errors
    /// [`EgressError`] says what was refused or failed; nothing partial is returned.
    pub async fn get_as(
        &self,
        url: &FetchUrl,
        authorization: Option<&str>,
        limits: &FetchLimits,
    ) -> Result<Fetched, EgressError> {
        let unwritable = |_| EgressError::Request { host: url.host().to_owned() };
        let authorization = authorization.map(HeaderValue::from_str).transpose().map_err(unwritable)?;
        self.send(url, Ask { method: Method::GET, form: None, authorization }, limits).await
    }

    /// Posts a form (RFC 7662 §2.1, RFC 8693 §2.1), with `authorization` as it is to stand in the header. Every
    /// status but a redirect is returned, since OAuth errors are answers too.
    ///
    /// # Errors
    /// [`EgressError`] says what was refused or failed; nothing partial is returned.
    pub async fn post_form(
        &self,
        url: &FetchUrl,
        form: &[(&str, &str)],
        authorization: Option<&str>,
        limits: &FetchLimits,
    ) -> Result<Fetched, EgressError> {
        let unwritable = |_| EgressError::Request { host: url.host().to_owned() };
        let authorization = authorization.map(HeaderValue::from_str).transpose().map_err(unwritable)?;
        // Done with before the first wait: a serializer cannot go to another thread.
        let form = Some(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish());
        self.send(url, Ask { method: Method::POST, form, authorization }, limits).await
    }

    async fn send(&self, url: &FetchUrl, ask: Ask, limits: &FetchLimits) -> Result<Fetched, EgressError> {
        let (place, deadline) = self.enter(url, limits.deadline).await?;
        let exchanged = timeout_at(deadline, Box::pin(self.exchange(url, ask, limits))).await;
        drop(place);
        exchanged.map_err(|_| late(url, limits.deadline))?
    }

    /// A place for a request that may be made, and when it has to be over.
    pub(crate) async fn enter(
        &self,
        url: &FetchUrl,
        after: Duration,
    ) -> Result<(Place, Instant), EgressError> {
        self.check(url)?;
        let deadline = Instant::now() + after;
        let place = timeout_at(deadline, self.0.gate.enter(url.host())).await;
        Ok((place.map_err(|_| EgressError::Busy { host: url.host().to_owned(), after })?, deadline))
    }

    async fn exchange(&self, url: &FetchUrl, ask: Ask, limits: &FetchLimits) -> Result<Fetched, EgressError> {
        let request = request(url, ask, limits.accept)?;
        speak(self.dial(url).await?, url, request, limits).await
    }

    /// A connection to a checked address, with TLS if the URL says so.
    pub(crate) async fn dial(&self, url: &FetchUrl) -> Result<Box<dyn Wire>, EgressError> {
        let addresses = self.addresses(url).await?;
        let stream = self.connect(url, addresses).await?;
        if !url.is_https() {
            return Ok(Box::new(stream));
        }
        let failed = |cause: String| EgressError::Tls { host: url.host().to_owned(), cause };
        let config = self.0.config.trust.config().map_err(failed)?;
        let name = server_name(url.host()).ok_or_else(|| failed("it is no valid name".to_owned()))?;
        let stream =
            TlsConnector::from(config).connect(name, stream).await.map_err(|e| failed(e.to_string()))?;
        Ok(Box::new(stream))
    }

    /// Resolves once and checks every address.
    async fn addresses(&self, url: &FetchUrl) -> Result<Vec<IpAddr>, EgressError> {
        let failed = |cause: String| EgressError::Resolve { host: url.host().to_owned(), cause };
        let addresses = match url.address() {
            Some(address) => vec![address],
            None => self.0.resolver.resolve(url.host()).await.map_err(|e| failed(e.to_string()))?,
        };
        if addresses.is_empty() {
            return Err(failed("the answer is empty".to_owned()));
        }
        for address in &addresses {
            if !self.0.config.allow.permits(url, *address) {
                return Err(forbidden(url, *address));
            }
        }
        Ok(addresses)
    }

    /// Connects to one of the checked addresses, in their order.
    async fn connect(&self, url: &FetchUrl, checked: Vec<IpAddr>) -> Result<TcpStream, EgressError> {
        let mut attempts = JoinSet::new();
        let mut last = None;
        for address in checked.into_iter().take(MAX_ATTEMPTS) {
            attempts.spawn(self.0.resolver.connect(SocketAddr::new(address, url.port())));
            match timeout(NEXT_ADDRESS, first_success(&mut attempts)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error.or(last),
                Err(_still_waiting) => {}
            }
        }
        match first_success(&mut attempts).await {
            Ok(stream) => Ok(stream),
            Err(error) => {
                let cause =
                    error.or(last).map_or_else(|| "no attempt was made".to_owned(), |e| e.to_string());
                Err(EgressError::Connect { host: url.host().to_owned(), cause })
            }
        }
    }
}

pub(crate) fn late(url: &FetchUrl, after: Duration) -> EgressError {
    EgressError::Deadline { host: url.host().to_owned(), after }
}

fn forbidden(url: &FetchUrl, address: IpAddr) -> EgressError {
    let class = special(address).unwrap_or(crate::AddressClass::Reserved);
    EgressError::Forbidden { host: url.host().to_owned(), address, class }
}

/// The first connection that succeeds; when none is left, the last error.
async fn first_success(
    attempts: &mut JoinSet<io::Result<TcpStream>>,
) -> Result<TcpStream, Option<io::Error>> {
    let mut last = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(error),
            Err(stopped) => last = Some(io::Error::other(stopped)),
        }
    }
    Err(last)
}

fn request(url: &FetchUrl, ask: Ask, accept: Accept) -> Result<Request<Full<Bytes>>, EgressError> {
    let accepted = match accept {
        // An API server of Kubernetes has its keys in their own type alone (RFC 7517 §8.5.2), and refuses who takes no other.
        Accept::Json => "application/json, application/jwk-set+json",
        Accept::Any => "*/*",
    };
    let mut request = Request::builder()
        .method(ask.method)
        .uri(url.target())
        .header(HOST, url.authority())
        .header(USER_AGENT, concat!("prokura/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, accepted)
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close");
    if ask.form.is_some() {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    if let Some(mut secret) = ask.authorization {
        secret.set_sensitive(true);
        request = request.header(AUTHORIZATION, secret);
    }
    let body = Full::new(ask.form.map(Bytes::from).unwrap_or_default());
    request.body(body).map_err(|_| EgressError::Request { host: url.host().to_owned() })
}

/// A connection, whatever is below it.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// Sends one request on a connection of its own. The connection lives as long as what drives it.
pub(crate) async fn converse(
    wire: Box<dyn Wire>,
    url: &FetchUrl,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, JoinSet<hyper::Result<()>>), EgressError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|e| protocol(url, &e))?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(|e| protocol(url, &e))?;
    Ok((response, driver))
}

/// One request for a document and its answer.
async fn speak(
    wire: Box<dyn Wire>,
    url: &FetchUrl,
    request: Request<Full<Bytes>>,
    limits: &FetchLimits,
) -> Result<Fetched, EgressError> {
    let only_ok = request.method() == Method::GET;
    let (response, _driver) = converse(wire, url, request).await?;
    check_head(url, &response, only_ok, limits)?;
    let (head, body) = response.into_parts();
    let body = read(url, body, limits.max_bytes).await?;
    Ok(Fetched {
        status: head.status.as_u16(),
        content_type: media_type(&head.headers),
        cache: CacheControl::read(&head.headers),
        etag: etag(&head.headers),
        body,
    })
}

fn protocol(url: &FetchUrl, error: &hyper::Error) -> EgressError {
    let cause =
        std::error::Error::source(error).map_or_else(|| error.to_string(), |s| format!("{error}: {s}"));
    EgressError::Protocol { host: url.host().to_owned(), cause }
}

/// Refuses by the head what need not be read.
fn check_head(
    url: &FetchUrl,
    response: &Response<Incoming>,
    only_ok: bool,
    limits: &FetchLimits,
) -> Result<(), EgressError> {
    let host = || url.host().to_owned();
    let (status, headers) = (response.status(), response.headers());
    if status.is_redirection() {
        return Err(EgressError::Redirect {
            host: host(),
            status: status.as_u16(),
            to: target(url, headers),
        });
    }
    if status.is_informational() || (only_ok && status != StatusCode::OK) {
        return Err(EgressError::Status { host: host(), status: status.as_u16() });
    }
    if let Some(encoding) = foreign_encoding(headers) {
        return Err(EgressError::ContentEncoding { host: host(), got: quoted(encoding) });
    }
    if limits.accept == Accept::Json && !media_type(headers).is_some_and(|t| is_json(&t)) {
        let got =
            headers.get(CONTENT_TYPE).map_or_else(|| "no content type".to_owned(), |v| quoted(v.as_bytes()));
        return Err(EgressError::ContentType { host: host(), got });
    }
    if response.body().size_hint().lower() > limits.max_bytes as u64 {
        return Err(EgressError::TooLarge { host: host(), limit: limits.max_bytes });
    }
    Ok(())
}

/// The host that a redirect points to, for the administrator.
fn target(url: &FetchUrl, headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).and_then(|l| l.to_str().ok());
    let joined = location.and_then(|l| url.as_url().join(l).ok());
    let host = joined.as_ref().and_then(url::Url::host_str);
    host.map_or_else(|| "nowhere readable".to_owned(), |h| quoted(h.as_bytes()))
}

async fn read(url: &FetchUrl, mut body: Incoming, limit: usize) -> Result<Bytes, EgressError> {
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|e| protocol(url, &e))?.into_data() else { continue };
        if kept.len() + data.len() > limit {
            return Err(EgressError::TooLarge { host: url.host().to_owned(), limit });
        }
        kept.extend_from_slice(&data);
    }
    Ok(kept.freeze())
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("config", &self.0.config).finish_non_exhaustive()
    }
}
