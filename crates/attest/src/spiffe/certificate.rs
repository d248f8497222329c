//! X.509-SVIDs as evidence: what a workload shows on its connection.

use super::TrustBundle;
use crate::error::{AttestError, Refused};
use crate::evidence::Evidence;
use crate::preset;
use crate::providers::{Provider, Providers};
use prokura_core::Timestamp;
use prokura_oauth::certificate::Certificate;
use prokura_spiffe::{Bundle, Side, SpiffeId, X509Svid, X509SvidError, spiffe_id_of};
use std::sync::Arc;

impl Providers {
    /// The SPIFFE ID that a certificate claims, if it is of a trust domain that is believed here; nothing is verified.
    pub fn claimed_by(&self, certificate: &Certificate) -> Option<SpiffeId> {
        let id = spiffe_id_of(certificate.der())?;
        self.bundle_of(&id).map(|_| id)
    }

    /// Verifies an X.509-SVID by the bundle of the trust domain that it names, and says what it says of its workload.
    /// The listener proved that whoever shows it has its key.
    ///
    /// # Errors
    /// [`AttestError`]; what it says is for administrators.
    pub async fn verify_certificate(&self, certificate: &Certificate) -> Result<Evidence, AttestError> {
        let id = spiffe_id_of(certificate.der()).ok_or(AttestError::NoSvid)?;
        let unknown = || AttestError::UnknownTrustDomain { received: id.trust_domain().to_string() };
        let (provider, bundle) = self.bundle_of(&id).ok_or_else(unknown)?;
        let name = || Arc::clone(provider.name());
        let unavailable = |error| AttestError::Unavailable { provider: name(), error };
        let held = bundle.bundle(|_| false).await.map_err(unavailable)?;
        let svid = match verify(certificate, bundle, &held, self.now()) {
            // Perhaps it was signed by an authority that was made after the bundle was fetched.
            Err(X509SvidError::Path { .. }) => {
                let newer =
                    bundle.bundle(|now_held| Arc::ptr_eq(now_held, &held)).await.map_err(unavailable)?;
                verify(certificate, bundle, &newer, self.now())
            }
            other => other,
        };
        let svid = svid.map_err(|e| AttestError::Refused { provider: name(), why: Refused::Svid(e) })?;
        Ok(evidence(provider, certificate, &svid))
    }
}

fn verify(
    certificate: &Certificate,
    of: &TrustBundle,
    bundle: &Bundle,
    now: Timestamp,
) -> Result<X509Svid, X509SvidError> {
    X509Svid::verify(certificate.der(), certificate.chain(), of.domain(), bundle, Side::Client, now)
}

fn evidence(provider: &Provider, certificate: &Certificate, svid: &X509Svid) -> Evidence {
    let claims = preset::of_svid(&svid.id);
    Evidence {
        provider: Arc::clone(provider.name()),
        platform: provider.config().platform(),
        subject: svid.id.to_string(),
        instance: svid.id.to_string(),
        told: claims.keys().filter(|name| provider.config().claim_is_told(name)).cloned().collect(),
        claims,
        issued_at: svid.not_before,
        expires_at: svid.not_after,
        id: None,
        digest: certificate.thumbprint().bytes(),
        key: None,
    }
}
