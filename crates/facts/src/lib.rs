//! What is known of a request: facts that were pushed, claims of the attested workload, the caller's network, behaviour.
//!
//! Invariants: nothing that a caller chose is a fact about it; what is unknown is left out and never guessed; a fact is
//! looked up when a policy asks for it, in memory.
#![forbid(unsafe_code)]

mod address;
mod behaviour;
mod gather;
mod places;
mod posture;
pub mod pushed;

pub use address::{Address, Proxies};
pub use behaviour::{Behaviour, SHARE_EVERY};
pub use gather::{Gathering, HOST_CLAIMS};
pub use places::{DatabaseError, Databases};
pub use posture::{POSTURE_TYP, Posture, PostureError, verify_posture};
