//! What the operator trusts although it is not public.

use crate::FetchUrl;
use crate::address::{AddressClass, special};
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;
use url::Host;

/// One line of the allow list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// `as.internal`, `as.internal:8443`, `10.0.0.7`, `[fd00::7]:8443`: this host at this port; without one, at
    /// 443 for `https` and 80 for `http`.
    Host { host: Host<String>, port: Option<u16> },
    /// `localhost`, `127.0.0.1` and `[::1]` at any port, over `http` too.
    Loopback,
    /// `10.1.0.0/16`: these addresses, by whatever name. Opens neither `http` nor another port, for the name that
    /// leads there is a stranger's.
    Network(IpNet),
}

/// What the operator trusts although it is not public: hosts (at a port), which may then be asked over `http` too
/// and may have loopback, private, carrier-shared and unique-local addresses; and networks, which only open their
/// addresses. Empty by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowList(Vec<Entry>);

/// A line of the allow list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAllow {
    /// Something of a URL stands around the host.
    #[error("`{0}` is not a host: write the host alone, without scheme or path, like `as.internal:8443`")]
    NotHost(String),
    /// A pattern.
    #[error("`{0}` has a wildcard: name each host, or a network like `10.1.0.0/16`")]
    Wildcard(String),
    /// The host is written in another notation.
    #[error("`{text}` is not written canonically: write `{canonical}`")]
    NotCanonical {
        /// What was written.
        text: String,
        /// What to write.
        canonical: String,
    },
    /// The port is no number from 1 to 65535.
    #[error("`{0}` has no valid port: a port is a number from 1 to 65535")]
    Port(String),
    /// The network cannot be read, or has bits set beyond its prefix.
    #[error("`{0}` is no network: write it like `10.1.0.0/16` or `fd00:1::/32`, host bits zero")]
    Network(String),
    /// The network would open every address.
    #[error("`{0}` would open every address: name the networks that are yours")]
    Everything(String),
}

impl AllowList {
    /// Reads the lines of the configuration.
    ///
    /// # Errors
    /// [`InvalidAllow`] quotes the first line that cannot be read and says how to write it.
    pub fn parse<S: AsRef<str>>(lines: &[S]) -> Result<Self, InvalidAllow> {
        lines.iter().map(|l| l.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// This list, and the host of `url` at its port: a person named it, so it is trusted as it is named.
    #[must_use]
    pub fn and_named(mut self, url: &FetchUrl) -> Self {
        if let Some(host) = url.as_url().host() {
            self.0.push(Entry::Host { host: host.to_owned(), port: Some(url.port()) });
        }
        self
    }

    /// This list, and this machine at every port. For a program that a person runs here and points to this machine:
    /// what listens on it may name its neighbours, and nothing else gains by it.
    #[must_use]
    pub fn and_loopback(mut self) -> Self {
        self.0.push(Entry::Loopback);
        self
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the host of `url`, at its port, is named.
    pub fn names(&self, url: &FetchUrl) -> bool {
        self.0.iter().any(|e| e.names(url))
    }

    /// Whether `url`, which leads to `address`, may be asked for there.
    pub(crate) fn permits(&self, url: &FetchUrl, address: IpAddr) -> bool {
        let Some(class) = special(address) else { return true };
        let named = || self.0.iter().any(|e| e.names(url) && e.opens(class, url.address() == Some(address)));
        let in_network = |e: &Entry| matches!(e, Entry::Network(net) if net.contains(&address));
        named() || self.0.iter().any(in_network)
    }
}

impl Entry {
    fn names(&self, url: &FetchUrl) -> bool {
        let (host, port) = match self {
            Self::Host { host, port } => (host, port),
            Self::Loopback => return is_this_machine(url),
            Self::Network(_) => return false,
        };
        let default = if url.is_https() { 443 } else { 80 };
        url.port() == port.unwrap_or(default) && url.as_url().host() == Some(as_ref(host))
    }

    /// Whether a host that this names may have an address of this class; `literal` if the host is that address.
    fn opens(&self, class: AddressClass, literal: bool) -> bool {
        match self {
            Self::Host { .. } => class.opened_by_host() || literal,
            Self::Loopback => class == AddressClass::Loopback,
            Self::Network(_) => false,
        }
    }
}

fn is_this_machine(url: &FetchUrl) -> bool {
    match url.as_url().host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(a)) => a == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(a)) => a == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

fn as_ref(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(d) => Host::Domain(d),
        Host::Ipv4(a) => Host::Ipv4(*a),
        Host::Ipv6(a) => Host::Ipv6(*a),
    }
}

impl FromStr for Entry {
    type Err = InvalidAllow;

    fn from_str(s: &str) -> Result<Self, InvalidAllow> {
        if s.contains('*') {
            return Err(InvalidAllow::Wildcard(s.to_owned()));
        }
        if s.contains("://") || s.contains(['@', '?', '#', '\\', ' ']) {
            return Err(InvalidAllow::NotHost(s.to_owned()));
        }
        if s.contains('/') { network(s) } else { host(s) }
    }
}

fn network(s: &str) -> Result<Entry, InvalidAllow> {
    let looks_like_one = s.split('/').next().is_some_and(|a| a.parse::<IpAddr>().is_ok());
    if !looks_like_one {
        return Err(InvalidAllow::NotHost(s.to_owned()));
    }
    let net: IpNet = s.parse().map_err(|_| InvalidAllow::Network(s.to_owned()))?;
    if net.prefix_len() == 0 {
        return Err(InvalidAllow::Everything(s.to_owned()));
    }
    if net.trunc() != net {
        return Err(InvalidAllow::Network(s.to_owned()));
    }
    Ok(Entry::Network(net))
}

fn host(s: &str) -> Result<Entry, InvalidAllow> {
    if let Ok(bare) = s.parse::<std::net::Ipv6Addr>() {
        return Err(InvalidAllow::NotCanonical { text: s.to_owned(), canonical: format!("[{bare}]") });
    }
    let (name, port) = match s.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(self::port(s, port)?)),
        _ => (s, None),
    };
    let host = Host::parse(name).map_err(|_| InvalidAllow::NotHost(s.to_owned()))?;
    let canonical = host.to_string();
    if canonical != name || name.ends_with('.') {
        let canonical = s.replacen(name, canonical.trim_end_matches('.'), 1);
        return Err(InvalidAllow::NotCanonical { text: s.to_owned(), canonical });
    }
    Ok(Entry::Host { host, port })
}

fn port(line: &str, digits: &str) -> Result<u16, InvalidAllow> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain).ok_or_else(|| InvalidAllow::Port(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(lines: &[&str]) -> AllowList {
        AllowList::parse(lines).unwrap()
    }

    fn url(s: &str) -> FetchUrl {
        FetchUrl::parse(s).unwrap()
    }

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }

    #[test]
    fn a_host_is_named_at_its_port_only() {
        let allow = list(&["as.internal", "dev.internal:8443", "127.0.0.1:9000", "[::1]:9000"]);
        for named in [
            "https://as.internal/x",
            "http://as.internal/x",
            "https://dev.internal:8443/x",
            "http://dev.internal:8443/x",
            "http://127.0.0.1:9000/",
            "http://[::1]:9000/",
        ] {
            assert!(allow.names(&url(named)), "{named}");
        }
        for other in [
            "https://as.internal:8443/x",
            "http://as.internal:443/x",
            "https://as.internal:80/x",
            "https://dev.internal/x",
            "https://x.as.internal/",
            "https://as.internal.example/",
            "http://127.0.0.1/",
            "http://127.0.0.2:9000/",
            "http://localhost:9000/",
        ] {
            assert!(!allow.names(&url(other)), "{other}");
        }
    }

    #[test]
    fn a_named_host_opens_private_addresses_but_not_those_that_serve_credentials() {
        let allow = list(&["as.internal", "169.254.169.254"]);
        let named = url("https://as.internal/x");
        for opened in ["127.0.0.1", "10.0.0.1", "100.64.0.1", "::1", "fd00::1", "8.8.8.8"] {
            assert!(allow.permits(&named, ip(opened)), "{opened}");
        }
        for shut in ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "::ffff:127.0.0.1", "64:ff9b::1"] {
            assert!(!allow.permits(&named, ip(shut)), "{shut}");
        }
        let literal = url("http://169.254.169.254/x");
        assert!(allow.permits(&literal, ip("169.254.169.254")));
        assert!(!allow.permits(&url("https://other.example/"), ip("10.0.0.1")));
    }

    #[test]
    fn a_network_opens_its_addresses_and_no_other_port_or_scheme() {
        let allow = list(&["10.1.0.0/16", "fd00:1::/32"]);
        let any = url("https://any.example/");
        assert!(allow.permits(&any, ip("10.1.255.255")) && allow.permits(&any, ip("fd00:1::7")));
        assert!(!allow.permits(&any, ip("10.2.0.0")) && !allow.permits(&any, ip("fd00:2::7")));
        assert!(!allow.permits(&any, ip("::ffff:10.1.0.1")));
        assert!(!allow.names(&url("http://10.1.0.1/")) && !allow.names(&url("https://10.1.0.1:8443/")));
    }

    #[test]
    fn what_cannot_be_read_says_how_to_write_it() {
        for (line, says) in [
            ("https://as.internal", "without scheme"),
            ("as.internal/path", "without scheme or path"),
            ("*.internal", "wildcard"),
            ("u@as.internal", "not a host"),
            ("AS.internal", "write `as.internal`"),
            ("as.internal.", "write `as.internal`"),
            ("0x7f.1:80", "write `127.0.0.1:80`"),
            ("::1", "write `[::1]`"),
            ("as.internal:0", "1 to 65535"),
            ("as.internal:99999", "1 to 65535"),
            ("as.internal:", "1 to 65535"),
            ("10.1.0.1/16", "host bits zero"),
            ("10.1.0.0/33", "no network"),
            ("0.0.0.0/0", "every address"),
            ("::/0", "every address"),
            ("", "not a host"),
        ] {
            let said = AllowList::parse(&[line]).unwrap_err().to_string();
            assert!(said.contains(says), "{line}: {said}");
        }
    }

    proptest! {
        #[test]
        fn an_empty_list_names_nothing_and_opens_nothing(v4: u32) {
            let address = IpAddr::from(std::net::Ipv4Addr::from(v4));
            let allow = AllowList::default();
            prop_assert_eq!(allow.permits(&url("https://any.example/"), address), special(address).is_none());
        }

        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,40}") {
            let _ = AllowList::parse(&[line]);
        }
    }

    #[test]
    fn this_machine_is_opened_at_every_port_and_nothing_else_with_it() {
        let allow = AllowList::default().and_loopback();
        for mine in ["http://localhost:3000/x", "https://127.0.0.1:1/", "http://[::1]/"] {
            assert!(allow.names(&url(mine)) && allow.permits(&url(mine), ip("127.0.0.1")), "{mine}");
        }
        let rebound = url("http://localhost:3000/x");
        for other in ["10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0"] {
            assert!(!allow.permits(&rebound, ip(other)), "{other}");
        }
        for other in ["http://localhost.example/", "http://127.0.0.2/", "https://a.example/"] {
            assert!(!allow.names(&url(other)) && !allow.permits(&url(other), ip("127.0.0.1")), "{other}");
        }
    }

    #[test]
    fn what_a_person_named_is_trusted_at_its_port() {
        let allow = AllowList::default().and_named(&url("http://mcp.internal:8080/mcp"));
        assert!(allow.permits(&url("http://mcp.internal:8080/.well-known/x"), ip("10.0.0.7")));
        assert!(!allow.permits(&url("http://mcp.internal:8081/"), ip("10.0.0.7")));
        assert!(!allow.permits(&url("http://mcp.internal:8080/"), ip("169.254.169.254")));
    }
}
