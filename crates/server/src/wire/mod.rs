//! How requests come in and answers go out: bodies read strictly, answers never stored.

mod answer;
mod body;
mod cors;

pub(crate) use answer::{json, jwt, public_json, refusal};
#[allow(unused_imports, reason = "conditional access asks for the address")]
pub(crate) use body::address;
pub(crate) use body::{access_token, bearer, form, json_object, peer, read_body, said_to_be, whereabouts};
pub(crate) use cors::{open, preflight};
