//! `prokura connect` and `prokura token`: the agent's side.

mod access;
mod acting;
mod connect;
mod explain;
mod token;
mod workload;

pub(crate) use connect::ConnectArgs;
pub(crate) use token::TokenArgs;
pub(crate) use workload::WorkloadArgs;
