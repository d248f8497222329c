//! Runs programs, with an end.

use anyhow::{Context, Result};
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a program ended, and what it said.
pub(crate) struct Ended {
    /// `None` if it was stopped because it took too long.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ended {
    pub(crate) fn ok(&self) -> bool {
        self.status.is_some_and(|s| s.success())
    }
}

/// Measures how long things take; nothing is decided by it.
#[allow(
    clippy::disallowed_methods,
    reason = "a duration that no decision depends on, and the end of a hung test"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Runs a program for at most `limit`, and keeps what it says.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Ended> {
    let started = now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{command:?} does not start"))?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let status = wait(&mut child, started, limit)?;
    let took = started.elapsed();
    Ok(Ended { status, stdout: said(stdout), stderr: said(stderr), took })
}

fn wait(child: &mut Child, started: Instant, limit: Duration) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads on another thread, so that neither pipe can fill up and stop the program.
fn reader<R: Read + Send + 'static>(from: Option<R>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut from) = from {
            let _ = from.read_to_end(&mut said);
        }
        said
    })
}

fn said(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_is_said_is_kept() {
        let ended = run(&mut sh("echo one; echo two >&2; exit 3"), Duration::from_secs(60)).unwrap();
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("one\n", "two\n"));
        assert_eq!(ended.status.and_then(|s| s.code()), Some(3));
        assert!(!ended.ok());
    }

    #[test]
    fn what_does_not_end_is_ended() {
        let ended = run(&mut sh("exec sleep 600"), Duration::ZERO).unwrap();
        assert!(ended.status.is_none() && !ended.ok());
    }
}
