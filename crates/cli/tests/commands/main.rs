//! The program as its users run it: arguments in, answers and exit codes out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its world does not hold")]

mod access;
mod acting;
mod approval;
mod bridge;
mod demo;
mod doctor;
mod facts;
mod feed;
mod grants;
mod issuers;
mod policy;
mod policy_import;
mod program;
mod refusals;
mod relation;
mod serving;
mod workload;
mod workload_rules;
