//! Builds tests and runs them, one binary at a time.

use crate::process::{self, Ended};
use crate::workspace::{cargo, vectors};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A program full of tests.
pub(crate) struct TestBinary {
    /// The name of the package.
    pub(crate) package: String,
    /// `lib` or the name of the file or folder under `tests`.
    pub(crate) target: String,
    /// The folder of the package, where its tests run.
    folder: PathBuf,
    program: PathBuf,
}

/// Builds the tests that `selection` (arguments of cargo) names; what the compiler says goes to the terminal.
pub(crate) fn build(command: &mut Command, selection: &[&str]) -> Result<Vec<TestBinary>> {
    let output = command
        .args(["test", "--no-run", "--message-format=json-render-diagnostics"])
        .args(selection)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not start")?;
    if !output.status.success() {
        bail!("it does not compile");
    }
    let lines = String::from_utf8(output.stdout)?;
    Ok(lines.lines().filter_map(|line| TestBinary::from_message(&serde_json::from_str(line).ok()?)).collect())
}

/// The same, with nothing said.
pub(crate) fn build_quietly(folder: &Path, target: &Path, selection: &[&str]) -> Result<Vec<TestBinary>> {
    let mut command = cargo();
    command.current_dir(folder).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", "-Awarnings").arg("--quiet");
    build(&mut command, selection)
}

impl TestBinary {
    fn from_message(message: &Value) -> Option<Self> {
        let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
        let program = PathBuf::from(message["executable"].as_str().filter(|_| is_test)?);
        let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
        let kind = message["target"]["kind"][0].as_str()?;
        let name = message["target"]["name"].as_str()?;
        let target = if kind == "test" { name.to_owned() } else { kind.to_owned() };
        Some(Self { package: package(message["package_id"].as_str()?)?, target, folder, program })
    }

    /// Runs it with these arguments, as cargo would.
    pub(crate) fn run(&self, arguments: &[&str], limit: Duration) -> Result<Ended> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        // A copy of the checkout has nothing beside it.
        command.env("PROKURA_VECTORS", vectors());
        process::run(&mut command, limit)
    }

    /// The full names of its tests.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let listed = self.run(&["--list"], Duration::from_secs(60))?;
        Ok(listed.stdout.lines().filter_map(|l| l.strip_suffix(": test")).map(str::to_owned).collect())
    }
}

/// `path+file:///…/crates/core#prokura-core@0.1.0`, or without the name if the folder has it.
fn package(id: &str) -> Option<String> {
    let (path, tail) = id.rsplit_once('#')?;
    let named = tail.rsplit_once('@').map(|(name, _)| name);
    Some(named.or_else(|| path.rsplit('/').next())?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_with_and_without_their_name() {
        assert_eq!(package("path+file:///p/crates/core#prokura-core@0.1.0").as_deref(), Some("prokura-core"));
        assert_eq!(package("path+file:///p/xtask#0.1.0").as_deref(), Some("xtask"));
    }

    #[test]
    fn only_tests_are_taken_from_what_cargo_says() {
        let message = |test: bool| {
            serde_json::json!({
                "reason": "compiler-artifact", "package_id": "path+file:///p/xtask#0.1.0",
                "manifest_path": "/p/xtask/Cargo.toml", "executable": "/p/t/xtask-1",
                "target": { "kind": ["test"], "name": "walk" }, "profile": { "test": test },
            })
        };
        assert!(TestBinary::from_message(&message(false)).is_none());
        let found = TestBinary::from_message(&message(true)).unwrap();
        assert_eq!((found.package.as_str(), found.target.as_str()), ("xtask", "walk"));
    }
}
