//! `[workload.provider.bundle]`: where the bundle of a SPIFFE trust domain comes from.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where the bundle of a trust domain comes from: one of an endpoint, a file, and the Workload API. It is never learned
/// from an SVID.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpiffeBundle {
    /// The address of a bundle endpoint (SPIFFE Federation §5).
    #[serde(default)]
    pub endpoint: Option<String>,
    /// How that endpoint proves who it is. It cannot be guessed from the address, so it is said.
    #[serde(default)]
    pub profile: Option<EndpointProfile>,
    /// With `https_spiffe`: the SPIFFE ID of the endpoint, which its certificate has to have.
    #[serde(default)]
    pub endpoint_id: Option<String>,
    /// A file with the bundle as JSON (`spire-server bundle show -format spiffe`), which is read again when it is old.
    /// With `https_spiffe`: the bundle of the endpoint's trust domain to begin with.
    #[serde(default)]
    pub file: Option<String>,
    /// The socket of the Workload API of an agent beside this server, such as `unix:///run/spire/sockets/agent.sock`.
    #[serde(default)]
    pub workload_api: Option<String>,
}

/// How a bundle endpoint proves who it is (SPIFFE Federation §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointProfile {
    /// By a certificate for its host name, of an authority of this machine or of `ca_file`.
    HttpsWeb,
    /// By an X.509-SVID.
    HttpsSpiffe,
}
