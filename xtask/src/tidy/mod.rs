//! The rules of the house that no lint can see.

mod arrows;
mod pages;
mod sources;

use crate::workspace::{File, files, root};
use anyhow::Result;

/// `cargo xtask tidy`.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    anyhow::ensure!(words.is_empty(), "it takes no arguments");
    let broken = broken()?;
    broken.iter().for_each(|line| println!("{line}"));
    println!(
        "tidy: {}",
        if broken.is_empty() { "all is well".into() } else { format!("{} to mend", broken.len()) }
    );
    Ok(broken.is_empty())
}

/// What breaks a rule, a line each.
fn broken() -> Result<Vec<String>> {
    let files = files(&root())?;
    let mut broken = arrows::broken(&files)?;
    broken.extend(files.iter().flat_map(sources::broken));
    broken.extend(sources::sizes(&files));
    broken.extend(pages::broken(&files));
    Ok(broken)
}

/// The number of a line in a text, from the byte where it stands.
fn line_of(file: &File, at: usize) -> usize {
    file.text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checkout_is_tidy() {
        let broken = super::broken().unwrap();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }
}
