//! The rules of an organisation: one question, asked of every engine, and one ruling.
//!
//! What a token may do at most says [`decide`](crate::decide): its scopes, its details. What the organisation allows is
//! asked here, of policies in whatever language, and both must permit. Every engine sees the same [`Question`] and answers
//! with a [`Finding`]; [`Ruling::of`] combines them: a deny wins over any permit, and what nobody permits is denied.
//!
//! Invariant: an engine is a pure function of the question and the [`Directory`]. One that fails denies.

mod engine;
mod entity;
mod explain;
mod filter;
mod number;
mod obligation;
mod question;
mod rewrite;
mod rows;
mod ruling;
mod target;
mod wire;

pub use engine::{Aim, Engine, EngineError, Listed};
pub use entity::{Directory, Entity, EntityId, InvalidEntityId, NoEntities, reference};
pub use explain::{Condition, Does, Examined, Explanation, Held};
pub use filter::{Comparison, Filter, Met};
pub use number::Counted;
pub use obligation::InvalidObligation;
pub use obligation::{from_object, from_words, to_object};
pub use question::Question;
pub use rewrite::{HashKey, REDACTED, Unclear, Why, find, rewrite};
pub use rows::{Kept, Sieve, keep};
pub use ruling::{Effect, Finding, RuleRef, Ruling};
pub use target::{aims, bounded, leaves};
pub use wire::{DECLARED, ancestors, describe};
