//! Clients known from the start.

use crate::SecretRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a client proves who it is at the token endpoint. It uses exactly this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// It cannot; it is public.
    None,
    /// Its secret in the `Authorization` header (RFC 6749 §2.3.1).
    ClientSecretBasic,
    /// Its secret in the body.
    ClientSecretPost,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
    /// A certificate of one of `tls.client_authorities`, with its name (RFC 8705 §2.1).
    TlsClientAuth,
    /// A certificate that stands in its keys (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
    /// What its infrastructure says of it (RFC 7523 §2.2, SPIFFE client authentication): see `workload`.
    Workload,
}

/// What a client may ask tokens by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// A user's consent (RFC 6749 §4.1).
    AuthorizationCode,
    /// A refresh token (RFC 6749 §6).
    RefreshToken,
    /// The client's own authority (RFC 6749 §4.4).
    ClientCredentials,
    /// A user's consent in a browser on another device (RFC 8628).
    DeviceCode,
    /// A user's consent where they are, wherever the client is (OpenID Connect CIBA).
    Ciba,
    /// An assertion of an identity provider (RFC 7523, ID-JAG).
    JwtBearer,
    /// Exchange of a token for another (RFC 8693): an access token, an ID-JAG.
    TokenExchange,
}

/// How a client hears that its user has answered (OpenID Connect CIBA Core §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryMode {
    /// It asks until it hears.
    #[default]
    Poll,
    /// It is told, and then asks.
    Ping,
}

/// A client known from the start.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// Its `client_id`.
    pub id: String,
    /// What people call it; the id if nothing is said.
    #[serde(default)]
    pub name: Option<String>,
    /// The agent that this client belongs to: several clients may name the same. Its own if nothing is said.
    #[serde(default)]
    pub agent: Option<String>,
    /// Its secret, at least 32 characters, made by a machine.
    #[serde(default)]
    pub secret: Option<SecretRef>,
    /// Where its public keys are, for `private_key_jwt` and for request objects.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// A file with its public keys (a JWK set), for `private_key_jwt` and for request objects.
    #[serde(default)]
    pub jwks_file: Option<String>,
    /// How it authenticates; if nothing is said: `client_secret_basic` with a secret, `private_key_jwt` with
    /// keys, else `none`.
    #[serde(default)]
    pub auth: Option<AuthMethod>,
    /// What it may ask tokens by.
    #[serde(default = "code_and_refresh")]
    pub grant_types: Vec<GrantType>,
    /// Where users are sent back to, exactly; any port on a loopback address.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where users are sent back to after they have signed out (OpenID Connect RP-Initiated Logout).
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// The types of authorization details (RFC 9396) that it may ask for: `["mcp_tool"]`, or `[]` for none. Any if
    /// nothing is said.
    #[serde(default)]
    pub authorization_details_types: Option<Vec<String>>,
    /// Authority of its own, for `client_credentials`.
    #[serde(default, rename = "grant")]
    pub grants: Vec<ConfiguredGrant>,
    /// Whether it always asks with a proof of possession, so that nothing is issued without (RFC 9449 §5.2).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Whether what it asks for counts only if it signed it (RFC 9101). It then needs keys; with `auth` they may stand
    /// beside a secret.
    #[serde(default)]
    pub require_signed_request_object: bool,
    /// Whether it always connects with a certificate, to which its tokens are bound (RFC 8705 §3.4).
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// For `tls_client_auth`: the subject of its certificate, as RFC 4514 writes it (`CN=batch,O=Example`).
    #[serde(default)]
    pub tls_client_auth_subject_dn: Option<String>,
    /// For `tls_client_auth`: a host among the alternative names of its certificate.
    #[serde(default)]
    pub tls_client_auth_san_dns: Option<String>,
    /// For `tls_client_auth`: a URI among the alternative names of its certificate.
    #[serde(default)]
    pub tls_client_auth_san_uri: Option<String>,
    /// For `workload`: by which evidence it authenticates.
    #[serde(default)]
    pub workload: Option<ClientWorkload>,
    /// For `ciba`: how it hears that its user has answered. `poll` if nothing is said.
    #[serde(default)]
    pub backchannel_token_delivery_mode: DeliveryMode,
    /// For `ciba` and `ping`: where it is told that its user has answered.
    #[serde(default)]
    pub backchannel_client_notification_endpoint: Option<String>,
    /// For `ciba`: the algorithm by which it signs what it asks for; then nothing else counts. It needs keys.
    #[serde(default)]
    pub backchannel_authentication_request_signing_alg: Option<String>,
    /// Names of resources whose tokens it may introspect (RFC 7662).
    #[serde(default)]
    pub introspects: Vec<String>,
}

/// By which evidence of a workload a client authenticates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientWorkload {
    /// The name of a `[[workload.rule]]` of the client's agent: whatever it matches is this client.
    #[serde(default)]
    pub rule: Option<String>,
    /// The name of a `[[workload.provider]]`, together with `subject`.
    #[serde(default)]
    pub provider: Option<String>,
    /// The subject in the provider's own words: `spiffe://prod.example/planner`, `system:serviceaccount:agents:planner`.
    #[serde(default)]
    pub subject: Option<String>,
}

fn code_and_refresh() -> Vec<GrantType> {
    vec![GrantType::AuthorizationCode, GrantType::RefreshToken]
}

impl ClientConfig {
    /// How it authenticates.
    pub fn auth(&self) -> AuthMethod {
        self.auth.unwrap_or(match (&self.secret, self.jwks_uri.is_some() || self.jwks_file.is_some()) {
            (_, true) => AuthMethod::PrivateKeyJwt,
            (Some(_), false) => AuthMethod::ClientSecretBasic,
            (None, false) => AuthMethod::None,
        })
    }

    /// How many names of its certificate are said.
    pub(crate) fn certificate_names(&self) -> usize {
        let names =
            [&self.tls_client_auth_subject_dn, &self.tls_client_auth_san_dns, &self.tls_client_auth_san_uri];
        names.into_iter().flatten().count()
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// A root grant that the operator gives to a client's agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredGrant {
    /// The name of the resource.
    pub resource: String,
    /// What it may do there.
    pub scopes: Vec<String>,
}
