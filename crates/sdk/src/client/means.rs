//! What every step needs: a way out, the time, randomness, and the nonces that servers gave.

use super::dpop::Nonces;
use prokura_core::{Clock, Rng};
use prokura_egress::Egress;
use std::sync::Arc;

pub(crate) struct Means {
    pub(crate) egress: Egress,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) nonces: Nonces,
}
