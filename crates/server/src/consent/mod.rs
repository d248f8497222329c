//! Consent that lives: who is in which group, what administrators allow for groups, what users may allow, what they are
//! shown of it afterwards.
//!
//! Invariants: nothing that an administrator allows reaches a user outside its groups; it ends when the rule or the
//! membership ends; what a user ended is not made again unasked.

mod groups;

pub(crate) use groups::groups_of;
