//! Storage: transactions, single-use artifacts, the durable record. The only place that names a database driver.
//!
//! [`Store`] has four doors: [`transact`](Store::transact) and [`read`](Store::read) run a closure on a [`Tx`],
//! [`record`](Store::record) appends events, [`revoked`](Store::revoked) answers from memory. The methods of
//! [`Tx`] stand in one file per aggregate.
//!
//! Invariants: writing transactions of all processes are one after the other; nothing is answered before it is
//! durable; every single-use transition is one conditional update.
#![forbid(unsafe_code)]

mod append;
mod driver;
mod error;
mod facts;
mod hash;
mod job;
mod marks;
mod migrate;
mod reader;
mod revoked;
mod rows;
mod store;
mod terms;
mod tx;
mod url;
mod watch;
mod writer;

pub use error::StoreError;
pub use facts::{FactKind, FactSubject, FactsView};
pub use hash::SecretHash;
pub use revoked::RevokedView;
pub use rows::*;
pub use store::Store;
pub use tx::Tx;
pub use url::DatabaseUrl;
