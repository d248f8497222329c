//! Workloads: attested running instances, and what their infrastructure says about them.

use crate::{Timestamp, WorkloadId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The kind of infrastructure that speaks of a workload. Each has its own way to be believed, and its own claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// A projected service account token of a cluster.
    Kubernetes,
    /// A token of AWS STS (`GetWebIdentityToken`).
    Aws,
    /// A signed `GetCallerIdentity` request.
    AwsCaller,
    /// The instance identity document of EC2.
    Ec2,
    /// A managed identity of Azure.
    Azure,
    /// The attested document of an Azure virtual machine.
    AzureVm,
    /// An identity token of Google's metadata server.
    Gcp,
    /// A SPIFFE verifiable identity document, JWT or X.509.
    Spiffe,
    /// A GitHub Actions job.
    Github,
    /// A GitLab CI/CD job.
    Gitlab,
    /// Any other OpenID Connect issuer.
    Oidc,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 11] = [
        Self::Kubernetes,
        Self::Aws,
        Self::AwsCaller,
        Self::Ec2,
        Self::Azure,
        Self::AzureVm,
        Self::Gcp,
        Self::Spiffe,
        Self::Github,
        Self::Gitlab,
        Self::Oidc,
    ];

    /// Its word in configuration, claims and the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Aws => "aws",
            Self::AwsCaller => "aws_caller",
            Self::Ec2 => "ec2",
            Self::Azure => "azure",
            Self::AzureVm => "azure_vm",
            Self::Gcp => "gcp",
            Self::Spiffe => "spiffe",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Oidc => "oidc",
        }
    }

    /// The platform of that word, byte for byte.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == word)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token says of the workload that got it: copied from evidence that was verified, so that whoever decides later
/// needs to ask nobody. It is information for decisions, never authority of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The running instance.
    pub workload: WorkloadId,
    /// The name of the configured provider that vouched for it.
    pub provider: Arc<str>,
    /// What kind of infrastructure that is.
    pub platform: Platform,
    /// The verified claims that decisions may look at, by their names in this product (`namespace`, `node`).
    pub claims: BTreeMap<String, String>,
    /// When the evidence was made.
    pub at: Timestamp,
}
