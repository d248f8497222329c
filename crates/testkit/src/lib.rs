//! A whole Prokura in one process for tests: server, gateway, upstream, one clock, one seed.
#![forbid(unsafe_code)]
