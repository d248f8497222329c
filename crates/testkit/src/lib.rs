//! Tests that need the whole program, from outside: for development only.
#![forbid(unsafe_code)]

pub mod kill;
mod ports;

pub use ports::free_port;
