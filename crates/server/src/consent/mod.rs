//! Consent that lives: who is in which group, what administrators allow for groups, what users may allow, what they are
//! shown of it afterwards.
//!
//! Invariants: nothing that an administrator allows reaches a user outside its groups; it ends when the rule or the
//! membership ends; what a user ended is not made again unasked.

mod enterprise;
mod groups;
mod rules;

pub(crate) use enterprise::{Given, Wanted, review, root, stands, users_may_end, would_give};
pub(crate) use groups::groups_of;
pub(crate) use rules::{Whom, all, check_details, readable, users_may};
