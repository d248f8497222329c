//! What a platform gave: a token, and what it says of itself. Nothing here is verified, for it is the caller's own; it is
//! read so that it is shown to nobody whom it is not for, and so that a person can be told what it says.

use crate::client::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::Platform;
use prokura_oauth::json::{Limits, Object, Value, parse};

/// A token of a platform.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Whose.
    pub platform: Platform,
    /// Where it came from, for people.
    pub place: String,
    /// The token, a JWT.
    pub token: Secret,
}

/// Evidence that is no token: an attester makes one of it.
#[derive(Debug, Clone)]
pub struct Document {
    /// Whose.
    pub platform: Platform,
    /// Where it came from, for people.
    pub place: String,
    /// What it consists of, by the names that an attester expects.
    pub parts: Object,
}

impl Evidence {
    /// What the token says, as far as it can be read. Nobody has verified it.
    pub fn claims(&self) -> Option<Object> {
        claims(self.token.reveal())
    }

    /// For whom it is.
    pub fn audiences(&self) -> Vec<String> {
        self.claims().map(|claims| audiences(&claims)).unwrap_or_default()
    }
}

/// The claims of a JWT that nobody has verified.
pub fn claims(token: &str) -> Option<Object> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    parse(&URL_SAFE_NO_PAD.decode(payload).ok()?, &Limits::DOCUMENT).ok()?.into_object()
}

/// `aud`, which is one text or several (RFC 7519 §4.1.3).
pub fn audiences(claims: &Object) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.to_string()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Whether `token` is for this authorization server and nobody else: its one audience is the issuer, or the address that
/// it is sent to (RFC 7523 §3). Whoever else got it could show it there in the workload's name.
pub(crate) fn is_addressed_to(token: &str, issuer: &str, endpoint: &str) -> Result<(), Vec<String>> {
    let found = claims(token).map(|claims| audiences(&claims)).unwrap_or_default();
    match found.as_slice() {
        [one] if one == issuer || one == endpoint => Ok(()),
        _ => Err(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a15_evidence_is_for_one_server_or_is_not_shown() {
        let shown =
            |claims: &str| is_addressed_to(&token(claims), "https://as.example", "https://as.example/token");
        for mine in [
            r#"{"aud":"https://as.example"}"#,
            r#"{"aud":["https://as.example"]}"#,
            r#"{"aud":"https://as.example/token"}"#,
        ] {
            assert_eq!(shown(mine), Ok(()), "{mine}");
        }
        for other in [
            r#"{"aud":"https://other.example"}"#,
            r#"{"aud":["https://as.example","https://other.example"]}"#,
            r#"{"aud":["https://as.example","https://as.example/token"]}"#,
            r#"{"aud":"https://as.example/"}"#,
            r#"{"aud":"https://as.example.evil"}"#,
            r#"{"aud":[]}"#,
            r#"{"aud":1}"#,
            "{}",
            r#"{"aud":"https://as.example","aud":"https://other.example"}"#,
        ] {
            assert!(shown(other).is_err(), "{other}");
        }
        for none in ["", "x", "a.b", "a.b.c", "a.b.c.d"] {
            assert!(is_addressed_to(none, "", "").is_err(), "{none}");
        }
    }
}
