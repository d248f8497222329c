//! Decision points elsewhere, which are asked besides the policies here.
//!
//! Invariant: one that is not reached, answers late, or says what cannot be read has denied.

mod authzen;
mod endpoint;
mod opa;

pub use authzen::Authzen;
pub use endpoint::{Endpoint, InvalidEndpoint, RemoteBounds, Unanswered};
pub use opa::Opa;

use async_trait::async_trait;
use prokura_policy::pdp::{Finding, Question};
use std::fmt;

/// A decision point elsewhere. What it finds counts as the finding of an engine does.
#[async_trait]
pub trait Remote: Send + Sync + fmt::Debug {
    /// What it is, for the record: `opa`, `authzen`.
    fn name(&self) -> &'static str;

    /// Asks it. Never later than its time limit, and a deny with a problem whenever it does not answer as it should.
    async fn ask(&self, question: &Question<'_>) -> Finding;
}
