//! Transaction tokens (draft-ietf-oauth-transaction-tokens) for the hop to an MCP server: who acts for whom, and what is
//! called. One for each message that goes on, where the resource asks for them; what a client sends under that name is
//! never looked at.

use crate::fault::Fault;
use crate::scene::Scene;
use http::HeaderValue;
use prokura_core::{Action, ScopeSet, Timestamp, TrustDomain};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::jose::SigningKey;
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::secret::sha256_base64url;
use prokura_oauth::transaction_token::{Making, TransactionToken};
use prokura_policy::Authority;
use std::sync::Arc;
use std::time::Duration;

/// The key that signs at a time, as the issuer of this process has it.
pub type SigningKeys = Arc<dyn Fn(Timestamp) -> Option<Arc<SigningKey>> + Send + Sync>;

/// How transaction tokens are made.
#[derive(Clone)]
pub struct Transactions {
    /// For whom.
    pub domain: TrustDomain,
    /// How long one lives.
    pub life: Duration,
    /// By which key they are signed: the gateway has none of its own, since nobody would know it.
    pub keys: SigningKeys,
}

/// The token that goes with a message which is about `action`, if the resource wants one.
pub(crate) fn token(
    scene: &Scene,
    action: Option<&Action>,
    arguments: Option<&Value>,
    now: Timestamp,
) -> Result<Option<HeaderValue>, Fault> {
    if !scene.route.transactions {
        return Ok(None);
    }
    let (Some(made), Some(token)) = (&scene.inner.transactions, scene.caller.token()) else {
        return Err(Fault::NoTransaction);
    };
    let making = Making {
        issuer: scene.inner.authenticator.issuer(),
        domain: &made.domain,
        txn: &scene.trace,
        requester: scene.route.resource.as_str(),
        life: made.life,
        now,
    };
    let said = TransactionToken::of(token, &making)
        .narrowed(purpose(scene, token, action))
        .and_then(|t| t.saying(&context(scene, action, arguments), &Object::default()));
    let key = (made.keys)(now).ok_or(Fault::NoTransaction)?;
    let compact = said.ok().and_then(|t| t.sign(&key).ok()).ok_or(Fault::NoTransaction)?;
    let mut value = HeaderValue::try_from(compact).map_err(|_| Fault::NoTransaction)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Of the caller's scopes those that open the action: a transaction is for no more than it is about.
fn purpose(scene: &Scene, token: &AccessToken, action: Option<&Action>) -> ScopeSet {
    let Authority::Token { scopes, .. } = scene.left.of(scene.caller.authority()) else {
        return ScopeSet::default();
    };
    let left = scopes.intersection(&token.scopes);
    let Some(action) = action else { return left };
    scene.route.policy.allowing(action).filter(|s| left.contains(s)).cloned().collect()
}

/// What is called, and the hash of the arguments as they are forwarded (RFC 8785): whoever has them can see whether it is
/// this call.
fn context(scene: &Scene, action: Option<&Action>, arguments: Option<&Value>) -> Object {
    let mut context = obj([("method", scene.method.as_str().into())]);
    if let Some(action) = action {
        context.insert("action", action.to_string().into());
    }
    if let Some(arguments) = arguments {
        context.insert("arguments_sha256", sha256_base64url(&arguments.to_jcs()).into());
    }
    context
}
