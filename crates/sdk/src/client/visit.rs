//! Sending a person to the authorization server and hearing what comes back.

use super::server::may_be_opened;
use async_trait::async_trait;
use std::process::{Command, Stdio};
use url::Url;

/// Why a person could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    /// Nothing can listen on this machine for the answer.
    #[error("nothing can listen on this machine for the browser's answer: {0}")]
    Listen(String),
    /// No browser opens. The address was not shown to anybody either.
    #[error("no browser can be opened ({0}): sign in by a device code instead")]
    Open(String),
    /// No answer in time.
    #[error("nobody signed in within {0} minutes: try again")]
    TimedOut(u64),
    /// Something of the caller's own.
    #[error("{0}")]
    Other(String),
}

/// A way to a person with a browser.
#[async_trait]
pub trait UserAgent: Send + Sync + 'static {
    /// Gets ready to be answered. `before` is the redirect URI that was registered the last time, if any: some servers
    /// take only that one, to the port.
    ///
    /// # Errors
    /// [`VisitError`] if no answer could be heard.
    async fn ready(&self, before: Option<&str>) -> Result<Box<dyn Visit>, VisitError>;
}

/// One visit, for which the answer can be heard already.
#[async_trait]
pub trait Visit: Send {
    /// Where the browser is to come back to.
    fn redirect_uri(&self) -> &str;

    /// Sends the person to `url`, which was checked, and waits for the answer: the query of the redirect. An answer
    /// with another `state` than this one is not meant and does not end the wait.
    ///
    /// # Errors
    /// [`VisitError`].
    async fn visit(self: Box<Self>, url: &Url, state: &str) -> Result<String, VisitError>;
}

/// What opens an address for a person.
pub trait Opener: Send + Sync + 'static {
    /// Opens it, or shows it so that the person can.
    ///
    /// # Errors
    /// Why not, in a few words.
    fn open(&self, url: &Url) -> Result<(), String>;
}

impl<F: Fn(&Url) -> Result<(), String> + Send + Sync + 'static> Opener for F {
    fn open(&self, url: &Url) -> Result<(), String> {
        self(url)
    }
}

/// The browser of the person at this machine. It is started by itself, never through a shell, and only for `https`, or
/// `http` on this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemBrowser;

impl Opener for SystemBrowser {
    fn open(&self, url: &Url) -> Result<(), String> {
        if !may_be_opened(url) {
            return Err("the address is neither https nor http on this machine".to_owned());
        }
        let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
            ("open", &[])
        } else if cfg!(windows) {
            ("rundll32", &["url.dll,FileProtocolHandler"])
        } else {
            ("xdg-open", &[])
        };
        let mut command = Command::new(program);
        command.args(first).arg(url.as_str());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("`{program}`: {e}"))?;
        // Somebody has to take its leave, or it stays in the table of processes.
        std::thread::spawn(move || child.wait());
        Ok(())
    }
}
