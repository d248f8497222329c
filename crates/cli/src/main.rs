//! The `prokura` command: arguments and wiring.
#![forbid(unsafe_code)]

fn main() {}
