//! Relationships: authorization models and tuples as OpenFGA writes them, and who has which relation to what.
//!
//! Invariant: no I/O, no clock. Tuples come by a trait; what cannot be found out within its bounds is no.
#![forbid(unsafe_code)]

use cel as _;
use prokura_core as _;
use prokura_oauth as _;
use thiserror as _;
