//! Requests as they usually are, and as a test wants them.

use super::{CB, VERIFIER};

/// The usual authorization request of `web` with some parameters changed; an empty value removes one.
pub fn request<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let usual = [
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", CB),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "st"),
        ("scope", "read"),
    ];
    changed(&usual, changes)
}

pub fn redemption<'a>(code: &'a str, changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("code", code),
        ("redirect_uri", CB),
        ("code_verifier", VERIFIER),
    ];
    changed(&usual, changes)
}

fn changed<'a>(usual: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all: Vec<_> =
        usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n)).copied().collect();
    all.extend(changes.iter().filter(|(_, v)| !v.is_empty()));
    all
}

pub fn encode(parameters: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}
