//! The claim `workload` of access tokens: what the infrastructure said of the instance that got the token.

use crate::json::{Object, Value, obj};
use prokura_core::{Attested, Platform, Timestamp, WorkloadId};
use std::collections::BTreeMap;

const CLAIM: &str = "workload";

/// The claim.
pub fn to_object(attested: &Attested) -> Object {
    let claims = attested.claims.iter().fold(Object::default(), |mut all, (name, value)| {
        all.insert(name.as_str(), value.as_str().into());
        all
    });
    obj([
        ("id", attested.workload.as_str().into()),
        ("provider", attested.provider.as_ref().into()),
        ("platform", attested.platform.as_str().into()),
        ("claims", Value::Object(claims)),
        ("at", attested.at.seconds().into()),
    ])
}

/// Reads the claim from those of a token; `None` if there is none.
///
/// # Errors
/// The name of the claim, if it is there and malformed: what decisions rest on must not fall away.
pub fn read(claims: &Object) -> Result<Option<Attested>, &'static str> {
    let Some(said) = claims.get(CLAIM) else { return Ok(None) };
    said.as_object().and_then(read_object).map(Some).ok_or(CLAIM)
}

fn read_object(o: &Object) -> Option<Attested> {
    let named = o.get("claims")?.as_object()?;
    let claims = named.iter().map(|(name, value)| Some((name.to_owned(), value.as_str()?.to_owned())));
    Some(Attested {
        workload: WorkloadId::parse(o.str("id")?).ok()?,
        provider: o.str("provider")?.into(),
        platform: Platform::parse(o.str("platform")?)?,
        claims: claims.collect::<Option<BTreeMap<_, _>>>()?,
        at: Timestamp::from_seconds(o.get("at").and_then(Value::as_i64)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_back_and_what_is_malformed_does_not_fall_away() {
        let attested = Attested {
            workload: WorkloadId::parse("wl_1").unwrap(),
            provider: "prod".into(),
            platform: Platform::Kubernetes,
            claims: BTreeMap::from([("namespace".to_owned(), "agents".to_owned())]),
            at: Timestamp::from_seconds(1000),
        };
        let said = to_object(&attested);
        assert_eq!(read(&obj([(CLAIM, Value::Object(said.clone()))])), Ok(Some(attested)));
        assert_eq!(read(&Object::default()), Ok(None));
        for member in ["id", "provider", "platform", "claims", "at"] {
            let mut broken = said.clone();
            broken.insert(member, Value::Null);
            assert_eq!(read(&obj([(CLAIM, Value::Object(broken))])), Err(CLAIM), "{member}");
        }
    }
}
