//! What is stored: one file per aggregate, each with its row as a struct and its methods on [`Tx`](crate::Tx).

mod agent;
mod artifact;
mod attempt;
mod client;
mod consent;
mod entry;
pub(crate) mod fact;
mod foreign;
mod grant;
mod grant_name;
mod grant_state;
mod identity;
mod key;
mod passkey;
mod prune;
mod second_factor;
mod session;
mod setting;
mod user;
mod workload;

pub use agent::Agent;
pub use artifact::{Artifact, ArtifactKind, Consumed};
pub use attempt::Attempt;
pub use client::{Client, ClientDocument};
pub use consent::Consent;
pub use fact::StoredFact;
pub use foreign::{Disabled, Foreigner};
pub use identity::Identity;
pub use key::Key;
pub use passkey::Passkey;
pub use prune::Pruned;
pub use second_factor::SecondFactor;
pub use session::Session;
pub use user::{User, fold_name};
pub use workload::{StoredRule, Workload};
