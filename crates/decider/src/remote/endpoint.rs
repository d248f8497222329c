//! Asking a decision point by HTTP: JSON there, JSON back, in bounded time and size.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use prokura_egress::{Upstream, UpstreamError};
use prokura_oauth::json::{self, JsonError, Limits, Object};
use std::time::Duration;

/// How long an answer may take, and how large it may be.
#[derive(Debug, Clone, Copy)]
pub struct RemoteBounds {
    /// From the question to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes of an answer.
    pub max_bytes: usize,
}

impl Default for RemoteBounds {
    /// A second, and 256 KiB.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(1), max_bytes: 256 << 10 }
    }
}

/// An address that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// No address of HTTP.
    #[error("`{0}` is no address of a decision point: write `https://…` or `http://…` without a fragment")]
    Url(String),
    /// No package of OPA.
    #[error("`{0}` is no package of an OPA: write its path, as in `https://opa.example/v1/data/prokura`")]
    Package(String),
    /// The token cannot stand in a header.
    #[error("the token of the decision point cannot be sent: it has other characters than a header may have")]
    Token,
}

/// Why there is no answer. For administrators.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It is too late.
    #[error("it did not answer within {0:?}")]
    Late(Duration),
    /// It is not reached, or broke off.
    #[error(transparent)]
    Reach(#[from] UpstreamError),
    /// It refused, or is broken.
    #[error("it answered with status {0}")]
    Status(u16),
    /// The answer is larger than is read, or its connection broke.
    #[error("its answer broke off, or is larger than is read")]
    Content,
    /// The answer is not the JSON that is read here.
    #[error("its answer cannot be read: {0}")]
    Json(#[from] JsonError),
    /// The answer is no object.
    #[error("its answer is no object")]
    Shape,
}

/// A configured decision point: where it is, and how it is asked.
#[derive(Debug, Clone)]
pub struct Endpoint {
    upstream: Upstream,
    url: Uri,
    bearer: Option<HeaderValue>,
    bounds: RemoteBounds,
}

impl Endpoint {
    /// One at `url`, which the operator configured. `bearer` is sent as a bearer token (RFC 6750 §2.1).
    ///
    /// # Errors
    /// [`InvalidEndpoint`].
    pub fn new(
        upstream: Upstream,
        url: &str,
        bearer: Option<&str>,
        bounds: RemoteBounds,
    ) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint::Url(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| invalid())?;
        let is_http = matches!(parsed.scheme_str(), Some("http" | "https"));
        let is_plain = parsed.authority().is_some_and(|a| !a.as_str().contains('@')) && !url.contains('#');
        if !is_http || !is_plain {
            return Err(invalid());
        }
        let bearer = bearer.map(secret).transpose()?;
        Ok(Self { upstream, url: parsed, bearer, bounds })
    }

    /// Within what it is asked.
    pub fn bounds(&self) -> RemoteBounds {
        self.bounds
    }

    /// Where it is.
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// The same decision point at another path of its host, such as one found in its metadata.
    ///
    /// # Errors
    /// [`InvalidEndpoint::Url`].
    pub fn at(&self, path: &str) -> Result<Self, InvalidEndpoint> {
        let mut parts = self.url.clone().into_parts();
        let invalid = |_| InvalidEndpoint::Url(path.to_owned());
        parts.path_and_query = Some(path.parse().map_err(|_| InvalidEndpoint::Url(path.to_owned()))?);
        Ok(Self { url: Uri::from_parts(parts).map_err(invalid)?, ..self.clone() })
    }

    /// Posts `body` and reads the object that is answered with status 200, by the strict reader.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn post(&self, body: &Object) -> Result<Object, Unanswered> {
        let request = Request::post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        self.exchange(request, Bytes::from(body.to_vec())).await
    }

    /// Gets the object that stands there.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn get(&self) -> Result<Object, Unanswered> {
        self.exchange(Request::get(self.url.clone()), Bytes::new()).await
    }

    async fn exchange(&self, request: http::request::Builder, body: Bytes) -> Result<Object, Unanswered> {
        let mut request = request.header(ACCEPT, "application/json");
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        // All parts of it were checked when the endpoint was made.
        let request = request.body(Full::new(body)).map_err(|_| Unanswered::Content)?;
        let answered = tokio::time::timeout(self.bounds.timeout, self.answer(request));
        let bytes = answered.await.map_err(|_| Unanswered::Late(self.bounds.timeout))??;
        let limits = Limits { max_bytes: self.bounds.max_bytes, max_depth: 64 };
        json::parse(&bytes, &limits)?.into_object().ok_or(Unanswered::Shape)
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Bytes, Unanswered> {
        let answer = self.upstream.send(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(Unanswered::Status(answer.status().as_u16()));
        }
        let content = Limited::new(answer.into_body(), self.bounds.max_bytes).collect();
        Ok(content.await.map_err(|_| Unanswered::Content)?.to_bytes())
    }
}

fn secret(token: &str) -> Result<HeaderValue, InvalidEndpoint> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| InvalidEndpoint::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
