//! Identity assertions (ID-JAG): made here for other authorization servers, and taken here from identity providers.

mod accept;
mod issue;
mod person;
mod subject;

pub(crate) use accept::{Asserted, accept};
pub(crate) use issue::exchange;
