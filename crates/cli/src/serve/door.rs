//! What stands before the router: TLS, and the certificates that clients show (RFC 8705), here or to a proxy (RFC 9440).

use crate::failure::Failure;
use hyper::header::HeaderMap;
use prokura_config::{ClientCertificates, Config, Tls};
use prokura_facts::{Address, Proxies};
use prokura_oauth::certificate::{CHAIN_HEADER, Certificate, HEADER};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::NoClientAuth;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use std::net::IpAddr;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// How connections come in.
#[derive(Clone, Default)]
pub(crate) struct Door {
    tls: Option<TlsAcceptor>,
    proxies: Proxies,
    /// Whether proxies pass on certificates.
    passed_on: bool,
}

impl Door {
    /// Reads what the configuration names.
    pub(crate) fn of(config: &Config) -> Result<Self, Failure> {
        let Tls { certificate, key, client_certificates, .. } = &config.tls;
        let passed_on = *client_certificates == ClientCertificates::Proxy;
        let proxies = Proxies::of(&config.network);
        let (Some(certificate), Some(key)) = (certificate, key) else {
            return Ok(Self { tls: None, proxies, passed_on });
        };
        let tls = server_config(certificate, key, *client_certificates)?;
        Ok(Self { tls: Some(TlsAcceptor::from(Arc::new(tls))), proxies, passed_on })
    }

    /// The address of the caller behind a connection of `peer`.
    pub(crate) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> Address {
        self.proxies.address(peer, headers)
    }

    /// What ends TLS here, if that is done here.
    pub(crate) fn tls(&self) -> Option<&TlsAcceptor> {
        self.tls.as_ref()
    }

    /// The certificate that the client behind a request showed. A header counts only from a trusted proxy, whose own
    /// certificate then does not; what else comes by those names is taken away.
    pub(crate) fn certificate(
        &self,
        peer: IpAddr,
        on_connection: Option<&Arc<Certificate>>,
        headers: &mut HeaderMap,
    ) -> Option<Arc<Certificate>> {
        let found = match (self.proxies.trusts(peer), self.passed_on) {
            (true, true) => passed_on(headers),
            (true, false) => None,
            (false, _) => on_connection.map(Arc::clone),
        };
        headers.remove(HEADER);
        headers.remove(CHAIN_HEADER);
        found
    }
}

fn passed_on(headers: &HeaderMap) -> Option<Arc<Certificate>> {
    let values = |name: &str| headers.get_all(name).iter().map(|v| v.as_bytes()).collect::<Vec<_>>();
    match Certificate::of_headers(values(HEADER), values(CHAIN_HEADER)) {
        Ok(found) => found.map(Arc::new),
        Err(error) => {
            tracing::warn!(%error, "a trusted proxy passed on a certificate that cannot be read: it counts as none");
            None
        }
    }
}

fn server_config(
    certificate: &str,
    key: &str,
    of_clients: ClientCertificates,
) -> Result<ServerConfig, Failure> {
    let wrong = |name: &str, path: &str, e: String| Failure::usage(format!("`tls.{name}`: `{path}`: {e}"));
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| wrong("certificate", certificate, e.to_string()))?;
    if chain.is_empty() {
        return Err(wrong("certificate", certificate, "there is no certificate in it".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| wrong("key", key, e.to_string()))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match of_clients {
        ClientCertificates::Off | ClientCertificates::Proxy => Arc::new(NoClientAuth),
        ClientCertificates::Optional => Arc::new(AnyCertificate::new(&provider)),
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong("certificate", certificate, e.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, secret)
        .map_err(|e| wrong("key", key, e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Takes any certificate whose key the client proves to have: clients may have signed theirs themselves (RFC 8705
/// §2.2.2), and to whom one belongs is decided for each request, so that nothing believed at a handshake outlives it.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl AnyCertificate {
    fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(proxies: &[&str], certificates: &str) -> Door {
        let text = format!(
            "issuer = \"https://as.example\"\ndatabase = \"sqlite::memory:\"\n[network]\ntrusted_proxies = {proxies:?}\n[tls]\nclient_certificates = \"{certificates}\""
        );
        let config = Config::parse(&text).unwrap_or_else(|e| panic!("{e}"));
        Door::of(&config).unwrap_or_else(|e| panic!("{e:?}"))
    }

    fn sent(door: &Door, peer: &str, header: &str, own: bool) -> (Option<Vec<u8>>, usize) {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, header.parse().unwrap_or_else(|e| panic!("{e}")));
        headers.insert(CHAIN_HEADER, ":AQ==:".parse().unwrap_or_else(|e| panic!("{e}")));
        let own = own.then(|| Certificate::new(vec![9], vec![]).map(Arc::new)).flatten();
        let peer = peer.parse().unwrap_or_else(|e| panic!("{e}"));
        let found = door.certificate(peer, own.as_ref(), &mut headers);
        (found.map(|c| c.der().to_vec()), headers.len())
    }

    #[test]
    fn c24_a_header_counts_only_from_a_trusted_proxy() {
        let door = door(&["10.0.0.7", "10.1.0.0/16"], "proxy");
        for peer in ["10.0.0.7", "10.1.2.3", "::ffff:10.0.0.7"] {
            assert_eq!(sent(&door, peer, ":AQID:", false), (Some(vec![1, 2, 3]), 0), "{peer}");
        }
        for peer in ["10.0.0.8", "10.2.0.1", "127.0.0.1", "::1"] {
            assert_eq!(sent(&door, peer, ":AQID:", false), (None, 0), "{peer}");
            assert_eq!(sent(&door, peer, ":AQID:", true), (Some(vec![9]), 0), "{peer}");
        }
        assert_eq!(sent(&self::door(&[], "off"), "10.0.0.7", ":AQID:", false), (None, 0));
        // A proxy may be believed of addresses alone; it need not know of that header then.
        assert_eq!(sent(&self::door(&["10.0.0.7"], "off"), "10.0.0.7", ":AQID:", true), (None, 0));
    }

    #[test]
    fn a_proxy_s_own_certificate_is_nobody_else_s() {
        let door = door(&["10.0.0.7"], "proxy");
        assert_eq!(sent(&door, "10.0.0.7", ":AQID:", true), (Some(vec![1, 2, 3]), 0));
        assert_eq!(sent(&door, "10.0.0.7", "odd", true), (None, 0));
    }
}
