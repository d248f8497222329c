//! A token of an issuer that is configured: verified first, then read.
//!
//! What every platform has in common: the algorithm is one that the issuer signs with and the key is pinned to, the
//! issuer is that to the byte, whom the token is for, its time, and how long it lives.

use crate::error::Refused;
use aws_lc_rs::digest::{SHA256, digest};
use prokura_core::Timestamp;
use prokura_oauth::confirmation::{Confirmation, Thumbprint};
use prokura_oauth::jose::{self, Algorithm, Audience, Claims, Expected, JoseError, KeySet, NO_TYP, peek};
use prokura_oauth::json::{Object, Value};
use std::time::Duration;

/// Where evidence is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// As an authorization grant (RFC 7523 §2.1).
    Grant,
    /// As a client's authentication (RFC 7523 §2.2): for this server, and for nobody else (RFC 10070).
    ClientAuthentication,
}

/// The `typ`s of platforms' tokens; RFC 10070's besides where a client shows who it is.
const TYPES: [&str; 2] = ["JWT", NO_TYP];
/// Those of JWT-SVIDs (JWT-SVID §2.3).
const SVID_TYPES: [&str; 3] = ["JWT", "JOSE", NO_TYP];
const CLIENT_TYPES: [&str; 3] = ["JWT", NO_TYP, "client-authentication+jwt"];

/// What the tokens of an issuer have to be.
#[derive(Debug)]
pub(crate) struct TokenRules {
    /// The issuer, to the byte; `None` of a platform whose tokens need not name one.
    pub(crate) issuer: Option<String>,
    /// Whether they are JWT-SVIDs, whose standard leaves `kid` and `iat` open and has another `typ`.
    pub(crate) is_svid: bool,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) leeway: Duration,
    pub(crate) max_life: Duration,
}

/// A token that was verified.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) claims: Object,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) id: Option<String>,
    pub(crate) digest: [u8; 32],
    pub(crate) key: Option<Thumbprint>,
}

impl TokenRules {
    /// Verifies a token: by a key of this issuer, for one of `audiences`, in time.
    pub(crate) fn verify(
        &self,
        jwt: &str,
        keys: &KeySet,
        door: Door,
        audiences: &Audiences,
        now: Timestamp,
    ) -> Result<Token, Refused> {
        let types: &[&str] = match door {
            _ if self.is_svid => &SVID_TYPES,
            Door::Grant => &TYPES,
            Door::ClientAuthentication => &CLIENT_TYPES,
        };
        let expected = Expected {
            issuer: self.issuer.as_deref(),
            leeway: self.leeway,
            ..Expected::new(types, now).audience(Audience::Any).algorithms(&self.algorithms)
        };
        let verified = if self.is_svid {
            verify_svid(jwt, keys, &expected)
        } else {
            jose::verify(jwt, keys, &expected)
        }?;
        audiences.check(&verified.claims, door)?;
        let issued_at = match verified.issued_at {
            // From now on it lives no longer than it may in all.
            None if self.is_svid => now,
            said => said.ok_or_else(|| missing("iat", "the time at which it was made"))?,
        };
        let life = verified.expires_at.since(issued_at);
        if life > self.max_life {
            return Err(Refused::TooLong { expected: self.max_life, received: life });
        }
        Ok(Token {
            issued_at,
            expires_at: verified.expires_at,
            id: verified.claims.str("jti").map(str::to_owned),
            digest: fingerprint(jwt),
            key: bound_to(&verified.claims)?,
            claims: verified.claims,
        })
    }
}

/// Of a JWT-SVID without a `kid` (JWT-SVID §2.2) any key of the trust domain may be the one.
fn verify_svid(jwt: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims, JoseError> {
    let named = peek(jwt).is_some_and(|claimed| claimed.kid.is_some());
    if named || keys.len() < 2 {
        return jose::verify(jwt, keys, expected);
    }
    let mut last = Err(JoseError::UnknownKey);
    for key in keys.iter() {
        let Ok(alone) = KeySet::of(vec![key.clone()]) else { continue };
        last = jose::verify(jwt, &alone, expected);
        if !matches!(last, Err(JoseError::Signature | JoseError::UnknownKey)) {
            break;
        }
    }
    last
}

pub(crate) fn missing(claim: &str, expected: &str) -> Refused {
    Refused::Claim { claim: claim.to_owned(), expected: expected.to_owned(), received: None }
}

/// The SHA-256 of what was signed. The signature is left out: of some algorithms anybody can make a second one that
/// verifies too, and a repetition would not be known by it.
fn fingerprint(jwt: &str) -> [u8; 32] {
    let signed = jwt.rsplit_once('.').map_or(jwt, |(signed, _)| signed);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, signed.as_bytes()).as_ref());
    hash
}

/// The key that a token is bound to. One that is bound otherwise is refused, for nobody here could see that it holds.
fn bound_to(claims: &Object) -> Result<Option<Thumbprint>, Refused> {
    let bound = Confirmation::read(claims).map_err(|_| Refused::Confirmation)?;
    if bound.certificate.is_some() { Err(Refused::Confirmation) } else { Ok(bound.key) }
}

/// Whom tokens may be for.
#[derive(Debug)]
pub(crate) struct Audiences {
    /// As client authentication and as a grant.
    pub(crate) always: Vec<String>,
    /// As a grant only.
    pub(crate) grant: Vec<String>,
    /// Whether a grant may name others besides.
    pub(crate) several: bool,
}

impl Audiences {
    fn check(&self, claims: &Object, door: Door) -> Result<(), Refused> {
        let named: Vec<String> = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => {
                several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let grant: &[String] = if door == Door::Grant { &self.grant } else { &[] };
        let accepted = |aud: &String| self.always.contains(aud) || grant.contains(aud);
        let fits = match named.as_slice() {
            [one] => accepted(one),
            several => door == Door::Grant && self.several && several.iter().any(accepted),
        };
        if fits {
            return Ok(());
        }
        let expected = self.always.iter().chain(grant).cloned().collect();
        Err(Refused::Audience { expected, received: named })
    }
}
