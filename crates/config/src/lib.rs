//! The configuration file as types; parsing and its errors; the generated JSON schema.
#![forbid(unsafe_code)]
