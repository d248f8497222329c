//! The feed of revocations: who may follow it, and how a gateway follows that of its issuer.

use crate::SecretRef;
use schemars::JsonSchema;
use serde::Deserialize;

/// What `[[client.grant]] resource` says for the feed of revocations, and its first scope; no `[[resource]]` may have this
/// name once a client has such a grant.
pub const FEED: &str = "feed";
/// The scope of the feed of relations, of the same resource.
pub const FEED_RELATIONS: &str = "relations";

/// The feed of revocations at `{issuer}/feed/revocations`, for gateways that do not share the database. It is on if a client
/// has a `[[client.grant]]` with `resource = "feed"` and `scopes = ["feed"]`; with the scope `relations` besides, it may
/// follow who has which relation to what.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Feed {
    /// At most so many connections in all.
    pub connections: u32,
    /// At most so many connections of one client.
    pub connections_per_client: u32,
}

impl Default for Feed {
    fn default() -> Self {
        Self { connections: 1024, connections_per_client: 64 }
    }
}

/// How `prokura gateway` hears what is revoked from an issuer whose database it does not share. The gateway then stands at
/// the issuer's own address (`issuer`), to which a proxy brings `/mcp/…`, and takes the tokens of that issuer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayFeed {
    /// Where the issuer can be asked from here, if not at its own address: `https`, or `http` on a loopback host.
    #[serde(default)]
    pub at: Option<String>,
    /// The client that this gateway is at the issuer.
    pub client_id: String,
    /// Its secret, which it shows in the `Authorization` header.
    pub secret: SecretRef,
    /// Whether the relations that policies ask for (`[relations] ask`, `parents`) are the issuer's: its model and its tuples.
    /// The client needs the scope `relations` of the feed for it.
    #[serde(default)]
    pub relations: bool,
}
