//! Conditional access: what is known of a request right now, put to the operator's policies.
//!
//! Invariant: pure. Facts come in by [`Facts`], the time in [`Situation`]; what is unknown or stale denies unless a policy
//! says otherwise. A policy takes away and never gives: whoever is permitted here still needs authority.

mod applies;
mod calendar;
mod condition;
mod evaluate;
mod explain;
mod own;
mod policy;
mod situation;
mod verdict;
mod words;

pub use applies::Applies;
pub use calendar::{Calendar, Days, InvalidCalendar, Period, Window};
pub use condition::{Comparison, Condition, FactTest, Standing, Unknown};
pub use explain::{Explained, Leaf};
pub use own::{OwnFacts, OwnSources};
pub use policy::{AccessPolicies, AccessPolicy, InvalidPolicies, Mode, Otherwise, PolicyName, PolicySetId};
pub use situation::{Facts, FixedFacts, Situation, Sources, Stage};
pub use verdict::{Narrowing, NothingLeft, Outcome, Used, Verdict, Weighed};
