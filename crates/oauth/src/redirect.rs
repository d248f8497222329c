//! Redirect URIs: byte-exact, but for the port of a loopback address (RFC 6749 §3.1.2; RFC 9700 §2.1;
//! RFC 8252 §7.3).

use url::Url;

/// A redirect URI that a client may register: `https` anywhere, `http` on loopback, or a private-use scheme
/// in reverse domain order (RFC 8252 §7.1); no fragment, no user information, written canonically.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RedirectUri(String);

/// A redirect URI that may not be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirect {
    /// Not an absolute URI, over 2,048 bytes, or with a character outside visible ASCII.
    #[error("a redirect URI is an absolute URI of at most 2,048 visible ASCII characters")]
    NotAbsolute,
    /// It has a fragment (RFC 6749 §3.1.2).
    #[error("a redirect URI has no fragment")]
    Fragment,
    /// It has user information, with which hosts are disguised.
    #[error("a redirect URI has no user information")]
    UserInfo,
    /// Its scheme is neither `https`, nor loopback `http`, nor a reverse domain name.
    #[error(
        "a redirect URI is https, http on a loopback address, or a private-use scheme such as com.example.app"
    )]
    Scheme,
    /// A URL parser would read another URI from it: dot segments, backslashes, capitals, a default port.
    #[error("a redirect URI is written in its canonical form")]
    NotCanonical,
}

/// What may stand before the port of a loopback redirect URI; nothing else is loopback.
const LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

impl RedirectUri {
    /// Reads what a client registers or publishes.
    ///
    /// # Errors
    /// [`InvalidRedirect`] says which rule was broken.
    pub fn parse(s: &str) -> Result<Self, InvalidRedirect> {
        let visible = |b: u8| b.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&b);
        if s.len() > 2048 || !s.bytes().all(visible) {
            return Err(InvalidRedirect::NotAbsolute);
        }
        let url = Url::parse(s).map_err(|_| InvalidRedirect::NotAbsolute)?;
        if s.contains('#') {
            return Err(InvalidRedirect::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() || authority(s).contains('@') {
            return Err(InvalidRedirect::UserInfo);
        }
        check_scheme(&url, s)?;
        let canonical = url.as_str();
        let bare_host = canonical.strip_suffix('/') == Some(s) && url.path() == "/";
        if canonical != s && !bare_host || has_encoded_dots(url.path()) {
            return Err(InvalidRedirect::NotCanonical);
        }
        Ok(Self(s.to_owned()))
    }

    /// Whether a request that asks for `asked` may be answered there. INVARIANT: if so, `asked` has the bytes
    /// of this URI, except for the port of a loopback address; so it is safe in a `Location` header.
    pub fn matches(&self, asked: &str) -> bool {
        if asked == self.0 {
            return true;
        }
        match (split_loopback(&self.0), split_loopback(asked)) {
            (Some((host, rest)), Some((asked_host, asked_rest))) => host == asked_host && rest == asked_rest,
            _ => false,
        }
    }

    /// Whether whatever listens on the user's own machine may receive the answer.
    pub fn is_loopback(&self) -> bool {
        split_loopback(&self.0).is_some()
    }

    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host that a person is shown for a redirect URI, with its port. For a private-use scheme it is the scheme: what
/// looks like a host in there is whatever the program that owns the scheme wrote, and no answer goes to it.
pub fn shown_host(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else { return String::new() };
    match (url.scheme(), url.host_str(), url.port()) {
        ("http" | "https", Some(host), Some(port)) => format!("{host}:{port}"),
        ("http" | "https", Some(host), None) => host.to_owned(),
        (scheme, _, _) => format!("{scheme}:"),
    }
}

/// `uri` with the parameters added to its query; what stands in the query already stays (RFC 6749 §4.1.2).
pub fn with_query(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        query.append_pair(name, value);
    }
    let joint = match uri.find('?') {
        None => "?",
        Some(_) if uri.ends_with('?') || uri.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{}", query.finish())
}

fn check_scheme(url: &Url, s: &str) -> Result<(), InvalidRedirect> {
    let fine = match url.scheme() {
        "https" => url.host_str().is_some_and(is_host),
        "http" => split_loopback(s).is_some(),
        private => private.contains('.'),
    };
    if fine { Ok(()) } else { Err(InvalidRedirect::Scheme) }
}

/// A name of letters, digits, dots, dashes and underscores, or an address. A URL parser takes `a,b` and `a;b` for hosts
/// too, but no certificate is valid for them, and in a policy or beside a name they read as something else.
fn is_host(host: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    host.starts_with('[') || (!host.is_empty() && !host.ends_with('.') && host.bytes().all(fine))
}

fn authority(s: &str) -> &str {
    let after = s.split_once("://").map_or("", |(_, rest)| rest);
    after.split(['/', '?', '#']).next().unwrap_or_default()
}

fn has_encoded_dots(path: &str) -> bool {
    path.split('/').any(|segment| {
        let lower = segment.to_ascii_lowercase();
        lower.starts_with("..") || lower.contains("%2e") || lower.contains("%2f") || lower.contains("%5c")
    })
}

/// The loopback host and what follows the port, or `None` if the URI is not on loopback.
fn split_loopback(uri: &str) -> Option<(&str, &str)> {
    let host = LOOPBACK.into_iter().find(|h| uri.starts_with(h))?;
    let after = &uri[host.len()..];
    let rest = match after.strip_prefix(':') {
        None => after,
        Some(port) => {
            let end = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
            port[..end].parse::<u16>().ok().filter(|_| !port.starts_with('0'))?;
            &port[end..]
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(s: &str) -> RedirectUri {
        RedirectUri::parse(s).unwrap_or_else(|e| unreachable!("{s}: {e}"))
    }

    #[test]
    fn what_may_be_registered() {
        for fine in [
            "https://app.example/cb",
            "https://app.example/cb?x=1",
            "https://app.example:8443/cb",
            "http://127.0.0.1/cb",
            "http://localhost:3000",
            "http://[::1]:1/cb",
            "com.example.app:/oauth",
        ] {
            assert!(RedirectUri::parse(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        use InvalidRedirect as E;
        for (bad, why) in [
            ("/cb", E::NotAbsolute),
            ("https://a.example/ b", E::NotAbsolute),
            ("https://a.example/\r\nx", E::NotAbsolute),
            ("https://a.example\\@evil", E::NotAbsolute),
            ("https://a.example/cb#f", E::Fragment),
            ("https://a@b@evil/cb", E::UserInfo),
            ("https://@evil/cb", E::UserInfo),
            ("http://a.example/cb", E::Scheme),
            ("http://localhost.evil/cb", E::Scheme),
            ("http://127.0.0.1.evil/cb", E::Scheme),
            ("http://127.0.0.2/cb", E::Scheme),
            ("https://a.example./cb", E::Scheme),
            ("https://bank.example;x.evil.example/cb", E::Scheme),
            ("https://bank.example,x.evil.example/cb", E::Scheme),
            ("jAvAsCrIpT:alert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("vbscript:x", E::Scheme),
            ("file:///etc/passwd", E::Scheme),
            ("https://a.example/x/../cb", E::NotCanonical),
            ("https://a.example/..%2fcb", E::NotCanonical),
            ("https://a.example/%2e%2e/cb", E::NotCanonical),
            ("https://A.example/cb", E::NotCanonical),
            ("https://a.example:443/cb", E::NotCanonical),
        ] {
            assert_eq!(RedirectUri::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_match_is_exact_but_for_the_port_of_loopback() {
        let u = uri("http://127.0.0.1/cb");
        for yes in ["http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", "http://127.0.0.1:1/cb"] {
            assert!(u.matches(yes), "{yes}");
        }
        for no in [
            "http://localhost/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:70000/cb",
            "http://127.0.0.1:80@evil/cb",
            "http://127.0.0.1:80.evil/cb",
            "http://127.0.0.1.evil/cb",
            "https://127.0.0.1:1/cb",
            "http://127.0.0.1:1/cb/",
            "http://127.0.0.1:1/CB",
            "http://127.0.0.1:1/cb?x",
            "http://127.0.0.1:1/cb#f",
        ] {
            assert!(!u.matches(no), "{no}");
        }
        assert!(uri("http://localhost:3000/cb").matches("http://localhost:4000/cb"));
    }

    #[test]
    fn elsewhere_the_port_counts() {
        let u = uri("https://app.example/cb");
        assert!(u.matches("https://app.example/cb"));
        for no in ["https://app.example:444/cb", "https://app.example/cb/", "https://app.example/cb?x=1"] {
            assert!(!u.matches(no), "{no}");
        }
    }

    #[test]
    fn parameters_are_added_to_the_query_that_is_there() {
        assert_eq!(with_query("https://a/cb", &[("code", "x y&z")]), "https://a/cb?code=x+y%26z");
        assert_eq!(with_query("https://a/cb?t=1", &[("code", "c")]), "https://a/cb?t=1&code=c");
        assert_eq!(with_query("https://a/cb?", &[("code", "c")]), "https://a/cb?code=c");
    }

    #[test]
    fn people_are_shown_the_host() {
        assert_eq!(shown_host("https://app.example/cb"), "app.example");
        assert_eq!(shown_host("http://127.0.0.1:9/cb"), "127.0.0.1:9");
        assert_eq!(shown_host("com.example.app:/cb"), "com.example.app:");
    }

    #[test]
    fn a26_a_private_scheme_borrows_no_host() {
        for borrowed in ["com.evil.app://bank.example:443/cb", "com.evil.app://bank.example/cb"] {
            assert!(RedirectUri::parse(borrowed).is_ok());
            assert_eq!(shown_host(borrowed), "com.evil.app:");
        }
    }
}
