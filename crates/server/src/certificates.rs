//! Certificates of clients (RFC 8705): who a client is by the certificate of its connection. The listener proved that
//! the client has its key; that it is a certificate of anybody in particular is decided here, for each request anew.

mod name;

use crate::clients::Client;
use crate::fault::Fault;
use crate::server::{Secrets, ServerError};
use http::request::Parts;
use prokura_config::Config;
use prokura_core::Timestamp;
use prokura_oauth::certificate::Certificate;
use prokura_oauth::jose::KeySet;
use prokura_oauth::metadata::Certificates as Offered;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::sync::Arc;
use std::time::Duration;

/// The certificate of the connection, if the listener put one into the request.
pub(crate) fn of(parts: &Parts) -> Option<&Certificate> {
    parts.extensions.get::<Arc<Certificate>>().map(|c| &**c)
}

/// What certificates are checked with.
pub(crate) struct Certificates {
    arrive: bool,
    authorities: Option<Arc<dyn ClientCertVerifier>>,
}

impl Certificates {
    pub(crate) fn new(config: &Config, secrets: &Secrets) -> Result<Self, ServerError> {
        let arrive = config.tls.takes_certificates();
        let wrong = |reason: String| ServerError::Authorities(reason);
        let mut roots = RootCertStore::empty();
        for text in &secrets.client_authorities {
            for certificate in CertificateDer::pem_slice_iter(text) {
                let certificate = certificate.map_err(|e| wrong(e.to_string()))?;
                roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
            }
        }
        if roots.is_empty() || !arrive {
            let named = !config.tls.client_authorities.is_empty();
            if named && arrive {
                return Err(wrong("there is no certificate in the files".to_owned()));
            }
            return Ok(Self { arrive, authorities: None });
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self { arrive, authorities: Some(verifier.map_err(|e| wrong(e.to_string()))?) })
    }

    /// What the metadata say of it.
    pub(crate) fn offered(&self) -> Offered {
        match (self.arrive, &self.authorities) {
            (false, _) => Offered::Off,
            (true, None) => Offered::Registered,
            (true, Some(_)) => Offered::Issued,
        }
    }

    /// Whether `shown` is of one of the authorities, in time, for clients, and has the name that the client registered
    /// (RFC 8705 §2.1).
    pub(crate) fn is_issued_to(
        &self,
        client: &Client,
        shown: Option<&Certificate>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let shown = shown.ok_or(CertificateFault::None)?;
        let authorities = self.authorities.as_ref().ok_or(CertificateFault::Untrusted)?;
        let chain: Vec<_> = shown.chain().map(CertificateDer::from).collect();
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        authorities
            .verify_client_cert(&CertificateDer::from(shown.der()), &chain, now)
            .map_err(|_| CertificateFault::Untrusted)?;
        let fits = client.metadata.certificate_name.as_ref().is_some_and(|n| name::is_of(n, shown.der()));
        if fits { Ok(()) } else { Err(CertificateFault::Name.into()) }
    }
}

/// Whether `shown` is among the certificates that the client registered with its keys (RFC 8705 §2.2).
pub(crate) fn is_registered(keys: &KeySet, shown: Option<&Certificate>) -> Result<(), Fault> {
    let shown = shown.ok_or(CertificateFault::None)?.thumbprint();
    let known = keys.iter().any(|k| k.certificate() == Some(shown));
    if known { Ok(()) } else { Err(CertificateFault::Unknown.into()) }
}

/// Why a certificate does not authenticate. Whoever shows none is told no more than of a client that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// There is none.
    #[error("client authentication failed")]
    None,
    /// It is of none of the authorities, over, or not for clients.
    #[error("client authentication failed: the certificate is of no authority that is believed here")]
    Untrusted,
    /// It has another name than the client's.
    #[error("client authentication failed: the certificate has another name than the one registered")]
    Name,
    /// It is not among those that the client registered.
    #[error("client authentication failed: the certificate is none of those registered")]
    Unknown,
}

impl CertificateFault {
    /// The word in the record.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "certificate_none",
            Self::Untrusted => "certificate_untrusted",
            Self::Name => "certificate_name",
            Self::Unknown => "certificate_unknown",
        }
    }
}
