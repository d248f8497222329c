//! Languages of policies, each an [`Engine`](prokura_policy::pdp::Engine) that answers the same question.
//!
//! Invariant: no I/O, no clock. What an engine cannot answer is a deny.
#![forbid(unsafe_code)]

use cedar_policy as _;
#[cfg(feature = "polar")]
use oso as _;
use prokura_core as _;
use prokura_oauth as _;
use prokura_policy as _;
#[cfg(feature = "rego")]
use regorus as _;
use thiserror as _;
