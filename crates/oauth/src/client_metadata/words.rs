//! The words of client metadata.

use super::{MetadataError, optional_text};
use crate::json::{Object, Value};

/// The member of metadata by which a client has its tokens bound to its certificate (RFC 8705 §3.4).
pub(super) const CERTIFICATE_BOUND: &str = "tls_client_certificate_bound_access_tokens";

/// How a client proves who it is at the token endpoint (`token_endpoint_auth_method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// Not at all: a public client.
    None,
    /// A secret in the `Authorization` header (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// A secret in the body (RFC 6749 §2.3.1).
    ClientSecretPost,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// A certificate of a known authority with its name (RFC 8705 §2.1).
    TlsClientAuth,
    /// A certificate that it registered itself (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
    /// What its infrastructure says of it: an assertion or a certificate that its platform made. Only the operator sets a
    /// client up so; nobody registers it, and it has no word on the wire beside those of what is shown.
    Workload,
}

impl AuthMethod {
    /// Every method that a client can register, in the order of the metadata.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::Workload => "workload",
        }
    }

    /// The method of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == word)
    }

    /// Whether the client's keys say who it is.
    pub fn uses_keys(self) -> bool {
        matches!(self, Self::PrivateKeyJwt | Self::SelfSignedTlsClientAuth)
    }

    /// Whether the client shows a certificate.
    pub fn uses_certificate(self) -> bool {
        matches!(self, Self::TlsClientAuth | Self::SelfSignedTlsClientAuth)
    }

    /// Whether a secret is shared with the client.
    pub fn uses_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// The name that a certificate must have (RFC 8705 §2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateName {
    /// `tls_client_auth_subject_dn`: its subject, as RFC 4514 writes it.
    Subject(String),
    /// `tls_client_auth_san_dns`: a host among its alternative names.
    Dns(String),
    /// `tls_client_auth_san_uri`: a URI among its alternative names.
    Uri(String),
}

impl CertificateName {
    /// Exactly one name, if the client authenticates by it; names of other sorts are not looked at, so one alone is none.
    pub(super) fn read(o: &Object, method: AuthMethod) -> Result<Option<Self>, MetadataError> {
        if method != AuthMethod::TlsClientAuth {
            return Ok(None);
        }
        let text = |name| optional_text(o, name).map(|t| t.filter(|t| !t.is_empty()));
        let (subject, dns) = (text("tls_client_auth_subject_dn")?, text("tls_client_auth_san_dns")?);
        match (subject, dns, text("tls_client_auth_san_uri")?) {
            (Some(subject), None, None) => Ok(Some(Self::Subject(subject))),
            (None, Some(dns), None) => Ok(Some(Self::Dns(dns))),
            (None, None, Some(uri)) => Ok(Some(Self::Uri(uri))),
            _ => Err(MetadataError::CertificateName),
        }
    }

    /// The member of client metadata that says it.
    pub fn member(&self) -> &'static str {
        match self {
            Self::Subject(_) => "tls_client_auth_subject_dn",
            Self::Dns(_) => "tls_client_auth_san_dns",
            Self::Uri(_) => "tls_client_auth_san_uri",
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        match self {
            Self::Subject(text) | Self::Dns(text) | Self::Uri(text) => text,
        }
    }
}

/// What a client asks tokens for (`grant_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantType {
    /// With a code that a user's consent gave (RFC 6749 §4.1).
    AuthorizationCode,
    /// With a refresh token (RFC 6749 §6).
    RefreshToken,
    /// For itself (RFC 6749 §4.4).
    ClientCredentials,
    /// With a device code, to which a user agreed in a browser elsewhere (RFC 8628 §3.4).
    DeviceCode,
    /// With a request that its user agreed to where they are (OpenID Connect CIBA Core §4).
    Ciba,
    /// With an assertion of an identity provider (RFC 7523 §2.1, ID-JAG).
    JwtBearer,
    /// By exchanging a token (RFC 8693 §2.1).
    TokenExchange,
}

impl GrantType {
    /// Every grant type that is served.
    pub const ALL: [Self; 7] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::Ciba,
        Self::JwtBearer,
        Self::TokenExchange,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::Ciba => "urn:openid:params:grant-type:ciba",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// The grant type of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.as_str() == word)
    }
}

/// What sort of program the client is (`application_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApplicationType {
    /// Runs on a server or in a browser.
    Web,
    /// Runs on the user's machine.
    Native,
}

impl ApplicationType {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Native => "native",
        }
    }
}

/// A member that is true or false; false if it is absent.
pub(super) fn flag(o: &Object, name: &'static str) -> Result<bool, MetadataError> {
    match o.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or(MetadataError::Member(name)),
    }
}
