//! Route: an address becomes a resource, its policy and its upstream.

use crate::fault::Fault;
use http::request::Parts;
use http::{HeaderMap, Uri, header};
use prokura_config::{Issuer, RateLimit, ResourceConfig};
use prokura_core::{ResourceUri, Scope, ScopeSet};
use prokura_oauth::dpop::Target;
use prokura_policy::ResourcePolicy;

/// The well-known address of protected resource metadata (RFC 9728 §3).
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

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
    /// No keys can be derived from the master key.
    #[error("no keys can be derived from the master key")]
    Key,
}

/// One resource, as it is served.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its name.
    pub(crate) name: String,
    /// What people call it.
    pub(crate) title: String,
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
}

impl Route {
    /// Takes a resource from the configuration.
    pub(crate) fn new(issuer: &Issuer, config: &ResourceConfig) -> Result<Self, GatewayError> {
        let fail = |why: String| GatewayError::Resource { name: config.name.clone(), why };
        let resource = ResourceUri::parse_exact(&format!("{issuer}/mcp/{}", config.name))
            .map_err(|e| fail(e.to_string()))?;
        let mut scopes = Vec::new();
        for (name, scope) in &config.scopes {
            let name = Scope::parse(name.as_str()).map_err(|e| fail(e.to_string()))?;
            scopes.push((name, scope.actions.clone()));
        }
        let policy = ResourcePolicy::new(config.public, scopes);
        let first_scopes = match &config.default_scopes {
            Some(names) => ScopeSet::parse(&names.join(" ")).map_err(|e| fail(e.to_string()))?,
            None => policy.scopes().clone(),
        };
        let path = format!("{}/mcp/{}", issuer.path(), config.name);
        Ok(Self {
            metadata_url: format!("{}{WELL_KNOWN}{path}", issuer.origin()),
            name: config.name.clone(),
            title: config.title().to_owned(),
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
