//! Route: an address becomes a resource, its policy and its upstream.

use crate::binding::Binding;
use crate::fault::Fault;
use crate::foreign::{self, ForeignServer};
use crate::mapping::{Mapping, MappingError};
use crate::tools::Tool;
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use prokura_config::{AuthzenMapping, Issuer, Pinning, RateLimit, ResourceConfig, SELF};
use prokura_core::{Action, ActionKind, Clock, ResourceUri, Scope, ScopeSet};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::dpop::Target;
use prokura_oauth::foreign::Words;
use prokura_oauth::protected_resource::{self, ResourceMetadata};
use prokura_oauth::rich::TYPE;
use prokura_policy::ResourcePolicy;
use prokura_verify::{Source, Verifier};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

/// A gateway that cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// A resource cannot be served.
    #[error("the resource `{name}` cannot be served: {why}")]
    Resource {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// Another authorization server cannot be used.
    #[error("the authorization server `{name}` cannot be used: {why}")]
    AuthorizationServer {
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// The feed of the issuer cannot be followed.
    #[error("`gateway.feed`: {0}")]
    Feed(String),
    /// No keys can be derived from the master key.
    #[error("no keys can be derived from the master key")]
    Key,
}

/// One resource, as it is served.
pub(crate) struct Route {
    /// Its name.
    pub(crate) name: String,
    /// Its canonical URI: the one audience that is accepted.
    pub(crate) resource: ResourceUri,
    /// The path of that URI.
    pub(crate) path: String,
    /// What its scopes bundle.
    pub(crate) policy: ResourcePolicy,
    /// What a client asks for first: `scopes_supported`, and the scopes of a `401`.
    pub(crate) first_scopes: ScopeSet,
    /// Where its metadata are.
    pub(crate) metadata_url: String,
    /// Where the MCP server is.
    pub(crate) upstream: Uri,
    /// How many calls one caller may make.
    pub(crate) rate: RateLimit,
    /// Whether only tokens are taken that are bound to a key.
    pub(crate) needs_proof: bool,
    /// What proofs name as their address.
    pub(crate) targets: Vec<Target>,
    /// Whether tokens of our own authorization server are taken.
    pub(crate) takes_own: bool,
    /// Whether a transaction token goes with what is forwarded.
    pub(crate) transactions: bool,
    /// Tools whose results may name the targets of later calls.
    pub(crate) trusted: BTreeSet<String>,
    /// Tokens of others, if any are taken.
    pub(crate) foreign: Option<Verifier<AccessToken>>,
    /// Which descriptions of its tools are taken.
    pub(crate) pin: Pinning,
    /// Whether what the server says of how its tools are authorized is read.
    pub(crate) reads_mappings: bool,
    /// What single tools are for policies.
    bindings: HashMap<String, Binding>,
    /// What our scopes are called by the authorization server that clients are sent to first.
    first_words: Words,
    /// The same for each issuer of tokens of others, by the number of its source.
    words: Vec<Words>,
    /// What is said of the resource (RFC 9728).
    pub(crate) metadata: ResourceMetadata,
}

impl Route {
    /// Takes a resource from the configuration.
    pub(crate) fn new(
        issuer: &Issuer,
        config: &ResourceConfig,
        servers: &[ForeignServer],
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, GatewayError> {
        let fail = |why: String| GatewayError::Resource { name: config.name.clone(), why };
        let resource = ResourceUri::parse_exact(&format!("{issuer}/mcp/{}", config.name))
            .map_err(|e| fail(e.to_string()))?;
        let (mut scopes, mut demands) = (Vec::new(), Vec::new());
        for (name, scope) in &config.scopes {
            let name = Scope::parse(name.as_str()).map_err(|e| fail(e.to_string()))?;
            demands.extend(scope.sign_in.map(|demand| (name.clone(), demand.to_demand())));
            scopes.push((name, scope.actions.clone()));
        }
        let policy = ResourcePolicy::new(config.public, scopes).demanding(demands);
        let first_scopes = match &config.default_scopes {
            Some(names) => ScopeSet::parse(&names.join(" ")).map_err(|e| fail(e.to_string()))?,
            None => policy.scopes().clone(),
        };
        let path = format!("{}/mcp/{}", issuer.path(), config.name);
        let taken = Taken::new(issuer, config, servers).map_err(&fail)?;
        let first_words = taken.first_words();
        let metadata = ResourceMetadata {
            resource: resource.clone(),
            authorization_servers: taken.issuers.clone(),
            scopes: taken.in_all_words(&first_scopes),
            dpop_required: config.require_dpop,
            details_types: vec![TYPE],
            name: Some(config.title().to_owned()),
        };
        Ok(Self {
            metadata_url: protected_resource::address(&resource),
            takes_own: config.takes_own_tokens(),
            transactions: config.transaction_tokens,
            trusted: config.tools.iter().filter(|(_, t)| t.trusted).map(|(name, _)| name.clone()).collect(),
            words: taken.foreign.iter().map(|s| s.words.clone()).collect(),
            foreign: taken.verifier(&config.name, &resource, clock),
            pin: config.pin,
            reads_mappings: config.authzen_mapping == AuthzenMapping::Read,
            bindings: config.tools.iter().map(|(name, t)| (name.clone(), Binding::new(t))).collect(),
            first_words,
            metadata,
            name: config.name.clone(),
            upstream: config
                .upstream
                .url()
                .as_str()
                .parse()
                .map_err(|_| fail("its upstream is no URI".into()))?,
            rate: config.rate,
            needs_proof: config.require_dpop,
            targets: Target::parse(resource.as_str()).into_iter().collect(),
            resource,
            path,
            policy,
            first_scopes,
        })
    }

    /// What a client without a usable token asks for first, in the words of the server that it is sent to.
    pub(crate) fn first_asked(&self) -> ScopeSet {
        self.first_words.asked(&self.first_scopes)
    }

    /// What an action is for policies by the operator's word; nothing in particular if none was said.
    pub(crate) fn binding(&self, action: &Action) -> &Binding {
        static NOTHING_SAID: LazyLock<Binding> = LazyLock::new(Binding::default);
        let said = self.bindings.get(&action.name).filter(|_| action.kind == ActionKind::Tool);
        said.unwrap_or(&NOTHING_SAID)
    }

    /// Whether the result of some tool is released row by row.
    pub(crate) fn sifts(&self) -> bool {
        self.bindings.values().any(|binding| binding.rows.is_some())
    }

    /// What the server says of how a tool is authorized, where that is read. The operator's word stands above it: a tool
    /// whose action or target is bound is what the binding says.
    ///
    /// # Errors
    /// [`MappingError`] if what it says is malformed.
    pub(crate) fn mapping<'t>(
        &self,
        action: &Action,
        tool: Option<&'t Tool>,
    ) -> Result<Option<&'t Mapping>, MappingError> {
        let binding = self.binding(action);
        let bound = binding.action.is_some() || binding.target.is_some();
        match tool.filter(|_| self.reads_mappings && !bound) {
            Some(tool) => tool.mapping().map(Option::as_ref).map_err(Clone::clone),
            None => Ok(None),
        }
    }

    /// `scopes` in the words of the server that issued the caller's token.
    pub(crate) fn asked(&self, source: Option<usize>, scopes: &ScopeSet) -> ScopeSet {
        match source.and_then(|n| self.words.get(n)) {
            Some(words) => words.asked(scopes),
            None => scopes.clone(),
        }
    }
}

/// Whose tokens a resource takes, in the order of the configuration.
struct Taken {
    issuers: Vec<String>,
    foreign: Vec<ForeignServer>,
    own_first: bool,
    own: bool,
}

impl Taken {
    fn new(issuer: &Issuer, config: &ResourceConfig, servers: &[ForeignServer]) -> Result<Self, String> {
        let own = config.takes_own_tokens();
        let mut taken = Self { issuers: Vec::new(), foreign: Vec::new(), own_first: own, own };
        let named = &config.authorization_servers;
        taken.own_first = named.first().is_none_or(|first| first == SELF);
        if named.is_empty() {
            taken.issuers.push(issuer.as_str().to_owned());
        }
        for name in named {
            if name == SELF {
                taken.issuers.push(issuer.as_str().to_owned());
                continue;
            }
            let server = servers.iter().find(|s| s.name == *name);
            let server = server.ok_or_else(|| format!("there is no authorization server `{name}`"))?;
            taken.issuers.push(server.issuer.issuer().to_owned());
            taken.foreign.push(server.clone());
        }
        Ok(taken)
    }

    fn first_words(&self) -> Words {
        let foreign = self.foreign.first().filter(|_| !self.own_first);
        foreign.map(|s| s.words.clone()).unwrap_or_default()
    }

    /// Scopes in the words of every server: one document is read by the clients of all.
    fn in_all_words(&self, scopes: &ScopeSet) -> ScopeSet {
        let own = if self.own { scopes.clone() } else { ScopeSet::default() };
        self.foreign.iter().fold(own, |all, s| all.union(&s.words.asked(scopes)))
    }

    fn verifier(
        self,
        name: &str,
        resource: &ResourceUri,
        clock: &Arc<dyn Clock>,
    ) -> Option<Verifier<AccessToken>> {
        if self.foreign.is_empty() {
            return None;
        }
        let source = |s: &ForeignServer| Source {
            issuer: Arc::clone(&s.issuer),
            audiences: s.audience.get(name).cloned().unwrap_or_default(),
        };
        let sources = self.foreign.iter().map(source).collect();
        let (servers, resource, time) = (self.foreign, resource.clone(), Arc::clone(clock));
        let read = move |number: usize, token: prokura_oauth::foreign::ForeignToken| {
            let server = &servers[number];
            foreign::token(&server.name, &server.words, &resource, time.now(), &token)
        };
        Some(Verifier::new(sources, Arc::clone(clock), Box::new(read)))
    }
}

/// Which hosts and origins are this server's own. Nothing is ever derived from what a request says of itself.
#[derive(Debug)]
pub(crate) struct Doors {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Doors {
    /// The issuer's host, its origin, and the further origins that may call.
    pub(crate) fn new(issuer: &Issuer, origins: &[String]) -> Self {
        let authority = issuer.authority();
        let default_port = if issuer.is_https() { 443 } else { 80 };
        let with_port = format!("{}:{default_port}", issuer.host());
        let hosts = if authority == issuer.host() { vec![authority, with_port] } else { vec![authority] };
        let origins = origins.iter().map(|o| o.trim_end_matches('/').to_owned());
        Self { hosts, origins: origins.chain([issuer.origin()]).collect() }
    }

    /// Whether the request names this host, everywhere it names one (against DNS rebinding).
    pub(crate) fn check_host(&self, parts: &Parts) -> Result<(), Fault> {
        let mut named = 0;
        let target = parts.uri.authority().map(|a| a.as_str().as_bytes());
        for host in target.into_iter().chain(parts.headers.get_all(header::HOST).iter().map(|h| h.as_bytes()))
        {
            if !self.hosts.iter().any(|h| h.as_bytes().eq_ignore_ascii_case(host)) {
                return Err(Fault::ForeignHost);
            }
            named += 1;
        }
        if named == 0 { Err(Fault::ForeignHost) } else { Ok(()) }
    }

    /// Whether the page that sends the request, if a page does, may; answers its origin.
    pub(crate) fn check_origin<'a>(
        &self,
        headers: &'a HeaderMap,
    ) -> Result<Option<&'a http::HeaderValue>, Fault> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return Ok(None) };
        let known = self.origins.iter().any(|o| o.as_bytes() == origin.as_bytes());
        if known && origins.next().is_none() { Ok(Some(origin)) } else { Err(Fault::ForeignOrigin) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn doors(issuer: &str) -> Doors {
        let issuer = Issuer::try_from(issuer.to_owned()).unwrap();
        Doors::new(&issuer, &["https://app.example".into()])
    }

    fn parts(uri: &str, hosts: &[&str]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn every_host_that_is_named_must_be_ours() {
        let doors = doors("https://as.example");
        for hosts in [&["as.example"][..], &["AS.example:443"]] {
            assert!(doors.check_host(&parts("/mcp/x", hosts)).is_ok(), "{hosts:?}");
        }
        assert!(doors.check_host(&parts("https://as.example/mcp/x", &[])).is_ok());
        for hosts in [
            &[][..],
            &["evil.example"],
            &["as.example", "evil.example"],
            &["as.example:80"],
            &["as.example."],
        ] {
            assert!(doors.check_host(&parts("/mcp/x", hosts)).is_err(), "{hosts:?}");
        }
        assert!(doors.check_host(&parts("https://evil.example/mcp/x", &["as.example"])).is_err());
    }

    #[test]
    fn an_origin_is_absent_or_known() {
        let doors = doors("http://localhost:9400");
        let origin = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("origin", value.parse().unwrap());
            }
            doors.check_origin(&headers).is_ok()
        };
        assert!(origin(&[]) && origin(&["http://localhost:9400"]) && origin(&["https://app.example"]));
        for bad in [
            &["null"][..],
            &["http://evil.example"],
            &["http://localhost:9401"],
            &["https://app.example", "x"],
        ] {
            assert!(!origin(bad), "{bad:?}");
        }
    }
}
