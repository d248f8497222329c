//! `cargo xtask kill`: the kill test, in release so that much happens before each kill.

use crate::workspace::{cargo, root};
use anyhow::{Context, Result};

/// Passes `words` on to the test.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--release", "--package", "prokura-testkit", "--bin", "kill", "--"]);
    let status = command.args(words).current_dir(root()).status().context("cargo does not start")?;
    Ok(status.success())
}
