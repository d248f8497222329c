//! Wire types and pure validation, one module per document; the strict JSON reader and JOSE.
//!
//! Invariant: touches neither network nor storage, and asks nobody for the time.
#![forbid(unsafe_code)]

pub mod access_token;
pub mod assertion;
pub mod authentication;
pub mod authorize;
pub mod certificate;
pub mod challenge;
pub mod ciba;
pub mod client_attestation;
pub mod client_metadata;
pub mod confirmation;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod duties;
pub mod error;
pub mod exchange;
pub mod feed;
pub mod foreign;
pub mod form;
pub mod id_jag;
pub mod id_token;
pub mod introspection;
pub mod jose;
pub mod json;
pub mod metadata;
pub mod pkce;
pub mod protected_resource;
pub mod redirect;
pub mod registration;
pub mod relying;
pub mod request_object;
pub mod rich;
pub mod seal;
pub mod secret;
pub mod signals;
pub mod status_list;
pub mod subject_token;
pub mod token_request;
pub mod totp;
pub mod transaction_token;
pub mod webhook;
pub mod workload;
