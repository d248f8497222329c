//! Wire types and pure validation, one module per document; the strict JSON reader and JOSE.
#![forbid(unsafe_code)]

pub mod json;
