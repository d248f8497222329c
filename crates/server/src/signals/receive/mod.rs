//! Events of others: verified, counted once, and with all their effects durable before they are acknowledged.

mod effect;
mod poll;
mod push;
mod stream;
mod take;
mod target;
mod transmitter;

pub(super) use effect::on_record;
pub(super) use poll::{Waiting, fetch};
pub(super) use push::push;
pub(super) use stream::tend;
pub(super) use transmitter::Transmitter;

use prokura_oauth::signals::{DeliveryError, DeliveryErrorCode};

/// Why an event is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It never will be.
    #[error("{}: {}", .0.as_str(), .1)]
    Never(DeliveryErrorCode, String),
    /// It may be, later.
    #[error("{0}")]
    Later(String),
}

impl Refusal {
    /// What its transmitter is told, unless it is to try again.
    fn to_error(&self) -> Option<DeliveryError> {
        match self {
            Self::Never(code, why) => Some(DeliveryError::new(*code, why.as_str())),
            Self::Later(_) => None,
        }
    }
}

impl From<prokura_store::StoreError> for Refusal {
    fn from(e: prokura_store::StoreError) -> Self {
        Self::Later(e.to_string())
    }
}
