//! Two cookies, whatever happens: the session's, and the browser's own, to which forms and interactions are bound.
//! Everything else is kept on the server, so that cookies do not grow with use.

use http::HeaderMap;
use http::header::COOKIE;
use prokura_config::Issuer;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Who is signed in; a new secret at every sign-in.
    Session,
    /// Which browser this is, signed in or not.
    Browser,
}

impl Cookie {
    /// Its name: `__Host-` binds it to host, path and TLS (RFC 6265bis §4.1.3.2). Plain `http` is possible on a
    /// loopback issuer only, and there browsers refuse the prefix.
    pub(crate) fn name(self, issuer: &Issuer) -> &'static str {
        match (self, issuer.is_https()) {
            (Self::Session, true) => "__Host-prokura",
            (Self::Session, false) => "prokura",
            (Self::Browser, true) => "__Host-prokura-browser",
            (Self::Browser, false) => "prokura-browser",
        }
    }

    /// Its value in a request. Two cookies of one name are none: one of them was planted.
    pub(crate) fn read(self, headers: &HeaderMap, issuer: &Issuer) -> Option<String> {
        let name = self.name(issuer);
        let mut found = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(n, _)| *n == name)
            .map(|(_, v)| v);
        match (found.next(), found.next()) {
            (Some(value), None) if is_secret(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

/// The `Set-Cookie` value that keeps `secret` for `seconds`, or for as long as the browser runs; an empty secret
/// and zero seconds remove it.
pub(crate) fn set_cookie(cookie: Cookie, issuer: &Issuer, secret: &str, seconds: Option<u64>) -> String {
    let secure = if issuer.is_https() { "; Secure" } else { "" };
    let age = seconds.map_or(String::new(), |s| format!("; Max-Age={s}"));
    format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}{age}", cookie.name(issuer))
}

fn is_secret(value: &str) -> bool {
    (20..=64).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(s: &str) -> Issuer {
        Issuer::try_from(s.to_owned()).unwrap()
    }

    fn read(header: &str, issuer: &Issuer) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, header.parse().unwrap());
        Cookie::Session.read(&headers, issuer)
    }

    #[test]
    fn over_tls_a_cookie_is_bound_to_this_host() {
        let cookie = set_cookie(Cookie::Session, &issuer("https://as.example"), "x", Some(60));
        assert_eq!(cookie, "__Host-prokura=x; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60");
        let plain = set_cookie(Cookie::Browser, &issuer("http://localhost:9400"), "x", None);
        assert_eq!(plain, "prokura-browser=x; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_planted_or_odd_cookie_is_none() {
        let (i, v) = (issuer("https://as.example"), "c_0123456789abcdefghijkl");
        assert_eq!(read(&format!("a=b; __Host-prokura={v}"), &i).as_deref(), Some(v));
        assert_eq!(read(&format!("__Host-prokura={v}; __Host-prokura={v}"), &i), None);
        assert_eq!(read(&format!("prokura={v}"), &i), None);
        assert_eq!(read("__Host-prokura=short", &i), None);
        assert_eq!(read(&format!("__Host-prokura={}", "x".repeat(65)), &i), None);
    }
}
