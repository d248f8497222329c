//! How requests come in and answers go out: bodies read strictly, answers never stored.

mod answer;
mod body;
mod cors;

pub(crate) use answer::{json, jwt, public_json, refusal};
pub(crate) use body::{
    access_token, address, bearer, form, json_object, peer, read_body, said_to_be, whereabouts,
};
pub(crate) use cors::{open, preflight};
