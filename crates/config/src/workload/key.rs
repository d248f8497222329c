//! The words of a provider's keys.

use prokura_core::Platform;
use schemars::JsonSchema;
use serde::Deserialize;

/// What kind of infrastructure a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlatformName {
    /// A cluster, by its projected service account tokens.
    Kubernetes,
    /// An AWS account, by the tokens of STS (`GetWebIdentityToken`).
    Aws,
    /// AWS accounts, by signed `GetCallerIdentity` requests.
    AwsCaller,
    /// EC2, by instance identity documents.
    Ec2,
    /// An Azure tenant, by managed identities.
    Azure,
    /// Azure virtual machines, by attested documents.
    AzureVm,
    /// Google Cloud, by identity tokens of the metadata server.
    Gcp,
    /// A SPIFFE trust domain.
    Spiffe,
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// Any other OpenID Connect issuer.
    Oidc,
}

impl From<PlatformName> for Platform {
    fn from(name: PlatformName) -> Self {
        match name {
            PlatformName::Kubernetes => Self::Kubernetes,
            PlatformName::Aws => Self::Aws,
            PlatformName::AwsCaller => Self::AwsCaller,
            PlatformName::Ec2 => Self::Ec2,
            PlatformName::Azure => Self::Azure,
            PlatformName::AzureVm => Self::AzureVm,
            PlatformName::Gcp => Self::Gcp,
            PlatformName::Spiffe => Self::Spiffe,
            PlatformName::Github => Self::Github,
            PlatformName::Gitlab => Self::Gitlab,
            PlatformName::Oidc => Self::Oidc,
        }
    }
}

/// How often one piece of evidence may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// Once: for platforms that make a new token for each request.
    Once,
    /// As often as is liked until it ends: for platforms that hand out the same token until it is renewed.
    UntilExp,
    /// As often as is liked, but only with the key that came with it the first time (DPoP or a certificate).
    FirstKey,
}

/// A Kubernetes API server that is asked about each token (TokenReview), so that the tokens of a deleted pod are worth
/// nothing at once.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenReview {
    /// The address of the API server, such as `https://10.0.0.1:6443`.
    pub server: String,
    /// The file with the certificate authority of the API server, PEM; what the provider's `ca_file` says if nothing is
    /// said.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// The file with the token of a service account that may create `tokenreviews` (`system:auth-delegator`). It is read
    /// again for each request.
    pub token_file: String,
}

/// A claim of an OpenID Connect issuer that rules may look at.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestedClaim {
    /// Where it stands in the token: a name, or the way to it, one name after the other. Its own name if nothing is said.
    #[serde(default)]
    pub path: Option<Vec<String>>,
    /// What it has to be: `text`, `number`, `flag` or `list`. A token in which it is something else is refused.
    #[serde(default, rename = "type")]
    pub kind: super::ClaimKind,
    /// Whether a token without it is refused.
    #[serde(default)]
    pub required: bool,
    /// Whether it goes into the tokens that are issued, where later decisions may look at it.
    #[serde(default)]
    pub told: bool,
}
