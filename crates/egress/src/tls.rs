//! Whom to believe: the certificate authorities of this machine, and those that the operator adds.

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A certificate authority of the operator that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoots {
    /// The text holds no certificate.
    #[error("there is no certificate in it: it must be PEM, `-----BEGIN CERTIFICATE-----` …")]
    Empty,
    /// The text is not PEM, or the certificate cannot be a root.
    #[error("it cannot be read as certificates in PEM: {0}")]
    Unreadable(String),
}

/// The certificate authorities that are believed. Reading those of the machine takes milliseconds and is put off
/// until the first use.
#[derive(Clone, Default)]
pub struct Trust(Arc<Inner>);

#[derive(Default)]
struct Inner {
    extra: Vec<CertificateDer<'static>>,
    only_extra: bool,
    verifier: Option<Arc<dyn ServerCertVerifier>>,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Trust {
    /// The authorities of this machine and those in `extra`, PEM texts.
    ///
    /// # Errors
    /// [`InvalidRoots`] if one of the texts holds no certificate that can be a root.
    pub fn with_extra<P: AsRef<[u8]>>(extra: &[P]) -> Result<Self, InvalidRoots> {
        let extra = read(extra)?;
        Ok(Self(Arc::new(Inner { extra, ..Inner::default() })))
    }

    /// Only the authorities in `roots`, PEM texts.
    ///
    /// # Errors
    /// [`InvalidRoots`] if one of the texts holds no certificate that can be a root.
    pub fn only<P: AsRef<[u8]>>(roots: &[P]) -> Result<Self, InvalidRoots> {
        let extra = read(roots)?;
        Ok(Self(Arc::new(Inner { extra, only_extra: true, ..Inner::default() })))
    }

    /// Whomever `verifier` believes, and nobody else. It is asked at every connection: none is resumed, since what was
    /// believed at one handshake need not be at the next (attack D9).
    pub fn by(verifier: Arc<dyn ServerCertVerifier>) -> Self {
        Self(Arc::new(Inner { verifier: Some(verifier), ..Inner::default() }))
    }

    /// The TLS configuration; read once.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.0.config.get_or_init(|| self.0.build()).clone()
    }
}

impl Inner {
    fn build(&self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?;
        if let Some(verifier) = &self.verifier {
            let builder = builder.dangerous().with_custom_certificate_verifier(Arc::clone(verifier));
            let mut config = builder.with_no_client_auth();
            config.resumption = Resumption::disabled();
            return Ok(Arc::new(config));
        }
        let mut roots = RootCertStore::empty();
        if !self.only_extra {
            let native = rustls_native_certs::load_native_certs();
            for error in &native.errors {
                tracing::warn!(%error, "a certificate authority of this machine cannot be read");
            }
            roots.add_parsable_certificates(native.certs);
        }
        roots.add_parsable_certificates(self.extra.iter().cloned());
        if roots.is_empty() {
            return Err(
                "this machine has no certificate authorities; install the package ca-certificates".into()
            );
        }
        Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}

fn read<P: AsRef<[u8]>>(texts: &[P]) -> Result<Vec<CertificateDer<'static>>, InvalidRoots> {
    let mut all = Vec::new();
    for text in texts {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(text.as_ref()) {
            let certificate = certificate.map_err(|e| InvalidRoots::Unreadable(e.to_string()))?;
            RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|e| InvalidRoots::Unreadable(e.to_string()))?;
            all.push(certificate);
        }
        if all.len() == before {
            return Err(InvalidRoots::Empty);
        }
    }
    Ok(all)
}

/// The name that the certificate must be valid for: a host name or an address.
pub(crate) fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host).ok().map(|n| n.to_owned())
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("extra", &self.0.extra.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        assert_eq!(Trust::with_extra(&["hello"]).unwrap_err(), InvalidRoots::Empty);
        let not_one = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        assert!(matches!(Trust::only(&[not_one]), Err(InvalidRoots::Unreadable(_))));
    }

    #[test]
    fn names_and_addresses_can_be_verified() {
        assert!(server_name("a.example").is_some());
        assert!(server_name("::1").is_some());
        assert!(server_name("a b").is_none());
    }
}
