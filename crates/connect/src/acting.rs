//! Acting for somebody whose token was handed over: what is exchanged, and what shows who acts.

use crate::access::{Access, AccessError};
use async_trait::async_trait;
use prokura_sdk::client::{Client, Dpop, Exchange, MemoryStore, OnlyTo, TokenSource, Way};
use prokura_sdk::workload::Workload;
use std::fmt;
use std::sync::Arc;

/// The type of an access token (RFC 8693 §3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The type of a JWT that is neither an access token nor an ID token (RFC 8693 §3).
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is exchanged, and for what.
#[derive(Clone)]
pub struct Acting {
    /// The exchange; who acts is said beside it.
    pub exchange: Exchange,
    /// What shows who acts.
    pub actor: Actor,
    /// The only authorization server that may see the tokens, if a person named one.
    pub issuer: Option<String>,
}

/// What shows who acts.
#[derive(Clone)]
pub enum Actor {
    /// Nothing but how the client authenticates.
    Client,
    /// A token that came along, and its type.
    Token(Arc<dyn TokenSource>, String),
    /// What the platform says of this workload.
    Workload(Box<Workload>),
    /// A token of the client's own authority at this address.
    Own(String),
}

impl Acting {
    /// The way to tokens.
    pub(crate) fn way(&self, access: &Access) -> Result<Way, AccessError> {
        let actor: Option<(Arc<dyn TokenSource>, String)> = match &self.actor {
            Actor::Client => None,
            Actor::Token(source, kind) => Some((self.only(source.clone()), kind.clone())),
            Actor::Workload(workload) => Some((self.only(Arc::new((**workload).clone())), JWT.to_owned())),
            Actor::Own(address) => Some((Arc::new(access.own(address)?), ACCESS_TOKEN.to_owned())),
        };
        let subject = self.only(self.exchange.subject.clone());
        Ok(Way::Exchange(Exchange { subject, actor, ..self.exchange.clone() }))
    }

    fn only(&self, source: Arc<dyn TokenSource>) -> Arc<dyn TokenSource> {
        match &self.issuer {
            Some(issuer) => Arc::new(OnlyTo { source, issuer: issuer.clone() }),
            None => source,
        }
    }
}

impl fmt::Debug for Acting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acting").field("subject_type", &self.exchange.subject_type).finish_non_exhaustive()
    }
}

/// Tokens of the client's own authority, renewed as they end.
struct Own(Client);

#[async_trait]
impl TokenSource for Own {
    async fn token(&self, _audience: &str) -> Result<String, String> {
        let token = self.0.token().await.map_err(|e| e.to_string())?;
        Ok(token.value.reveal().to_owned())
    }
}

impl Access {
    fn own(&self, address: &str) -> Result<Own, AccessError> {
        let client = Client::to(address)?
            .software(self.software())
            .way(Way::Own)
            .store(Arc::new(MemoryStore::default()))
            .dpop(Dpop::Never)
            .only_these_scopes()
            .allow(self.allow.clone())
            .trust(self.trust.clone());
        Ok(Own(client.build()?))
    }
}
