//! Signed authorization requests (RFC 9101): all parameters in one JWT of the client, and none beside it.

use crate::form::Form;
use crate::jose::{Algorithm, Audience, Expected, JoseError, KeySet, decode, verify};
use crate::json::{self, Limits, Object, Value};
use prokura_core::{ClientId, Timestamp};
use std::time::Duration;

/// The `typ` of a request object (RFC 9101 §10.8). It is required: what a client signs for another purpose is no
/// request, and a request is nothing else.
pub const TYPES: [&str; 2] = ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt"];
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(10);
/// The longest life of a request object.
pub const MAX_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 256;
/// Claims about the JWT itself (RFC 7519 §4.1). Every other claim is a parameter.
const OWN: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// A request object that verified. Its `jti` is still to be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestObject {
    /// The parameters of the request: these alone count (RFC 9101 §6.3).
    pub parameters: Form,
    /// What must not be seen again.
    pub jti: String,
    /// Until when it must be remembered.
    pub until: Timestamp,
}

/// A request object that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestObjectError {
    /// Signature, type, issuer, audience or time does not hold.
    #[error("the request object is not accepted: {0}")]
    Jose(#[from] JoseError),
    /// The claim `client_id` is missing or another client's (RFC 9101 §5).
    #[error("the request object must have the `client_id` that asks")]
    Client,
    /// `jti` is missing, empty or over 256 bytes.
    #[error("the request object needs a `jti` of at most 256 bytes")]
    Jti,
    /// A request object within a request object (RFC 9101 §4).
    #[error("a request object cannot have `request` or `request_uri` in it")]
    Nested,
    /// A parameter has a type that no parameter has.
    #[error("the request object's `{0}` is not the value of a parameter")]
    Parameter(String),
    /// The client has no keys that its requests could be verified with.
    #[error("the client has no keys that verify request objects")]
    NoKeys,
}

/// The `kid` that the header names, before anything is verified.
pub fn claimed_kid(jwt: &str) -> Option<String> {
    let header = json::parse(&decode(jwt.split('.').next()?)?, &Limits::TOKEN).ok()?;
    header.as_object()?.str("kid").map(str::to_owned)
}

/// Verifies a request object of `client` for the server `issuer`. `algorithm` is the one that the client registered,
/// if it did; else any that its key is pinned to.
///
/// # Errors
/// [`RequestObjectError`].
pub fn verify_request(
    jwt: &str,
    keys: &KeySet,
    client: &ClientId,
    issuer: &str,
    algorithm: Option<Algorithm>,
    now: Timestamp,
) -> Result<RequestObject, RequestObjectError> {
    let one: Vec<Algorithm> = algorithm.into_iter().collect();
    let expected = Expected {
        leeway: LEEWAY,
        max_lifetime: Some(MAX_LIFETIME),
        ..Expected::new(&TYPES, now).issuer(client.as_str()).audience(Audience::Exactly(issuer))
    };
    let expected = if one.is_empty() { expected } else { expected.algorithms(&one) };
    let verified = verify(jwt, keys, &expected)?;
    let claims = &verified.claims;
    if claims.str("client_id") != Some(client.as_str()) {
        return Err(RequestObjectError::Client);
    }
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(RequestObjectError::Nested);
    }
    let jti = claims.str("jti").filter(|j| !j.is_empty() && j.len() <= MAX_JTI);
    let jti = jti.ok_or(RequestObjectError::Jti)?.to_owned();
    let until = verified.expires_at.after(LEEWAY).after(Duration::from_secs(1));
    Ok(RequestObject { parameters: parameters(claims)?, jti, until })
}

fn parameters(claims: &Object) -> Result<Form, RequestObjectError> {
    let all = claims.iter().filter(|(name, _)| !OWN.contains(name));
    all.map(|(name, value)| {
        let text = text(name, value).filter(|t| !t.chars().any(char::is_control));
        let refused =
            || RequestObjectError::Parameter(name.chars().filter(char::is_ascii_graphic).take(64).collect());
        Ok((name.to_owned(), text.ok_or_else(refused)?))
    })
    .collect()
}

/// A claim as the parameter that it stands for: a text as it is, a whole number in digits, a structure as JSON
/// (RFC 9101 §4).
fn text(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) if name == "resource" => match list.as_slice() {
            [Value::String(one)] => Some(one.clone()),
            _ => None,
        },
        Value::Object(_) | Value::Array(_) => Some(value.to_string()),
        other => other.as_u64().map(|n| n.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::SigningKey;
    use crate::json::obj;

    const ISSUER: &str = "https://as.example";

    fn claims() -> Object {
        obj([
            ("iss", "cli_1".into()),
            ("aud", ISSUER.into()),
            ("client_id", "cli_1".into()),
            ("jti", "j1".into()),
            ("iat", 1000_i64.into()),
            ("exp", 1060_i64.into()),
            ("response_type", "code".into()),
            ("max_age", 60_i64.into()),
            ("claims", Value::Object(obj([("a", 1_i64.into())]))),
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

    fn check(
        typ: &str,
        claims: &Object,
        pinned: Option<Algorithm>,
    ) -> Result<RequestObject, RequestObjectError> {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let jwt = key.sign(typ, claims).unwrap();
        assert_eq!(claimed_kid(&jwt).as_deref(), Some(key.kid()));
        let client = ClientId::parse("cli_1").unwrap();
        verify_request(&jwt, &keys, &client, ISSUER, pinned, Timestamp::from_seconds(1010))
    }

    #[test]
    fn every_claim_that_is_not_about_the_jwt_is_a_parameter() {
        let object = check(TYPES[0], &claims(), Some(Algorithm::Es256)).unwrap();
        let all: Vec<_> = object.parameters.iter().collect();
        let expected =
            [("claims", r#"{"a":1}"#), ("client_id", "cli_1"), ("max_age", "60"), ("response_type", "code")];
        assert_eq!(all, expected);
        assert_eq!(object.jti, "j1");
    }

    #[test]
    fn a35_the_type_and_the_algorithm_are_those_of_requests() {
        for typ in ["JWT", "client-authentication+jwt", "at+jwt", "jwt"] {
            assert!(check(typ, &claims(), None).is_err(), "{typ}");
        }
        assert!(check(TYPES[1], &claims(), None).is_ok());
        let other = check(TYPES[0], &claims(), Some(Algorithm::Ps256));
        assert_eq!(other, Err(RequestObjectError::Jose(JoseError::Algorithm)));
    }

    #[test]
    fn what_is_missing_or_odd_is_refused() {
        let several = Value::Array(vec![ISSUER.into()]);
        for (name, value) in [
            ("iss", None),
            ("iss", Some("cli_2".into())),
            ("aud", None),
            ("aud", Some("https://other.example".into())),
            ("aud", Some(several)),
            ("client_id", None),
            ("client_id", Some("cli_2".into())),
            ("exp", None),
            ("exp", Some(900_i64.into())),
            ("exp", Some(90_000_i64.into())),
            ("nbf", Some(2000_i64.into())),
            ("jti", None),
            ("jti", Some("x".repeat(257).into())),
            ("request", Some("x".into())),
            ("request_uri", Some("x".into())),
            ("state", Some(true.into())),
            ("state", Some("a\r\nb".into())),
            ("max_age", Some((-1_i64).into())),
            ("resource", Some(Value::Array(vec!["https://a".into(), "https://b".into()]))),
        ] {
            assert!(check(TYPES[0], &with(name, value.clone()), None).is_err(), "{name} {value:?}");
        }
        let one = with("resource", Some(Value::Array(vec!["https://a".into()])));
        assert_eq!(check(TYPES[0], &one, None).unwrap().parameters.value("resource"), Some("https://a"));
    }
}
