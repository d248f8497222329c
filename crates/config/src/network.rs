//! From where requests come, and what is known of such places.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// The header by which trusted proxies pass the caller's address on. Only this one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// From where requests come, and what is known of such places.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Addresses (`10.0.0.7`) and networks (`10.1.0.0/16`) of the proxies before this program. What they say of the
    /// caller's address is believed, and with `tls.client_certificates = "proxy"` what they say of its certificate.
    pub trusted_proxies: Vec<String>,
    /// `x_forwarded_for` or `forwarded`: how they say the caller's address.
    pub header: ForwardedHeader,
    /// Databases of places in MaxMind's format (`.mmdb`): country or city, autonomous systems, anonymisers. The first
    /// one that knows something counts. A file that changes is read again.
    pub databases: Vec<String>,
    /// For how long after they were built they count.
    pub max_age: Span,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            header: ForwardedHeader::XForwardedFor,
            databases: Vec::new(),
            max_age: Span::days(60),
        }
    }
}
