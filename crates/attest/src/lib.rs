//! Workloads that prove who they are: a verifier per platform makes [`Evidence`] of what the infrastructure says, and
//! rules lead from there to an agent.
//!
//! Invariant: no policy decision; nothing is read of bytes that were not verified; where to verify is never learned from
//! what is to be verified.
#![forbid(unsafe_code)]

pub mod aws_caller;
pub mod azure_vm;
mod bound;
mod cms;
mod configured;
mod documents;
pub mod ec2;
mod error;
mod evidence;
mod pem;
mod preset;
mod providers;
mod reading;
mod review;
mod rule;
mod said;
mod spiffe;
mod token;

pub use bound::{Bound, digits, instance_name};
pub use cms::CmsError;
pub use configured::{BadRule, agent_named};
pub use documents::{DocumentError, Documents, InvalidDocuments};
pub use error::{AttestError, Refused};
pub use evidence::{ClaimValue, Claims, Evidence};
pub use providers::{InvalidProvider, Provider, Providers};
pub use rule::{Expected, Mismatch, NoRule, Rule, Rules, Unmatched};
pub use spiffe::{BundlePlace, InvalidBundle, TrustBundle};
pub use token::Door;
