//! The policy decision point: a pure function of a request and a snapshot.
#![forbid(unsafe_code)]
