//! Tokens of other issuers, verified. A resource believes a fixed list of issuers; of each it knows the keys by
//! discovery, and asks it about opaque tokens where that is configured.
//!
//! Invariants:
//! - the keys of two issuers never meet: a token is verified by the keys of the issuer that it names, or not at all;
//! - what a token says leads to no address: all addresses come from the configuration or from the metadata of a
//!   configured issuer, and every one is fetched through `prokura_egress`;
//! - whatever strangers send, unknown keys are looked for at most twice a minute, and few introspections are under way;
//! - keys that were not confirmed for too long are not used, and neither is an answer of introspection.
#![forbid(unsafe_code)]

mod introspect;
mod issuer;
mod keys;
mod metadata;
mod source;
mod unavailable;
mod verifier;

pub use introspect::{IntrospectionOptions, Present};
pub use issuer::{IssuerOptions, TrustedIssuer};
pub use keys::KeyPlace;
pub use source::{IssuerKeys, KeyOptions, KeySource};
pub use unavailable::Unavailable;
pub use verifier::{Read, Refusal, Source, Verified, Verifier};
