//! Conditional access at work: the operator's policies, what is known of a request, and what people agreed to, put
//! together in one [`Guard`] that the server and the gateway ask; and what follows from a refusal: a request for approval,
//! or quarantine, in the transaction that puts it on record.
//!
//! Invariant: only what the store says is an approval; whatever other sources say of one is not looked at.
#![forbid(unsafe_code)]

mod approval;
mod guard;
mod question;
mod refused;

pub use approval::{ApprovalSeal, Condition, Conditions, Fact, Facts, Line, arguments_hash};
pub use guard::{Guard, actor};
pub use question::{Answer, Question, Unreadable};
pub use refused::Refused;
