//! The address of the caller: that of the connection, or behind proxies that are trusted the one that they pass on.

use http::HeaderMap;
use prokura_config::{ForwardedHeader, Network as Configured};
use prokura_core::Network;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// More addresses in a row than this are no chain of proxies.
const MOST: usize = 16;

/// The caller's address, as the listener found it; `None` if nobody who is trusted says. It is put into every request, so
/// that all who look at an address see the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub Option<IpAddr>);

/// The proxies whose word about addresses counts.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    trusted: Arc<[Network]>,
    header: ForwardedHeader,
}

impl Proxies {
    /// Those of the configuration, which was checked; what cannot be read is trusted with nothing.
    pub fn of(config: &Configured) -> Self {
        let trusted = config.trusted_proxies.iter().filter_map(|text| Network::parse(text).ok()).collect();
        Self { trusted, header: config.header }
    }

    /// Whether `peer` is one of them.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(peer))
    }

    /// The address behind the connection of `peer`. The header is read from right to left, and only for as long as the
    /// one who wrote the next address is trusted; what an untrusted peer sends by that name is not looked at. Unknown if
    /// a trusted proxy passes nothing on, or something that is no address.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> Address {
        if !self.trusts(peer) {
            return Address(Some(peer.to_canonical()));
        }
        let found = match self.header {
            ForwardedHeader::XForwardedFor => elements(headers, "x-forwarded-for").map(|all| {
                let read = |element: &String| node(element);
                self.first_untrusted(all.iter().rev().map(read))
            }),
            ForwardedHeader::Forwarded => elements(headers, "forwarded").map(|all| {
                let read = |element: &String| forwarded_for(element).and_then(|n| node(&n));
                self.first_untrusted(all.iter().rev().map(read))
            }),
        };
        Address(found.flatten())
    }

    /// The nearest address that is not a trusted proxy's; if all are, the farthest.
    fn first_untrusted(&self, nearest_first: impl Iterator<Item = Option<IpAddr>>) -> Option<IpAddr> {
        let mut last = None;
        for (count, address) in nearest_first.enumerate() {
            let address = address.filter(|_| count < MOST)?;
            if !self.trusts(address) {
                return Some(address);
            }
            last = Some(address);
        }
        last
    }
}

/// The elements of a header that may stand there several times (RFC 9110 §5.3): each proxy adds at the end. `None` if a
/// line is no text or a quoted string does not end.
fn elements(headers: &HeaderMap, name: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for line in headers.get_all(name) {
        let (mut element, mut quoted, mut escaped) = (String::new(), false, false);
        for c in line.to_str().ok()?.chars() {
            match c {
                ',' if !quoted => all.push(std::mem::take(&mut element)),
                _ => {
                    quoted ^= c == '"' && !escaped;
                    escaped = quoted && c == '\\' && !escaped;
                    element.push(c);
                }
            }
        }
        if quoted {
            return None;
        }
        all.push(element);
    }
    if all.is_empty() { None } else { Some(all.iter().map(|e| e.trim().to_owned()).collect()) }
}

/// The `for` of an element of `Forwarded` (RFC 7239 §4); `None` if it has none, or two.
fn forwarded_for(element: &str) -> Option<String> {
    let mut found = None;
    for pair in element.split(';').map(str::trim).filter(|p| !p.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        if name.eq_ignore_ascii_case("for") {
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let bare = bare.unwrap_or(value);
            if found.replace(bare.to_owned()).is_some() || bare.contains(['"', '\\']) {
                return None;
            }
        }
    }
    found
}

/// An address, with or without a port (RFC 7239 §6). `unknown`, a hidden name or a zone is none.
fn node(text: &str) -> Option<IpAddr> {
    let alone = || text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().filter(|a| !text.contains('%') && a.port() > 0);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok();
    let found = alone().or_else(|| with_port().map(|a| a.ip())).or_else(|| bracketed().map(IpAddr::V6));
    found.map(|a| a.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn proxies(header: ForwardedHeader) -> Proxies {
        let trusted_proxies = vec!["10.0.0.0/8".to_owned(), "2001:db8::7".to_owned()];
        Proxies::of(&Configured { trusted_proxies, header, ..Configured::default() })
    }

    fn found(header: ForwardedHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let address = proxies(header).address(peer.parse().unwrap(), &headers);
        address.0.map_or_else(|| "unknown".to_owned(), |a| a.to_string())
    }

    fn xff(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|v| ("x-forwarded-for", *v)).collect();
        found(ForwardedHeader::XForwardedFor, peer, &lines)
    }

    fn forwarded(value: &str) -> String {
        found(ForwardedHeader::Forwarded, "10.0.0.1", &[("forwarded", value)])
    }

    #[test]
    fn e20_a_header_counts_only_as_far_as_those_who_wrote_it_are_trusted() {
        assert_eq!(xff("192.0.2.1", &["203.0.113.9"]), "192.0.2.1", "nobody vouches for it");
        assert_eq!(xff("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(xff("10.0.0.1", &["10.99.0.1, 198.51.100.4"]), "198.51.100.4", "what the client made up");
        assert_eq!(xff("10.0.0.1", &["203.0.113.9, 198.51.100.4, 10.0.0.2"]), "198.51.100.4");
        assert_eq!(xff("10.0.0.1", &["203.0.113.9", "198.51.100.4"]), "198.51.100.4", "line after line");
        assert_eq!(xff("10.0.0.1", &["nonsense, 198.51.100.4"]), "198.51.100.4", "not as far as that");
        assert_eq!(xff("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3", "who is trusted may call too");
    }

    #[test]
    fn what_is_no_address_is_unknown_and_never_the_proxy_s() {
        for bad in [
            "",
            "unknown",
            "_hidden",
            "203.0.113.9, ",
            "203.0.113.9 198.51.100.4",
            "256.0.0.1",
            "1.2.3",
            "::1%eth0",
            "[::1]:0",
            "203.0.113.9:",
            "203.0.113.9;for=1.2.3.4",
            "\"203.0.113.9",
            "0x7f.1",
            "010.0.0.1",
        ] {
            assert_eq!(xff("10.0.0.1", &[bad]), "unknown", "{bad}");
        }
        assert_eq!(xff("10.0.0.1", &[]), "unknown", "the proxy passes nothing on");
        let long = vec!["10.0.0.2"; 17].join(", ");
        assert_eq!(xff("10.0.0.1", &[&long]), "unknown");
    }

    #[test]
    fn an_address_may_have_a_port_and_ipv4_in_ipv6_is_ipv4() {
        assert_eq!(xff("10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(xff("10.0.0.1", &["[2001:db8::9]:4711"]), "2001:db8::9");
        assert_eq!(xff("10.0.0.1", &["[2001:db8::9]"]), "2001:db8::9");
        assert_eq!(xff("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(xff("2001:db8::7", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(xff("::ffff:192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
    }

    #[test]
    fn forwarded_is_read_by_its_own_grammar() {
        assert_eq!(forwarded("for=203.0.113.9;proto=https;by=10.0.0.1"), "203.0.113.9");
        assert_eq!(forwarded("For=\"[2001:db8::9]:4711\""), "2001:db8::9");
        assert_eq!(forwarded("for=10.9.9.9, for=198.51.100.4;host=\"a,b\""), "198.51.100.4");
        for bad in
            ["for=203.0.113.9;for=10.0.0.1", "proto=https", "for=_x", "for=unknown", "for=\"x", "for", ""]
        {
            assert_eq!(forwarded(bad), "unknown", "{bad}");
        }
    }

    #[test]
    fn only_the_header_that_is_configured_is_read() {
        let both = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "198.51.100.4")];
        assert_eq!(found(ForwardedHeader::XForwardedFor, "10.0.0.1", &both), "198.51.100.4");
        assert_eq!(found(ForwardedHeader::Forwarded, "10.0.0.1", &both), "203.0.113.9");
        assert_eq!(found(ForwardedHeader::XForwardedFor, "10.0.0.1", &both[..1]), "unknown");
    }
}
