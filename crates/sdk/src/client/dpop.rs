//! Proofs of possession (RFC 9449): a token that is bound to a key is of no use to who steals it alone.

use super::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method};
use prokura_core::Timestamp;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::obj;
use prokura_oauth::secret::sha256_base64url;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// Whether tokens are bound to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dpop {
    /// Never.
    Never,
    /// If the authorization server says that it knows ES256 proofs (`dpop_signing_alg_values_supported`).
    #[default]
    IfServed,
    /// Always: an authorization server that does not know proofs, or answers with a bearer token, is refused.
    Always,
}

/// The header field of a proof (RFC 9449 §4.1).
pub(crate) const PROOF: &str = "dpop";
const NONCE: &str = "dpop-nonce";
/// No nonce is longer.
const MAX_NONCE: usize = 512;
/// Nonces of so many origins are remembered.
const MAX_ORIGINS: usize = 64;

/// The key that tokens are bound to.
pub(crate) struct ProofKey(SigningKey);

/// What a proof is for.
pub(crate) struct Proof<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    /// The access token that goes with it, at a resource.
    pub(crate) token: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) now: Timestamp,
    pub(crate) jti: String,
}

impl ProofKey {
    pub(crate) fn generate() -> Option<Self> {
        SigningKey::generate(Algorithm::Es256).ok().map(Self)
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let der = URL_SAFE_NO_PAD.decode(text).ok()?;
        SigningKey::from_pkcs8(Algorithm::Es256, "proof", &der).ok().map(Self)
    }

    pub(crate) fn to_text(&self) -> Option<Secret> {
        Some(Secret::new(URL_SAFE_NO_PAD.encode(&*self.0.to_pkcs8().ok()?)))
    }

    /// The thumbprint by which a server names the key (`jkt`, `dpop_jkt`).
    pub(crate) fn thumbprint(&self) -> String {
        self.0.public().thumbprint().unwrap_or_default().to_owned()
    }

    /// A proof, good for one request (RFC 9449 §4.2).
    pub(crate) fn prove(&self, proof: Proof<'_>) -> Option<String> {
        let mut target = proof.url.clone();
        target.set_query(None);
        target.set_fragment(None);
        let mut claims = obj([
            ("jti", proof.jti.into()),
            ("htm", proof.method.as_str().into()),
            ("htu", target.as_str().into()),
            ("iat", proof.now.seconds().into()),
        ]);
        if let Some(token) = proof.token {
            claims.insert("ath", sha256_base64url(token.as_bytes()).into());
        }
        if let Some(nonce) = proof.nonce {
            claims.insert("nonce", nonce.into());
        }
        self.0.sign_with_jwk("dpop+jwt", &claims).ok()
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProofKey").field(&self.thumbprint()).finish()
    }
}

/// The last nonce of each server (RFC 9449 §8, §9): a nonce of one is never sent to another.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<HashMap<String, String>>);

impl Nonces {
    pub(crate) fn of(&self, url: &Url) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&url.origin().ascii_serialization()).cloned()
    }

    /// Remembers the nonce of an answer; whether there was one that is new.
    pub(crate) fn learn(&self, url: &Url, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(NONCE).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let fine = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        let nonce = match value.to_str() {
            Ok(n) if !n.is_empty() && n.len() <= MAX_NONCE && n.bytes().all(fine) => n.to_owned(),
            _ => return false,
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_ORIGINS {
            all.clear();
        }
        all.insert(url.origin().ascii_serialization(), nonce.clone()) != Some(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use prokura_oauth::jose::{KeySet, VerifyingKey, verify_jws};
    use prokura_oauth::json::{Limits, parse};

    #[test]
    fn a_proof_says_what_it_is_for_and_verifies_by_the_key_in_it() {
        let key = ProofKey::generate().unwrap();
        let proof = Proof {
            method: &Method::POST,
            url: &Url::parse("https://mcp.example/mcp?x=1").unwrap(),
            token: Some("tok"),
            nonce: Some("n"),
            now: Timestamp::from_seconds(1_000),
            jti: "j".to_owned(),
        };
        let proof = key.prove(proof).unwrap();
        let header = URL_SAFE_NO_PAD.decode(proof.split('.').next().unwrap()).unwrap();
        let header = parse(&header, &Limits::TOKEN).unwrap().into_object().unwrap();
        assert_eq!((header.str("typ"), header.str("alg")), (Some("dpop+jwt"), Some("ES256")));
        let jwk = header.get("jwk").unwrap().as_object().unwrap();
        assert!(!jwk.contains_key("d"));
        let public = VerifyingKey::from_jwk(jwk, &[Algorithm::Es256]).unwrap();
        assert_eq!(public.thumbprint(), Some(key.thumbprint().as_str()));
        let jws = verify_jws(&proof, &KeySet::of(vec![public]).unwrap(), &[Algorithm::Es256]).unwrap();
        let claims = parse(&jws.payload, &Limits::TOKEN).unwrap().into_object().unwrap();
        assert_eq!(claims.str("htu"), Some("https://mcp.example/mcp"));
        assert_eq!(claims.str("htm"), Some("POST"));
        assert_eq!(claims.str("ath"), Some(sha256_base64url(b"tok").as_str()));
        assert_eq!((claims.str("nonce"), claims.str("jti")), (Some("n"), Some("j")));
    }

    #[test]
    fn a_key_survives_being_kept() {
        let key = ProofKey::generate().unwrap();
        let again = ProofKey::from_text(key.to_text().unwrap().reveal()).unwrap();
        assert_eq!(again.thumbprint(), key.thumbprint());
        assert!(!format!("{key:?}").contains(key.to_text().unwrap().reveal()));
    }

    #[test]
    fn a_nonce_stays_with_the_server_that_gave_it() {
        let nonces = Nonces::default();
        let url = |s: &str| Url::parse(s).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(NONCE, HeaderValue::from_static("abc"));
        assert!(nonces.learn(&url("https://as.example/token"), &headers));
        assert!(!nonces.learn(&url("https://as.example/token"), &headers), "it is known already");
        assert_eq!(nonces.of(&url("https://as.example/other")).as_deref(), Some("abc"));
        assert_eq!(nonces.of(&url("https://mcp.example/token")), None);
        headers.append(NONCE, HeaderValue::from_static("two"));
        assert!(!nonces.learn(&url("https://b.example/"), &headers), "two nonces are none");
    }
}
