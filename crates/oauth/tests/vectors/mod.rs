//! Where test data is that nobody here wrote.

use std::path::{Path, PathBuf};

/// A file or folder of the vectors; `None`, said aloud, where they are absent. In CI they must be there.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let path = std::env::var_os("PROKURA_VECTORS").map_or_else(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "vectors are missing in CI: {name}");
    eprintln!("SKIPPED: no vectors `{name}`; set PROKURA_VECTORS");
    None
}
