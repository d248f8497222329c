//! What people meet: sign-in, consent, the account. Tests are named by the row of the attack matrix that they show.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod approvals;
mod budget;
mod consent;
mod grants;
mod idp;
mod living;
mod provider;
mod provider_groups;
mod second;
mod signin;
mod softkey;
mod values;
mod world;
