//! URLs that may be fetched, written exactly as they will be requested.

use std::fmt;
use std::net::IpAddr;
use url::{Host, Url};

/// The longest URL, in bytes.
const MAX_LEN: usize = 2048;
/// The longest query that is put to an address.
const MAX_QUERY: usize = 8192;

/// A URL that can be asked for: `http` or `https`, with a host, without user information or fragment, and
/// canonical as written. Whether it *may* be asked for is decided by [`Egress`](crate::Egress) and its allow list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FetchUrl(Url);

/// A URL that cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// No URL, or over 2,048 bytes, or with characters that are not visible ASCII.
    #[error("the address is not an absolute URL of at most 2,048 visible ASCII characters")]
    Malformed,
    /// Neither `http` nor `https`, or without a host.
    #[error("the address must begin with `https://` and name a host")]
    Scheme,
    /// User information before the host.
    #[error("the address must not have a user name or password: remove everything before `@`")]
    UserInfo,
    /// A fragment.
    #[error("the address must not have a fragment: remove everything from `#` on")]
    Fragment,
    /// A host name that ends in a dot.
    #[error("the host must not end in a dot")]
    TrailingDot,
    /// Written otherwise than it would be requested: host in another notation, dot segments, default port.
    #[error("the address must be written canonically: `{0}`")]
    NotCanonical(String),
}

impl FetchUrl {
    /// Reads a URL as a stranger wrote it. The parser would quietly turn `0x7f.1`, `2130706433`, `①②⑦.0.0.1`
    /// or `ex%61mple` into something else, so what was written must be what came out.
    ///
    /// # Errors
    /// [`InvalidUrl`] says which rule was broken.
    pub fn parse(s: &str) -> Result<Self, InvalidUrl> {
        if s.len() > MAX_LEN || !s.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidUrl::Malformed);
        }
        let url = Self::try_from(Url::parse(s).map_err(|_| InvalidUrl::Malformed)?)?;
        let without_slash = url.0.path() == "/" && url.0.query().is_none();
        if s == url.as_str() || (without_slash && url.as_str().strip_suffix('/') == Some(s)) {
            Ok(url)
        } else {
            Err(InvalidUrl::NotCanonical(url.0.into()))
        }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The parsed URL.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The host, IPv6 addresses without brackets.
    pub fn host(&self) -> &str {
        let host = self.0.host_str().unwrap_or_default();
        host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
    }

    /// The address, if the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(a) => Some(a.into()),
            Host::Ipv6(a) => Some(a.into()),
        }
    }

    /// The port, written or by scheme.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// Whether it is asked for over TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The same address with this query, which may be longer than an address that a stranger wrote: 8,192 bytes.
    ///
    /// # Errors
    /// [`InvalidUrl`] if the query is too long, or would be written otherwise than it was given.
    pub fn with_query(&self, query: &str) -> Result<Self, InvalidUrl> {
        if query.len() > MAX_QUERY || !query.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidUrl::Malformed);
        }
        let mut url = self.0.clone();
        url.set_query(Some(query));
        match url.query() {
            Some(same) if same == query => Ok(Self(url)),
            _ => Err(InvalidUrl::NotCanonical(url.into())),
        }
    }

    /// What stands in `Host` (RFC 9110 §7.2).
    pub(crate) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Path and query: the request target in origin form (RFC 9112 §3.2.1).
    pub(crate) fn target(&self) -> &str {
        &self.0[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

impl TryFrom<Url> for FetchUrl {
    type Error = InvalidUrl;

    fn try_from(url: Url) -> Result<Self, InvalidUrl> {
        if url.as_str().len() > MAX_LEN {
            return Err(InvalidUrl::Malformed);
        }
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or(InvalidUrl::Scheme)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidUrl::Scheme);
        }
        if host.ends_with('.') {
            return Err(InvalidUrl::TrailingDot);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(InvalidUrl::Fragment);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for FetchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_what_is_requested() {
        let url = FetchUrl::parse("https://a.example:8443/x/y.json?z=1").unwrap();
        assert_eq!((url.host(), url.port(), url.is_https()), ("a.example", 8443, true));
        assert_eq!((url.authority().as_str(), url.target()), ("a.example:8443", "/x/y.json?z=1"));
        assert_eq!(FetchUrl::parse("https://a.example").unwrap().target(), "/");
        let v6 = FetchUrl::parse("https://[2606:4700::1]/k").unwrap();
        assert_eq!((v6.host(), v6.authority().as_str()), ("2606:4700::1", "[2606:4700::1]"));
        assert_eq!(v6.address(), Some("2606:4700::1".parse().unwrap()));
    }

    #[test]
    fn hosts_in_another_notation_are_refused() {
        for odd in [
            "https://0177.0.0.1/",
            "https://0x7f.0.0.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://127.1/",
            "https://127.0.1/",
            "https://017700000001/",
            "https://0/",
            "https://1.1.1.1./",
            "https://127.0.0.1./",
            "https://a.example./x",
            "https://A.example/x",
            "https://ex%61mple.org/",
            "https://[::FFFF:127.0.0.1]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::ffff:7f00:0001]/",
            "https://[::127.0.0.1]/",
            "https://a.example:443/x",
            "https://a.example:0443/x",
            "https://a.example/a/../b",
            "https://a.example/a/./b",
            "https://a.example/%2e%2e/b",
            "https:a.example/x",
            "https:///a.example/x",
            "https:\\\\a.example\\x",
            "https://a.example\\@b.example/",
            "HTTPS://a.example/x",
            " https://a.example/x",
            "https://a.exam\tple/x",
            "https://a.example/x\n",
            "https://①②⑦.0.0.1/",
            "https://bücher.example/",
            "https://a.example/ä",
        ] {
            assert!(FetchUrl::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn user_information_fragments_and_other_schemes_are_refused() {
        for (odd, why) in [
            ("https://u@a.example/x", InvalidUrl::UserInfo),
            ("https://u:p@a.example/x", InvalidUrl::UserInfo),
            ("https://a.example@127.0.0.1/x", InvalidUrl::UserInfo),
            ("https://a.example/x#f", InvalidUrl::Fragment),
            ("https://a.example/x#", InvalidUrl::Fragment),
            ("ftp://a.example/x", InvalidUrl::Scheme),
            ("file:///etc/passwd", InvalidUrl::Scheme),
            ("data:application/json,{}", InvalidUrl::Scheme),
            ("gopher://a.example/", InvalidUrl::Scheme),
            ("/x", InvalidUrl::Malformed),
            ("", InvalidUrl::Malformed),
        ] {
            assert_eq!(FetchUrl::parse(odd), Err(why), "{odd}");
        }
        assert_eq!(
            FetchUrl::parse(&format!("https://a.example/{}", "x".repeat(2048))),
            Err(InvalidUrl::Malformed)
        );
    }

    #[test]
    fn a_query_is_put_to_an_address_as_it_was_written() {
        let base = FetchUrl::parse("https://a.example/").unwrap();
        assert_eq!(base.with_query("a=%2F&b=c").unwrap().target(), "/?a=%2F&b=c");
        for odd in ["a b", "a#b", "a\"b", "ä", &"x".repeat(8193)] {
            assert!(base.with_query(odd).is_err(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn a_host_is_read_only_as_it_was_written(host in "[0-9a-zA-Z.:x%\\[\\]@_-]{1,24}", path in "(/[a-z.%]{0,6}){0,3}") {
            let written = format!("https://{host}{path}");
            if let Ok(url) = FetchUrl::parse(&written) {
                prop_assert_eq!(url.authority(), host);
                prop_assert!(url.as_str() == written || url.as_str().strip_suffix('/') == Some(&written));
            }
        }
    }
}
