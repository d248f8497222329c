//! Keys that sign.

use super::encoding::encode_into;
use super::{Algorithm, JoseError, KeyError, VerifyingKey, jwk};
use crate::json::{Object, obj};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use std::fmt;
use zeroize::Zeroizing;

/// A private key that signs tokens: ES256, EdDSA or RS256.
pub struct SigningKey {
    pair: Pair,
    kid: String,
    public: VerifyingKey,
    algorithm: Algorithm,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    /// A new key; RSA keys have 2,048 bits. Its `kid` is its thumbprint (RFC 7638). The randomness is that of
    /// aws-lc-rs.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`] if nothing is signed with `algorithm` here, [`KeyError::Unusable`] if no key
    /// could be made.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let unusable = |_| KeyError::Unusable;
        let pair = match algorithm {
            Algorithm::Es256 => {
                Pair::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(unusable)?)
            }
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().map_err(unusable)?),
            Algorithm::Rs256 => Pair::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).map_err(unusable)?),
            _ => return Err(KeyError::Algorithm),
        };
        Self::of(algorithm, None, pair)
    }

    /// Reads a private key in PKCS#8.
    ///
    /// # Errors
    /// [`KeyError`] if it is not such a key, does not fit `algorithm`, or is an RSA key under 2,048 bits.
    pub fn from_pkcs8(algorithm: Algorithm, kid: &str, der: &[u8]) -> Result<Self, KeyError> {
        let unusable = |_| KeyError::Unusable;
        let pair = match algorithm {
            Algorithm::Es256 => Pair::Es256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(unusable)?,
            ),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(der).map_err(unusable)?),
            Algorithm::Rs256 => Pair::Rs256(RsaKeyPair::from_pkcs8(der).map_err(unusable)?),
            _ => return Err(KeyError::Algorithm),
        };
        Self::of(algorithm, Some(kid), pair)
    }

    fn of(algorithm: Algorithm, kid: Option<&str>, pair: Pair) -> Result<Self, KeyError> {
        let members = pair.members(algorithm).ok_or(KeyError::Unusable)?;
        // What could not be verified is not signed with: the public half passes the checks of foreign keys.
        let mut public = jwk::of_members(None, members, &[algorithm])?;
        let kid = kid.or(public.thumbprint()).ok_or(KeyError::Unusable)?.to_owned();
        public.kid = Some(kid.clone());
        Ok(Self { pair, kid, public, algorithm })
    }

    /// The private key in PKCS#8, to be stored sealed.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] if it cannot be written.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let unusable = |_| KeyError::Unusable;
        let der = match &self.pair {
            Pair::Es256(pair) => pair.to_pkcs8v1().map_err(unusable)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8().map_err(unusable)?.as_ref().to_vec(),
            Pair::Rs256(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map_err(unusable)?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    /// Its `kid`.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that verifies what it signs.
    pub fn public(&self) -> VerifyingKey {
        self.public.clone()
    }

    /// Signs `claims` as a compact JWS with the header `typ`, `alg` and `kid`.
    ///
    /// # Errors
    /// [`JoseError::Signing`] if the library fails.
    pub fn sign(&self, typ: &str, claims: &Object) -> Result<String, JoseError> {
        let header = obj([
            ("typ", typ.into()),
            ("alg", self.algorithm.as_str().into()),
            ("kid", self.kid.as_str().into()),
        ]);
        self.compact(&header, claims)
    }

    /// Signs `claims` as a compact JWS with the header `typ`, `alg` and the public key itself as `jwk`: a proof of
    /// possession, which says nothing about who holds the key (RFC 9449 §4.2).
    ///
    /// # Errors
    /// [`JoseError::Signing`] if the library fails.
    pub fn sign_with_jwk(&self, typ: &str, claims: &Object) -> Result<String, JoseError> {
        let header = obj([
            ("typ", typ.into()),
            ("alg", self.algorithm.as_str().into()),
            ("jwk", self.public.members.clone().into()),
        ]);
        self.compact(&header, claims)
    }

    fn compact(&self, header: &Object, claims: &Object) -> Result<String, JoseError> {
        let mut compact = String::with_capacity(1024);
        encode_into(&header.to_vec(), &mut compact);
        compact.push('.');
        encode_into(&claims.to_vec(), &mut compact);
        let signed = compact.len();
        compact.push('.');
        self.pair.sign(signed, &mut compact).ok_or(JoseError::Signing)?;
        Ok(compact)
    }
}

impl Pair {
    fn members(&self, algorithm: Algorithm) -> Option<Object> {
        match self {
            Self::Es256(pair) => jwk::curve_members(algorithm, pair.public_key().as_ref()),
            Self::Ed25519(pair) => jwk::curve_members(algorithm, pair.public_key().as_ref()),
            Self::Rs256(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                Some(jwk::rsa_members(
                    n.big_endian_without_leading_zero(),
                    e.big_endian_without_leading_zero(),
                ))
            }
        }
    }

    /// Appends the signature over the first `signed` bytes of `compact`.
    fn sign(&self, signed: usize, compact: &mut String) -> Option<()> {
        let message = &compact.as_bytes()[..signed];
        match self {
            Self::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).ok()?;
                encode_into(signature.as_ref(), compact);
            }
            Self::Ed25519(pair) => {
                let signature = pair.try_sign(message).ok()?;
                encode_into(signature.as_ref(), compact);
            }
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
                encode_into(&signature, compact);
            }
        }
        Some(())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
