//! Evidence in an attestation of ours, and out of it again.

use prokura_attest::{ClaimValue, Claims, Evidence};
use prokura_config::known_claims;
use prokura_core::{Platform, Timestamp};
use prokura_oauth::client_attestation::ClientAttestation;
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::secret::sha256_base64url;
use std::sync::Arc;

/// What an attestation says that was verified. The claims of these platforms are texts.
pub(super) fn written(evidence: &Evidence) -> Object {
    let claims = evidence.claims.iter().filter_map(|(name, value)| match value {
        ClaimValue::Text(text) => Some((name.clone(), text.as_str().into())),
        _ => None,
    });
    let claims = claims.fold(Object::default(), |mut all, (name, value): (String, Value)| {
        all.insert(name, value);
        all
    });
    obj([
        ("provider", evidence.provider.as_ref().into()),
        ("platform", evidence.platform.as_str().into()),
        ("subject", evidence.subject.as_str().into()),
        ("instance", evidence.instance.as_str().into()),
        ("claims", Value::Object(claims)),
        ("at", evidence.issued_at.seconds().into()),
    ])
}

/// The evidence behind an attestation of ours, good for as long as that is; `None` if it is not one that this version
/// wrote.
pub(super) fn read(attestation: &ClientAttestation, compact: &str) -> Option<Evidence> {
    let o = &attestation.evidence;
    let platform = Platform::parse(o.str("platform")?)?;
    let text =
        |(name, value): (&str, &Value)| Some((name.to_owned(), ClaimValue::Text(value.as_str()?.to_owned())));
    let claims: Claims = o.get("claims")?.as_object()?.iter().map(text).collect::<Option<_>>()?;
    let told = known_claims(platform).iter().filter(|k| k.told && claims.contains_key(k.name));
    Some(Evidence {
        provider: Arc::from(o.str("provider")?),
        platform,
        subject: o.str("subject")?.to_owned(),
        instance: o.str("instance")?.to_owned(),
        told: told.map(|k| k.name.to_owned()).collect(),
        claims,
        issued_at: Timestamp::from_seconds(o.get("at")?.as_i64()?),
        expires_at: attestation.expires_at,
        // It may come again until it ends, and has no number of its own: the record knows it by its hash.
        id: Some(sha256_base64url(compact.as_bytes())),
        digest: [0; 32],
        key: attestation.thumbprint(),
    })
}
