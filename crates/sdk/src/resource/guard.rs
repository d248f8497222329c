//! A resource server, put together: what every request has to pass.

use super::body::{self, Broken};
use super::decide::Scopes;
use super::details;
use super::proof::{self, Seen, Shown};
use super::refusal::Refusal;
use super::{Caller, Guarded};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body;
use prokura_core::{Clock, ResourceUri, ScopeSet};
use prokura_mcp::envelope::Id;
use prokura_oauth::confirmation::Confirmation;
use prokura_oauth::foreign::{ForeignError, ForeignToken};
use prokura_oauth::protected_resource::{ResourceMetadata, WELL_KNOWN, address};
use prokura_verify::{Refusal as Judged, Source, Verifier};
use std::sync::Arc;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// What a guard is made of.
pub(super) struct Parts {
    pub(super) uri: ResourceUri,
    pub(super) name: Option<String>,
    pub(super) sources: Vec<Source>,
    pub(super) scopes: Scopes,
    pub(super) first: ScopeSet,
    pub(super) open: Vec<String>,
    pub(super) max_body: usize,
    pub(super) require_dpop: bool,
    pub(super) clock: Arc<dyn Clock>,
}

/// A [`tower::Layer`] that makes a resource server of what it wraps. Cheap to clone; every clone shares what is known
/// of keys and tokens.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    verifier: Verifier<Judgeable>,
    metadata: ResourceMetadata,
    metadata_url: String,
    metadata_paths: Vec<String>,
    origin: String,
    scopes: Scopes,
    first: ScopeSet,
    open: Vec<String>,
    max_body: usize,
    require_dpop: bool,
    seen: Seen,
    clock: Arc<dyn Clock>,
}

/// A token and what it is bound to.
struct Judgeable {
    caller: Caller,
    bound: Confirmation,
}

fn judgeable(token: ForeignToken) -> Result<Judgeable, ForeignError> {
    let bound = Confirmation::read(&token.claims).map_err(|_| ForeignError::Claim("cnf".into()))?;
    Ok(Judgeable { caller: Caller(Arc::new(token)), bound })
}

/// What becomes of a request.
pub(super) enum Passage<B, R> {
    /// It goes on, with its caller.
    On(Request<B>),
    /// It was answered here.
    Answered(Response<R>),
}

impl Guard {
    pub(super) fn new(parts: Parts) -> Self {
        let metadata = ResourceMetadata {
            authorization_servers: parts.sources.iter().map(|s| s.issuer.issuer().to_owned()).collect(),
            resource: parts.uri.clone(),
            scopes: parts.first.clone(),
            dpop_required: parts.require_dpop,
            name: parts.name,
            // Which arguments a tool takes is for the tool to say.
            details_types: Vec::new(),
        };
        let metadata_url = address(&parts.uri);
        let origin = metadata_url.split(WELL_KNOWN).next().unwrap_or_default().to_owned();
        let path = metadata_url.strip_prefix(&origin).unwrap_or(WELL_KNOWN).to_owned();
        let mut metadata_paths = vec![path, WELL_KNOWN.to_owned()];
        metadata_paths.dedup();
        let read = Box::new(|_: usize, token: ForeignToken| judgeable(token));
        Self(Arc::new(Inner {
            verifier: Verifier::new(parts.sources, Arc::clone(&parts.clock), read),
            metadata,
            metadata_url,
            metadata_paths,
            origin,
            scopes: parts.scopes,
            first: parts.first,
            open: parts.open,
            max_body: parts.max_body,
            require_dpop: parts.require_dpop,
            seen: Seen::default(),
            clock: parts.clock,
        }))
    }

    /// Where the metadata of the resource are (RFC 9728 §3.1): what challenges name.
    pub fn metadata_url(&self) -> &str {
        &self.0.metadata_url
    }

    /// What becomes of a request.
    pub(super) async fn pass<B, R>(&self, request: Request<B>) -> Passage<B, R>
    where
        B: Body<Data = Bytes> + From<Bytes>,
        B::Error: Into<Broken>,
        R: From<Bytes>,
    {
        let inner = &self.0;
        let path = request.uri().path();
        if inner.metadata_paths.iter().any(|p| p == path) {
            return Passage::Answered(inner.document(request.method()));
        }
        if inner.open.iter().any(|p| p == path) {
            return Passage::On(request);
        }
        let mut id = None;
        match inner.admit(request, &mut id).await {
            Ok(request) => Passage::On(request),
            Err(refusal) => {
                tracing::debug!(?refusal, "a request is refused");
                let answer = refusal.into_response(id, &inner.metadata_url, &inner.first, inner.require_dpop);
                Passage::Answered(answer)
            }
        }
    }
}

impl Inner {
    async fn admit<B>(&self, request: Request<B>, id: &mut Option<Id>) -> Result<Request<B>, Refusal>
    where
        B: Body<Data = Bytes> + From<Bytes>,
        B::Error: Into<Broken>,
    {
        let (mut parts, body) = request.into_parts();
        let caller = self.authenticate(&parts.method, &parts.uri, &parts.headers).await?;
        self.scopes.check_request(&caller)?;
        let limits = details::of(&caller, &self.metadata.resource, self.scopes.reads_messages())?;
        let body = if parts.method == Method::POST && self.scopes.reads_messages() {
            let message = body::read(&parts.headers, body, self.max_body).await?;
            *id = message.request_id().cloned();
            self.scopes.check_message(&caller, &message)?;
            details::check(&limits, &message)?;
            body::write(message, &mut parts.headers).into()
        } else {
            body
        };
        // The token ends here: what stands behind needs the caller, never the token.
        parts.headers.remove(header::AUTHORIZATION);
        parts.extensions.insert(caller);
        Ok(Request::from_parts(parts, body))
    }

    async fn authenticate(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let (by_dpop, token) = token(headers)?;
        let verified = match self.verifier.recall(token) {
            Some(known) => known,
            None => self.verifier.verify(token).await.map_err(refusal)?,
        };
        let Judgeable { caller, bound } = &verified.value;
        let address = format!("{}{}", self.origin, uri.path());
        let shown = Shown { method, headers, address, by_dpop, token };
        proof::check(*bound, &shown, self.require_dpop, &self.seen, self.clock.now())?;
        Ok(caller.clone())
    }

    /// The metadata, which any page may read.
    fn document<R: From<Bytes>>(&self, method: &Method) -> Response<R> {
        let allowed = [Method::GET, Method::HEAD].contains(method);
        let body = if allowed { self.metadata.to_object().to_vec() } else { Vec::new() };
        let mut response = Response::new(R::from(body.into()));
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        if allowed {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
        } else {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        }
        response
    }
}

impl<S> tower::Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.clone(), inner }
    }
}

/// The token of the one `Authorization` header, and whether it came by `DPoP`; nowhere else is one looked for.
fn token(headers: &HeaderMap) -> Result<(bool, &str), Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::NoToken)?;
    if values.next().is_some() {
        return Err(Refusal::BadAuthorization);
    }
    let text = value.to_str().map_err(|_| Refusal::BadAuthorization)?;
    let (scheme, token) = text.split_once(' ').ok_or(Refusal::NoToken)?;
    let by_dpop = scheme.eq_ignore_ascii_case("dpop");
    if !by_dpop && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::NoToken);
    }
    let token = token.trim_matches(' ');
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(fine) {
        return Err(Refusal::BadAuthorization);
    }
    if token.len() > MAX_TOKEN {
        return Err(Refusal::InvalidToken("the token is not valid here"));
    }
    Ok((by_dpop, token))
}

/// Why a token is refused stands in the log; whoever sent it learns only that it is.
fn refusal(judged: Judged) -> Refusal {
    match judged {
        Judged::Unavailable(error) => {
            tracing::warn!(%error, "tokens cannot be judged");
            Refusal::Unjudged
        }
        Judged::Invalid(error) => {
            tracing::debug!(%error, "a token is refused");
            Refusal::InvalidToken("the token is not valid here")
        }
        Judged::UnknownIssuer => Refusal::InvalidToken("the token is not valid here"),
    }
}
