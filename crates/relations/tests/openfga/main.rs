//! OpenFGA's own assertions (openfga/openfga, `assets/tests`, and openfga/sample-stores; Apache-2.0), as they are.
//!
//! The files are found beside the repository or by `PROKURA_VECTORS`; without them this says so, and fails where `CI` is set.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value, reason = "tests")]

mod matrix;
mod stores;
mod yaml;

use std::path::PathBuf;

/// The folder `openfga` of the vectors.
fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors"));
    let path = std::env::var_os("PROKURA_VECTORS").map_or_else(beside, PathBuf::from).join("openfga");
    if path.is_dir() {
        return Some(path);
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "OpenFGA's assertions are missing: set PROKURA_VECTORS"
    );
    eprintln!("SKIPPED: no OpenFGA assertions; set PROKURA_VECTORS");
    None
}
