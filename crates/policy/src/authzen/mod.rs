//! The wire of the OpenID AuthZEN Authorization API 1.0: what a decision point is asked, and what it answers.
//!
//! Read strictly: what the standard requires must be there and have its type, and members that nobody knows are ignored
//! (§10.1.1). The same types serve both ends: who asks writes what who answers reads.
//!
//! Invariant: pure. Who may ask, and what is believed of what they say, is not decided here.

mod access_request;
mod decision;
mod evaluation;
mod evaluations;
mod kinds;
mod malformed;
mod metadata;
mod obligation;
mod search;

pub use access_request::{AccessRequest, InvalidAccessRequest};
pub use decision::{Decision, DecisionError};
pub use evaluation::{Act, Evaluation, Party};
pub use evaluations::{Evaluations, MAX_EVALUATIONS, Semantic};
pub use kinds::Kinds;
pub use malformed::Malformed;
pub use metadata::{Metadata, WELL_KNOWN};
pub use obligation::{SUPPORTED, VENDOR, declared, obligations_from, obligations_to, type_of};
pub use search::{Page, Search, Sought};
