//! Putting a client together.

use super::Client;
use super::dpop::{Dpop, Nonces};
use super::error::ClientError;
use super::inner::{Inner, State};
use super::kept::name_of;
use super::means::Means;
use super::memory::MemoryStore;
use super::server::ServerUrl;
use super::software::Software;
use super::store::Store;
use super::way::{Provider, Way};
use prokura_core::{Clock, Rng, ScopeSet, SystemClock, SystemRng};
use prokura_egress::{AllowList, Egress, EgressConfig, FetchUrl, Trust, Upstream, UpstreamConfig};
use std::fmt;
use std::sync::{Arc, Mutex};

/// What a client is made of; see [`Client::to`].
#[must_use]
pub struct Builder {
    server: ServerUrl,
    software: Software,
    way: Way,
    store: Arc<dyn Store>,
    profile: String,
    dpop: Dpop,
    scopes: ScopeSet,
    exact: bool,
    allow: AllowList,
    trust: Trust,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl Builder {
    pub(super) fn new(server: ServerUrl) -> Self {
        Self {
            server,
            software: Software::named("prokura-sdk"),
            way: Way::Stored,
            store: Arc::new(MemoryStore::default()),
            profile: String::new(),
            dpop: Dpop::default(),
            scopes: ScopeSet::default(),
            exact: false,
            allow: AllowList::default(),
            trust: Trust::default(),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
        }
    }

    /// Who the agent is.
    pub fn software(self, software: Software) -> Self {
        Self { software, ..self }
    }

    /// How tokens are got when none is held that works. Without this, only what is in the store is used.
    pub fn way(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Where credentials are kept. Without this, in memory.
    pub fn store(self, store: Arc<dyn Store>) -> Self {
        Self { store, ..self }
    }

    /// A name that tells several people or roles at one server apart.
    pub fn profile(self, profile: impl Into<String>) -> Self {
        Self { profile: profile.into(), ..self }
    }

    /// Whether tokens are bound to a key. Without this, if the server can.
    pub fn dpop(self, dpop: Dpop) -> Self {
        Self { dpop, ..self }
    }

    /// Scopes to ask for besides those that the server wants.
    pub fn scopes(self, scopes: ScopeSet) -> Self {
        Self { scopes, ..self }
    }

    /// Asks for no scopes but those, whatever the server says that it wants: without any, for whatever the client has. Always
    /// so where a token is exchanged, for it bounds what can be had.
    pub fn only_these_scopes(self) -> Self {
        Self { exact: true, ..self }
    }

    /// What servers may name although it is not public: an authorization server inside a company. The MCP server itself
    /// need not stand here; and if it is on this machine, others on this machine need not either.
    pub fn allow(self, allow: AllowList) -> Self {
        Self { allow, ..self }
    }

    /// Whose certificates are believed. Without this, those of the system.
    pub fn trust(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// Another clock.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Another source of randomness.
    pub fn rng(self, rng: Arc<dyn Rng>) -> Self {
        Self { rng, ..self }
    }

    /// The client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ClientError::Server`] if the server is on another machine by plain `http` and not allowed.
    pub fn build(self) -> Result<Client, ClientError> {
        self.server.check(&self.allow)?;
        let mut allow = self.server.allow(&self.allow);
        if let Way::Enterprise(enterprise) = &self.way {
            let (Provider::Issuer(named) | Provider::TokenEndpoint(named)) = &enterprise.provider;
            if let Ok(url) = FetchUrl::parse(named) {
                allow = allow.and_named(&url);
            }
        }
        let egress =
            Egress::system(EgressConfig { allow, trust: self.trust.clone(), ..EgressConfig::default() });
        let upstream = Upstream::new(UpstreamConfig { trust: self.trust, ..UpstreamConfig::default() });
        let parts = [self.server.resource(), self.way.word(), &self.profile, &self.software.identity()];
        let name = name_of("server", &parts);
        Ok(Client(Arc::new(Inner {
            means: Means { egress, clock: self.clock, rng: self.rng, nonces: Nonces::default() },
            upstream,
            server: self.server,
            software: self.software,
            way: self.way,
            store: self.store,
            name,
            dpop: self.dpop,
            scopes: self.scopes,
            exact: self.exact,
            state: Mutex::new(State::default()),
            turn: tokio::sync::Mutex::default(),
        })))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("server", &self.server)
            .field("way", &self.way)
            .finish_non_exhaustive()
    }
}
