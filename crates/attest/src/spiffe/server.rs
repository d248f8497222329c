//! A bundle endpoint that proves a SPIFFE ID (SPIFFE Federation §5.2.2): its certificate is an X.509-SVID, and its host
//! name says nothing.

use prokura_core::Clock;
use prokura_spiffe::{Bundle, Side, SpiffeId, X509Svid};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Believes one SPIFFE ID, by the bundle that counts at the moment of the handshake.
pub(super) struct ServerSvid {
    id: SpiffeId,
    bundle: RwLock<Arc<Bundle>>,
    clock: Arc<dyn Clock>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerSvid {
    /// Believes nobody until it is said by what.
    pub(super) fn new(id: SpiffeId, clock: Arc<dyn Clock>) -> Self {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Self { id, bundle: RwLock::default(), clock, algorithms }
    }

    pub(super) fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// What the endpoint is believed by from now on.
    pub(super) fn believe(&self, bundle: Arc<Bundle>) {
        *self.bundle.write().unwrap_or_else(PoisonError::into_inner) = bundle;
    }
}

impl ServerCertVerifier for ServerSvid {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let bundle = Arc::clone(&self.bundle.read().unwrap_or_else(PoisonError::into_inner));
        let above = intermediates.iter().map(AsRef::as_ref);
        let domain = self.id.trust_domain();
        let svid = X509Svid::verify(end_entity, above, domain, &bundle, Side::Server, self.clock.now());
        let svid = svid.map_err(|e| Error::General(e.to_string()))?;
        if svid.id == self.id {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General(format!("the endpoint is `{}`, expected `{}`", svid.id, self.id)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for ServerSvid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSvid").field("id", &self.id).finish_non_exhaustive()
    }
}
