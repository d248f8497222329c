//! Tokens of other issuers that say who a user is (RFC 8693 §2.1, `subject_token`): whoever trusts the issuer finds the
//! user by them; what may be done for the user they do not say.

use crate::jose::{Audience, Expected, JoseError, KeySet, NO_TYP, decode, verify};
use crate::json::{self, Limits, Object};
use prokura_core::Timestamp;
use std::time::Duration;

/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(10);
/// The longest subject, in bytes (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// What is expected of such a token. All of it was chosen before the token was seen.
#[derive(Debug, Clone, Copy)]
pub struct Trusted<'a> {
    /// The issuer, to the byte.
    pub issuer: &'a str,
    /// The values of `aud` that stand for whoever brings it; one of them must be there.
    pub audiences: &'a [String],
    /// The accepted `typ`s; `JWT` is meant by none too.
    pub types: &'a [String],
    /// The longest life.
    pub max_life: Duration,
}

/// Whom such a token is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectToken {
    /// `sub`, in the issuer's words.
    pub subject: String,
    /// `jti`.
    pub id: Option<String>,
    /// `exp`.
    pub expires_at: Timestamp,
}

/// A token that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectTokenError {
    /// Signature, type, issuer or time does not hold.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// It is for somebody else.
    #[error("it is for another audience")]
    Audience,
    /// It names no subject that can be read.
    #[error("the claim `sub` is missing or malformed")]
    Subject,
    /// It says who acts or may act, which would be forgotten.
    #[error("it says who acts, and who acts there is not known here")]
    Actor,
    /// It is bound to a key.
    #[error("it is bound to a key, which cannot be shown here")]
    Bound,
}

/// Whose a token says it is: its `iss` and `kid`. Nothing of it is verified; it is for choosing what will verify it.
pub fn peek(compact: &str) -> Option<(String, Option<String>)> {
    let mut parts = compact.split('.');
    let mut object = || json::parse(&decode(parts.next()?)?, &Limits::TOKEN).ok()?.into_object();
    let (header, claims) = (object()?, object()?);
    Some((claims.str("iss")?.to_owned(), header.str("kid").map(str::to_owned)))
}

impl SubjectToken {
    /// Verifies one.
    ///
    /// # Errors
    /// [`SubjectTokenError`].
    pub fn verify(
        compact: &str,
        keys: &KeySet,
        trusted: &Trusted<'_>,
        now: Timestamp,
    ) -> Result<Self, SubjectTokenError> {
        let mut types: Vec<&str> = trusted.types.iter().map(String::as_str).collect();
        if types.iter().any(|t| t.eq_ignore_ascii_case("JWT")) {
            types.push(NO_TYP);
        }
        let expected = Expected {
            leeway: LEEWAY,
            max_lifetime: Some(trusted.max_life),
            ..Expected::new(&types, now).issuer(trusted.issuer).audience(Audience::Any)
        };
        let verified = verify(compact, keys, &expected)?;
        Self::read(&verified.claims, trusted.audiences, verified.expires_at)
    }

    fn read(o: &Object, audiences: &[String], expires_at: Timestamp) -> Result<Self, SubjectTokenError> {
        let is_ours = |aud: &str| audiences.iter().any(|a| a == aud);
        let fits = match (o.str("aud"), o.get("aud").and_then(json::Value::as_array)) {
            (Some(one), _) => is_ours(one),
            // Several audiences: each of them must be one of ours, for any other could bring it too.
            (None, Some(all)) => !all.is_empty() && all.iter().all(|a| a.as_str().is_some_and(is_ours)),
            (None, None) => false,
        };
        if !fits {
            return Err(SubjectTokenError::Audience);
        }
        if o.contains_key("act") || o.contains_key("may_act") {
            return Err(SubjectTokenError::Actor);
        }
        if o.contains_key("cnf") {
            return Err(SubjectTokenError::Bound);
        }
        let subject = o.str("sub").filter(|s| (1..=MAX_SUBJECT).contains(&s.len()));
        Ok(Self {
            subject: subject.ok_or(SubjectTokenError::Subject)?.to_owned(),
            id: o.str("jti").map(str::to_owned),
            expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, SigningKey};
    use crate::json::{Value, obj};

    const ISSUER: &str = "https://idp.example";

    fn claims(changes: &[(&str, Value)]) -> Object {
        let mut o = obj([
            ("iss", ISSUER.into()),
            ("aud", "0oa1".into()),
            ("sub", "u1".into()),
            ("iat", 1000.into()),
            ("exp", 1300.into()),
        ]);
        for (name, value) in changes {
            o.remove(name);
            if !value.is_null() {
                o.insert(*name, value.clone());
            }
        }
        o
    }

    #[test]
    fn only_what_is_for_us_from_whom_we_trust_and_says_no_actor_is_taken() {
        let (key, other) = (SigningKey::generate(Algorithm::Es256), SigningKey::generate(Algorithm::Es256));
        let (key, other) = (key.unwrap(), other.unwrap());
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let (ours, types) = (["0oa1".to_owned(), "0oa2".to_owned()], ["JWT".to_owned()]);
        let trusted =
            Trusted { issuer: ISSUER, audiences: &ours, types: &types, max_life: Duration::from_secs(3600) };
        let read = |jwt: &str, at| SubjectToken::verify(jwt, &keys, &trusted, Timestamp::from_seconds(at));
        let signed = |changes: &[(&str, Value)]| key.sign("JWT", &claims(changes)).unwrap();
        let good = read(&signed(&[]), 1100).unwrap();
        assert_eq!((good.subject.as_str(), good.expires_at), ("u1", Timestamp::from_seconds(1300)));
        let list = |all: &[&str]| Value::Array(all.iter().map(|a| Value::from(*a)).collect());
        assert!(read(&signed(&[("aud", list(&["0oa2", "0oa1"]))]), 1100).is_ok());
        let bad = [
            signed(&[("aud", "0oa3".into())]),
            signed(&[("aud", list(&["0oa1", "0oa3"]))]),
            signed(&[("aud", list(&[]))]),
            signed(&[("aud", Value::Null)]),
            signed(&[("iss", "https://idp.example/".into())]),
            signed(&[("sub", Value::Null)]),
            signed(&[("act", obj([("sub", "x".into())]).into())]),
            signed(&[("act", "x".into())]),
            signed(&[("may_act", list(&["x"]))]),
            signed(&[("cnf", obj([("jkt", "x".into())]).into())]),
            signed(&[("exp", 9000.into())]),
            key.sign("at+jwt", &claims(&[])).unwrap(),
            other.sign("JWT", &claims(&[])).unwrap(),
        ];
        for jwt in &bad {
            assert!(read(jwt, 1100).is_err(), "{jwt}");
        }
        assert!(read(&signed(&[]), 1310).is_err());
        assert_eq!(peek(&signed(&[])).unwrap().0, ISSUER);
        assert_eq!(peek("x"), None);
    }
}
