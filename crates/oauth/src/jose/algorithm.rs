//! Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1).

use aws_lc_rs::hmac;
use aws_lc_rs::signature as sig;
use std::fmt;

/// A signature algorithm. `none` is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// ECDSA with P-521 and SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// HMAC with SHA-256: only with a shared secret, and only where it is asked for by name.
    Hs256,
    /// HMAC with SHA-384: as [`Self::Hs256`].
    Hs384,
    /// HMAC with SHA-512: as [`Self::Hs256`].
    Hs512,
}

use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};

impl Algorithm {
    /// Every algorithm that verifies with a public key: what is allowed where nothing narrower is known.
    pub const PUBLIC: [Self; 10] = [Es256, Es384, Es512, EdDsa, Rs256, Rs384, Rs512, Ps256, Ps384, Ps512];
    /// The algorithms with a shared secret.
    pub const SECRET: [Self; 3] = [Hs256, Hs384, Hs512];

    /// Its name in headers and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Es256 => "ES256",
            Es384 => "ES384",
            Es512 => "ES512",
            EdDsa => "EdDSA",
            Rs256 => "RS256",
            Rs384 => "RS384",
            Rs512 => "RS512",
            Ps256 => "PS256",
            Ps384 => "PS384",
            Ps512 => "PS512",
            Hs256 => "HS256",
            Hs384 => "HS384",
            Hs512 => "HS512",
        }
    }

    /// The algorithm of that name, byte for byte. `Ed25519` (RFC 9864) is read as `EdDSA`, of which this
    /// module knows no other curve.
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = Self::PUBLIC.into_iter().chain(Self::SECRET);
        all.find(|a| a.as_str() == name).or((name == "Ed25519").then_some(EdDsa))
    }

    /// Whether it works with a shared secret.
    pub fn is_secret(self) -> bool {
        Self::SECRET.contains(&self)
    }

    /// The `kty` of its keys.
    pub(super) fn key_type(self) -> &'static str {
        match self {
            Es256 | Es384 | Es512 => "EC",
            EdDsa => "OKP",
            Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512 => "RSA",
            Hs256 | Hs384 | Hs512 => "oct",
        }
    }

    /// The curve of its keys and the length of a coordinate in bytes.
    pub(super) fn curve(self) -> Option<(&'static str, usize)> {
        match self {
            Es256 => Some(("P-256", 32)),
            Es384 => Some(("P-384", 48)),
            Es512 => Some(("P-521", 66)),
            EdDsa => Some(("Ed25519", 32)),
            _ => None,
        }
    }

    /// How a signature by a key on a curve is verified.
    pub(super) fn on_curve(self) -> Option<&'static dyn sig::VerificationAlgorithm> {
        match self {
            Es256 => Some(&sig::ECDSA_P256_SHA256_FIXED),
            Es384 => Some(&sig::ECDSA_P384_SHA384_FIXED),
            Es512 => Some(&sig::ECDSA_P521_SHA512_FIXED),
            EdDsa => Some(&sig::ED25519),
            _ => None,
        }
    }

    /// How a signature by an RSA key is verified.
    pub(super) fn rsa(self) -> Option<&'static sig::RsaParameters> {
        match self {
            Rs256 => Some(&sig::RSA_PKCS1_2048_8192_SHA256),
            Rs384 => Some(&sig::RSA_PKCS1_2048_8192_SHA384),
            Rs512 => Some(&sig::RSA_PKCS1_2048_8192_SHA512),
            Ps256 => Some(&sig::RSA_PSS_2048_8192_SHA256),
            Ps384 => Some(&sig::RSA_PSS_2048_8192_SHA384),
            Ps512 => Some(&sig::RSA_PSS_2048_8192_SHA512),
            _ => None,
        }
    }

    /// How a tag is verified, and how long a secret must be at least (RFC 7518 §3.2).
    pub(super) fn mac(self) -> Option<(hmac::Algorithm, usize)> {
        match self {
            Hs256 => Some((hmac::HMAC_SHA256, 32)),
            Hs384 => Some((hmac::HMAC_SHA384, 48)),
            Hs512 => Some((hmac::HMAC_SHA512, 64)),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
