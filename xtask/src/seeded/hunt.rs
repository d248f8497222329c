//! Puts each bug into a copy, and sees whether its test catches it.

use super::{Bug, copy};
use crate::binaries::{TestBinary, build_quietly};
use crate::workspace::target;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A test that takes this long has hung, and says nothing.
const LIMIT: Duration = Duration::from_secs(180);

/// What came of a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The test failed, as it must.
    Caught,
    /// The test passed.
    Missed,
    /// The test did not end.
    Hung,
    /// It does not compile, so it shows nothing.
    Uncompiled,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Missed => "MISSED",
            Self::Hung => "HUNG",
            Self::Uncompiled => "DOES NOT COMPILE",
        }
    }
}

/// The copy in which bugs live, and where it is built.
pub(super) struct Hunt {
    copy: PathBuf,
    target: PathBuf,
}

impl Hunt {
    /// Makes the copy, and sees every test pass that is to fail.
    pub(super) fn begin(root: &Path, bugs: &[Bug]) -> Result<Self> {
        let place = target().join("seeded");
        let hunt = Self { copy: place.join("checkout"), target: place.join("target") };
        std::fs::create_dir_all(&hunt.copy)?;
        copy::bring(root, &hunt.copy)?;
        println!("{} bugs; first their tests without any", bugs.len());
        hunt.all_pass(bugs)?;
        Ok(hunt)
    }

    fn all_pass(&self, bugs: &[Bug]) -> Result<()> {
        let mut seen = BTreeSet::new();
        for bug in bugs.iter().filter(|b| seen.insert(&b.test)) {
            match self.ask(bug)? {
                Verdict::Missed => {}
                Verdict::Uncompiled => bail!("it does not compile without a bug either"),
                _ => bail!("{} fails without a bug", bug.test),
            }
        }
        Ok(())
    }

    /// Puts the bug in, asks its test, and takes it out again.
    pub(super) fn seek(&self, bug: &Bug) -> Result<Verdict> {
        let file = self.copy.join(&bug.file);
        let sound = std::fs::read_to_string(&file).with_context(|| bug.file.clone())?;
        let buggy = bug.put_into(&sound).map_err(anyhow::Error::msg)?;
        std::fs::write(&file, buggy)?;
        let verdict = self.ask(bug);
        std::fs::write(&file, sound)?;
        verdict
    }

    fn ask(&self, bug: &Bug) -> Result<Verdict> {
        let (package, kind, name) = bug.test()?;
        let mut selection = vec!["--package", package];
        match kind {
            "lib" => selection.push("--lib"),
            "bin" => selection.push("--bins"),
            other => selection.extend(["--test", other]),
        }
        let Ok(binaries) = build_quietly(&self.copy, &self.target, &selection) else {
            return Ok(Verdict::Uncompiled);
        };
        let (binary, full) = find(&binaries, name)?;
        let ended = binary.run(&["--exact", &full], LIMIT)?;
        Ok(match ended.status {
            None => Verdict::Hung,
            Some(status) if status.success() => Verdict::Missed,
            Some(_) => Verdict::Caught,
        })
    }
}

/// The one test of that name, and the program it is in.
fn find<'a>(binaries: &'a [TestBinary], name: &str) -> Result<(&'a TestBinary, String)> {
    for binary in binaries {
        let named = |full: &String| full.rsplit("::").next() == Some(name);
        if let Some(full) = binary.names()?.into_iter().find(named) {
            return Ok((binary, full));
        }
    }
    bail!("there is no test {name}")
}
