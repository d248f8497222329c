//! The record: what is written for every issuance, consent, refusal, decision and outcome.
//!
//! Invariant: append only. The canonical bytes of an [`Entry`] never change once written; they are the leaf
//! of the log, and every other column of the store is derived from them.
#![forbid(unsafe_code)]

mod entry;
mod event;
mod filter;

pub use entry::{Counters, Entry, EntryError};
pub use event::{Event, EventKind, Outcome};
pub use filter::Filter;
