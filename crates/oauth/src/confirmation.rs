//! To whom a token is bound: the claim `cnf` (RFC 7800 §3.1) with the members of DPoP (RFC 9449 §6.1) and of mutual
//! TLS (RFC 8705 §3.1).

use crate::jose::{decode, encode};
use crate::json::{Object, Value};
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt;

/// A SHA-256 in base64url: the thumbprint of a key (RFC 7638) or of a certificate (RFC 8705 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The hash itself.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }

    /// Reads its text: 43 characters, of which each value has one; `None` of anything else.
    pub fn parse(text: &str) -> Option<Self> {
        // The length first, so that nothing long is decoded.
        (text.len() == 43).then(|| decode(text))??.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

/// What whoever presents a token has to have besides it. Without any the token is a bearer token; with both, both
/// have to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confirmation {
    /// `jkt`: the key that signs the proofs (RFC 9449 §6.1).
    pub key: Option<Thumbprint>,
    /// `x5t#S256`: the certificate of the connection (RFC 8705 §3.1).
    pub certificate: Option<Thumbprint>,
}

/// A `cnf` that is no object, has a member that cannot be read, or has none that could be checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim `cnf` is malformed, or binds the token in a way that cannot be checked here")]
pub struct InvalidConfirmation;

impl Confirmation {
    /// Whether the token is for whoever bears it.
    pub fn is_bearer(&self) -> bool {
        self.key.is_none() && self.certificate.is_none()
    }

    /// `token_type` (RFC 6749 §7.1): `DPoP` if proofs are needed (RFC 9449 §5), else `Bearer`, also where a
    /// certificate is (RFC 8705 §3).
    pub fn token_type(&self) -> &'static str {
        if self.key.is_some() { "DPoP" } else { "Bearer" }
    }

    /// The claim; `None` of a bearer token.
    pub fn to_object(&self) -> Option<Object> {
        if self.is_bearer() {
            return None;
        }
        let mut o = Object::default();
        if let Some(key) = self.key {
            o.insert("jkt", Value::from(key.to_string()));
        }
        if let Some(certificate) = self.certificate {
            o.insert("x5t#S256", Value::from(certificate.to_string()));
        }
        Some(o)
    }

    /// Reads the claim of `claims`. Members that are not known are left aside (RFC 7800 §3.1), but one that is known
    /// must be there: a token that is bound in another way is no bearer token.
    ///
    /// # Errors
    /// [`InvalidConfirmation`].
    pub fn read(claims: &Object) -> Result<Self, InvalidConfirmation> {
        let Some(cnf) = claims.get("cnf") else { return Ok(Self::default()) };
        let cnf = cnf.as_object().ok_or(InvalidConfirmation)?;
        let member = |name: &str| match cnf.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().and_then(Thumbprint::parse).map(Some).ok_or(InvalidConfirmation),
        };
        let read = Self { key: member("jkt")?, certificate: member("x5t#S256")? };
        if read.is_bearer() { Err(InvalidConfirmation) } else { Ok(read) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::obj;

    #[test]
    fn what_is_written_comes_back_and_a_bearer_token_has_no_claim() {
        assert_eq!(Confirmation::default().to_object(), None);
        assert_eq!(Confirmation::read(&Object::default()), Ok(Confirmation::default()));
        let both = Confirmation { key: Some(Thumbprint::of(b"a")), certificate: Some(Thumbprint::of(b"b")) };
        for cnf in [both, Confirmation { key: None, ..both }, Confirmation { certificate: None, ..both }] {
            let claims = obj([("cnf", Value::Object(cnf.to_object().unwrap()))]);
            assert_eq!(Confirmation::read(&claims), Ok(cnf));
        }
        assert_eq!(both.token_type(), "DPoP");
        assert_eq!(Confirmation { key: None, ..both }.token_type(), "Bearer");
    }

    #[test]
    fn what_cannot_be_checked_is_not_taken_for_a_bearer_token() {
        let thumbprint = Thumbprint::of(b"a").to_string();
        for bad in [
            Value::Null,
            "x".into(),
            Value::Object(Object::default()),
            Value::Object(obj([("kid", "k".into())])),
            Value::Object(obj([("jkt", 7_i64.into())])),
            Value::Object(obj([("jkt", format!("{thumbprint}=").into())])),
            Value::Object(obj([("jkt", thumbprint[1..].into())])),
            Value::Object(obj([("jkt", thumbprint.as_str().into()), ("x5t#S256", "".into())])),
        ] {
            assert_eq!(Confirmation::read(&obj([("cnf", bad.clone())])), Err(InvalidConfirmation), "{bad:?}");
        }
        let beside = obj([("jkt", thumbprint.into()), ("other", "x".into())]);
        assert!(Confirmation::read(&obj([("cnf", Value::Object(beside))])).is_ok());
    }
}
