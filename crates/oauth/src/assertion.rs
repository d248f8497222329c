//! Client assertions (RFC 7523 §3 with the audience rule of RFC 10070): who signs as a client names this server,
//! and nothing else, as the audience.

use crate::jose::{Audience, Expected, JoseError, KeySet, NO_TYP, decode, verify};
use crate::json::{self, Limits, Object, Value};
use prokura_core::{ClientId, Timestamp};
use std::time::Duration;

/// The `typ`s that are accepted: the one of RFC 10070, and those of the clients before it.
const TYPES: [&str; 3] = ["client-authentication+jwt", "JWT", NO_TYP];
/// How far clocks may differ.
pub const LEEWAY: Duration = Duration::from_secs(10);
/// The longest life of an assertion.
pub const MAX_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 256;

/// An assertion that verified. Its `jti` is still to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAssertion {
    /// What must not be seen again.
    pub jti: String,
    /// Until when it must be remembered.
    pub until: Timestamp,
}

/// An assertion that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// Signature, type, issuer, audience or time does not hold.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// `sub` is not the client that `iss` names (RFC 7523 §3).
    #[error("`sub` and `iss` must both be the client id")]
    Subject,
    /// `jti` is missing, empty or over 256 bytes.
    #[error("`jti` is missing or too long")]
    Jti,
}

/// Which client an assertion says it is of, before anything is verified, and the `kid` of its header.
pub fn claimed_client(jwt: &str) -> Option<(ClientId, Option<String>)> {
    let mut parts = jwt.split('.');
    let header = object(parts.next()?)?;
    let claims = object(parts.next()?)?;
    let kid = header.str("kid").map(str::to_owned);
    Some((ClientId::parse(claims.str("sub")?).ok()?, kid))
}

fn object(part: &str) -> Option<Object> {
    match json::parse(&decode(part)?, &Limits::TOKEN) {
        Ok(Value::Object(o)) => Some(o),
        _ => None,
    }
}

/// Verifies an assertion of `client` for the audience `audience`, which must be the only one and a single string.
///
/// # Errors
/// [`AssertionError`].
pub fn verify_client(
    jwt: &str,
    keys: &KeySet,
    client: &ClientId,
    audience: &str,
    now: Timestamp,
) -> Result<ClientAssertion, AssertionError> {
    let expected = Expected {
        leeway: LEEWAY,
        max_lifetime: Some(MAX_LIFETIME),
        ..Expected::new(&TYPES, now).issuer(client.as_str()).audience(Audience::Exactly(audience))
    };
    let verified = verify(jwt, keys, &expected)?;
    if verified.claims.str("sub") != Some(client.as_str()) {
        return Err(AssertionError::Subject);
    }
    let jti = verified.claims.str("jti").filter(|j| !j.is_empty() && j.len() <= MAX_JTI);
    let jti = jti.ok_or(AssertionError::Jti)?.to_owned();
    Ok(ClientAssertion { jti, until: verified.expires_at.after(LEEWAY).after(Duration::from_secs(1)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Algorithm, SigningKey};
    use crate::json::obj;

    const ISSUER: &str = "https://as.example";

    fn claims() -> Object {
        obj([
            ("iss", "cli_1".into()),
            ("sub", "cli_1".into()),
            ("aud", ISSUER.into()),
            ("jti", "j1".into()),
            ("iat", 1000_i64.into()),
            ("exp", 1060_i64.into()),
        ])
    }

    fn with(name: &str, value: Option<Value>) -> Object {
        let mut o = claims();
        o.remove(name);
        if let Some(value) = value {
            o.insert(name, value);
        }
        o
    }

    fn check(typ: &str, claims: &Object) -> Result<ClientAssertion, AssertionError> {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let client = ClientId::parse("cli_1").unwrap();
        let jwt = key.sign(typ, claims).unwrap();
        assert_eq!(claimed_client(&jwt).map(|(c, _)| c.to_string()), claims.str("sub").map(str::to_owned));
        verify_client(&jwt, &keys, &client, ISSUER, Timestamp::from_seconds(1010))
    }

    #[test]
    fn the_new_and_the_old_type_are_accepted() {
        assert_eq!(check("client-authentication+jwt", &claims()).unwrap().jti, "j1");
        assert!(check("JWT", &claims()).is_ok());
        assert!(check("at+jwt", &claims()).is_err());
    }

    #[test]
    fn the_audience_is_the_issuer_alone() {
        let several = Value::Array(vec![ISSUER.into()]);
        for aud in
            [None, Some("https://as.example/token".into()), Some("https://as.example/".into()), Some(several)]
        {
            assert!(check("JWT", &with("aud", aud.clone())).is_err(), "{aud:?}");
        }
    }

    #[test]
    fn what_is_missing_or_far_is_refused() {
        for (name, value) in [
            ("sub", None),
            ("sub", Some("cli_2".into())),
            ("iss", Some("cli_2".into())),
            ("jti", None),
            ("jti", Some("".into())),
            ("jti", Some("x".repeat(257).into())),
            ("exp", None),
            ("exp", Some(900_i64.into())),
            ("exp", Some(9_000_i64.into())),
            ("exp", Some("never".into())),
            ("nbf", Some("9".into())),
            ("nbf", Some(2_000_i64.into())),
        ] {
            assert!(check("JWT", &with(name, value.clone())).is_err(), "{name} {value:?}");
        }
    }
}
