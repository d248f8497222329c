//! What is counted and learned of how agents behave.

use crate::Span;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is counted and learned of how agents behave. It costs nothing while no policy asks for it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Behaviour {
    /// Until an agent was seen for so long, it is unknown what is unusual for it.
    pub learn_for: Span,
    /// Until an agent made so many calls, it is unknown what is unusual for it.
    pub learn_calls: u32,
    /// What was not seen for so long is unfamiliar again.
    pub forget_after: Span,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { learn_for: Span::days(3), learn_calls: 100, forget_after: Span::days(30) }
    }
}
