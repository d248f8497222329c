//! The vocabulary of Prokura: ids, principals, grants and their narrowing rules, actions, decisions and
//! permits, time and randomness.
//!
//! Invariant: no I/O, no async, no wire format. Everything here is a value or a pure function, except
//! [`SystemClock`] and [`SystemRng`], the two doors through which time and randomness come in.
#![forbid(unsafe_code)]

mod action;
mod approval;
mod assurance;
mod constraint;
mod decimal;
mod decision;
mod detail;
mod domain;
mod fact;
mod grant;
mod id;
mod narrowed;
mod network;
mod obligation;
mod path;
mod resource;
mod rng;
mod scope;
mod selector;
mod time;
mod workload;

pub use action::{Action, ActionKind, ActionPattern, InvalidAction};
pub use approval::{
    ApprovalTask, AskedCall, Ballot, NoVote, OPERATOR, Quorum, Risk, SUBJECT, TaskState, Vote, Voter,
};
pub use assurance::{Acr, Demand, SignIn};
pub use constraint::{Constraint, Literal, Member, Node, Pattern, Test, View};
pub use decimal::Decimal;
pub use decision::{Decision, Denial, Permit, Reason};
pub use detail::{Detail, Details, InvalidDetail, NotAllowed};
pub use domain::{InvalidTrustDomain, TrustDomain};
pub use fact::{Fact, FactName, FactValue, InvalidFactName};
pub use grant::{
    Amount, BrokenChain, Budget, Chain, ChildRequest, Draw, Duty, Edit, Effective, Evidence, Grant,
    GrantState, Grantor, Held, InvalidBudget, InvalidEdit, MayAct, NarrowingError, NoPassage, Passages,
    Revocation, Sum, Terms,
};
pub use id::{
    AgentId, AskId, ClientId, GrantId, GrantName, InteractionId, InvalidId, PointId, Principal, SessionId,
    TaskId, TokenId, TraceId, UserId, WorkloadId,
};
pub use narrowed::Left;
pub use network::{InvalidNetwork, Network};
pub use obligation::{ApprovalNeed, Obligation, Rate, Rewrite, Rewriting, Rows, Source, Target};
pub use path::{InvalidPath, Path, Step};
pub use resource::{InvalidResource, ResourceUri};
pub use rng::{Rng, SeededRng, SystemRng, random_id};
pub use scope::{InvalidScope, Scope, ScopeSet};
pub use selector::{InvalidSelector, Part, Selector};
pub use time::{Clock, ManualClock, Seconds, SystemClock, Timestamp};
pub use workload::{Attested, Platform};
