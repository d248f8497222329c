//! Who asks the decision point: a configured client, with a token of its own authority for this address.

use super::AuthzenFault;
use crate::fault::Fault;
use crate::left::in_force;
use crate::record::About;
use crate::server::AppState;
use crate::wire::access_token;
use http::request::Parts;
use prokura_config::{AUTHZEN_ASSERT, AUTHZEN_EVALUATE, AUTHZEN_SEARCH, AuthzenCaller};
use prokura_core::ResourceUri;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::jose::KeySet;
use prokura_oauth::secret::sha256_base64url;
use std::sync::Arc;

/// How many verified tokens are remembered.
const REMEMBERED: u64 = 4096;

/// Tokens that were verified, by their hash, and the keys they were verified with. What can change is asked every time.
pub(super) struct Tokens(moka::sync::Cache<String, Arc<Verified>>);

struct Verified {
    token: Arc<AccessToken>,
    keys: Arc<KeySet>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self(moka::sync::Cache::new(REMEMBERED))
    }
}

/// What a client may ask about; any type where nothing is said.
pub(super) struct Bounds {
    subjects: Option<Vec<String>>,
    resources: Option<Vec<String>>,
}

impl Bounds {
    pub(super) fn of(caller: &AuthzenCaller) -> Self {
        Self { subjects: caller.subjects.clone(), resources: caller.resources.clone() }
    }
}

/// Whoever may ask.
pub(super) struct Caller<'a> {
    /// Its token.
    pub(super) token: Arc<AccessToken>,
    /// Whether it may say what is known of somebody or something.
    pub(super) asserts: bool,
    bounds: Option<&'a Bounds>,
}

impl Caller<'_> {
    /// Whether it may ask about subjects and resources of these types.
    pub(super) fn may_ask(&self, subject: &str, resource: &str) -> bool {
        let among = |list: &Option<Vec<String>>, kind: &str| {
            list.as_ref().is_none_or(|l| l.iter().any(|k| k == kind))
        };
        self.bounds.is_none_or(|b| among(&b.subjects, subject) && among(&b.resources, resource))
    }
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// To ask single questions.
    Evaluate,
    /// To search.
    Search,
}

impl Right {
    fn scope(self) -> &'static str {
        match self {
            Self::Evaluate => AUTHZEN_EVALUATE,
            Self::Search => AUTHZEN_SEARCH,
        }
    }
}

/// The caller of a request, whose token is in force and has the scope, which the configuration still gives it. A token that
/// is bound to a key is not taken: proofs are not read here.
pub(super) async fn caller<'a>(
    app: &'a AppState,
    parts: &Parts,
    right: Right,
    about: &mut About,
) -> Result<Caller<'a>, Fault> {
    const REFUSED: Fault = Fault::Authzen(AuthzenFault::Token);
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let place = app.places.decisions().ok_or(REFUSED)?;
    about.resource = Some(place.uri.clone());
    let Some((compact, false)) = access_token(parts) else { return Err(REFUSED) };
    let token = verified(app, compact, &place.uri).filter(|t| t.cnf.is_bearer() && in_force(app, t));
    let token = token.ok_or(REFUSED)?;
    about.client = Some(token.client.clone());
    let client = app.clients.find(&token.client).await?;
    let given = client.own.get(&place.uri).ok_or(REFUSED)?;
    let has = |scope: &str| token.scopes.iter().any(|s| s.as_str() == scope && given.contains(s));
    if !has(right.scope()) {
        return Err(AuthzenFault::Scope(right.scope()).into());
    }
    let (asserts, bounds) = (has(AUTHZEN_ASSERT), app.authzen.bounds.get(&token.client));
    Ok(Caller { token, asserts, bounds })
}

/// The token, whose signature is checked once for as long as the keys stay the same.
fn verified(app: &AppState, compact: &str, resource: &ResourceUri) -> Option<Arc<AccessToken>> {
    let (keys, now) = (app.keys.published(), app.clock.now());
    let hash = sha256_base64url(compact.as_bytes());
    if let Some(known) = app.authzen.tokens.0.get(&hash).filter(|known| Arc::ptr_eq(&known.keys, &keys)) {
        return (now < known.token.expires_at).then(|| Arc::clone(&known.token));
    }
    let issuer = app.config.issuer.as_str();
    let token = Arc::new(AccessToken::verify(compact, &keys, issuer, resource, now).ok()?);
    app.authzen.tokens.0.insert(hash, Arc::new(Verified { token: Arc::clone(&token), keys }));
    Some(token)
}
