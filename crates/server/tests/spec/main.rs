//! What the standards say, one file each, through the router.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

#[path = "../world/mod.rs"]
mod world;

mod access;
mod admin_api;
mod attester;
mod authzen;
mod authzen_search;
mod authzen_suites;
mod ciba;
mod consent;
mod core_flow;
mod device;
mod durability;
mod facts;
mod feed;
mod grant_management;
mod keys;
mod metadata;
mod openid;
mod par;
mod policy;
mod receipts;
mod registration;
mod relations;
mod revocation_paths;
mod rich;
mod signals;
mod signed_answers;
mod signed_requests;
mod status_list;
mod streams;
mod webhook;
mod workloads;
