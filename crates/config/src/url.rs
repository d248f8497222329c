//! Addresses that the operator writes.

use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;
use url::{Host, Url};

/// The issuer identifier (RFC 8414 §2): canonical, without query, fragment or trailing slash; `https`, or `http`
/// on a loopback host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Issuer {
    text: String,
    url: Url,
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(d)) => d == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

impl TryFrom<String> for Issuer {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let url = Url::parse(&s)
            .map_err(|_| format!("`{s}` is no address: write it like `https://as.example.com`"))?;
        let canonical = url.as_str().trim_end_matches('/').to_owned();
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(format!(
                "`{s}` is no address of a web server: write it like `https://as.example.com`"
            ));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(format!("`{s}` is not protected: use `https`; `http` is for localhost only"));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(format!(
                "`{s}` has a query, a fragment or a user name: an issuer has none (RFC 8414 section 2)"
            ));
        }
        if s != canonical {
            return Err(format!("`{s}` is not written canonically: write `{canonical}`"));
        }
        Ok(Self { text: s, url })
    }
}

impl Issuer {
    /// The identifier, to the byte.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Whether it is served over TLS, and cookies can be `Secure`.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Host and port as a browser sends them in `Host`.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Scheme, host and port as a browser sends them in `Origin`.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The host alone.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The path, empty or starting with a slash and not ending with one.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where an MCP server is: `http` or `https`. The operator trusts it, wherever it is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct UpstreamUrl(Url);

impl TryFrom<String> for UpstreamUrl {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let url = Url::parse(&s)
            .map_err(|_| format!("`{s}` is no address: write it like `http://127.0.0.1:9500/mcp`"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(format!(
                "`{s}` is no address of a web server: an upstream is `http://…` or `https://…`"
            ));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(
                "an upstream address has no user name, password or fragment: secrets never stand in the file"
                    .to_owned(),
            );
        }
        Ok(Self(url))
    }
}

impl UpstreamUrl {
    /// The address.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct DatabaseUrl(String);

impl TryFrom<String> for DatabaseUrl {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let url = Self::with_password(s)?;
        if let Ok(parsed) = Url::parse(&url.0)
            && parsed.password().is_some()
        {
            return Err("the address holds a password, and secrets never stand in the file: write `database = { env = \"DATABASE_URL\" }` or `{ file = \"…\" }`".to_owned());
        }
        Ok(url)
    }
}

impl DatabaseUrl {
    /// Takes an address that came from a secret and so may hold a password.
    ///
    /// # Errors
    /// A sentence that says which forms there are.
    pub fn with_password(s: String) -> Result<Self, String> {
        let known =
            ["sqlite:", "postgres://", "postgresql://"].iter().any(|p| s.len() > p.len() && s.starts_with(p));
        if known {
            Ok(Self(s))
        } else {
            Err("a database is `sqlite:FILE` or `postgres://HOST/NAME`".to_owned())
        }
    }

    /// The address, with its password if it has one: not for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file of an SQLite database; `None` for a memory database or PostgreSQL.
    pub fn sqlite_file(&self) -> Option<&str> {
        self.0.strip_prefix("sqlite:").filter(|f| *f != ":memory:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(s: &str) -> Result<Issuer, String> {
        Issuer::try_from(s.to_owned())
    }

    #[test]
    fn an_issuer_is_canonical_and_protected() {
        assert!(issuer("https://as.example").is_ok() && issuer("http://localhost:9400").is_ok());
        assert!(issuer("http://as.example").unwrap_err().contains("use `https`"));
        assert!(issuer("https://as.example/").unwrap_err().contains("write `https://as.example`"));
        assert!(issuer("https://AS.example").unwrap_err().contains("write `https://as.example`"));
        assert!(issuer("https://as.example/?a").is_err());
        assert_eq!(issuer("http://localhost:9400").unwrap().authority(), "localhost:9400");
    }

    #[test]
    fn a_password_never_stands_in_the_file() {
        assert!(DatabaseUrl::try_from("postgres://u:p@h/d".to_owned()).unwrap_err().contains("env"));
        assert!(DatabaseUrl::try_from("mysql://h/d".to_owned()).is_err());
        assert!(UpstreamUrl::try_from("http://u:p@h/mcp".to_owned()).is_err());
    }
}
