//! Files that are made from others, so that no word of them can go out of date.

mod attacks;
mod tables;

use crate::workspace::{File, files, root};
use anyhow::{Context, Result};

/// `cargo xtask generate`.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    let only_looks = words.iter().any(|w| w == "--check");
    let stale = stale(&files(&root())?)?;
    for made in &stale {
        println!(
            "{}: {}",
            made.path,
            if only_looks { "out of date: run `cargo xtask generate`" } else { "written" }
        );
        if !only_looks {
            std::fs::write(root().join(&made.path), &made.text).with_context(|| made.path.clone())?;
        }
    }
    println!("generate: {} of {} files were out of date", stale.len(), made(&files(&root())?)?.len());
    Ok(stale.is_empty() || !only_looks)
}

/// The files as they should be.
fn made(files: &[File]) -> Result<Vec<File>> {
    let file = |path: &str, text: String| File { path: path.to_owned(), text };
    Ok(vec![
        file("docs/config.schema.json", prokura_config::schema()),
        file("docs/steps.md", tables::steps(files)?),
        file("docs/openapi.json", tables::openapi(files)?),
        file("docs/refusals.md", tables::refusals(files)?),
        file("docs/doctor.md", tables::doctor(files)?),
        file("docs/attacks.md", attacks::page(files)?),
    ])
}

fn stale(files: &[File]) -> Result<Vec<File>> {
    let mut made = made(files)?;
    made.retain(|m| files.iter().all(|f| f.path != m.path || f.text != m.text));
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_generated_is_out_of_date() {
        let stale = stale(&files(&root()).unwrap()).unwrap();
        let names: Vec<_> = stale.iter().map(|f| f.path.as_str()).collect();
        assert!(names.is_empty(), "run `cargo xtask generate`: {names:?}");
    }

    #[test]
    fn what_differs_is_stale() {
        let mut files = files(&root()).unwrap();
        files.retain(|f| f.path != "docs/steps.md");
        assert!(stale(&files).unwrap().iter().any(|f| f.path == "docs/steps.md"));
    }
}
