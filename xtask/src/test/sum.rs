//! What all programs full of tests come to.

use super::libtest::Report;
use crate::process::Ended;
use crate::report::table;
use std::collections::BTreeMap;

/// The sum so far.
#[derive(Default)]
pub(super) struct Sum {
    passed: usize,
    /// Program and test.
    failed: Vec<[String; 2]>,
    /// Why, and by whom.
    skipped: BTreeMap<String, Vec<String>>,
}

impl Sum {
    /// Adds a program, and says in a line how it went; more only of failures, or of everything.
    pub(super) fn take(&mut self, name: &str, ended: &Ended, verbose: bool) {
        let report = Report::of(ended);
        let failed = report.failed.len();
        let verdict = if failed > 0 { format!("{failed} FAILED") } else { "ok".to_owned() };
        println!("  {name:<32} {:>5} passed {:>6.1} s  {verdict}", report.passed, ended.took.as_secs_f64());
        if verbose {
            println!("{}{}", ended.stdout, ended.stderr);
        } else if failed > 0 {
            println!("{}", report.said);
        }
        report.ran.iter().for_each(|ran| println!("    {ran}"));
        self.passed += report.passed;
        self.failed.extend(report.failed.into_iter().map(|test| [name.to_owned(), test]));
        for why in report.skipped {
            let by = self.skipped.entry(why).or_default();
            if by.last().is_none_or(|last| last != name) {
                by.push(name.to_owned());
            }
        }
    }

    /// Says what it comes to; whether all is well. `strictly`, whatever was skipped has failed.
    pub(super) fn finish(mut self, strictly: bool) -> bool {
        if !self.skipped.is_empty() {
            println!("\nSKIPPED");
            let row = |(why, by): (&String, &Vec<String>)| vec![why.clone(), format!("({})", by.join(", "))];
            print!("{}", table(&self.skipped.iter().map(row).collect::<Vec<_>>()));
        }
        if strictly {
            self.failed.extend(self.skipped.into_keys().map(|why| ["skipped".to_owned(), why]));
        }
        if !self.failed.is_empty() {
            println!("\nFAILED");
            print!("{}", table(&self.failed.iter().map(|f| f.to_vec()).collect::<Vec<_>>()));
        }
        println!("\n{} passed, {} failed", self.passed, self.failed.len());
        self.failed.is_empty() && self.passed > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ended(stdout: &str) -> Ended {
        let status = std::process::Command::new("true").status().ok();
        Ended { status, stdout: stdout.into(), stderr: String::new(), took: Duration::ZERO }
    }

    fn sum(more: &str) -> Sum {
        let mut sum = Sum::default();
        let result = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        sum.take("a", &ended(&format!("{more}{result}")), false);
        sum
    }

    #[test]
    fn what_is_skipped_fails_only_strictly() {
        assert!(sum("").finish(true));
        assert!(sum("SKIPPED: no vectors\n").finish(false));
        assert!(!sum("SKIPPED: no vectors\n").finish(true));
    }

    #[test]
    fn a_failure_fails_and_so_does_nothing_at_all() {
        let mut failed = sum("");
        failed.take("b", &ended(""), false);
        assert!(!failed.finish(false));
        assert!(!Sum::default().finish(false));
    }
}
