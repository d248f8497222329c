//! Authenticate: the token of a request becomes a caller.
//!
//! A token that was verified is remembered until it expires, so that its signature is checked once; everything
//! that can change is checked on every call: expiry, audience, the keys, revocation, and whether the user, the
//! agent and the client may still act.

use crate::fault::Fault;
use crate::possession::Proofs;
use crate::route::Route;
use crate::standing::{Changes, Standing};
use aws_lc_rs::digest::{SHA256, digest};
use http::request::Parts;
use http::{HeaderMap, header};
use prokura_core::{Clock, SignIn, Timestamp};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::authentication::Authentication;
use prokura_oauth::dpop::Proof;
use prokura_oauth::foreign::claimed;
use prokura_oauth::jose::KeySet;
use prokura_policy::Authority;
use prokura_verify::Refusal;
use std::sync::Arc;
use tokio::sync::watch;

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Somebody without a token, at a public resource.
    Nobody,
    /// The holder of a verified token of our own.
    Token(Arc<Verified>),
    /// The holder of a verified token of another authorization server.
    Foreign(Arc<prokura_verify::Verified<AccessToken>>),
}

/// A token that was verified, and the keys it was verified with.
#[derive(Debug)]
pub(crate) struct Verified {
    token: AccessToken,
    keys: Arc<KeySet>,
}

impl Caller {
    /// The verified token.
    pub(crate) fn token(&self) -> Option<&AccessToken> {
        match self {
            Self::Nobody => None,
            Self::Token(verified) => Some(&verified.token),
            Self::Foreign(verified) => Some(&verified.value),
        }
    }

    /// How the user signed in, as far as the token says it in words that are known here.
    pub(crate) fn sign_in(&self) -> Option<SignIn> {
        self.token()?.authentication.as_ref().map(Authentication::sign_in)
    }

    /// Which of the other authorization servers of its route the token is from; `None` if it is our own.
    pub(crate) fn source(&self) -> Option<usize> {
        match self {
            Self::Foreign(verified) => Some(verified.source),
            Self::Nobody | Self::Token(_) => None,
        }
    }

    /// With what authority the caller asks.
    pub(crate) fn authority(&self) -> Authority<'_> {
        self.token()
            .map_or(Authority::Nobody, |t| Authority::Token { scopes: &t.scopes, details: &t.details })
    }
}

/// How a token is presented (RFC 6750 §2.1, RFC 9449 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Scheme {
    /// `Bearer`: whoever has it may use it.
    #[default]
    Bearer,
    /// `DPoP`: with a proof.
    Dpop,
}

/// A token as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presented<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) token: &'a str,
}

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// How many verified tokens are remembered.
const REMEMBERED: u64 = 65_536;

/// A caller, and what came with the token.
pub(crate) struct Known {
    pub(crate) caller: Caller,
    /// To be spent before anything is released.
    pub(crate) proof: Option<Proof>,
}

impl Scheme {
    /// The scheme of that name, in any case (RFC 9110 §11.1).
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("bearer") {
            return Some(Self::Bearer);
        }
        name.eq_ignore_ascii_case("dpop").then_some(Self::Dpop)
    }

    /// The scheme that a request means to use, as far as that can be told.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        value.and_then(|v| Self::parse(v.split(' ').next()?)).unwrap_or_default()
    }
}

/// Verifies tokens.
pub(crate) struct Authenticator {
    issuer: String,
    keys: Option<watch::Receiver<Arc<KeySet>>>,
    standing: Standing,
    clock: Arc<dyn Clock>,
    proofs: Arc<Proofs>,
    remembered: moka::sync::Cache<[u8; 32], Arc<Verified>>,
}

impl Authenticator {
    /// An authenticator that believes this issuer and these keys, if there are any, besides the other issuers of each
    /// route.
    pub(crate) fn new(
        issuer: String,
        keys: Option<watch::Receiver<Arc<KeySet>>>,
        standing: Standing,
        clock: Arc<dyn Clock>,
        proofs: Arc<Proofs>,
    ) -> Self {
        let remembered = moka::sync::Cache::new(REMEMBERED);
        Self { issuer, keys, standing, clock, proofs, remembered }
    }

    /// Who sends this request; whether they still may is asked by [`in_force`](Self::in_force). At a public
    /// resource nobody is asked, and a token is not looked at.
    pub(crate) async fn identify(&self, route: &Route, parts: &Parts) -> Result<Known, Fault> {
        if route.policy.is_public() {
            return Ok(Known { caller: Caller::Nobody, proof: None });
        }
        let presented = presented(&parts.headers)?;
        let caller = self.verified(route, presented.token).await?;
        let proof = match caller.token() {
            Some(token) => self.proofs.check(route, token, &presented, parts, self.clock.now())?,
            None => None,
        };
        Ok(Known { caller, proof })
    }

    /// The issuer that a token names decides who judges it, and nothing else does.
    async fn verified(&self, route: &Route, compact: &str) -> Result<Caller, Fault> {
        let now = self.clock.now();
        let Some(foreign) = &route.foreign else {
            return self.verify(route, compact, now).map(Caller::Token);
        };
        if let Some(known) = foreign.recall(compact) {
            return Ok(Caller::Foreign(known));
        }
        let ours = |(issuer, _): &(Option<String>, _)| issuer.as_deref() == Some(self.issuer.as_str());
        if route.takes_own && claimed(compact).as_ref().is_some_and(ours) {
            return self.verify(route, compact, now).map(Caller::Token);
        }
        foreign.verify(compact).await.map(Caller::Foreign).map_err(refusal)
    }

    fn verify(&self, route: &Route, compact: &str, now: Timestamp) -> Result<Arc<Verified>, Fault> {
        let invalid = |_| Fault::InvalidToken("the token is not valid here");
        let keys = self.keys.as_ref().filter(|_| route.takes_own);
        let keys = keys.ok_or(Fault::InvalidToken("the token is not valid here"))?.borrow().clone();
        if keys.is_empty() {
            // The issuer was not heard yet, or cannot be asked any more: that says nothing about the token.
            return Err(Fault::Unjudged);
        }
        let hash = sha256(compact);
        if let Some(known) = self.remembered.get(&hash)
            && Arc::ptr_eq(&known.keys, &keys)
        {
            if known.token.audience != route.resource {
                return Err(Fault::InvalidToken("the token is not valid here"));
            }
            return unexpired(known, now);
        }
        let token =
            AccessToken::verify(compact, &keys, &self.issuer, &route.resource, now).map_err(invalid)?;
        let verified = Arc::new(Verified { token, keys });
        self.remembered.insert(hash, Arc::clone(&verified));
        unexpired(verified, now)
    }

    /// Whose tokens are our own.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether everything behind the token still stands. Asked again while a stream is open.
    pub(crate) fn in_force(&self, token: &AccessToken) -> Result<(), Fault> {
        self.standing.of(token)
    }

    /// Whether none of the grants under which a handle was made ended. That one was narrowed since ends no session.
    pub(crate) fn grants_in_force(&self, grants: &[prokura_core::GrantId]) -> bool {
        self.standing.of_grants(grants)
    }

    /// Wakes whoever waits when something that [`in_force`](Self::in_force) asks has changed.
    pub(crate) fn changes(&self) -> Changes {
        self.standing.changes()
    }
}

/// Why a token of another server is refused stands in the log; whoever sent it learns only that it is.
fn refusal(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Unavailable(error) => {
            tracing::warn!(%error, "tokens cannot be judged");
            Fault::Unjudged
        }
        Refusal::Invalid(error) => {
            tracing::debug!(%error, "a token is refused");
            Fault::InvalidToken("the token is not valid here")
        }
        Refusal::UnknownIssuer => Fault::InvalidToken("the token is not valid here"),
    }
}

fn unexpired(verified: Arc<Verified>, now: Timestamp) -> Result<Arc<Verified>, Fault> {
    if now >= verified.token.expires_at {
        return Err(Fault::InvalidToken("the token has expired"));
    }
    Ok(verified)
}

/// The token of the one `Authorization` header (RFC 6750 §2.1); nowhere else is one looked for.
fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Fault> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(Fault::NoToken) };
    if values.next().is_some() {
        return Err(Fault::BadAuthorization);
    }
    let text = value.to_str().map_err(|_| Fault::BadAuthorization)?;
    let Some((scheme, token)) = text.split_once(' ') else { return Err(Fault::NoToken) };
    let scheme = Scheme::parse(scheme).ok_or(Fault::NoToken)?;
    let token = token.trim_matches(' ');
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(fine) {
        return Err(Fault::BadAuthorization);
    }
    if token.len() > MAX_TOKEN {
        return Err(Fault::InvalidToken("the token is not valid here"));
    }
    Ok(Presented { scheme, token })
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<String, Fault> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        presented(&headers).map(|p| format!("{:?} {}", p.scheme, p.token))
    }

    #[test]
    fn one_token_in_one_header() {
        assert_eq!(read(&["Bearer a.b-c"]).unwrap(), "Bearer a.b-c");
        assert_eq!(read(&["bEARER a.b-c"]).unwrap(), "Bearer a.b-c");
        assert_eq!(read(&["dpop a.b-c"]).unwrap(), "Dpop a.b-c");
        for none in [&[][..], &["Basic eDp5"], &["Bearer"], &["a.b.c"]] {
            assert!(matches!(read(none), Err(Fault::NoToken)), "{none:?}");
        }
        for bad in [
            &["Bearer a", "Bearer a"][..],
            &["DPoP a", "Bearer a"],
            &["Bearer a b"],
            &["Bearer a,Bearer b"],
            &["Bearer "],
        ] {
            assert!(matches!(read(bad), Err(Fault::BadAuthorization)), "{bad:?}");
        }
    }
}
