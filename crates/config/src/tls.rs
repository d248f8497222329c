//! TLS at this program's own listener, and certificates of clients (RFC 8705).

use schemars::JsonSchema;
use serde::Deserialize;

/// Whether clients may show certificates on their connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// They are not asked for.
    #[default]
    Off,
    /// They are asked for; whoever has none comes in without.
    Optional,
    /// A trusted proxy asks for them and passes them on by the header `Client-Cert` (RFC 9440).
    Proxy,
}

/// TLS at this program's own listener, and certificates of clients (RFC 8705). Without it a proxy ends TLS.
#[derive(Debug, Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// A file with the certificate of this server and those above it, PEM.
    pub certificate: Option<String>,
    /// A file with its private key, PEM.
    pub key: Option<String>,
    /// `off`, `optional` (this listener asks clients for certificates) or `proxy`: those of `network.trusted_proxies` ask
    /// for them, and take away what clients send as `Client-Cert`.
    pub client_certificates: ClientCertificates,
    /// Files with the authorities whose certificates clients may authenticate by (`tls_client_auth`), PEM. Certificates
    /// that a client registered itself need none.
    pub client_authorities: Vec<String>,
}

impl Tls {
    /// Whether certificates of clients can arrive here.
    pub fn takes_certificates(&self) -> bool {
        self.client_certificates != ClientCertificates::Off
    }
}
