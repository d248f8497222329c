//! Resources: audiences by canonical URI (RFC 8707 §2; MCP authorization, "Canonical Server URI").

use std::fmt;
use std::sync::Arc;

/// The canonical URI of a resource: an absolute `http` or `https` URI with lower-case scheme and host, no
/// fragment, no user information, no dot segments and no trailing slash after a path. Two resources are the
/// same exactly if these bytes are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceUri(Arc<str>);

/// A resource URI that cannot be one, or is not in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResource {
    /// Not an absolute `http` or `https` URI with a host, or over 1,024 bytes.
    #[error("a resource is an absolute http or https URI of at most 1,024 characters")]
    NotAbsolute,
    /// It has a fragment (forbidden by RFC 8707 §2).
    #[error("a resource has no fragment: remove everything from `#` on")]
    Fragment,
    /// It has user information.
    #[error("a resource has no user information: remove everything before `@`")]
    UserInfo,
    /// It is not written canonically; the canonical form is given.
    #[error("a resource is written in its canonical form: `{0}`")]
    NotCanonical(String),
}

impl ResourceUri {
    /// Reads what a client sent. Scheme and host in another case and one trailing slash are forgiven (clients
    /// differ there); everything else must be canonical already.
    ///
    /// # Errors
    /// [`InvalidResource`] says which rule was broken.
    pub fn parse(s: &str) -> Result<Self, InvalidResource> {
        let canonical = canonicalise(s)?;
        let trimmed = s.strip_suffix('/').unwrap_or(s);
        let same = trimmed.len() == canonical.len() && trimmed.eq_ignore_ascii_case(&canonical);
        let path = |u: &str| u.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        if same && path(trimmed) == path(&canonical) {
            Ok(Self(canonical.into()))
        } else {
            Err(InvalidResource::NotCanonical(canonical))
        }
    }

    /// Reads what must be canonical to the byte: an `aud` claim, a configuration key.
    ///
    /// # Errors
    /// [`InvalidResource`] says which rule was broken.
    pub fn parse_exact(s: &str) -> Result<Self, InvalidResource> {
        let canonical = canonicalise(s)?;
        if s == canonical {
            Ok(Self(canonical.into()))
        } else {
            Err(InvalidResource::NotCanonical(canonical))
        }
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn canonicalise(s: &str) -> Result<String, InvalidResource> {
    if s.len() > 1024 || !s.is_ascii() {
        return Err(InvalidResource::NotAbsolute);
    }
    let url = url::Url::parse(s).map_err(|_| InvalidResource::NotAbsolute)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(InvalidResource::NotAbsolute);
    }
    if url.fragment().is_some() {
        return Err(InvalidResource::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidResource::UserInfo);
    }
    let mut canonical = url.to_string();
    if canonical.ends_with('/') && url.query().is_none() {
        canonical.pop();
    }
    Ok(canonical)
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgives_only_what_clients_differ_in() {
        let r = |s| ResourceUri::parse(s).map(|r| r.as_str().to_owned());
        assert_eq!(r("https://A.example/mcp/x").unwrap(), "https://a.example/mcp/x");
        assert_eq!(r("https://a.example/mcp/x/").unwrap(), "https://a.example/mcp/x");
        assert_eq!(r("https://a.example/").unwrap(), "https://a.example");
        assert_eq!(r("https://a.example/MCP").unwrap(), "https://a.example/MCP");
        assert_eq!(r("https://a.example/x#f"), Err(InvalidResource::Fragment));
        assert_eq!(r("https://u@a.example/x"), Err(InvalidResource::UserInfo));
        assert_eq!(r("/mcp"), Err(InvalidResource::NotAbsolute));
        for odd in ["https://a.example/b/../x", "https://a.example:443/x", " https://a.example/x"] {
            assert!(matches!(r(odd), Err(InvalidResource::NotCanonical(_))), "{odd}");
        }
    }

    #[test]
    fn an_audience_is_compared_to_the_byte() {
        assert!(ResourceUri::parse_exact("https://a.example/x").is_ok());
        for odd in ["https://a.example/x/", "https://A.example/x"] {
            assert!(ResourceUri::parse_exact(odd).is_err(), "{odd}");
        }
    }
}
