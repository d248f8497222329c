//! Shared signals (SSF and CAEP): whose events are taken here, what they do, and whether events are sent.

use crate::{SecretRef, SignatureAlgorithm, Span, TokenAlgorithm};
use schemars::JsonSchema;
use serde::Deserialize;

/// What `[[client.grant]] resource` says for the interface of event streams; no `[[resource]]` may have this name where
/// events are sent.
pub const SIGNALS: &str = "ssf";
/// The scope of a token that reads streams and fetches their events.
pub const SSF_READ: &str = "ssf.read";
/// The scope of a token that makes, changes and removes streams.
pub const SSF_MANAGE: &str = "ssf.manage";

/// Shared signals, in both directions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Signals {
    /// Whose events are taken here.
    #[serde(rename = "transmitter")]
    pub transmitters: Vec<SignalTransmitter>,
    /// Events of this server for others.
    pub send: SignalsSend,
}

/// How events arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum SignalDelivery {
    /// They are posted to `{issuer}/signals/{name}` (RFC 8935).
    #[default]
    Push,
    /// They are fetched (RFC 8936).
    Poll,
}

/// Somebody whose events are taken.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalTransmitter {
    /// Its name, in the address, for the record and for people.
    pub name: String,
    /// Its issuer identifier, to the byte. Its metadata are looked for there.
    pub issuer: String,
    /// Where its keys are, if its metadata are not to be asked.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// What it calls this server (`aud`); this server's issuer if nothing is said.
    #[serde(default)]
    pub audience: Option<String>,
    /// `push` or `poll`.
    #[serde(default)]
    pub delivery: SignalDelivery,
    /// For `push`: the bearer token that it shows here.
    #[serde(default)]
    pub secret: Option<SecretRef>,
    /// For `poll`: where its events are, unless the stream is made here.
    #[serde(default)]
    pub poll_endpoint: Option<String>,
    /// The bearer token that is shown there, if it does not change.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// The OAuth client by which such tokens are got.
    #[serde(default)]
    pub client: Option<SignalClient>,
    /// What it calls the stream, if an operator made it there. Verification needs it.
    #[serde(default)]
    pub stream_id: Option<String>,
    /// Whether the stream is made by this server, once.
    #[serde(default)]
    pub create_stream: bool,
    /// How often it is asked to show that the stream works; never if nothing is said.
    #[serde(default)]
    pub verify_every: Option<Span>,
    /// The accepted algorithms.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// An event that was issued longer ago is refused; at most 30 days.
    #[serde(default = "week")]
    pub max_age: Span,
    /// By the word of which issuers it may name somebody (`iss_sub`); its own if nothing is said. This server's ids are
    /// understood always.
    #[serde(default)]
    pub subject_issuers: Option<Vec<String>>,
    /// Whom it may name by an e-mail address: everybody with an address in these domains.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// What it does if a session was revoked.
    #[serde(default = "sessions_revoked")]
    pub session_revoked: Reactions,
    /// What it does if a credential was revoked or deleted.
    #[serde(default = "credential_changed")]
    pub credential_change: Reactions,
    /// What it does if a device no longer complies, until it does again.
    #[serde(default = "not_compliant")]
    pub device_compliance_change: Reactions,
    /// What it does if the risk is as high as `risk_threshold`, until it is low again.
    #[serde(default = "risky")]
    pub risk_level_change: Reactions,
    /// `medium` or `high`.
    #[serde(default)]
    pub risk_threshold: RiskThreshold,
    /// For how long what it says of compliance and risk is known, unless it says something else before.
    #[serde(default = "month")]
    pub fact_max_age: Span,
}

fn month() -> Span {
    Span::days(30)
}

fn algorithms() -> Vec<SignatureAlgorithm> {
    use SignatureAlgorithm::{ES256, EdDSA, PS256, RS256};
    vec![RS256, ES256, PS256, EdDSA]
}

fn week() -> Span {
    Span::days(7)
}

fn sessions_revoked() -> Reactions {
    Reactions { users: Reaction::Suspend, software: Reaction::Suspend }
}

fn credential_changed() -> Reactions {
    Reactions { users: Reaction::Sessions, software: Reaction::Suspend }
}

fn not_compliant() -> Reactions {
    Reactions { users: Reaction::Record, software: Reaction::Record }
}

fn risky() -> Reactions {
    Reactions { users: Reaction::Disable, software: Reaction::Suspend }
}

/// From which risk on something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum RiskThreshold {
    /// From `MEDIUM` on.
    Medium,
    /// At `HIGH`.
    #[default]
    High,
}

/// What an event does to whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reactions {
    /// To people.
    pub users: Reaction,
    /// To agents, clients and workloads.
    pub software: Reaction,
}

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// It is recorded, and nothing else.
    Record,
    /// A person's sessions end. Software has none.
    Sessions,
    /// A person's sessions end and what the person allowed is suspended; software may do nothing. Until the cause is over.
    Suspend,
    /// Nobody may do anything until the cause is over.
    Disable,
    /// Sessions end, and all authority of the person or software ends for ever.
    Revoke,
}

/// The OAuth client by which a transmitter is asked.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalClient {
    /// Where tokens are got.
    pub token_endpoint: String,
    /// Its id there.
    pub id: String,
    /// Its secret there.
    pub secret: SecretRef,
    /// The scopes that are asked for.
    #[serde(default = "scopes")]
    pub scope: String,
    /// The resource that is asked for (RFC 8707), if that server wants one.
    #[serde(default)]
    pub resource: Option<String>,
}

fn scopes() -> String {
    format!("{SSF_READ} {SSF_MANAGE}")
}

/// By what people are named in events that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum SignalSubjects {
    /// This server's issuer and its id of the person.
    #[default]
    IssSub,
    /// The e-mail address, where one is known.
    Email,
}

/// Events of this server for others.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SignalsSend {
    /// Whether events are sent, and the interface of streams is served at `{issuer}/ssf`.
    pub enabled: bool,
    /// With which algorithm events are signed. The interoperability profile of CAEP asks for `RS256`.
    pub algorithm: TokenAlgorithm,
    /// So many events are held for one stream; then it is paused.
    pub queue: u32,
    /// So many streams may one client have.
    pub streams_per_client: u32,
    /// `iss_sub` or `email`: by what people are named.
    pub subjects: SignalSubjects,
}

impl Default for SignalsSend {
    fn default() -> Self {
        Self {
            enabled: false,
            algorithm: TokenAlgorithm::RS256,
            queue: 10_000,
            streams_per_client: 10,
            subjects: SignalSubjects::IssSub,
        }
    }
}
