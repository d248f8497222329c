//! From the tokens of a request to who acts for whom.

use super::build::Builder;
use super::{Delegated, Transaction};
use crate::resource::proof::{self, Seen, Shown};
use http::{HeaderMap, Method};
use prokura_core::{Clock, Demand, GrantId, ResourceUri, TrustDomain};
use prokura_oauth::access_token::{AccessToken, InvalidToken, TYP};
use prokura_oauth::id_token;
use prokura_oauth::introspection::{cut, of_one_flow};
use prokura_oauth::jose::{JoseError, KeySet, peek};
use prokura_oauth::json::Value;
use prokura_oauth::transaction_token::{HEADER, InvalidTransaction, TransactionToken};
use prokura_verify::{TrustedIssuer, Unavailable};
use std::sync::Arc;

/// The token of whoever acts, as it came.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    /// By `Bearer`, or in whatever way the MCP server hands it on.
    Bearer(&'a str),
    /// By `DPoP`, with its proof (RFC 9449 §7.1).
    Dpop {
        /// The token.
        token: &'a str,
        /// The method of the request.
        method: &'a Method,
        /// The address that was asked, without query.
        address: &'a str,
        /// The headers of the request, with the proof among them.
        headers: &'a HeaderMap,
    },
}

/// Tokens that say nothing here. Whoever sent them learns no more than that.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The agent's token does not verify.
    #[error("the agent's token: {0}")]
    Actor(InvalidToken),
    /// The user's token does not verify.
    #[error("the user's token does not verify: {0}")]
    User(JoseError),
    /// The user's access token does not verify.
    #[error("the user's token: {0}")]
    UserAccess(InvalidToken),
    /// Both are valid, and are not of one flow.
    #[error("the two tokens are not of one flow")]
    Spliced,
    /// The issuer says that they are not valid, or not together.
    #[error("the issuer says that the tokens are not active")]
    Inactive,
    /// No user stands behind it.
    #[error("the agent's token is no user's authority")]
    NoUser,
    /// Nobody acts.
    #[error("the agent's token names nobody who acts")]
    NoAgent,
    /// The user has to sign in more surely, or anew.
    #[error("{0} is needed")]
    SignIn(Demand),
    /// The agent's token is bound to a key that was not proved.
    #[error("the agent's token is bound to a key, and its proof is missing or wrong")]
    Possession,
    /// What is used of the grant is counted, which only the issuer can do.
    #[error("the grant has a budget: ask the issuer (`introspected`)")]
    Budget,
    /// There is no transaction token, or more than one.
    #[error("send one transaction token, in the header `Txn-Token`")]
    NoTransaction,
    /// The transaction token does not verify.
    #[error(transparent)]
    Transaction(#[from] InvalidTransaction),
    /// The transaction is that of a call at another server.
    #[error("the transaction is that of a call at another server")]
    OtherCall,
    /// The verifier was not told whose tokens to take.
    #[error("this verifier takes no such tokens: see its builder")]
    NotSet,
    /// It cannot be judged now: 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Verifies what comes to an API behind an MCP server. Cheap to clone; clones share what is known of keys and proofs.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    issuer: TrustedIssuer,
    resource: Option<ResourceUri>,
    transactions: Option<(TrustDomain, Vec<ResourceUri>)>,
    clock: Arc<dyn Clock>,
    seen: Seen,
}

impl Verifier {
    /// Begins a verifier of tokens of this issuer, to the byte as it stands in `iss`.
    pub fn of(issuer: impl Into<String>) -> Builder {
        Builder::of(issuer.into())
    }

    pub(super) fn new(
        issuer: TrustedIssuer,
        resource: Option<ResourceUri>,
        transactions: Option<(TrustDomain, Vec<ResourceUri>)>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner { issuer, resource, transactions, clock, seen: Seen::default() }))
    }

    /// Verifies the token of a user (an ID token, or an access token for this resource) and the token of whoever acts for
    /// them, by the issuer's keys. What was revoked since the tokens were made is not known here: they live for minutes.
    ///
    /// # Errors
    /// [`Refused`]: all but [`Refused::Unavailable`] mean 401.
    pub async fn delegated(&self, user: &str, actor: Presented<'_>) -> Result<Delegated, Refused> {
        let (compact, now) = (actor.token(), self.0.clock.now());
        let token = self.access(compact).await?.map_err(Refused::Actor)?;
        if !token.grant.budgets.is_empty() {
            return Err(Refused::Budget);
        }
        let is_access = peek(user).and_then(|p| p.typ).is_some_and(|typ| typ.eq_ignore_ascii_case(TYP));
        let token = if is_access {
            let user = self.access(user).await?.map_err(Refused::UserAccess)?;
            one_root(&user, &token).then(|| cut(&user, &token)).flatten().ok_or(Refused::Spliced)?
        } else {
            let keys = self.keys(user).await?;
            let id = id_token::read(user, &keys, self.0.issuer.issuer(), now).map_err(Refused::User)?;
            if !of_one_flow(&id, &token) {
                return Err(Refused::Spliced);
            }
            AccessToken { expires_at: token.expires_at.min(id.expires_at), ..token }
        };
        self.possession(&token, &actor)?;
        Delegated::of(token, now)
    }

    /// The same by asking the issuer, which knows what was revoked and narrowed, and the whole chain of every view.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn introspected(&self, user: &str, actor: Presented<'_>) -> Result<Delegated, Refused> {
        let resource = self.0.resource.as_ref().ok_or(Refused::NotSet)?;
        let answer = self.0.issuer.introspect_both(user, actor.token()).await?;
        if answer.get("active").and_then(Value::as_bool) != Some(true) {
            return Err(Refused::Inactive);
        }
        let mut token = AccessToken::from_claims(&answer).map_err(Refused::Actor)?;
        let now = self.0.clock.now();
        let expected = token.issuer == self.0.issuer.issuer() && token.audience == *resource;
        if !expected || token.expires_at <= now {
            return Err(Refused::Inactive);
        }
        if let Some(actors) = actors(&answer) {
            token.actors = actors;
        }
        self.possession(&token, &actor)?;
        Delegated::of(token, now)
    }

    /// Verifies the transaction token of a request ([`HEADER`]).
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn transaction(&self, headers: &HeaderMap) -> Result<Transaction, Refused> {
        let mut sent = headers.get_all(HEADER).iter();
        let (Some(one), None) = (sent.next(), sent.next()) else { return Err(Refused::NoTransaction) };
        self.verify_transaction(one.to_str().map_err(|_| Refused::NoTransaction)?).await
    }

    /// Verifies a transaction token, however it came.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn verify_transaction(&self, compact: &str) -> Result<Transaction, Refused> {
        let (domain, calls) = self.0.transactions.as_ref().ok_or(Refused::NotSet)?;
        let keys = self.keys(compact).await?;
        let (issuer, now) = (self.0.issuer.issuer(), self.0.clock.now());
        let token = TransactionToken::verify(compact, &keys, issuer, domain, now)?;
        if !calls.contains(&token.resource) {
            return Err(Refused::OtherCall);
        }
        Ok(Transaction(token))
    }

    async fn access(&self, compact: &str) -> Result<Result<AccessToken, InvalidToken>, Refused> {
        let resource = self.0.resource.as_ref().ok_or(Refused::NotSet)?;
        let keys = self.keys(compact).await?;
        let (issuer, now) = (self.0.issuer.issuer(), self.0.clock.now());
        Ok(AccessToken::verify(compact, &keys, issuer, resource, now))
    }

    async fn keys(&self, compact: &str) -> Result<Arc<KeySet>, Refused> {
        let kid = peek(compact).and_then(|p| p.kid);
        Ok(self.0.issuer.keys(kid.as_deref()).await?)
    }

    /// Whether whoever presents the agent's token has what it is bound to.
    fn possession(&self, token: &AccessToken, presented: &Presented<'_>) -> Result<(), Refused> {
        let none = HeaderMap::new();
        let (method, headers, address, by_dpop) = match *presented {
            Presented::Bearer(_) => (&Method::GET, &none, "", false),
            Presented::Dpop { method, address, headers, .. } => (method, headers, address, true),
        };
        let shown = Shown { method, headers, address: address.to_owned(), by_dpop, token: presented.token() };
        let checked = proof::check(token.cnf, &shown, false, &self.0.seen, self.0.clock.now());
        checked.map_err(|_| Refused::Possession)
    }
}

impl<'a> Presented<'a> {
    fn token(&self) -> &'a str {
        match *self {
            Self::Bearer(token) | Self::Dpop { token, .. } => token,
        }
    }
}

/// Whether two tokens stand under one root, as far as tokens tell: the first grant of their chains is the same, or all
/// grants of the user's token stand in the chain of the agent's.
fn one_root(user: &AccessToken, actor: &AccessToken) -> bool {
    let root = |t: &AccessToken| t.grant.ancestors.first().unwrap_or(&t.grant.id).clone();
    let chain: Vec<&GrantId> = actor.grants().collect();
    root(user) == root(actor) || user.grants().all(|g| chain.contains(&g))
}

/// Everybody who acts, as an issuer tells it that knows; `None` if it does not say, or in a way that cannot be read.
fn actors(answer: &prokura_oauth::json::Object) -> Option<Vec<prokura_core::AgentId>> {
    let all = answer.get("actors")?.as_array()?;
    all.iter().map(|a| a.as_str().and_then(|a| prokura_core::AgentId::parse(a).ok())).collect()
}
