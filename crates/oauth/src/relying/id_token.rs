//! ID tokens of others (OpenID Connect Core 1.0 §2, §3.1.3.7).

use crate::jose::{Algorithm, Audience, Expected, JoseError, KeySet, NO_TYP, encode, verify};
use crate::json::{Object, Value};
use crate::secret::constant_time_eq;
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use prokura_core::Timestamp;
use std::time::Duration;

/// The `typ`s of an ID token: an access token (`at+jwt`) or a logout token is none.
const TYPES: [&str; 2] = ["JWT", NO_TYP];
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// The longest accepted life.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// `sub` has at most so many characters (§2).
const MAX_SUBJECT: usize = 255;

/// What an ID token must be. Everything here was chosen before the token was seen.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedIdToken<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// Our client id there.
    pub client: &'a str,
    /// The one algorithm that was agreed on.
    pub algorithm: Algorithm,
    /// What was sent along with the browser.
    pub nonce: &'a str,
    /// The access token that came with it, for `at_hash`.
    pub access_token: Option<&'a str>,
    /// The time now.
    pub now: Timestamp,
}

/// An ID token that is what was expected.
#[derive(Debug, Clone, PartialEq)]
pub struct IdToken {
    /// Whom it is about (`sub`).
    pub subject: String,
    /// When the person last proved who they are, if it says so.
    pub auth_time: Option<Timestamp>,
    /// How surely (`acr`), in the provider's words.
    pub acr: Option<String>,
    /// How (`amr`, RFC 8176).
    pub amr: Vec<String>,
    /// All claims.
    pub claims: Object,
}

/// An ID token that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Signature, type, issuer, audience or time does not hold.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// Several audiences and no `azp`, or an `azp` that is another client (§3.1.3.7, 4 and 5).
    #[error("the token was issued to another client (`azp`)")]
    AuthorizedParty,
    /// Not the nonce of this sign-in: the token is of another one (§15.5.2).
    #[error("the token belongs to another sign-in (`nonce`)")]
    Nonce,
    /// It belongs to another access token (§3.1.3.6).
    #[error("the token belongs to another access token (`at_hash`)")]
    AccessToken,
    /// A claim is missing or has another type than its own.
    #[error("the claim `{0}` is missing or mistyped")]
    Claim(&'static str),
}

/// Verifies an ID token from the token endpoint.
///
/// # Errors
/// [`IdTokenError`]; the first thing that is not as expected.
pub fn verify_id_token(
    jwt: &str,
    keys: &KeySet,
    expected: &ExpectedIdToken<'_>,
) -> Result<IdToken, IdTokenError> {
    let algorithms = [expected.algorithm];
    let jose = Expected {
        leeway: LEEWAY,
        max_lifetime: Some(MAX_LIFETIME),
        ..Expected::new(&TYPES, expected.now)
            .issuer(expected.issuer)
            .audience(Audience::Contains(expected.client))
            .algorithms(&algorithms)
    };
    let verified = verify(jwt, keys, &jose)?;
    let claims = verified.claims;
    verified.issued_at.ok_or(IdTokenError::Claim("iat"))?;
    check_party(&claims, expected.client)?;
    let nonce = claims.str("nonce").ok_or(IdTokenError::Nonce)?;
    if !constant_time_eq(nonce.as_bytes(), expected.nonce.as_bytes()) {
        return Err(IdTokenError::Nonce);
    }
    check_hash(&claims, expected)?;
    let subject = claims.str("sub").filter(|s| is_subject(s)).ok_or(IdTokenError::Claim("sub"))?.to_owned();
    Ok(IdToken { subject, auth_time: auth_time(&claims)?, acr: acr(&claims)?, amr: amr(&claims)?, claims })
}

/// A `sub` as §2 has it.
fn is_subject(sub: &str) -> bool {
    (1..=MAX_SUBJECT).contains(&sub.len()) && sub.is_ascii() && !sub.bytes().any(|b| b.is_ascii_control())
}

fn check_party(claims: &Object, client: &str) -> Result<(), IdTokenError> {
    let several = claims.get("aud").and_then(Value::as_array).is_some_and(|a| a.len() > 1);
    match claims.get("azp") {
        None if !several => Ok(()),
        Some(Value::String(azp)) if azp == client => Ok(()),
        _ => Err(IdTokenError::AuthorizedParty),
    }
}

fn check_hash(claims: &Object, expected: &ExpectedIdToken<'_>) -> Result<(), IdTokenError> {
    let Some(hash) = claims.get("at_hash") else { return Ok(()) };
    let said = hash.as_str().ok_or(IdTokenError::Claim("at_hash"))?;
    let token = expected.access_token.ok_or(IdTokenError::AccessToken)?;
    let function = match expected.algorithm {
        Algorithm::Es384 | Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Hs384 => &SHA384,
        Algorithm::Es512 | Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Hs512 | Algorithm::EdDsa => {
            &SHA512
        }
        Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Hs256 => &SHA256,
    };
    let whole = digest(function, token.as_bytes());
    let half = encode(&whole.as_ref()[..whole.as_ref().len() / 2]);
    if constant_time_eq(half.as_bytes(), said.as_bytes()) { Ok(()) } else { Err(IdTokenError::AccessToken) }
}

fn auth_time(claims: &Object) -> Result<Option<Timestamp>, IdTokenError> {
    let Some(value) = claims.get("auth_time") else { return Ok(None) };
    let seconds = value.as_i64().filter(|s| (0..=253_402_300_799).contains(s));
    seconds.map(|s| Some(Timestamp::from_seconds(s))).ok_or(IdTokenError::Claim("auth_time"))
}

fn acr(claims: &Object) -> Result<Option<String>, IdTokenError> {
    let Some(value) = claims.get("acr") else { return Ok(None) };
    value.as_str().map(|acr| Some(acr.to_owned())).ok_or(IdTokenError::Claim("acr"))
}

fn amr(claims: &Object) -> Result<Vec<String>, IdTokenError> {
    let Some(value) = claims.get("amr") else { return Ok(vec![]) };
    let list = value.as_array().ok_or(IdTokenError::Claim("amr"))?;
    list.iter().map(|m| m.as_str().map(str::to_owned).ok_or(IdTokenError::Claim("amr"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::SigningKey;
    use crate::json::obj;

    const ISSUER: &str = "https://idp.example";

    fn claims() -> Object {
        obj([
            ("iss", ISSUER.into()),
            ("sub", "alice".into()),
            ("aud", "prokura".into()),
            ("nonce", "n-1".into()),
            ("iat", 1000_i64.into()),
            ("exp", 1060_i64.into()),
            ("auth_time", 990_i64.into()),
            ("acr", "gold".into()),
            ("amr", ["pwd", "otp"].into_iter().collect()),
        ])
    }

    fn with(changes: &[(&str, Option<Value>)]) -> Object {
        let mut o = claims();
        for (name, value) in changes {
            o.remove(name);
            if let Some(value) = value {
                o.insert(*name, value.clone());
            }
        }
        o
    }

    fn check(typ: &str, claims: &Object) -> Result<IdToken, IdTokenError> {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let expected = ExpectedIdToken {
            issuer: ISSUER,
            client: "prokura",
            algorithm: Algorithm::Es256,
            nonce: "n-1",
            access_token: Some("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            now: Timestamp::from_seconds(1010),
        };
        verify_id_token(&key.sign(typ, claims).unwrap(), &keys, &expected)
    }

    #[test]
    fn what_it_says_of_a_person_is_read() {
        let token = check("JWT", &claims()).unwrap();
        assert_eq!((token.subject.as_str(), token.acr.as_deref()), ("alice", Some("gold")));
        assert_eq!(
            (token.amr, token.auth_time),
            (vec!["pwd".into(), "otp".into()], Some(Timestamp::from_seconds(990)))
        );
    }

    #[test]
    fn c22_a_token_of_another_class_is_no_id_token() {
        for typ in ["at+jwt", "logout+jwt", "client-authentication+jwt"] {
            assert_eq!(check(typ, &claims()), Err(IdTokenError::Jose(JoseError::Type)), "{typ}");
        }
    }

    #[test]
    fn c20_a_token_for_another_client_is_refused() {
        let list = |all: &[&str]| Some(all.iter().copied().collect::<Value>());
        assert!(check("JWT", &with(&[("aud", list(&["prokura"]))])).is_ok());
        assert!(
            check("JWT", &with(&[("aud", list(&["prokura", "x"])), ("azp", Some("prokura".into()))])).is_ok()
        );
        for odd in [
            with(&[("aud", Some("other".into()))]),
            with(&[("aud", None)]),
            with(&[("aud", list(&["prokura", "x"]))]),
            with(&[("azp", Some("other".into()))]),
            with(&[("azp", Some(7_i64.into()))]),
            with(&[("iss", Some("https://idp.example/".into()))]),
        ] {
            assert!(check("JWT", &odd).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a17_a_token_of_another_sign_in_is_refused() {
        for nonce in [None, Some("n-2".into()), Some("".into()), Some(1_i64.into())] {
            assert_eq!(check("JWT", &with(&[("nonce", nonce)])), Err(IdTokenError::Nonce));
        }
    }

    #[test]
    fn the_example_of_core_appendix_a_hashes_as_it_says() {
        let right = with(&[("at_hash", Some("77QmUPtjPfzWtF2AnpK9RQ".into()))]);
        assert!(check("JWT", &right).is_ok());
        let wrong = with(&[("at_hash", Some("77QmUPtjPfzWtF2AnpK9RR".into()))]);
        assert_eq!(check("JWT", &wrong), Err(IdTokenError::AccessToken));
    }

    #[test]
    fn what_is_old_or_mistyped_is_refused() {
        for (name, value) in [
            ("exp", Some(900_i64.into())),
            ("exp", None),
            ("iat", None),
            ("iat", Some(5000_i64.into())),
            ("sub", None),
            ("sub", Some("".into())),
            ("sub", Some("x".repeat(256).into())),
            ("auth_time", Some("990".into())),
            ("acr", Some(1_i64.into())),
            ("amr", Some("pwd".into())),
        ] {
            assert!(check("JWT", &with(&[(name, value.clone())])).is_err(), "{name} {value:?}");
        }
    }
}
