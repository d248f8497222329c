//! Wire types and pure validation, one module per document; the strict JSON reader and JOSE.
#![forbid(unsafe_code)]

pub mod jose;
pub mod json;
pub mod seal;
pub mod secret;
