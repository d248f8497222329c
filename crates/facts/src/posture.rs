//! Signed postures: what a configured issuer says of a host or a workload, in a JWT for us alone.
//!
//! ```json
//! {"iss": "https://edr.example", "aud": "https://as.example", "jti": "…", "iat": 0, "exp": 0, "max_age": 600,
//!  "subject": {"kind": "host", "id": "prod/node:worker-1"}, "posture": {"compliant": true, "os": "12.2"}}
//! ```

use crate::pushed::{self, AHEAD, NotSaid};
use prokura_config::{FactAbout, FactIssuer};
use prokura_core::{FactName, Timestamp};
use prokura_oauth::jose::{Audience, Expected, JoseError, KeySet, verify};
use prokura_oauth::json::Object;
use prokura_store::{FactKind, StoredFact};
use std::time::Duration;

/// What stands in `typ`.
pub const POSTURE_TYP: &str = "posture+jwt";
/// The longest life of such a token.
const LIFE: Duration = Duration::from_secs(600);
/// At most so many facts in one.
const MOST: usize = 64;

/// Why a posture is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostureError {
    /// The signature or a claim.
    #[error("{0}")]
    Jose(#[from] JoseError),
    /// A claim is missing or odd.
    #[error("the claim `{0}` is missing or cannot be used")]
    Claim(&'static str),
    /// What it says cannot be said.
    #[error("`{0}`: {1}")]
    NotSaid(String, NotSaid),
    /// The issuer may not speak of such things.
    #[error("this issuer may not speak of that kind of subject")]
    About,
}

/// A posture that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    /// What it says.
    pub facts: Vec<StoredFact>,
    /// What must not be seen twice.
    pub replay_key: String,
    /// Until when it must be remembered.
    pub until: Timestamp,
}

/// Verifies a posture that `issuer` signed with one of `keys` for `audience`.
///
/// # Errors
/// [`PostureError`].
pub fn verify_posture(
    jwt: &str,
    keys: &KeySet,
    issuer: &FactIssuer,
    audience: &str,
    now: Timestamp,
) -> Result<Posture, PostureError> {
    let expected = Expected {
        leeway: AHEAD,
        max_lifetime: Some(LIFE),
        ..Expected::new(&[POSTURE_TYP], now).issuer(&issuer.issuer).audience(Audience::Exactly(audience))
    };
    let verified = verify(jwt, keys, &expected)?;
    let claims = &verified.claims;
    let observed_at = verified.issued_at.ok_or(PostureError::Claim("iat"))?;
    let jti = claims.str("jti").filter(|j| (1..=256).contains(&j.len())).ok_or(PostureError::Claim("jti"))?;
    let subject = claims.get("subject").and_then(|s| s.as_object()).ok_or(PostureError::Claim("subject"))?;
    let text = |name| subject.str(name).unwrap_or_default();
    let subject = pushed::subject(text("kind"), text("id")).map_err(|e| said("subject", e))?;
    if !issuer.about.iter().any(|about| kind(*about) == subject.kind) {
        return Err(PostureError::About);
    }
    let max_age = claims.get("max_age").map(|v| v.as_u64().ok_or(PostureError::Claim("max_age")));
    let max_age = max_age.transpose()?.map_or(issuer.max_age.get(), Duration::from_secs);
    let max_age = max_age.min(issuer.max_age.get());
    pushed::timing(observed_at, max_age, now).map_err(|e| said("max_age", e))?;
    let posture = claims.get("posture").and_then(|p| p.as_object()).ok_or(PostureError::Claim("posture"))?;
    let facts = named(posture)?;
    let source = format!("posture of {}", issuer.issuer);
    let fact = |(name, value)| StoredFact {
        subject: subject.clone(),
        name,
        value,
        source: source.clone(),
        observed_at,
        max_age,
    };
    Ok(Posture {
        facts: facts.into_iter().map(fact).collect(),
        replay_key: format!("{}\n{jti}", issuer.issuer),
        until: verified.expires_at.after(AHEAD).after(Duration::from_secs(1)),
    })
}

fn named(posture: &Object) -> Result<Vec<(FactName, prokura_core::FactValue)>, PostureError> {
    if posture.is_empty() || posture.len() > MOST {
        return Err(PostureError::Claim("posture"));
    }
    let fact = |(word, value): (&str, &prokura_oauth::json::Value)| {
        let shown: String = word.chars().take(64).collect();
        let name = pushed::name(&format!("posture.{word}")).map_err(|e| said(&shown, e))?;
        let value = pushed::value(&name, value).map_err(|e| said(&shown, e))?;
        Ok((name, value))
    };
    posture.iter().map(fact).collect()
}

fn said(what: &str, error: NotSaid) -> PostureError {
    PostureError::NotSaid(what.to_owned(), error)
}

fn kind(about: FactAbout) -> FactKind {
    match about {
        FactAbout::Workload => FactKind::Workload,
        FactAbout::Host => FactKind::Host,
        FactAbout::Agent => FactKind::Agent,
        FactAbout::Client => FactKind::Client,
        FactAbout::User => FactKind::User,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_config::Span;
    use prokura_oauth::jose::{Algorithm, SigningKey};
    use prokura_oauth::json::{Value, obj};

    const US: &str = "https://as.example";

    fn issuer() -> FactIssuer {
        FactIssuer {
            issuer: "https://edr.example".into(),
            jwks_uri: None,
            jwks_file: None,
            about: vec![FactAbout::Host],
            max_age: Span::minutes(10),
        }
    }

    fn claims() -> Object {
        obj([
            ("iss", "https://edr.example".into()),
            ("aud", US.into()),
            ("jti", "p1".into()),
            ("iat", 1_000_i64.into()),
            ("exp", 1_060_i64.into()),
            ("subject", Value::Object(obj([("kind", "host".into()), ("id", "prod/node:a".into())]))),
            ("posture", Value::Object(obj([("compliant", true.into()), ("os", "12.2".into())]))),
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

    fn verified(typ: &str, claims: &Object) -> Result<Posture, PostureError> {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let jwt = key.sign(typ, claims).unwrap();
        let other = SigningKey::generate(Algorithm::Es256).unwrap().sign(typ, claims).unwrap();
        assert!(verify_posture(&other, &keys, &issuer(), US, Timestamp::from_seconds(1_010)).is_err());
        verify_posture(&jwt, &keys, &issuer(), US, Timestamp::from_seconds(1_010))
    }

    #[test]
    fn a_posture_becomes_facts_that_count_as_long_as_the_configuration_lets_them() {
        let posture = verified(POSTURE_TYP, &claims()).unwrap();
        let said: Vec<_> = posture.facts.iter().map(|f| format!("{} = {}", f.name, f.value)).collect();
        assert_eq!(said, ["posture.compliant = true", "posture.os = 12.2"]);
        let fact = &posture.facts[0];
        assert_eq!((fact.subject.id.as_str(), fact.observed_at.seconds()), ("prod/node:a", 1_000));
        let age = |o: &Object| verified(POSTURE_TYP, o).unwrap().facts[0].max_age.as_secs();
        assert_eq!(age(&claims()), 600);
        assert_eq!(age(&with("max_age", Some(30_i64.into()))), 30);
        assert_eq!(age(&with("max_age", Some(9_000_i64.into()))), 600, "never longer");
    }

    #[test]
    fn what_is_missing_odd_or_not_its_business_is_refused() {
        assert!(verified("JWT", &claims()).is_err() && verified("at+jwt", &claims()).is_err());
        let of = |kind: &str, id: &str| Some(Value::Object(obj([("kind", kind.into()), ("id", id.into())])));
        let says =
            |name: &str, value: Value| Some(Value::Object([(name.to_owned(), value)].into_iter().collect()));
        for (name, value) in [
            ("iss", Some("https://other.example".into())),
            ("aud", Some("https://other.example".into())),
            ("aud", Some(Value::Array(vec![US.into(), "https://other.example".into()]))),
            ("iat", None),
            ("iat", Some(1_021_i64.into())),
            ("exp", None),
            ("exp", Some(2_000_i64.into())),
            ("jti", None),
            ("subject", None),
            ("subject", of("user", "usr_1")),
            ("subject", of("host", "a")),
            ("posture", None),
            ("posture", Some(Value::Object(Object::default()))),
            ("posture", says("Compliant", true.into())),
            ("posture", says("x", Value::Null)),
            ("max_age", Some((-1_i64).into())),
            ("max_age", Some(5_i64.into())),
        ] {
            assert!(verified(POSTURE_TYP, &with(name, value.clone())).is_err(), "{name} {value:?}");
        }
    }
}
