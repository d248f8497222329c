//! `htu`: the address of a request without query and fragment, in one form (RFC 9449 §4.3; RFC 3986 §6.2.2, §6.2.3).

use std::fmt;
use url::Url;

/// The longest address that is read, in bytes.
const MAX: usize = 2048;

/// An address in its normal form, without query and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// Reads an absolute `http` or `https` address. Case of scheme and host, a default port, dot segments and
    /// needless percent-encoding make no difference; `None` of what two readers could take for different addresses.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
        if text.len() > MAX || !text.bytes().all(plain) {
            return None;
        }
        // `http:/host` and `http:host` are mended by URL parsers; a URI is not (RFC 3986 §3).
        let rest = text.split_once("://").filter(|(scheme, _)| {
            scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
        });
        if rest?.1.starts_with('/') {
            return None;
        }
        let url = Url::parse(text).ok()?;
        if !url.username().is_empty() || url.password().is_some() || url.host_str().is_none() {
            return None;
        }
        Some(Self(format!("{}{}", url.origin().ascii_serialization(), decoded(url.path()))))
    }
}

/// The path with letters, digits, `-`, `.`, `_` and `~` as they are, and every other encoding in capitals.
fn decoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(b) if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            Some(b) => out.push_str(&format!("%{b:02X}")),
            None => {
                out.push('%');
                rest = &rest[at + 1..];
                continue;
            }
        }
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    out
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Target::parse(a).unwrap() == Target::parse(b).unwrap()
    }

    #[test]
    fn one_address_has_one_form() {
        for form in [
            "https://as.example/mcp/a-b",
            "HTTPS://AS.example:443/mcp/a-b",
            "https://as.example/mcp/a%2db?x=1#y",
            "https://as.example/x/../mcp/./a-b",
            "https://as.example/%6dcp/a-b?",
        ] {
            assert!(same(form, "https://as.example/mcp/a-b"), "{form}");
        }
        assert!(same("https://as.example", "https://as.example/"));
        assert!(same("https://as.example/a%c3%a9", "https://as.example/a%C3%A9"));
    }

    #[test]
    fn other_addresses_are_others() {
        for other in [
            "http://as.example/mcp/a-b",
            "https://as.example:8443/mcp/a-b",
            "https://as.example.evil.example/mcp/a-b",
            "https://as.example/mcp/a-b/",
            "https://as.example/mcp/a-B",
            "https://as.example/mcp/a-bc",
            "https://as.example/mcp%2Fa-b",
            "https://as.example/mcp/a%252db",
        ] {
            assert!(!same(other, "https://as.example/mcp/a-b"), "{other}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        for odd in [
            "",
            "/mcp/a-b",
            "as.example/mcp",
            "https:as.example/mcp",
            "https:/as.example/mcp",
            "https:///as.example/mcp",
            "https:\\\\as.example/mcp",
            "https://as.example\\mcp",
            "https://user@as.example/mcp",
            "https://as.example@evil.example/mcp",
            "https://as.example/m cp",
            "https://as.example/m\tcp",
            "https://as.example/mcp\n",
            "ftp://as.example/mcp",
            "javascript://as.example/mcp",
        ] {
            assert!(Target::parse(odd).is_none(), "{odd:?}");
        }
        assert!(Target::parse(&format!("https://as.example/{}", "a".repeat(3000))).is_none());
    }
}
