//! A copy of the checkout, so that nobody ever finds a bug of ours in the real one.

use crate::workspace::paths;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// Makes `copy` hold what `root` holds. Files that are the same are not touched, so that little is built anew.
pub(super) fn bring(root: &Path, copy: &Path) -> Result<()> {
    let wanted: BTreeSet<String> = paths(root)?.into_iter().collect();
    for path in &wanted {
        let text = std::fs::read(root.join(path)).with_context(|| path.clone())?;
        let to = copy.join(path);
        if std::fs::read(&to).ok().as_ref() != Some(&text) {
            std::fs::create_dir_all(to.parent().unwrap_or(copy))?;
            std::fs::write(&to, text)?;
        }
    }
    remove_others(copy, copy, &wanted)
}

fn remove_others(copy: &Path, below: &Path, wanted: &BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(below)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(copy, &path, wanted)?;
        } else if !wanted.contains(path.strip_prefix(copy)?.to_string_lossy().as_ref()) {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_is_alike_and_what_is_alike_is_not_touched() {
        let here = tempfile::tempdir().unwrap();
        let [root, copy] = ["root", "copy"].map(|n| here.path().join(n));
        for (path, text) in
            [("root/a/b.rs", "new"), ("root/c.rs", "same"), ("copy/a/b.rs", "old"), ("copy/a/gone.rs", "")]
        {
            let path = here.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        bring(&root, &copy).unwrap();
        let touched = || std::fs::metadata(copy.join("c.rs")).unwrap().modified().unwrap();
        let before = touched();
        bring(&root, &copy).unwrap();
        assert_eq!(std::fs::read_to_string(copy.join("a/b.rs")).unwrap(), "new");
        assert!(!copy.join("a/gone.rs").exists());
        assert_eq!(touched(), before);
    }
}
