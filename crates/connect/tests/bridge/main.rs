//! The bridge as a host and a server see it, in all four pairs of eras.

mod across_down;
mod across_up;
mod attacks;
mod same_legacy;
mod same_modern;
mod world;
