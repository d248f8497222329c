//! What the token of each platform says of its workload, by our names (`prokura_config::known_claims`). Everything here is
//! read of claims that were verified.

mod arm;
mod arn;
mod aws;
mod azure;
mod gcp;
mod github;
mod gitlab;
mod kubernetes;
mod oidc;
mod spiffe;

pub(crate) use spiffe::{of_svid, trust_domain};

use crate::error::Refused;
use crate::reading::{Place, Said};
use prokura_config::WorkloadProvider;
use prokura_core::Platform;
use prokura_oauth::jose::Algorithm;
use prokura_oauth::json::Object;

/// Reads what a verified token of `provider` says.
pub(crate) fn read(provider: &WorkloadProvider, claims: &Object) -> Result<Said, Refused> {
    let claims = Place::top(claims);
    match provider.platform() {
        Platform::Kubernetes => kubernetes::read(claims, provider.require_instance),
        Platform::Aws => aws::read(claims),
        Platform::Gcp => gcp::read(claims, provider.require_instance),
        Platform::Azure => azure::read(claims, provider.tenant.as_deref().unwrap_or_default()),
        Platform::Spiffe => spiffe::read(claims),
        Platform::Github => github::read(claims),
        Platform::Gitlab => gitlab::read(claims),
        // Those whose evidence is no token have no issuer, so nothing of theirs comes here.
        Platform::Oidc | Platform::AwsCaller | Platform::Ec2 | Platform::AzureVm => {
            oidc::read(claims, provider)
        }
    }
}

/// What a platform signs with.
pub(crate) fn algorithms(platform: Platform) -> &'static [Algorithm] {
    use Algorithm::{EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    match platform {
        Platform::Kubernetes => &[Rs256, Es256, Es384, Es512],
        Platform::Aws => &[Rs256, Es384],
        Platform::Gcp | Platform::Azure | Platform::Github | Platform::Gitlab => &[Rs256],
        Platform::Spiffe => &[Es256, Es384, Es512, Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
        _ => &[Rs256, Ps256, Es256, Es384, EdDsa],
    }
}
