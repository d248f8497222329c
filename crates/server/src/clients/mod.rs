//! Clients: configured, registered, or known by what they publish (metadata documents, and keys at an address).

mod client;
mod document;
mod find;
mod flight;
mod keys;

pub use client::{Client, ClientKind, ClientWorkload, SecretDigest, VerifyWith};
pub use document::{Document, DocumentError, DocumentPolicy, Documents};
pub use find::Clients;
pub(crate) use find::registered;
pub use keys::{ClientKeySets, KeysError};
