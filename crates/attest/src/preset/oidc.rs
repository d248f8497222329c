//! Any other OpenID Connect issuer: the claims that the configuration names, by their types.

use crate::error::Refused;
use crate::evidence::ClaimValue;
use crate::reading::{Collected, Place, Said, is_plain, texts, whole};
use prokura_config::{AttestedClaim, ClaimKind, WorkloadProvider};
use prokura_oauth::json::Value;

pub(super) fn read(claims: Place<'_>, provider: &WorkloadProvider) -> Result<Said, Refused> {
    let subject = claims.text("sub")?;
    let mut all = Collected::default();
    all.text("subject", Some(subject));
    let mut instance = None;
    for (name, claim) in &provider.claims {
        let value = one(claims, name, claim)?;
        if provider.instance.as_ref() == Some(name) {
            instance = value.as_ref().map(plain);
        }
        all.put(name, value);
    }
    if provider.instance.is_some() && instance.is_none() {
        let name = provider.instance.as_deref().unwrap_or_default();
        return Err(claims.wrong(name, "what tells this instance from others", None));
    }
    Ok(Said::new(subject, instance.as_deref(), all))
}

fn plain(value: &ClaimValue) -> String {
    match value {
        ClaimValue::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

fn one(claims: Place<'_>, name: &str, claim: &AttestedClaim) -> Result<Option<ClaimValue>, Refused> {
    let own = [name.to_owned()];
    let path = claim.path.as_deref().unwrap_or(&own);
    let shown = path.join(".");
    let found = found(claims, path);
    let Some(value) = found.filter(|v| !v.is_null()) else {
        let expected = format!("a {}", claim.kind.as_str());
        return if claim.required { Err(claims.wrong(&shown, expected, None)) } else { Ok(None) };
    };
    let read = match claim.kind {
        ClaimKind::Text => value.as_str().filter(|t| is_plain(t)).map(|t| ClaimValue::Text(t.to_owned())),
        ClaimKind::Number => whole(value).map(ClaimValue::Number),
        ClaimKind::Flag => value.as_bool().map(ClaimValue::Flag),
        ClaimKind::List => texts(value).map(ClaimValue::List),
    };
    read.map(Some).ok_or_else(|| claims.wrong(&shown, format!("a {}", claim.kind.as_str()), Some(value)))
}

fn found<'a>(claims: Place<'a>, path: &[String]) -> Option<&'a Value> {
    let (last, way) = path.split_last()?;
    let mut at = claims.members().collect::<Vec<_>>();
    for step in way {
        let next = at.iter().find(|(name, _)| name == step).and_then(|(_, v)| v.as_object())?;
        at = next.iter().collect();
    }
    at.into_iter().find(|(name, _)| name == last).map(|(_, value)| value)
}
