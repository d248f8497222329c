//! SPIFFE: identities of workloads, the trust bundles of their domains, SVIDs verified by those, and the Workload API.
//!
//! Invariants:
//! - an SVID is verified by the bundle of exactly the trust domain that it names, or not at all; the system's
//!   certificate authorities never count;
//! - which bundle belongs to which trust domain was said by the operator, never by an SVID;
//! - nothing here asks for the time.
#![forbid(unsafe_code)]

#[cfg(feature = "verify")]
mod bundle;
mod id;
#[cfg(feature = "workload-api")]
pub mod workload_api;
#[cfg(feature = "verify")]
mod x509_svid;

#[cfg(feature = "verify")]
pub use bundle::{Bundle, BundleError};
pub use id::{InvalidSpiffeId, SpiffeId, TrustDomain};
#[cfg(feature = "verify")]
pub use x509_svid::{Side, X509Svid, X509SvidError, spiffe_id_of};
