//! Consent that lives: who is in which group, what administrators allow for groups, what users may allow, what a client
//! looked like when it was let in, what people are given of it to keep.
//!
//! Invariants: nothing that an administrator allows reaches a user outside its groups; it ends when the rule or the
//! membership ends; what a user ended is not made again unasked; who looks otherwise than when it was let in is asked
//! about again before it gets anything.

mod enterprise;
mod fault;
mod groups;
mod merge;
mod receipt;
mod rules;
mod standing;
mod upkeep;

pub(crate) use enterprise::{Given, Wanted, review, root, stands, users_may_end, would_give};
pub(crate) use fault::ConsentFault;
pub(crate) use groups::groups_of;
pub(crate) use merge::{grows_into, join, without};
pub(crate) use receipt::Receipt;
pub(crate) use rules::{Whom, check_details, readable, users_may, users_may_name};
pub(crate) use standing::{carries, differences, likeness_of, note};
pub(crate) use upkeep::{Upkeep, check, upkeep};
