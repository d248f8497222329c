//! Clients that are known by what they publish: metadata documents, and keys at an address.

mod document;
mod flight;
mod keys;

pub use document::{Document, DocumentError, DocumentPolicy, Documents};
pub use keys::{ClientKeySets, KeysError};
