//! One request to the MCP server, with what authorizes it, until it is answered or cannot be.

use super::dpop::PROOF;
use super::error::ClientError;
use super::inner::{Inner, Need};
use super::kept::Kept;
use super::obtain::{Challenged, SignInAsked};
use super::token::{TokenError, printable, words};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use prokura_oauth::challenge::Received;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// So many tokens may be refused for one request.
const MAX_REFUSED: u8 = 2;
/// So often one request may ask for more scopes, and be refused once more.
const MAX_STEPS: u8 = 3;

/// One request, which may have to be sent several times. For HTTP clients other than [`Client::send`](super::Client::send).
pub struct Call {
    inner: Arc<Inner>,
    method: Method,
    url: Url,
    used: Option<Arc<Kept>>,
    refused: u8,
    stepped: u8,
    nonce_tried: bool,
}

/// What an answer means for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heeded {
    /// It is the answer.
    Done,
    /// Send it again, with new [`headers`](Call::headers).
    Again,
}

impl Call {
    pub(super) fn new(inner: Arc<Inner>, method: Method, url: Url) -> Self {
        Self { inner, method, url, used: None, refused: 0, stepped: 0, nonce_tried: false }
    }

    /// What authorizes the request: `Authorization`, and `DPoP` if the token is bound. Empty if nothing is held; then
    /// the server says what it wants. To be asked for anew each time the request is sent, for a proof is good for once.
    ///
    /// # Errors
    /// [`ClientError`] if a token ended and no other is to be had, or `url` is not at the server.
    pub async fn headers(&mut self) -> Result<HeaderMap, ClientError> {
        if self.url.origin() != self.inner.server.as_url().origin() {
            let (url, server) = (self.url.to_string(), self.inner.server.origin());
            return Err(ClientError::OtherOrigin { url, server });
        }
        self.used = self.inner.working().await?;
        let mut headers = HeaderMap::new();
        if let Some(kept) = &self.used {
            self.authorize(kept, &mut headers).ok_or(TokenError::Unwritable)?;
        }
        Ok(headers)
    }

    fn authorize(&self, kept: &Kept, headers: &mut HeaderMap) -> Option<()> {
        let token = kept.access_token.reveal();
        let scheme = if kept.bound { "DPoP" } else { "Bearer" };
        let mut value = HeaderValue::try_from(format!("{scheme} {token}")).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        if kept.bound {
            let proof = kept.key.as_ref()?.prove(&self.inner.means, &self.method, &self.url, Some(token))?;
            headers.insert(PROOF, proof);
        }
        Some(())
    }

    /// Looks at the head of an answer and does what it demands: signs in, renews, steps up, takes a nonce.
    ///
    /// # Errors
    /// [`ClientError`] if that fails, or would go on for ever.
    pub async fn heed(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<Heeded, ClientError> {
        let new_nonce = self.inner.means.nonces.learn(&self.url, headers);
        match status {
            StatusCode::UNAUTHORIZED => self.refused(headers, new_nonce).await,
            StatusCode::FORBIDDEN => self.forbidden(headers).await,
            _ => Ok(Heeded::Done),
        }
    }

    async fn refused(&mut self, headers: &HeaderMap, new_nonce: bool) -> Result<Heeded, ClientError> {
        let all = received(headers);
        let wants_nonce = all.iter().any(|c| c.parameter("error") == Some("use_dpop_nonce"));
        if wants_nonce && new_nonce && !self.nonce_tried && self.used.as_ref().is_some_and(|k| k.bound) {
            self.nonce_tried = true;
            return Ok(Heeded::Again);
        }
        let challenge = challenged(&all);
        if challenge.asks_for_sign_in() {
            self.stepped += 1;
            if self.stepped >= MAX_STEPS {
                return Err(self.give_up(&challenge));
            }
            self.inner.renew(self.used.clone(), Need::SignIn(challenge)).await?;
            return Ok(Heeded::Again);
        }
        // A first refusal without a token is how everything begins, and is not counted.
        self.refused += u8::from(self.used.is_some());
        if self.refused >= MAX_REFUSED {
            return Err(self.give_up(&challenge));
        }
        self.inner.renew(self.used.clone(), Need::Refused(challenge)).await?;
        Ok(Heeded::Again)
    }

    async fn forbidden(&mut self, headers: &HeaderMap) -> Result<Heeded, ClientError> {
        let all = received(headers);
        let challenge = challenged(&all);
        let wanted = challenge.scope.clone().unwrap_or_default();
        if challenge.error != "insufficient_scope" || wanted.is_empty() {
            return Ok(Heeded::Done);
        }
        if let Some(kept) = self.used.as_ref().filter(|k| wanted.is_within(&k.asked.union(&k.granted))) {
            // The person was asked for exactly this already; asking again would not end.
            return Err(ClientError::ScopeRefused { wanted, granted: kept.granted.clone() });
        }
        self.stepped += 1;
        if self.stepped >= MAX_STEPS {
            return Err(self.give_up(&challenge));
        }
        self.inner.renew(self.used.clone(), Need::Scopes(challenge)).await?;
        Ok(Heeded::Again)
    }

    fn give_up(&self, challenge: &Challenged) -> ClientError {
        let said = if challenge.description.is_empty() { &challenge.error } else { &challenge.description };
        ClientError::StillRefused { server: self.inner.server.to_string(), said: said.clone() }
    }
}

/// The challenges of an answer. What cannot be read is as good as not there: then the well-known places are asked.
fn received(headers: &HeaderMap) -> Vec<Received> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
    Received::read(values).unwrap_or_else(|error| {
        tracing::warn!(%error, "the server's challenge is malformed");
        Vec::new()
    })
}

/// What the challenges say to whoever brings tokens. `DPoP` goes before `Bearer`, as the stronger of the two.
fn challenged(all: &[Received]) -> Challenged {
    let one = |scheme: &str| all.iter().find(|c| c.is(scheme));
    let schemes = [one("DPoP"), one("Bearer")];
    let parameter = |name: &str| schemes.iter().flatten().find_map(|c| c.parameter(name));
    let text = |name: &str| printable(parameter(name).unwrap_or_default());
    Challenged {
        resource_metadata: parameter("resource_metadata").map(str::to_owned),
        scope: parameter("scope").map(|s| words(s.split(' '))).filter(|s| !s.is_empty()),
        error: text("error"),
        description: text("error_description"),
        sign_in: SignInAsked {
            acr_values: parameter("acr_values").map(printable),
            max_age: parameter("max_age").and_then(|most| most.parse().ok()),
        },
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}
