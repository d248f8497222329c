//! What a resource server is told of itself, and of whom it believes.

use super::Guard;
use super::decide::Scopes;
use super::guard::Parts;
use prokura_core::{ActionPattern, ScopeSet};
use prokura_core::{Clock, InvalidAction, InvalidResource, InvalidScope, ResourceUri, Scope, SystemClock};
use prokura_egress::{AllowList, Egress, EgressConfig, FetchUrl, InvalidUrl};
use prokura_oauth::foreign::{ClaimPath, Profile, Rules};
use prokura_verify::{IntrospectionOptions, IssuerOptions, Present, Source, TrustedIssuer};
use std::sync::Arc;
use std::time::Duration;

/// The largest message that is read if nothing is said, in bytes.
const MAX_BODY: usize = 4 << 20;
/// For how long an answer of introspection is believed if nothing is said.
const KEEP: Duration = Duration::from_secs(30);

/// A resource server that cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The resource's own address.
    #[error("the resource: {0}")]
    Resource(#[from] InvalidResource),
    /// A scope.
    #[error("the scope `{0}`: {1}")]
    Scope(String, InvalidScope),
    /// An action of a scope.
    #[error(transparent)]
    Action(#[from] InvalidAction),
    /// Nobody is believed.
    #[error("no issuer is trusted: call `trust`")]
    NoIssuer,
    /// One issuer stands there twice.
    #[error("the issuer `{0}` is trusted twice")]
    Twice(String),
    /// An issuer without audience: its tokens for anybody would open this resource.
    #[error(
        "the issuer `{0}` has no audience: call `Trust::audience` with the `aud` of its tokens for this resource"
    )]
    NoAudience(String),
    /// An issuer's address.
    #[error("the issuer `{0}`: {1}")]
    Issuer(String, InvalidUrl),
    /// Two issuers would be shown opaque tokens.
    #[error("at most one issuer can be asked about opaque tokens, which do not say whose they are")]
    TwoIntrospect,
    /// There is no address at which the metadata could be.
    #[error("`{0}` is no path: it starts with a slash")]
    Path(String),
}

/// An authorization server that is believed.
#[derive(Clone)]
pub struct Trust {
    rules: Rules,
    audiences: Vec<String>,
    introspection: Option<IntrospectionOptions>,
}

impl Trust {
    /// The issuer to the byte, as `iss` stands in its tokens, and how it writes them.
    pub fn new(issuer: impl Into<String>, profile: Profile) -> Self {
        Self { rules: Rules::new(issuer, profile), audiences: Vec::new(), introspection: None }
    }

    /// A value of `aud` that its tokens for this resource have; at least one is needed.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Asks the issuer about opaque tokens (RFC 7662), as this client of its with this secret. An answer is believed
    /// for 30 seconds, and never past the end of the token.
    #[must_use]
    pub fn introspect(mut self, client: impl Into<String>, secret: impl Into<String>) -> Self {
        self.introspection = Some(IntrospectionOptions {
            endpoint: None,
            client: client.into(),
            secret: secret.into().into(),
            present: Present::Basic,
            keep: KEEP,
        });
        self
    }

    /// Takes the scope from another claim than the profile's own.
    #[must_use]
    pub fn scope_claim(mut self, path: ClaimPath) -> Self {
        self.rules.scope = Some(path);
        self
    }

    /// Takes the subject from another claim than the profile's own.
    #[must_use]
    pub fn subject_claim(mut self, path: ClaimPath) -> Self {
        self.rules.subject = Some(path);
        self
    }
}

/// A resource server under construction.
pub struct Resource {
    uri: ResourceUri,
    name: Option<String>,
    trusted: Vec<Trust>,
    scopes: Vec<(String, Vec<String>)>,
    needed: Vec<String>,
    first: Option<Vec<String>>,
    open: Vec<String>,
    max_body: usize,
    require_dpop: bool,
    egress: Option<Egress>,
    clock: Arc<dyn Clock>,
}

impl Resource {
    /// A resource at its canonical address: what clients are told, and what proofs of possession are for.
    ///
    /// # Errors
    /// [`BuildError::Resource`] says how to write it.
    pub fn at(uri: &str) -> Result<Self, BuildError> {
        Ok(Self {
            uri: ResourceUri::parse_exact(uri)?,
            name: None,
            trusted: Vec::new(),
            scopes: Vec::new(),
            needed: Vec::new(),
            first: None,
            open: Vec::new(),
            max_body: MAX_BODY,
            require_dpop: false,
            egress: None,
            clock: Arc::new(SystemClock),
        })
    }

    /// What people call it (`resource_name`).
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Believes an authorization server. Clients are sent to the first.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trusted.push(trust);
        self
    }

    /// A scope and the actions that it opens: `tool:NAME`, `resource:URI`, `prompt:NAME`; a `*` may stand at the end.
    /// With one scope, the resource is an MCP server: messages are read, and what no scope names, nobody can call.
    #[must_use]
    pub fn scope(mut self, scope: &str, actions: &[&str]) -> Self {
        self.scopes.push((scope.to_owned(), actions.iter().map(|a| (*a).to_owned()).collect()));
        self
    }

    /// A scope that every request needs.
    #[must_use]
    pub fn every_request_needs(mut self, scope: &str) -> Self {
        self.needed.push(scope.to_owned());
        self
    }

    /// What clients ask for first; all scopes if nothing is said.
    #[must_use]
    pub fn first_scopes(mut self, scopes: &[&str]) -> Self {
        self.first = Some(scopes.iter().map(|s| (*s).to_owned()).collect());
        self
    }

    /// A path that is open to everybody, to the byte: `/healthz`.
    #[must_use]
    pub fn open(mut self, path: &str) -> Self {
        self.open.push(path.to_owned());
        self
    }

    /// The largest message that is read, in bytes.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Takes no token that is not bound to a key (RFC 9449).
    #[must_use]
    pub fn require_dpop(mut self) -> Self {
        self.require_dpop = true;
        self
    }

    /// Fetches metadata and keys in this way. Else: with the certificate authorities of this machine, from the issuers
    /// wherever they are, and from public addresses that their metadata name.
    #[must_use]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = Some(egress);
        self
    }

    /// Takes the time from here: for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Puts it together. Nothing is fetched before the first token.
    ///
    /// # Errors
    /// [`BuildError`] says what is missing or wrong.
    pub fn build(self) -> Result<Guard, BuildError> {
        check_trust(&self.trusted)?;
        if let Some(path) = self.open.iter().find(|p| !p.starts_with('/')) {
            return Err(BuildError::Path(path.clone()));
        }
        let scopes = self.scopes()?;
        let first = match &self.first {
            Some(first) => set(first)?,
            None => scopes.all(),
        };
        let egress = match self.egress {
            Some(egress) => egress,
            None => egress(&self.trusted)?,
        };
        let sources = self.trusted.into_iter().map(|t| source(t, &egress, &self.clock)).collect();
        Ok(Guard::new(Parts {
            uri: self.uri,
            name: self.name,
            sources,
            scopes,
            first,
            open: self.open,
            max_body: self.max_body,
            require_dpop: self.require_dpop,
            clock: self.clock,
        }))
    }

    fn scopes(&self) -> Result<Scopes, BuildError> {
        let mut mapped = Vec::new();
        for (name, actions) in &self.scopes {
            let patterns = actions.iter().map(|a| ActionPattern::parse(a)).collect::<Result<_, _>>()?;
            mapped.push((scope(name)?, patterns));
        }
        Ok(Scopes { mapped, needed: set(&self.needed)? })
    }
}

fn scope(name: &str) -> Result<Scope, BuildError> {
    Scope::parse(name).map_err(|e| BuildError::Scope(name.to_owned(), e))
}

fn set(names: &[String]) -> Result<ScopeSet, BuildError> {
    names.iter().map(|n| scope(n)).collect()
}

fn check_trust(trusted: &[Trust]) -> Result<(), BuildError> {
    let mut seen = Vec::new();
    for trust in trusted {
        let issuer = &trust.rules.issuer;
        if trust.audiences.iter().all(|a| a.trim().is_empty()) {
            return Err(BuildError::NoAudience(issuer.clone()));
        }
        if seen.contains(&issuer) {
            return Err(BuildError::Twice(issuer.clone()));
        }
        seen.push(issuer);
    }
    match trusted.iter().filter(|t| t.introspection.is_some()).count() {
        _ if trusted.is_empty() => Err(BuildError::NoIssuer),
        0 | 1 => Ok(()),
        _ => Err(BuildError::TwoIntrospect),
    }
}

/// Whom the developer named is trusted as named; what their metadata name is checked.
fn egress(trusted: &[Trust]) -> Result<Egress, BuildError> {
    let mut allow = AllowList::default();
    for trust in trusted {
        let issuer = &trust.rules.issuer;
        let url = FetchUrl::parse(issuer).map_err(|e| BuildError::Issuer(issuer.clone(), e))?;
        allow = allow.and_named(&url);
    }
    Ok(Egress::system(EgressConfig { allow, ..EgressConfig::default() }))
}

fn source(trust: Trust, egress: &Egress, clock: &Arc<dyn Clock>) -> Source {
    let options = IssuerOptions { introspection: trust.introspection, ..IssuerOptions::new(trust.rules) };
    let issuer = Arc::new(TrustedIssuer::new(options, egress.clone(), Arc::clone(clock)));
    Source { issuer, audiences: trust.audiences }
}
