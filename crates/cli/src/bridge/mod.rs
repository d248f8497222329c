//! `prokura connect` and `prokura token`: the agent's side.

mod access;
mod connect;
mod token;

pub(crate) use connect::ConnectArgs;
pub(crate) use token::TokenArgs;
