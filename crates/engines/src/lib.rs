//! Languages of policies, each an [`Engine`](prokura_policy::pdp::Engine) that answers the same question.
//!
//! Invariant: no I/O, no clock. What an engine cannot answer is a deny.
#![forbid(unsafe_code)]

pub mod answer;
pub mod cedar;
pub mod difference;
pub mod languages;
#[cfg(feature = "polar")]
pub mod polar;
#[cfg(feature = "rego")]
pub mod rego;
pub mod table;
