//! Approvals of single calls: what is shown to who decides, what is kept of it, and which calls are alike.
//!
//! Invariants: what is shown is what was hashed, for both are made of the same arguments; the arguments are kept sealed, and
//! only as long as somebody may still decide or the call may still be made; a standing agreement never holds for more than
//! what was shown of it.

mod alike;
mod facts;
mod key;

pub use alike::{Condition, Conditions};
pub use facts::{Fact, Facts, Line};
pub use key::{ApprovalSeal, arguments_hash};
