//! The authorization server: endpoints, grants, steps, interaction, administration.
#![forbid(unsafe_code)]

mod access;
mod account;
mod admission;
mod api;
mod attester;
mod authenticate;
mod certificates;
pub mod clients;
mod consent;
mod device;
mod endpoints;
mod fault;
mod feed;
mod grants;
mod identity;
pub mod interaction;
mod keyring;
mod left;
mod named;
mod people;
mod places;
mod possession;
mod record;
mod server;
mod signals;
pub mod signin;
pub mod standing;
mod status;
pub mod steps;
mod wire;
mod workload;

pub use api::openapi;
pub use attester::AttesterFault;
pub use certificates::CertificateFault;
pub use device::{DeviceAsk, DeviceFault};
pub use fault::{CodeFault, ExchangeFault, Fault, IdJagFault, RefreshFault, Verdict};
pub use feed::FeedFault;
pub use keyring::{KeyRing, KeyRingError};
pub use named::{Management, Named, NamedFault};
pub use people::{People, PeopleError, router as people_router};
pub use places::InvalidPlace;
pub use server::{Secrets, Server, ServerError, ServerOptions};
pub use signals::StreamFault;
pub use status::StatusFault;
pub use workload::{Examination, TriedRule, WorkloadFault, examine};
