//! The MCP server that a person named.

use prokura_egress::{AllowList, FetchUrl, InvalidUrl};
use std::fmt;
use url::{Host, Url};

/// The address of an MCP server as a person named it, and the resource that it is by that address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    url: FetchUrl,
    resource: String,
}

/// An address that cannot be that of an MCP server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServer {
    /// It is no URL that can be asked.
    #[error("`{address}` is no address of an MCP server: {why}")]
    Url {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: InvalidUrl,
    },
    /// `http` to another machine: the token would be read on the way.
    #[error(
        "`{0}` is plain http to another machine, which would show the token to whoever listens: use https, or allow \
         this host if the way to it is yours"
    )]
    Plain(String),
}

impl ServerUrl {
    /// Reads an address. It need not be written canonically, for a person writes it.
    ///
    /// # Errors
    /// [`InvalidServer::Url`] unless it is `http` or `https` with a host, and without fragment and user information.
    pub fn parse(address: &str) -> Result<Self, InvalidServer> {
        let invalid = |why| InvalidServer::Url { address: address.to_owned(), why };
        let url = Url::parse(address.trim()).map_err(|_| invalid(InvalidUrl::Malformed))?;
        let url = FetchUrl::try_from(url).map_err(invalid)?;
        let resource = canonical(url.as_url());
        Ok(Self { url, resource })
    }

    /// The address.
    pub fn as_url(&self) -> &Url {
        self.url.as_url()
    }

    /// The canonical URI of the server (MCP authorization, "Canonical Server URI"; RFC 8707 §2): lower-case scheme and
    /// host, no default port, no fragment, no slash at the end.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        self.url.as_url().origin().ascii_serialization()
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.url.as_url())
    }

    /// What may be asked for this server: what the caller allows, the server itself, and, if it is on this machine,
    /// this machine.
    pub(crate) fn allow(&self, also: &AllowList) -> AllowList {
        let allow = also.clone().and_named(&self.url);
        if self.is_loopback() { allow.and_loopback() } else { allow }
    }

    /// # Errors
    /// [`InvalidServer::Plain`] if a token on its way there could be read.
    pub(crate) fn check(&self, also: &AllowList) -> Result<(), InvalidServer> {
        if self.url.is_https() || self.is_loopback() || also.names(&self.url) {
            Ok(())
        } else {
            Err(InvalidServer::Plain(self.url.to_string()))
        }
    }

    /// Whether `resource`, as metadata name it, is this server, or a parent of it at the same origin: one resource may
    /// cover several paths, and the token for it goes to no other origin.
    pub(crate) fn is_covered_by(&self, resource: &str) -> bool {
        let Ok(named) = Url::parse(resource) else { return false };
        if named.fragment().is_some() || !named.username().is_empty() || named.password().is_some() {
            return false;
        }
        let named = canonical(&named);
        match self.resource.strip_prefix(&named) {
            Some("") => true,
            Some(rest) => named.contains("://") && rest.starts_with('/') && !named.contains('?'),
            None => false,
        }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

fn canonical(url: &Url) -> String {
    let text = url.as_str();
    let bare = if url.query().is_none() { text.strip_suffix('/').unwrap_or(text) } else { text };
    bare.to_owned()
}

/// Whether what stands there is on this machine: RFC 8252 §7.3 and the name that everybody writes for it.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(a)) => a.is_loopback(),
        Some(Host::Ipv6(a)) => a.is_loopback(),
        None => false,
    }
}

/// Whether a person may be sent there: `https`, or `http` on this machine, and nothing that hides where it leads (MCP
/// security best practices).
pub(crate) fn may_be_opened(url: &Url) -> bool {
    let named = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    named && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(s: &str) -> ServerUrl {
        ServerUrl::parse(s).unwrap()
    }

    #[test]
    fn the_canonical_uri_is_that_of_the_specification() {
        for (address, resource) in [
            ("https://MCP.example.com/mcp", "https://mcp.example.com/mcp"),
            ("https://mcp.example.com", "https://mcp.example.com"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            ("https://mcp.example.com:443/a/", "https://mcp.example.com/a"),
            ("https://mcp.example.com:8443/server/mcp", "https://mcp.example.com:8443/server/mcp"),
            ("https://mcp.example.com/mcp?tenant=a/", "https://mcp.example.com/mcp?tenant=a/"),
        ] {
            assert_eq!(server(address).resource(), resource);
        }
        for bad in
            ["mcp.example.com", "ftp://a.example/", "https://u:p@a.example/", "https://a.example/#f", ""]
        {
            assert!(ServerUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_server_itself_and_its_parents_cover_it() {
        let mcp = server("https://a.example/team/mcp");
        for covers in [
            "https://a.example/team/mcp",
            "https://a.example/team/mcp/",
            "https://a.example/team",
            "https://a.example",
            "https://A.example:443/",
        ] {
            assert!(mcp.is_covered_by(covers), "{covers}");
        }
        for other in [
            "https://a.example/te",
            "https://a.example/team/mcp/x",
            "https://a.example/team/mcp2",
            "https://b.example/team/mcp",
            "http://a.example/team/mcp",
            "https://a.example:8443/team/mcp",
            "https://a.example.evil/team/mcp",
            "https://a.example@evil.example/team/mcp",
            "https://a.example/team/mcp#x",
            "https://a.exampl",
            "https:",
            "",
        ] {
            assert!(!mcp.is_covered_by(other), "{other}");
        }
    }

    #[test]
    fn a_token_goes_over_plain_http_only_where_someone_said_so() {
        let none = AllowList::default();
        assert!(server("http://localhost:3000/mcp").check(&none).is_ok());
        assert!(server("http://127.0.0.1:3000/mcp").check(&none).is_ok());
        assert!(server("http://mcp.internal/mcp").check(&none).is_err());
        assert!(server("http://localhost.example/mcp").check(&none).is_err());
        let said = AllowList::parse(&["mcp.internal"]).unwrap();
        assert!(server("http://mcp.internal/mcp").check(&said).is_ok());
    }

    #[test]
    fn e37_nobody_is_sent_to_another_scheme() {
        for (url, may) in [
            ("https://as.example/authorize", true),
            ("http://127.0.0.1:9/authorize", true),
            ("http://as.example/authorize", false),
            ("javascript:alert(1)", false),
            ("file:///etc/passwd", false),
            ("data:text/html,x", false),
            ("https://u:p@as.example/authorize", false),
            ("vscode://x/y", false),
        ] {
            assert_eq!(may_be_opened(&Url::parse(url).unwrap()), may, "{url}");
        }
    }
}
