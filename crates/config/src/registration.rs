//! Clients that nobody wrote into the configuration: who may register, whose documents are read, which devices may ask.

use crate::{SecretRef, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// Who may register a client at `/register`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum Dynamic {
    /// Nobody.
    #[default]
    Off,
    /// Who has the initial access token.
    Token,
    /// Anybody, within the bounds.
    Open,
}

/// Dynamic client registration (RFC 7591, 7592).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Registration {
    /// `off`, `token` or `open`.
    pub dynamic: Dynamic,
    /// The initial access token (RFC 7591 §3.1), for `token`.
    pub initial_access_token: Option<SecretRef>,
    /// A registered client that was not used for so long is removed.
    pub expires_after: Span,
    /// At most so many registered clients.
    pub max_clients: u32,
    /// At most so many registrations a minute from one address.
    pub per_minute: u32,
    /// Redirect URIs may only point to these hosts; empty: any `https` host and loopback.
    pub redirect_hosts: Vec<String>,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            dynamic: Dynamic::Off,
            initial_access_token: None,
            expires_after: Span::days(30),
            max_clients: 10_000,
            per_minute: 20,
            redirect_hosts: Vec::new(),
        }
    }
}

/// Client ID metadata documents.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientMetadataPolicy {
    /// Whether clients may be identified by the address of their metadata document.
    pub enabled: bool,
    /// If not empty, only documents from these hosts are accepted.
    pub trusted_hosts: Vec<String>,
}

impl Default for ClientMetadataPolicy {
    fn default() -> Self {
        Self { enabled: true, trusted_hosts: Vec::new() }
    }
}

/// Which clients may ask from a device without a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum DeviceClients {
    /// None.
    Off,
    /// Those of the configuration.
    #[default]
    Configured,
    /// Those, and those with a metadata document.
    Published,
    /// Every client, also who registered itself.
    Any,
}

/// Users who are asked where they are, wherever the client is (OpenID Connect CIBA Core).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ciba {
    /// `off`, `configured`, `published` or `any`: which clients may, if they name the grant type and authenticate. Whoever
    /// may can put a question before any user whose name it knows.
    pub clients: DeviceClients,
    /// How long a question waits for its user at most, and if the client does not say; at most 1 hour.
    pub waits: Span,
    /// So many questions of one client wait for one user at most.
    pub per_user: u32,
    /// At most so many requests a minute from one address.
    pub per_minute: u32,
}

impl Default for Ciba {
    fn default() -> Self {
        Self { clients: DeviceClients::Configured, waits: Span::minutes(10), per_user: 5, per_minute: 60 }
    }
}

/// Devices without a browser (RFC 8628).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Device {
    /// `off`, `configured`, `published` or `any`: which clients may, if they name the grant type. Whoever may can
    /// send a stranger a code and hope that it is entered.
    pub clients: DeviceClients,
    /// How long a code waits for its person; at most 30 minutes.
    pub code: Span,
    /// At most so many codes a minute for one address.
    pub per_minute: u32,
}

impl Default for Device {
    fn default() -> Self {
        Self { clients: DeviceClients::Configured, code: Span::minutes(10), per_minute: 30 }
    }
}
