//! What the harness of Rust's tests says, read.

use crate::process::Ended;

/// What came of one program full of tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    /// The names of what failed.
    pub(crate) failed: Vec<String>,
    /// What was not tested, and why.
    pub(crate) skipped: Vec<String>,
    /// How much was run of what could be run without end, `RAN: how much`.
    pub(crate) ran: Vec<String>,
    /// What the failures said.
    pub(crate) said: String,
}

impl Report {
    /// Reads what a program said that ran its tests with `--show-output`.
    pub(crate) fn of(ended: &Ended) -> Self {
        let mut report = Self::default();
        let (mut counted, mut summed) = (0, false);
        let mut in_names = false;
        for line in ended.stdout.lines() {
            if let Some(counts) = line.strip_prefix("test result: ") {
                report.passed += count(counts, " passed");
                counted += count(counts, " failed");
                summed = true;
            }
            in_names = line == "failures:" || in_names && (line.starts_with("    ") || line.is_empty());
            if in_names && line.starts_with("    ") {
                report.failed.push(line.trim().to_owned());
            }
        }
        report.said = failures(&ended.stdout);
        report.skipped = told("SKIPPED: ", &ended.stdout).chain(told("SKIPPED: ", &ended.stderr)).collect();
        report.ran = told("RAN: ", &ended.stdout).collect();
        report.skipped.extend(ended.stdout.lines().filter_map(ignored));
        if !summed || counted != report.failed.len() || !ended.ok() && counted == 0 {
            report.failed.push(how_it_ended(ended));
            report.said.push_str(&format!("{}\n{}", ended.stdout, ended.stderr));
        }
        report
    }
}

fn how_it_ended(ended: &Ended) -> String {
    let how = ended.status.map_or_else(|| "it hung and was stopped".into(), |s| s.to_string());
    format!("(the program itself: {how})")
}

fn count(counts: &str, what: &str) -> usize {
    let before = counts.split(what).next().unwrap_or_default();
    before.rsplit([' ', ';']).next().and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// What tests say after a word, as those do that could not test: `SKIPPED: why`.
fn told<'a>(word: &'a str, said: &'a str) -> impl Iterator<Item = String> + 'a {
    said.lines().filter_map(move |l| l.split_once(word).map(|(_, what)| what.to_owned()))
}

fn ignored(line: &str) -> Option<String> {
    let (name, end) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    let why = end.trim_start_matches(", ");
    Some(if why.is_empty() { format!("{name} is ignored") } else { format!("{name} is ignored: {why}") })
}

/// The output of the tests that failed, without their list.
fn failures(said: &str) -> String {
    let Some((_, rest)) = said.split_once("\nfailures:\n\n") else { return String::new() };
    rest.split("\nfailures:\n").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process;
    use std::process::Command;
    use std::time::Duration;

    fn said(stdout: &str, code: u8) -> Report {
        let script = format!("printf '%s' \"$SAID\"; exit {code}");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).env("SAID", stdout);
        Report::of(&process::run(&mut command, Duration::from_secs(60)).unwrap())
    }

    const ONE_OF_EACH: &str = "\nrunning 4 tests\ntest a ... ok\ntest m::b ... FAILED\ntest c ... ignored, needs time\n\
        test d ... ok\n\nsuccesses:\n\n---- d stdout ----\nSKIPPED: no vectors\nRAN: 7 rounds\n\n\nsuccesses:\n    a\n    d\n\n\
        failures:\n\n---- m::b stdout ----\nthread panicked: no\n\n\nfailures:\n    m::b\n\n\
        test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n";

    #[test]
    fn passed_failed_and_skipped_are_told_apart() {
        let report = said(ONE_OF_EACH, 101);
        assert_eq!(report.passed, 2);
        assert_eq!(report.failed, ["m::b"]);
        assert_eq!(report.skipped, ["no vectors", "c is ignored: needs time"]);
        assert!(report.said.starts_with("---- m::b stdout ----\nthread panicked: no"), "{}", report.said);
        assert!(!report.said.contains("SKIPPED"));
        assert_eq!(report.ran, ["7 rounds"]);
    }

    #[test]
    fn several_results_are_summed() {
        let result = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(said(&result.repeat(2), 0), Report { passed: 6, ..Report::default() });
    }

    #[test]
    fn a_program_that_breaks_off_has_failed_whatever_it_said_before() {
        let report = said("running 2 tests\ntest a ... ok\n", 134);
        assert_eq!(report.failed.len(), 1);
        assert!(report.said.contains("test a ... ok"));
        let ended_well = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(said(ended_well, 1).failed.len(), 1);
        assert_eq!(said("", 0).failed.len(), 1, "no sum, no success");
    }
}
