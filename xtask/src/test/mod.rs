//! Every test, with little said while it goes well.

mod libtest;
mod sum;

use crate::binaries::build;
use crate::process::{self, Ended};
use crate::workspace::{cargo, root};
use anyhow::Result;
use std::time::Duration;
use sum::Sum;

/// No binary takes this long, unless it hangs.
const LIMIT: Duration = Duration::from_secs(900);

/// `cargo xtask test`. What a test needs it starts itself (PostgreSQL among it, where it is installed); what is not to
/// be had here is named at the end, and in CI (`CI=true`) that is a failure.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    let verbose = words.iter().any(|w| w == "--verbose");
    let wanted: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with("--")).collect();
    println!("building the tests; from nothing that takes some minutes");
    let mut binaries = build(cargo().current_dir(root()), &["--workspace"])?;
    binaries.sort_by_key(|b| (b.package.clone(), b.target.clone()));
    let mut sum = Sum::default();
    for binary in
        binaries.iter().filter(|b| wanted.is_empty() || wanted.iter().any(|w| b.package.contains(w)))
    {
        let ended = binary.run(&["--show-output"], LIMIT)?;
        sum.take(&format!("{} {}", binary.package, binary.target), &ended, verbose);
    }
    if wanted.is_empty() {
        sum.take("examples in the documentation", &examples()?, verbose);
    }
    Ok(sum.finish(std::env::var("CI").as_deref() == Ok("true")))
}

/// The examples in the documentation, which only rustdoc can run.
fn examples() -> Result<Ended> {
    process::run(cargo().current_dir(root()).args(["test", "--workspace", "--doc"]), LIMIT)
}
