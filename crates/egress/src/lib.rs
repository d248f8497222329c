//! The only way out: an HTTP client that connects to no address it has not checked.
#![forbid(unsafe_code)]
