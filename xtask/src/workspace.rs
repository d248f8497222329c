//! Where things stand in the checkout.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of this checkout.
pub(crate) fn root() -> PathBuf {
    let mut here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.pop();
    here
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Test data that nobody here wrote: beside the checkout, if nothing else is said.
pub(crate) fn vectors() -> PathBuf {
    std::env::var_os("PROKURA_VECTORS").map_or_else(|| root().join("../shared/vectors"), PathBuf::from)
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A file of the checkout.
pub(crate) struct File {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The folder of the crate it belongs to: `crates/core`, `xtask`, `fuzz`.
    pub(crate) fn home(&self) -> &str {
        let depth = if self.path.starts_with("crates/") { 2 } else { 1 };
        let end = self.path.match_indices('/').nth(depth - 1).map_or(self.path.len(), |(at, _)| at);
        &self.path[..end]
    }
}

/// The paths of all files that are kept or could be, relative to the root.
pub(crate) fn paths(root: &Path) -> Result<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output();
    let mut paths = match listed {
        Ok(out) if out.status.success() => {
            String::from_utf8(out.stdout)?.split('\0').map(str::to_owned).collect()
        }
        // An archive without its history is a checkout too.
        _ => walk(root, Path::new(""))?,
    };
    paths.retain(|p| !p.is_empty() && root.join(p).is_file());
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

fn walk(root: &Path, below: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if ![".git", "target", "node_modules", ".venv"].iter().any(|n| name == *n) {
                found.extend(walk(root, &path)?);
            }
        } else {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

/// All files that are text.
pub(crate) fn files(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for path in paths(root)? {
        let bytes = std::fs::read(root.join(&path)).with_context(|| path.clone())?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path, text });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_knows_its_crate() {
        let home = |p: &str| File { path: p.into(), text: String::new() }.home().to_owned();
        assert_eq!(home("crates/core/src/lib.rs"), "crates/core");
        assert_eq!(home("xtask/src/main.rs"), "xtask");
        assert_eq!(home("README.md"), "README.md");
    }

    #[test]
    fn this_file_is_found_and_what_is_built_is_not() {
        let paths = paths(&root()).unwrap();
        assert!(paths.iter().any(|p| p == "xtask/src/workspace.rs"));
        assert!(!paths.iter().any(|p| p.starts_with("target/")));
    }
}
