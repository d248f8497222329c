//! `[workload.attester]`: the door for evidence that is no token.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// The door for evidence that is no token. It is open as soon as there is a provider of `aws_caller`, `ec2` or
/// `azure_vm`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttesterDoor {
    /// How long a client attestation is good; 1 minute to 1 hour, and never longer than the evidence.
    pub life: Span,
    /// How long a challenge is good; 10 seconds to 10 minutes.
    pub challenge_life: Span,
    /// At most so many attestations a minute are asked for from one address.
    pub per_minute: u32,
}

impl Default for AttesterDoor {
    fn default() -> Self {
        Self { life: Span::minutes(10), challenge_life: Span::minutes(5), per_minute: 60 }
    }
}
