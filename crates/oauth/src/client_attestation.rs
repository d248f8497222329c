//! Client attestations (draft-ietf-oauth-attestation-based-client-auth-10): a statement of an attester about a running
//! client that is bound to a key, the proof of possession that goes with it, and the challenges for both.

mod challenge;

pub use challenge::{BadChallenge, Challenges};

use crate::confirmation::Thumbprint;
use crate::jose::{
    Algorithm, Audience, Expected, JoseError, KeyError, KeySet, SigningKey, VerifyingKey, numeric_date, peek,
    verify, verify_jws,
};
use crate::json::{self, Limits, Object, Value, obj};
use prokura_core::{ClientId, Timestamp};
use std::time::Duration;

/// The header with the attestation (§4).
pub const HEADER: &str = "oauth-client-attestation";
/// The header with the proof of possession (§5.1).
pub const POP_HEADER: &str = "oauth-client-attestation-pop";
/// The header with a challenge to use (§6.2).
pub const CHALLENGE_HEADER: &str = "oauth-client-attestation-challenge";
/// The `typ` of an attestation (§4).
pub const TYP: &str = "oauth-client-attestation+jwt";
/// The `typ` of a proof of possession (§5.1).
pub const POP_TYP: &str = "oauth-client-attestation-pop+jwt";
/// The authentication method with a proof of its own (§9).
pub const METHOD: &str = "attest_jwt_client_auth";
/// The authentication method with a DPoP proof as proof (§5.2).
pub const METHOD_DPOP: &str = "attest_jwt_client_auth_dpop";

/// How far from now a proof of possession may have been made, on either side.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(10);
/// The longest life of an attestation: an hour.
const MAX_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The longest `jti` and challenge, in bytes.
const MAX_ID: usize = 256;
/// In which claim the evidence stands behind an attestation of ours.
const EVIDENCE: &str = "evidence";

/// A statement about a running client.
#[derive(Debug, Clone)]
pub struct ClientAttestation {
    /// The attester (`iss`), ourselves.
    pub issuer: String,
    /// The client (`sub`).
    pub client: ClientId,
    /// The key of the running client (`cnf.jwk`).
    pub key: VerifyingKey,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// On what it rests, in the attester's own words.
    pub evidence: Object,
}

/// An attestation or its proof that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// A header that must be there once is there several times.
    #[error("send one header `{0}`")]
    Several(&'static str),
    /// The attestation does not verify.
    #[error("the client attestation does not verify: {0}")]
    Jose(JoseError),
    /// It has ended, or will end too late: a fresh one is needed.
    #[error("the client attestation has expired: ask the attester for a new one")]
    Stale,
    /// A claim is missing or mistyped.
    #[error("`{0}` of the client attestation is missing or malformed")]
    Claim(&'static str),
    /// Its key cannot be used.
    #[error("the key of the client attestation: {0}")]
    Key(#[from] KeyError),
    /// There is no proof of possession.
    #[error("send a proof of possession: `OAuth-Client-Attestation-PoP`, or `DPoP` by the same key")]
    NoProof,
    /// The proof does not verify.
    #[error("the proof of possession does not verify: {0}")]
    Proof(JoseError),
    /// A claim of the proof is missing or mistyped.
    #[error("`{0}` of the proof of possession is missing or malformed")]
    ProofClaim(&'static str),
    /// The proof was made too long ago or in the future.
    #[error("the proof of possession was not made just now (`iat`): check the clock")]
    ProofTime,
    /// The proof is by another key.
    #[error("the DPoP proof is by another key than that of the client attestation")]
    OtherKey,
}

/// The one value of a header; `None` if it is not there.
///
/// # Errors
/// [`AttestationError::Several`] of more than one or of a list (RFC 9110 §5.3), [`AttestationError::Jose`] of what is no
/// text.
pub fn of_headers<'a>(
    name: &'static str,
    values: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<&'a str>, AttestationError> {
    let mut values = values.into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() || value.contains(&b',') {
        return Err(AttestationError::Several(name));
    }
    let text = std::str::from_utf8(value).map_err(|_| AttestationError::Jose(JoseError::Malformed))?;
    Ok(Some(text.trim_matches([' ', '\t'])))
}

impl ClientAttestation {
    /// The attestation, signed by `key`.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        let claims = obj([
            ("iss", self.issuer.as_str().into()),
            ("sub", self.client.as_str().into()),
            ("iat", self.issued_at.seconds().into()),
            ("exp", self.expires_at.seconds().into()),
            ("cnf", Value::Object(obj([("jwk", Value::Object(self.key.to_jwk()))]))),
            (EVIDENCE, Value::Object(self.evidence.clone())),
        ]);
        key.sign(TYP, &claims)
    }

    /// Verifies an attestation of `issuer` (§7.1).
    ///
    /// # Errors
    /// [`AttestationError`]; [`AttestationError::Stale`] of one that was right and is over.
    pub fn verify(
        compact: &str,
        keys: &KeySet,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Self, AttestationError> {
        let expected = Expected {
            leeway: LEEWAY,
            max_lifetime: Some(MAX_LIFETIME),
            ..Expected::new(&[TYP], now).issuer(issuer).audience(Audience::Any)
        };
        let verified = verify(compact, keys, &expected).map_err(|error| match error {
            JoseError::Expired => AttestationError::Stale,
            other => AttestationError::Jose(other),
        })?;
        let claims = &verified.claims;
        let client = claims.str("sub").and_then(|sub| ClientId::parse(sub).ok());
        let jwk = claims.get("cnf").and_then(Value::as_object).and_then(|cnf| cnf.get("jwk"));
        let jwk = jwk.and_then(Value::as_object).ok_or(AttestationError::Claim("cnf.jwk"))?;
        let evidence = claims.get(EVIDENCE).and_then(Value::as_object);
        Ok(Self {
            issuer: issuer.to_owned(),
            client: client.ok_or(AttestationError::Claim("sub"))?,
            key: VerifyingKey::from_jwk(jwk, &Algorithm::PUBLIC)?,
            issued_at: verified.issued_at.ok_or(AttestationError::Claim("iat"))?,
            expires_at: verified.expires_at,
            evidence: evidence.ok_or(AttestationError::Claim(EVIDENCE))?.clone(),
        })
    }

    /// The thumbprint of its key (RFC 7638).
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        self.key.thumbprint().and_then(Thumbprint::parse)
    }
}

/// A proof of possession (§5.1) that its key made for us just now. That it is the first of its `jti`, and its challenge
/// ours, is not yet known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pop {
    /// `jti`.
    pub id: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `challenge`.
    pub challenge: Option<String>,
}

impl Pop {
    /// Verifies a proof by the key of `attestation` for `audience`, which must be its only one (§7.2).
    ///
    /// # Errors
    /// [`AttestationError`].
    pub fn verify(
        compact: &str,
        attestation: &ClientAttestation,
        audience: &str,
        now: Timestamp,
    ) -> Result<Self, AttestationError> {
        let keys = KeySet::of(vec![renamed(&attestation.key, compact)?])?;
        let jws = verify_jws(compact, &keys, &Algorithm::PUBLIC).map_err(AttestationError::Proof)?;
        if !jws.header.str("typ").is_some_and(|typ| typ.eq_ignore_ascii_case(POP_TYP)) {
            return Err(AttestationError::Proof(JoseError::Type));
        }
        let claims = json::parse(&jws.payload, &Limits::TOKEN);
        let claims = claims.map_err(|e| AttestationError::Proof(e.into()))?.into_object();
        let claims = claims.ok_or(AttestationError::Proof(JoseError::Malformed))?;
        if claims.str("aud") != Some(audience) {
            return Err(AttestationError::Proof(JoseError::Audience));
        }
        let issued_at = numeric_date(&claims, "iat").map_err(AttestationError::Proof)?;
        let issued_at = issued_at.ok_or(AttestationError::ProofClaim("iat"))?;
        if issued_at > now.after(WINDOW) || now > issued_at.after(WINDOW) {
            return Err(AttestationError::ProofTime);
        }
        let text = |name: &'static str| match claims.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() && text.len() <= MAX_ID => Ok(Some(text.clone())),
            Some(_) => Err(AttestationError::ProofClaim(name)),
        };
        let id = text("jti")?.ok_or(AttestationError::ProofClaim("jti"))?;
        Ok(Self { id, issued_at, challenge: text("challenge")? })
    }

    /// What must not be seen twice: the `jti` among those of this key.
    pub fn replay_key(&self, key: Thumbprint) -> String {
        format!("attestation\n{key}\n{}", self.id)
    }

    /// Until when it must be remembered.
    pub fn until(&self) -> Timestamp {
        self.issued_at.after(WINDOW).after(Duration::from_secs(1))
    }
}

/// The key under the name that the proof gives it, if it gives one: there is but one key, whatever it is called.
fn renamed(key: &VerifyingKey, compact: &str) -> Result<VerifyingKey, AttestationError> {
    let mut jwk = key.to_jwk();
    match peek(compact).and_then(|said| said.kid) {
        Some(kid) => jwk.insert("kid", kid.into()),
        None => drop(jwk.remove("kid")),
    }
    Ok(VerifyingKey::from_jwk(&jwk, &Algorithm::PUBLIC)?)
}

#[cfg(test)]
mod tests;
