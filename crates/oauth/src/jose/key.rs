//! Keys that verify.

use super::Algorithm;
use super::jwk;
use crate::confirmation::Thumbprint;
use crate::json::Object;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::ParsedPublicKey;
use std::fmt;
use std::sync::Arc;

/// A key that verifies signatures, with the algorithms that it is pinned to.
#[derive(Clone)]
pub struct VerifyingKey {
    pub(super) kid: Option<String>,
    pub(super) usable: Arc<[(Algorithm, Material)]>,
    pub(super) members: Object,
    pub(super) thumbprint: Option<String>,
    pub(super) certificate: Option<Thumbprint>,
}

/// What a signature is checked with.
pub(super) enum Material {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

/// A key that is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A member is missing, mistyped, or not encoded as RFC 7518 §6 says.
    #[error("the key's member `{0}` is missing or malformed")]
    Member(&'static str),
    /// Its type, curve or algorithm is unknown, does not fit, or is not allowed here.
    #[error("the key's type, curve or algorithm is not used here")]
    Algorithm,
    /// `use` or `key_ops` keep it from verifying signatures (RFC 7517 §4.2, §4.3).
    #[error("the key is not meant to verify signatures")]
    Usage,
    /// Too short, a known weak key, or no point of its curve (RFC 7518 §3.2, §3.3; RFC 8725 §3.5).
    #[error("the key is weak or invalid")]
    Weak,
    /// It has private members where only public ones belong.
    #[error("a public key must not come with its private half")]
    Private,
    /// Two keys of a set have the same `kid`.
    #[error("two keys have the same `kid`")]
    DuplicateKid,
    /// A set has shared secrets beside public keys.
    #[error("shared secrets and public keys do not belong in one set")]
    Mixed,
    /// Not a set of keys (RFC 7517 §5), or more keys than are read.
    #[error("not a set of at most 64 keys")]
    Set,
    /// A private key that cannot be read, made or written.
    #[error("the private key cannot be used")]
    Unusable,
}

impl VerifyingKey {
    /// Reads a JWK (RFC 7517 §4). If it names its algorithm, it is pinned to it; else to those of `allowed`
    /// that fit its type and curve. A shared secret (`oct`) is read only if `allowed` names an HMAC.
    ///
    /// # Errors
    /// [`KeyError`] if it cannot be used, or has private members.
    pub fn from_jwk(members: &Object, allowed: &[Algorithm]) -> Result<Self, KeyError> {
        jwk::read(members, allowed)
    }

    /// Its `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms that it is pinned to; one, unless it is an RSA key that does not say. Never empty.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.usable.iter().map(|(algorithm, _)| *algorithm)
    }

    /// Whether it is a shared secret.
    pub fn is_secret(&self) -> bool {
        self.algorithms().any(Algorithm::is_secret)
    }

    /// The JWK: only public members, `kid`, `use` and, if it is pinned to one, `alg`.
    pub fn to_jwk(&self) -> Object {
        let mut jwk = self.members.clone();
        if let Some(kid) = self.kid() {
            jwk.insert("kid", kid.into());
        }
        jwk.insert("use", "sig".into());
        if let [(algorithm, _)] = &*self.usable {
            jwk.insert("alg", algorithm.as_str().into());
        }
        jwk
    }

    /// The SHA-256 thumbprint (RFC 7638); a shared secret has none, for it would help to guess it.
    pub fn thumbprint(&self) -> Option<&str> {
        self.thumbprint.as_deref()
    }

    /// The SHA-256 of its certificate, by `x5c` or `x5t#S256` (RFC 7517 §4.7, §4.9): for clients that show it on their
    /// connection (RFC 8705 §2.2). It says nothing about whose key this is.
    pub fn certificate(&self) -> Option<Thumbprint> {
        self.certificate
    }

    /// Whether `signature` is this key's over `message`. False too if it is not pinned to `algorithm`.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self.usable.iter().find(|(a, _)| *a == algorithm) {
            Some((_, Material::Public(key))) => key.verify_sig(message, signature).is_ok(),
            Some((_, Material::Secret(key))) => hmac::verify(key, message, signature).is_ok(),
            None => false,
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithms", &self.algorithms().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
