//! SPIFFE: SVIDs. The keys are those of the trust domain's bundle, never of what the token names.

use crate::error::Refused;
use crate::evidence::Claims;
use crate::reading::{Collected, Place, Said};
use prokura_spiffe::{SpiffeId, TrustDomain};

pub(super) fn read(claims: Place<'_>) -> Result<Said, Refused> {
    let subject = claims.text("sub")?;
    let id = workload(subject).ok_or_else(|| claims.refuse("sub", "a SPIFFE ID with a path"))?;
    Ok(Said::new(subject, None, collected(&id)))
}

/// What the ID of a workload says of it.
pub(crate) fn of_svid(id: &SpiffeId) -> Claims {
    collected(id).done()
}

/// The trust domain that a subject says it is of, by which the provider is looked up.
pub(crate) fn trust_domain(subject: &str) -> Option<TrustDomain> {
    workload(subject).map(|id| id.trust_domain().clone())
}

/// The ID of a workload, which has a path.
fn workload(subject: &str) -> Option<SpiffeId> {
    SpiffeId::parse(subject).ok().filter(|id| !id.path().is_empty())
}

fn collected(id: &SpiffeId) -> Collected {
    let mut all = Collected::default();
    all.text("spiffe_id", Some(id.as_str()));
    all.text("trust_domain", Some(id.trust_domain().as_str()));
    all.text("path", Some(id.path()));
    all
}
