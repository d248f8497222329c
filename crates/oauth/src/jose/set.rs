//! Sets of keys (RFC 7517 §5).

use super::{Algorithm, KeyError, VerifyingKey, jwk};
use crate::json::{Object, Value, obj};
use std::collections::HashSet;

/// Keys of one issuer, each `kid` once; public keys or shared secrets, never both.
#[derive(Debug, Default)]
pub struct KeySet(Vec<VerifyingKey>);

/// More keys than this no issuer needs.
const MAX_KEYS: usize = 64;

impl KeySet {
    /// These keys.
    ///
    /// # Errors
    /// [`KeyError`] if a `kid` stands twice, shared secrets stand beside public keys, or there are more than
    /// 64 keys.
    pub fn of(keys: Vec<VerifyingKey>) -> Result<Self, KeyError> {
        if keys.len() > MAX_KEYS {
            return Err(KeyError::Set);
        }
        let secrets = keys.iter().filter(|k| k.is_secret()).count();
        if secrets > 0 && secrets < keys.len() {
            return Err(KeyError::Mixed);
        }
        let mut kids = HashSet::new();
        if keys.iter().filter_map(VerifyingKey::kid).all(|kid| kids.insert(kid)) {
            Ok(Self(keys))
        } else {
            Err(KeyError::DuplicateKid)
        }
    }

    /// A client's shared secret, for the HMACs it may sign with. The secret is the key by its bytes.
    ///
    /// # Errors
    /// [`KeyError::Weak`] if it is too short for all of `algorithms` (RFC 7518 §3.2).
    pub fn of_secret(secret: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        Ok(Self(vec![jwk::of_secret(None, secret, algorithms)?]))
    }

    /// Reads a JWK set. Keys that cannot be used here (of other types, for encryption, malformed) are left
    /// out, as RFC 7517 §5 recommends.
    ///
    /// # Errors
    /// [`KeyError`] if it is no set, if a `kid` stands twice (also among keys that are left out), if a
    /// private key is in it, or a shared secret where none is allowed or beside public keys.
    pub fn from_jwks(jwks: &Object, allowed: &[Algorithm]) -> Result<Self, KeyError> {
        let list = jwks.get("keys").and_then(Value::as_array).ok_or(KeyError::Set)?;
        if list.len() > MAX_KEYS {
            return Err(KeyError::Set);
        }
        let members =
            list.iter().map(|k| k.as_object().ok_or(KeyError::Set)).collect::<Result<Vec<_>, _>>()?;
        check_together(&members, allowed)?;
        let mut keys = Vec::new();
        for jwk in members {
            match VerifyingKey::from_jwk(jwk, allowed) {
                Ok(key) => keys.push(key),
                Err(KeyError::Private) => return Err(KeyError::Private),
                Err(_) => {}
            }
        }
        Self::of(keys)
    }

    /// The keys.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key for a header: by its `kid`; without one, the only key that is pinned to `algorithm`.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&VerifyingKey> {
        let pinned = |k: &&VerifyingKey| k.algorithms().any(|a| a == algorithm);
        if kid.is_some() {
            return self.0.iter().find(|k| k.kid() == kid).filter(pinned);
        }
        let mut fitting = self.0.iter().filter(pinned);
        fitting.next().filter(|_| fitting.next().is_none())
    }

    /// The JWK set, for publishing: public keys only.
    pub fn to_jwks(&self) -> Object {
        let public = self.0.iter().filter(|k| !k.is_secret());
        obj([("keys", public.map(VerifyingKey::to_jwk).collect())])
    }
}

/// What must hold for the set as a whole, whether its keys can be used or not.
fn check_together(keys: &[&Object], allowed: &[Algorithm]) -> Result<(), KeyError> {
    let secrets = keys.iter().filter(|k| k.str("kty") == Some("oct")).count();
    if secrets > 0 && secrets < keys.len() {
        return Err(KeyError::Mixed);
    }
    if secrets > 0 && !allowed.iter().any(|a| a.is_secret()) {
        return Err(KeyError::Private);
    }
    let mut kids = HashSet::new();
    if keys.iter().filter_map(|k| k.str("kid")).all(|kid| kids.insert(kid)) {
        Ok(())
    } else {
        Err(KeyError::DuplicateKid)
    }
}
