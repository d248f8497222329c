//! Providers whose evidence is no token.

use crate::aws_caller::{AccountId, AwsCaller, AwsCallerSettings, CallerError};
use crate::azure_vm::{AzureVm, AzureVmError, AzureVmSettings, PUBLIC_CLOUD};
use crate::bound::Bound;
use crate::ec2::{Ec2, Ec2Error, Ec2Settings};
use crate::evidence::Evidence;
use prokura_config::WorkloadProvider;
use prokura_core::{Platform, Timestamp};
use prokura_egress::{Egress, FetchUrl};
use prokura_oauth::json::Object;
use std::sync::Arc;

enum Verifier {
    Caller(AwsCaller),
    Ec2(Ec2),
    AzureVm(AzureVm),
}

/// The providers of `aws_caller`, `ec2` and `azure_vm`.
#[derive(Default)]
pub struct Documents(Vec<(Arc<str>, Platform, Verifier)>);

/// Why such a provider cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDocuments {
    /// A file.
    #[error("workload.provider {provider}: the file `{file}` cannot be read: {error}")]
    File {
        /// The provider.
        provider: String,
        /// The file.
        file: String,
        /// Why not.
        error: std::io::Error,
    },
    /// What stands in a file, or in the configuration.
    #[error("workload.provider {provider}: {why}")]
    Setting {
        /// The provider.
        provider: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Evidence that is not believed: for the log and the record. Whoever showed it learns only that it is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// There is no such provider, or there are several and none is named.
    #[error(
        "there is no provider `{0}` for evidence that is no token, or it is of another platform, or several are and none is named"
    )]
    Provider(String),
    /// A signed request.
    #[error("{0}")]
    Caller(#[from] CallerError),
    /// An instance identity document.
    #[error("{0}")]
    Ec2(#[from] Ec2Error),
    /// An attested document.
    #[error("{0}")]
    AzureVm(#[from] AzureVmError),
}

impl DocumentError {
    /// Whether it may be different in a moment, since it is not the evidence that is wrong.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Caller(error) if error.is_temporary())
    }
}

impl Documents {
    /// Those among `providers`. Their files are read now.
    ///
    /// # Errors
    /// [`InvalidDocuments`] names the provider and what is wrong.
    pub fn new(providers: &[WorkloadProvider], egress: &Egress) -> Result<Self, InvalidDocuments> {
        let each = providers.iter().filter_map(|p| verifier(p, egress).transpose().map(|v| (p, v)));
        let each = each.map(|(p, v)| Ok((Arc::from(p.name.as_str()), p.platform(), v?)));
        each.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of the provider that is meant: the one of that name, or the only one of its platform.
    ///
    /// # Errors
    /// [`DocumentError::Provider`].
    pub fn named(&self, name: Option<&str>, platform: Platform) -> Result<Arc<str>, DocumentError> {
        let mut fit =
            self.0.iter().filter(|(n, of, _)| *of == platform && name.is_none_or(|name| name == &**n));
        match (fit.next(), fit.next()) {
            (Some((name, ..)), None) => Ok(Arc::clone(name)),
            _ => Err(DocumentError::Provider(name.unwrap_or_default().chars().take(64).collect())),
        }
    }

    /// What `shown` proves by the word of the provider of that name.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub async fn verify(
        &self,
        provider: &str,
        shown: &Object,
        bound: &Bound<'_>,
        now: Timestamp,
    ) -> Result<Evidence, DocumentError> {
        let found = self.0.iter().find(|(name, ..)| &**name == provider);
        let (.., verifier) = found.ok_or_else(|| DocumentError::Provider(provider.to_owned()))?;
        Ok(match verifier {
            Verifier::Caller(caller) => caller.verify(shown, bound, now).await?,
            Verifier::Ec2(ec2) => ec2.verify(shown, now)?,
            Verifier::AzureVm(machines) => machines.verify(shown, bound, now)?,
        })
    }
}

fn verifier(p: &WorkloadProvider, egress: &Egress) -> Result<Option<Verifier>, InvalidDocuments> {
    let name = Arc::from(p.name.as_str());
    let wrong = |why: String| InvalidDocuments::Setting { provider: p.name.clone(), why };
    let regions = || match p.regions.iter().find(|region| !AwsCaller::knows_region(region)) {
        Some(odd) => Err(wrong(format!("`{odd}` is no region that is known here"))),
        None => Ok(p.regions.clone()),
    };
    let accounts = || p.accounts.iter().filter_map(|a| AccountId::parse(a)).collect();
    match p.platform() {
        Platform::AwsCaller => {
            let endpoint = p.sts_endpoint.as_deref().map(FetchUrl::parse).transpose();
            let endpoint = endpoint.map_err(|e| wrong(format!("`sts_endpoint`: {e}")))?;
            let settings = AwsCallerSettings { accounts: accounts(), regions: regions()?, endpoint };
            Ok(Some(Verifier::Caller(AwsCaller::new(name, settings, egress.clone()))))
        }
        Platform::Ec2 => {
            let settings = Ec2Settings {
                accounts: accounts(),
                regions: p.regions.clone(),
                certificates: files(p, &p.certificate_files)?,
                old_certificates: files(p, &p.old_certificate_files)?,
            };
            Ec2::new(name, settings).map(|v| Some(Verifier::Ec2(v))).map_err(|e| wrong(e.to_string()))
        }
        Platform::AzureVm => {
            let settings = AzureVmSettings {
                subscriptions: p.subscriptions.clone(),
                name: p.metadata_name.clone().unwrap_or_else(|| PUBLIC_CLOUD.to_owned()),
                roots: files(p, &p.root_files)?,
                intermediates: files(p, &p.certificate_files)?,
            };
            AzureVm::new(name, settings).map(|v| Some(Verifier::AzureVm(v))).map_err(|e| wrong(e.to_string()))
        }
        _ => Ok(None),
    }
}

fn files(p: &WorkloadProvider, files: &[String]) -> Result<String, InvalidDocuments> {
    let mut all = String::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(|error| InvalidDocuments::File {
            provider: p.name.clone(),
            file: file.clone(),
            error,
        })?;
        all.push_str(&text);
        all.push('\n');
    }
    Ok(all)
}
