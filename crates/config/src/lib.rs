//! The configuration file as types. What parses here can be started; what cannot is refused with the key,
//! the value, the reason and the fix.
//!
//! Invariant: reads no file, no environment and no clock. Secrets are references; the caller reads them.
#![forbid(unsafe_code)]

mod access;
mod admin;
mod approvals;
mod authzen;
mod behaviour;
mod check;
mod check_provider;
mod client;
mod consent;
mod delegation;
mod dpop;
mod error;
mod facts;
mod feed;
mod foreign;
mod id_jag;
mod identity_provider;
mod network;
mod policy;
mod registration;
mod relations;
mod resource;
mod schema;
mod secret;
mod signals;
mod status_list;
mod text;
mod tls;
mod tokens;
mod tool;
mod transaction;
mod url;
mod workload;

pub use access::{
    AccessMode, AccessPolicyConfig, AccessStage, AppliesConfig, ConditionConfig, DaysConfig, FACT_ROOTS,
    FactLiteral, NarrowConfig, OWN_RESOURCES, OtherwiseConfig, OtherwiseWord, TimeConfig, UnknownConfig,
    WindowConfig,
};
pub use admin::{ADMIN, ADMIN_PATH, ADMIN_SCOPES, Admin};
pub use approvals::{ApprovalWebhook, Approvals, AskFor};
pub use authzen::{
    AUTHZEN, AUTHZEN_ASSERT, AUTHZEN_EVALUATE, AUTHZEN_PATH, AUTHZEN_SCOPES, AUTHZEN_SEARCH, Authzen,
    AuthzenCaller, AuthzenReasons, AuthzenRecord, UndeclaredObligations,
};
pub use behaviour::Behaviour;
pub use client::{AuthMethod, ClientConfig, ClientWorkload, ConfiguredGrant, DeliveryMode, GrantType};
pub use consent::{ConsentMode, ConsentPolicy, EnterpriseConsent, Group};
pub use delegation::{DelegationRule, Exchange, ImpersonationRule, MAX_DEPTH, SubjectIssuer, TokenView};
pub use dpop::Dpop;
pub use error::ConfigError;
pub use facts::{FactAbout, FactIssuer, Facts};
pub use feed::{FEED, FEED_RELATIONS, Feed, GatewayFeed};
pub use foreign::{
    AuthorizationServerConfig, ForeignClaims, ForeignScope, ForeignScopeNames, IntrospectionAuth,
    IntrospectionConfig, IssuerUrl, SELF, ServerProfile, SignatureAlgorithm,
};
pub use id_jag::{IdJag, IdJagAudience, IdJagIssuer};
pub use identity_provider::{AcrName, IdTokenAlgorithm, IdentityProvider, Linking, Preset};
pub use network::{ForwardedHeader, Network};
pub use policy::{Patience, Policy, PolicyEntities, PolicyLanguage, PolicyMode, PolicySet, Role};
pub use registration::{Ciba, ClientMetadataPolicy, Device, DeviceClients, Dynamic, Registration};
pub use relations::Relations;
pub use resource::{RateLimit, ResourceConfig, ScopeConfig, SignInDemand};
pub use schema::schema;
pub use secret::{SecretError, SecretRef};
pub use signals::{
    Reaction, Reactions, RiskThreshold, SIGNALS, SSF_MANAGE, SSF_READ, SignalClient, SignalDelivery,
    SignalSubjects, SignalTransmitter, Signals, SignalsSend,
};
pub use status_list::StatusLists;
pub use text::{ByteSize, Span};
pub use tls::{ClientCertificates, Tls};
pub use tokens::{Keys, TokenAlgorithm, Tokens};
pub use tool::{ArgumentsConfig, AuthzenMapping, Pinning, Risk, RowsConfig, TargetConfig, ToolConfig};
pub use transaction::TransactionTokens;
pub use url::{DatabaseUrl, Issuer, UpstreamUrl};
pub use workload::{
    AttestedClaim, AttesterDoor, ClaimKind, ClaimMatcher, ClaimTable, ClaimWord, EndpointProfile, KnownClaim,
    PlatformName, Replay, SpiffeBundle, TokenReview, Workload, WorkloadProvider, WorkloadRule, known_claims,
};

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// The whole configuration.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The canonical address of the authorization server; every other address derives from it.
    /// `https`, or `http` on a loopback host. For `prokura gateway`, which issues nothing, it may be written `address`.
    #[serde(alias = "address")]
    pub issuer: Issuer,
    /// Where to listen. A loopback address unless something else is said.
    #[serde(default = "default_listen")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// `sqlite:FILE`, `postgres://…`, or a reference to a secret that holds either.
    pub database: DatabaseSource,
    /// The key that protects stored keys, handles and cookies: 32 bytes as 64 hexadecimal digits. With SQLite
    /// it may be left out: a file that only the owner can read is then made beside the database.
    #[serde(default)]
    pub master_key: Option<SecretRef>,
    /// MCP servers behind the gateway.
    #[serde(default, rename = "resource")]
    pub resources: Vec<ResourceConfig>,
    /// Other authorization servers, whose tokens are believed at the resources that name them.
    #[serde(default, rename = "authorization_server")]
    pub authorization_servers: Vec<AuthorizationServerConfig>,
    /// Clients known from the start.
    #[serde(default, rename = "client")]
    pub clients: Vec<ClientConfig>,
    /// OpenID providers at which people may sign in.
    #[serde(default, rename = "identity_provider")]
    pub identity_providers: Vec<IdentityProvider>,
    /// Who decides what software may do for users.
    #[serde(default)]
    pub consent: ConsentPolicy,
    /// Groups of users.
    #[serde(default, rename = "group")]
    pub groups: Vec<Group>,
    /// What administrators allow for groups of users.
    #[serde(default, rename = "enterprise_consent")]
    pub enterprise_consents: Vec<EnterpriseConsent>,
    /// Dynamic client registration (RFC 7591, 7592).
    #[serde(default)]
    pub registration: Registration,
    /// Client ID metadata documents.
    #[serde(default)]
    pub client_metadata: ClientMetadataPolicy,
    /// Devices without a browser (RFC 8628).
    #[serde(default)]
    pub device: Device,
    /// Users who are asked where they are, wherever the client is (OpenID Connect CIBA Core).
    #[serde(default)]
    pub ciba: Ciba,
    /// Life times and algorithm of tokens.
    #[serde(default)]
    pub tokens: Tokens,
    /// Transaction tokens for what stands behind a call.
    #[serde(default)]
    pub transaction_tokens: TransactionTokens,
    /// Signing keys.
    #[serde(default)]
    pub keys: Keys,
    /// Proofs of possession (RFC 9449).
    #[serde(default)]
    pub dpop: Dpop,
    /// TLS at this program's own listener, and certificates of clients.
    #[serde(default)]
    pub tls: Tls,
    /// What this server may fetch.
    #[serde(default)]
    pub egress: Egress,
    /// How people sign in.
    #[serde(default)]
    pub sign_in: SignIn,
    /// Identity assertions (ID-JAG, "Enterprise-Managed Authorization" of MCP).
    #[serde(default)]
    pub id_jag: IdJag,
    /// By which authority is passed on to another agent (token exchange, RFC 8693).
    #[serde(default, rename = "delegation")]
    pub delegations: Vec<DelegationRule>,
    /// By which clients get tokens that do not say who acts.
    #[serde(default, rename = "impersonation")]
    pub impersonations: Vec<ImpersonationRule>,
    /// Token exchange (RFC 8693).
    #[serde(default)]
    pub exchange: Exchange,
    /// Workloads that prove who they are by what their infrastructure says.
    #[serde(default)]
    pub workload: Workload,
    /// The administration API.
    #[serde(default)]
    pub admin: Admin,
    /// From where requests come, and what is known of such places.
    #[serde(default)]
    pub network: Network,
    /// Facts that others say of workloads, hosts, agents, clients and users.
    #[serde(default)]
    pub facts: Facts,
    /// What is counted and learned of how agents behave.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Conditional access: what must be so for an authority to be used.
    #[serde(default, rename = "access_policy")]
    pub access_policies: Vec<AccessPolicyConfig>,
    /// Policies: what the organisation allows, asked at every call.
    #[serde(default)]
    pub policy: Policy,
    /// Who has which relation to what.
    #[serde(default)]
    pub relations: Relations,
    /// Roles, as policies name them.
    #[serde(default, rename = "role")]
    pub roles: Vec<Role>,
    /// Approvals of single calls.
    #[serde(default)]
    pub approvals: Approvals,
    /// Shared signals (SSF, CAEP): events of others that end authority here, and events for others.
    #[serde(default)]
    pub signals: Signals,
    /// The feed of revocations, for gateways that do not share the database.
    #[serde(default)]
    pub feed: Feed,
    /// The decision point that others ask (AuthZEN).
    #[serde(default)]
    pub authzen: Authzen,
    /// Token Status Lists, for verifiers that ask nobody else.
    #[serde(default)]
    pub status_list: StatusLists,
    /// Bounds of the gateway.
    #[serde(default)]
    pub gateway: GatewayLimits,
    /// What is only allowed on a loopback issuer and with `--dev`.
    #[serde(default)]
    pub dev: Option<Dev>,
}

/// A database address, or the secret that holds it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "RawDatabase")]
#[schemars(with = "RawDatabase")]
pub enum DatabaseSource {
    /// Written here; refused if it has a password in it.
    Plain(DatabaseUrl),
    /// Kept elsewhere.
    Secret(SecretRef),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum RawDatabase {
    Text(String),
    Secret(SecretRef),
}

impl TryFrom<RawDatabase> for DatabaseSource {
    type Error = String;

    fn try_from(raw: RawDatabase) -> Result<Self, String> {
        match raw {
            RawDatabase::Text(text) => DatabaseUrl::try_from(text).map(Self::Plain),
            RawDatabase::Secret(secret) => Ok(Self::Secret(secret)),
        }
    }
}

/// What this server may fetch beyond public `https` addresses.
#[derive(Debug, Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Hosts (`as.internal`, `as.internal:8443`) and networks (`10.1.0.0/16`) that are trusted although they
    /// are not public.
    pub allow: Vec<String>,
    /// Files with further certificate authorities, PEM.
    pub extra_roots: Vec<String>,
}

/// Whether one-time codes are asked for after a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum Totp {
    /// Of nobody.
    Off,
    /// Of those who have enrolled.
    #[default]
    Optional,
    /// Of everybody; who has not enrolled does so at the next sign-in.
    Required,
}

/// How people sign in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignIn {
    /// How long a sign-in lasts.
    pub session: Span,
    /// Whether passwords are accepted beside passkeys.
    pub password: bool,
    /// Whether a password alone is enough: `off` (one-time codes are not asked for), `optional` (of those who have
    /// enrolled), `required` (of everybody).
    pub totp: Totp,
    /// How many passwords are hashed at once.
    pub hash_workers: u8,
}

impl Default for SignIn {
    fn default() -> Self {
        Self { session: Span::hours(12), password: true, totp: Totp::Optional, hash_workers: 2 }
    }
}

/// Bounds of the gateway.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayLimits {
    /// The largest message taken from a client.
    pub max_request: ByteSize,
    /// The largest message taken from an upstream.
    pub max_response: ByteSize,
    /// How long an upstream may take to begin its answer.
    pub upstream_timeout: Span,
    /// How long a stream may stay open without a byte.
    pub idle_timeout: Span,
    /// Origins of web pages that may call the gateway, beside the issuer's own.
    pub allowed_origins: Vec<String>,
    /// How old the view of what is revoked may be before calls are refused.
    pub stale_after: Span,
    /// For `prokura gateway`: how it hears what is revoked from an issuer whose database it does not share.
    pub feed: Option<GatewayFeed>,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            max_request: ByteSize::mebibytes(4),
            max_response: ByteSize::mebibytes(16),
            upstream_timeout: Span::seconds(60),
            idle_timeout: Span::minutes(5),
            allowed_origins: Vec::new(),
            stale_after: Span::seconds(2),
            feed: None,
        }
    }
}

/// What is only allowed on a loopback issuer and with `--dev`.
#[derive(Debug, Clone, Deserialize, JsonSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Dev {
    /// This user is signed in and agrees to everything by itself.
    pub auto_approve_user: Option<String>,
    /// Client metadata documents that are read from a file instead of fetched: address to file.
    pub client_metadata: BTreeMap<String, String>,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9400))
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, the value, the reason and the fix.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|e| ConfigError::syntax(text, &e))?;
        check::check(&config)?;
        Ok(config)
    }

    /// Whether it can be served by the gateway alone, without an authorization server.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, the value, the reason and the fix.
    pub fn check_gateway_alone(&self) -> Result<(), ConfigError> {
        check::gateway_alone(self)
    }

    /// The policies of conditional access, made ready to be asked.
    ///
    /// # Errors
    /// [`ConfigError`] names the key, the value, the reason and the fix; of a configuration that was read there is none.
    pub fn access(&self) -> Result<prokura_policy::access::AccessPolicies, ConfigError> {
        access::policies(self)
    }

    /// The other authorization server of that name.
    pub fn authorization_server(&self, name: &str) -> Option<&AuthorizationServerConfig> {
        self.authorization_servers.iter().find(|s| s.name == name)
    }

    /// The resource of that name.
    pub fn resource(&self, name: &str) -> Option<&ResourceConfig> {
        self.resources.iter().find(|r| r.name == name)
    }

    /// The public address of a resource: `{issuer}/mcp/{name}`.
    ///
    /// # Panics
    /// Never: names and issuer were checked to make a canonical address.
    #[allow(clippy::expect_used, reason = "names and issuer were checked to make a canonical address")]
    pub fn resource_uri(&self, resource: &ResourceConfig) -> prokura_core::ResourceUri {
        let uri = format!("{}/mcp/{}", self.issuer, resource.name);
        prokura_core::ResourceUri::parse_exact(&uri).expect("a checked name makes a canonical address")
    }

    /// Whether there is an administration API: some client may use it.
    pub fn has_admin(&self) -> bool {
        self.clients.iter().any(|c| c.grants.iter().any(|g| g.resource == ADMIN))
    }

    /// Whether there is a feed of revocations: some client may follow it.
    pub fn has_feed(&self) -> bool {
        self.clients.iter().any(|c| c.grants.iter().any(|g| check::is_feed(self, g)))
    }

    /// Whether others may ask the decision point: some client may.
    pub fn has_authzen(&self) -> bool {
        self.clients.iter().any(|c| c.grants.iter().any(|g| check::is_authzen(self, g)))
    }

    /// How long an access token lives.
    pub fn access_life(&self) -> Duration {
        self.tokens.access.get()
    }
}
