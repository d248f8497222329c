//! The authorization server: endpoints, grants, steps, interaction, administration.
#![forbid(unsafe_code)]

mod account;
pub mod clients;
pub mod interaction;
mod people;
pub mod signin;

pub use people::{People, PeopleError, router as people_router};
