//! Proofs of possession (RFC 9449): a token that is bound to a key is of no use to who steals it alone.

use super::means::Means;
use super::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method};
use prokura_oauth::dpop::Statement;
use prokura_oauth::jose::{Algorithm, SigningKey};
use prokura_oauth::json::obj;
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

    /// A proof of possession of the key of an attestation, for `issuer` and with its challenge
    /// (draft-ietf-oauth-attestation-based-client-auth-10 §5.1).
    pub(crate) fn prove_attestation(&self, means: &Means, issuer: &str, url: &Url) -> Option<HeaderValue> {
        let mut claims = obj([
            ("aud", issuer.into()),
            ("iat", means.clock.now().seconds().into()),
            ("jti", prokura_core::random_id("", &*means.rng).into()),
        ]);
        if let Some(challenge) = means.nonces.of(url) {
            claims.insert("challenge", challenge.into());
        }
        HeaderValue::try_from(self.0.sign("oauth-client-attestation-pop+jwt", &claims).ok()?).ok()
    }

    /// A proof, good for one request (RFC 9449 §4.2); `token` is the access token that goes with it, at a resource.
    pub(crate) fn prove(
        &self,
        means: &Means,
        method: &Method,
        url: &Url,
        token: Option<&str>,
    ) -> Option<HeaderValue> {
        let nonce = means.nonces.of(url);
        let statement = Statement {
            method: method.as_str(),
            uri: url.as_str(),
            token,
            nonce: nonce.as_deref(),
            id: &prokura_core::random_id("", &*means.rng),
            now: means.clock.now(),
        };
        HeaderValue::try_from(statement.sign(&self.0).ok()?).ok()
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

    /// Remembers a challenge, which goes into the next proof as a nonce does.
    pub(crate) fn put(&self, url: &Url, challenge: &str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let challenge = challenge.to_owned();
        all.insert(url.origin().ascii_serialization(), challenge.clone()) != Some(challenge)
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
    use prokura_core::{ManualClock, SeededRng, Timestamp};
    use prokura_egress::{Egress, EgressConfig};
    use prokura_oauth::dpop::{Presented, Proof, Target};
    use std::sync::Arc;

    #[test]
    fn a_proof_is_of_its_request_and_has_the_nonce_of_its_server() {
        let clock = ManualClock::new(Timestamp::from_seconds(1_000_000));
        let egress = Egress::system(EgressConfig::default());
        let (rng, nonces) = (Arc::new(SeededRng::new(1)), Nonces::default());
        let means = Means { egress, clock: Arc::new(clock), rng, nonces };
        let (key, url) = (ProofKey::generate().unwrap(), Url::parse("https://mcp.example/mcp?x=1").unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(NONCE, HeaderValue::from_static("abc"));
        means.nonces.learn(&url, &headers);
        let read = || {
            let proof = key.prove(&means, &Method::POST, &url, Some("tok")).unwrap();
            let targets = [Target::parse("https://mcp.example/mcp").unwrap()];
            let presented =
                Presented { method: "POST", targets: &targets, token: Some("tok"), now: means.clock.now() };
            Proof::verify(proof.to_str().unwrap(), &presented).unwrap()
        };
        let (first, second) = (read(), read());
        assert_eq!(first.nonce.as_deref(), Some("abc"));
        assert_eq!(first.key.to_string(), key.thumbprint());
        assert_ne!(first.id, second.id, "no proof is used twice");
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
