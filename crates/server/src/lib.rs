//! The authorization server: endpoints, grants, steps, interaction, administration.
#![forbid(unsafe_code)]

pub mod clients;
