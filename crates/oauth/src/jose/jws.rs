//! Compact JWS (RFC 7515 §7.1): form, header, key and signature.

use super::encoding::decode;
use super::{Algorithm, KeyError, KeySet, VerifyingKey};
use crate::dpop::ProofError;
use crate::json::{self, JsonError, Limits, Object, Value};

/// A token that is not accepted. Which of these it was is for the log; whoever presented it learns only that
/// it is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// Not three parts in strict base64url, or too long.
    #[error("not a compact signed token")]
    Malformed,
    /// Header or claims are not JSON as it is read here.
    #[error("header or claims cannot be read: {0}")]
    Json(#[from] JsonError),
    /// A header parameter that is never accepted: `crit`, `b64`, or one that brings a key along.
    #[error("the header parameter `{0}` is not accepted")]
    Header(&'static str),
    /// The algorithm is unknown or not allowed.
    #[error("the algorithm is not accepted")]
    Algorithm,
    /// No key of that `kid` is pinned to that algorithm.
    #[error("no key fits the token")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// `typ` is none of those expected.
    #[error("the token is of another type")]
    Type,
    /// A claim is missing or has another type than its own.
    #[error("the claim `{0}` is missing or mistyped")]
    Claim(&'static str),
    /// From another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// For another audience.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come, or it was issued in the future.
    #[error("the token is not valid yet")]
    NotYet,
    /// It lives longer than is accepted.
    #[error("the token lives longer than is accepted")]
    TooLong,
    /// The library could not sign.
    #[error("signing failed")]
    Signing,
}

/// A compact JWS whose signature was verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Jws {
    /// The protected header.
    pub header: Object,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
}

/// Longer tokens are not looked at.
const MAX_COMPACT: usize = 32 << 10;
/// Parameters that extend processing (RFC 7515 §4.1.11: none are understood; RFC 7797) or bring a key along
/// (RFC 7515 §4.1.2, §4.1.3, §4.1.5, §4.1.6): a key that comes with a token proves nothing.
const REFUSED: [&str; 6] = ["crit", "b64", "jku", "jwk", "x5u", "x5c"];

/// Verifies the signature of a compact JWS by a key of `keys`, with an algorithm that is in `algorithms` and
/// that this key is pinned to. Says nothing about type or claims: see [`super::verify`].
///
/// # Errors
/// [`JoseError`] up to [`JoseError::Signature`].
pub fn verify_jws(compact: &str, keys: &KeySet, algorithms: &[Algorithm]) -> Result<Jws, JoseError> {
    verify_jws_up_to(MAX_COMPACT, compact, keys, algorithms)
}

/// As [`verify_jws`], for documents that may be longer than tokens: at most `most` bytes.
///
/// # Errors
/// [`JoseError`] up to [`JoseError::Signature`].
pub(crate) fn verify_jws_up_to(
    most: usize,
    compact: &str,
    keys: &KeySet,
    algorithms: &[Algorithm],
) -> Result<Jws, JoseError> {
    let parts = Parts::read(compact, most, &REFUSED)?;
    let (algorithm, kid) = parts.algorithm_and_kid()?;
    if !algorithms.contains(&algorithm) {
        return Err(JoseError::Algorithm);
    }
    let key = keys.find(kid, algorithm).ok_or(JoseError::UnknownKey)?;
    parts.verified(key, algorithm)
}

/// Verifies a compact JWS of exactly this `typ` by the key in its own header, which proves that its maker has that
/// key, and nothing else: for proofs of possession (RFC 9449 §4.3), never for tokens.
///
/// # Errors
/// [`ProofError::Jose`], and [`ProofError::Key`] if the key is not public or cannot be used.
pub(crate) fn verify_jws_by_its_own_key(
    compact: &str,
    typ: &str,
    algorithms: &[Algorithm],
) -> Result<(Jws, VerifyingKey), ProofError> {
    let refused: Vec<_> = REFUSED.into_iter().filter(|name| *name != "jwk").collect();
    let parts = Parts::read(compact, MAX_COMPACT, &refused)?;
    if !parts.header.str("typ").is_some_and(|t| t.eq_ignore_ascii_case(typ)) {
        return Err(JoseError::Type.into());
    }
    let (algorithm, _) = parts.algorithm_and_kid()?;
    if !algorithms.contains(&algorithm) {
        return Err(JoseError::Algorithm.into());
    }
    let jwk = parts.header.get("jwk").and_then(Value::as_object).ok_or(KeyError::Member("jwk"))?;
    let key = VerifyingKey::from_jwk(jwk, &[algorithm])?;
    Ok((parts.verified(&key, algorithm)?, key))
}

/// A compact JWS, taken apart.
struct Parts<'a> {
    signed: &'a str,
    header: Object,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn read(compact: &'a str, most: usize, refused: &[&'static str]) -> Result<Self, JoseError> {
        if compact.len() > most {
            return Err(JoseError::Malformed);
        }
        let (signed, signature) = compact.rsplit_once('.').ok_or(JoseError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JoseError::Malformed)?;
        let part = |text| decode(text).ok_or(JoseError::Malformed);
        // A fourth part leaves a dot in the payload, which is not base64url.
        let (header, payload, signature) = (part(header)?, part(payload)?, part(signature)?);
        let header = read_object(&header)?;
        match refused.iter().find(|name| header.contains_key(name)) {
            Some(name) => Err(JoseError::Header(name)),
            None => Ok(Self { signed, header, payload, signature }),
        }
    }

    fn algorithm_and_kid(&self) -> Result<(Algorithm, Option<&str>), JoseError> {
        let algorithm = self.header.str("alg").and_then(Algorithm::parse).ok_or(JoseError::Algorithm)?;
        match self.header.get("kid") {
            None => Ok((algorithm, None)),
            Some(Value::String(kid)) => Ok((algorithm, Some(kid))),
            Some(_) => Err(JoseError::Header("kid")),
        }
    }

    fn verified(self, key: &VerifyingKey, algorithm: Algorithm) -> Result<Jws, JoseError> {
        if !key.verifies(algorithm, self.signed.as_bytes(), &self.signature) {
            return Err(JoseError::Signature);
        }
        Ok(Jws { header: self.header, payload: self.payload })
    }
}

/// Reads the JSON object of a header or of claims.
pub(super) fn read_object(bytes: &[u8]) -> Result<Object, JoseError> {
    json::parse(bytes, &Limits::TOKEN)?.into_object().ok_or(JoseError::Malformed)
}
