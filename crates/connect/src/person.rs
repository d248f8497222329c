//! The person at this machine: shown where to sign in, and sent there.
//!
//! An address comes from a server, so it is looked at before anything is done with it: `https`, or `http` on this
//! machine. It is shown before it is opened, and a browser is started by itself, never through a shell.

use prokura_sdk::client::{DeviceCode, DeviceScreen, Opener};
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use url::{Host, Url};

/// Says something to the person, one paragraph at a time.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// The page that a person is asked to visit now.
#[derive(Clone, Default)]
pub struct Shown(Arc<Mutex<Option<String>>>);

impl Shown {
    /// The page, if there is one.
    pub fn address(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, address: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }
}

/// How a page is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Browser {
    /// Not at all: it is shown, and the person opens it.
    None,
    /// By the first of these that starts: a program and its arguments, `%s` for the address.
    Commands(Vec<Vec<String>>),
}

impl Browser {
    /// What the environment variable `BROWSER` says, or what the system has. The variable holds commands, separated by
    /// colons as usual; each is split at spaces and no further, for no shell reads it.
    pub fn of(variable: Option<&str>) -> Self {
        let commands: Vec<Vec<String>> = variable
            .unwrap_or_default()
            .split(':')
            .map(|command| command.split_whitespace().map(str::to_owned).collect())
            .filter(|command: &Vec<_>| !command.is_empty())
            .collect();
        Self::Commands(if commands.is_empty() { system() } else { commands })
    }

    fn open(&self, url: &Url) -> Result<(), String> {
        let Self::Commands(commands) = self else { return Ok(()) };
        let mut why = String::from("there is none");
        for command in commands {
            match start(&arguments(command, url)) {
                Ok(()) => return Ok(()),
                Err(e) => why = e,
            }
        }
        Err(why)
    }
}

fn system() -> Vec<Vec<String>> {
    let command = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
    if cfg!(target_os = "macos") {
        vec![command(&["open"])]
    } else if cfg!(windows) {
        vec![command(&["rundll32", "url.dll,FileProtocolHandler"])]
    } else {
        vec![command(&["xdg-open"]), command(&["sensible-browser"])]
    }
}

/// The command with the address in its place, or at its end.
fn arguments(command: &[String], url: &Url) -> Vec<OsString> {
    let mut placed = false;
    let mut all: Vec<OsString> = Vec::new();
    for (n, word) in command.iter().enumerate() {
        let has = n > 0 && word.contains("%s");
        placed |= has;
        all.push(if has { word.replace("%s", url.as_str()).into() } else { word.into() });
    }
    if !placed {
        all.push(url.as_str().into());
    }
    all
}

fn start(all: &[OsString]) -> Result<(), String> {
    let Some((program, rest)) = all.split_first() else { return Err("there is none".to_owned()) };
    let mut command = Command::new(program);
    // Standard output is the host's, and whatever a browser says would be taken for messages.
    command.args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| format!("`{}`: {e}", program.to_string_lossy()))?;
    // Somebody has to take its leave, or it stays in the table of processes.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// Shows a person where to sign in, and opens it.
#[derive(Clone)]
pub struct Terminal {
    /// How it is opened.
    pub browser: Browser,
    /// How it is said.
    pub say: Say,
    /// What is shown now.
    pub shown: Shown,
}

impl Opener for Terminal {
    fn open(&self, url: &Url) -> Result<(), String> {
        if !may_be_opened(url) {
            return Err("the address is neither https nor http on this machine".to_owned());
        }
        self.shown.set(Some(url.to_string()));
        let host = url.host_str().unwrap_or_default();
        (self.say)(&format!(
            "Sign in at {host} to go on. Open this address in a browser on this machine:\n\n    {url}\n"
        ));
        if let Err(why) = self.browser.open(url) {
            (self.say)(&format!("No browser could be started ({why}); open the address yourself."));
        }
        Ok(())
    }
}

impl DeviceScreen for Terminal {
    fn show(&self, code: &DeviceCode) {
        let at = code.verification_uri_complete.as_ref().unwrap_or(&code.verification_uri);
        if !may_be_opened(at) || !may_be_opened(&code.verification_uri) {
            return;
        }
        self.shown.set(Some(at.to_string()));
        let minutes = code.expires_in.as_secs().div_ceil(60);
        (self.say)(&format!(
            "Sign in to go on. On any device, within {minutes} minutes, open\n\n    {}\n\nand enter the code\n\n    {}\n",
            code.verification_uri, code.user_code
        ));
    }
}

/// Whether a person may be sent there.
pub(crate) fn may_be_opened(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let named = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    named && (url.scheme() == "https" || (url.scheme() == "http" && local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(said: &Arc<Mutex<Vec<String>>>) -> Terminal {
        let said = said.clone();
        let say: Say = Arc::new(move |text| said.lock().unwrap().push(text.to_owned()));
        Terminal { browser: Browser::None, say, shown: Shown::default() }
    }

    #[test]
    fn e37_hostile_authorization_url_is_neither_shown_nor_opened() {
        let said = Arc::default();
        let terminal = terminal(&said);
        for hostile in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "ftp://as.example/",
            "http://as.example/authorize",
            "http://127.0.0.1.evil.example/",
            "https://user:secret@as.example/",
            "vscode://x",
        ] {
            let url = Url::parse(hostile).unwrap();
            assert!(Opener::open(&terminal, &url).is_err(), "{hostile}");
        }
        assert!(said.lock().unwrap().is_empty() && terminal.shown.address().is_none());
        for fine in [
            "https://as.example/authorize?a=b",
            "http://127.0.0.1:9/x",
            "http://[::1]:9/",
            "http://localhost/",
        ] {
            assert!(Opener::open(&terminal, &Url::parse(fine).unwrap()).is_ok(), "{fine}");
        }
        assert_eq!(terminal.shown.address().as_deref(), Some("http://localhost/"));
    }

    #[test]
    fn e37_address_stays_one_argument_of_no_shell() {
        let url = Url::parse("https://as.example/?a=$(id)&b=;rm%20-rf;'`\"--flag").unwrap();
        let Browser::Commands(commands) = Browser::of(Some("curl -sL %s:firefox --new-tab")) else {
            panic!()
        };
        let all: Vec<_> = commands.iter().map(|c| arguments(c, &url)).collect();
        let text = OsString::from(url.as_str());
        assert_eq!(all[0], ["curl".into(), "-sL".into(), text.clone()]);
        assert_eq!(all[1], ["firefox".into(), "--new-tab".into(), text]);
        // Whatever begins with a dash could be a flag; an address never does.
        assert!(url.as_str().starts_with("https://"));
        assert_eq!(Browser::of(Some(" : ")), Browser::of(None));
    }

    #[test]
    fn a_browser_that_does_not_start_is_no_failure() {
        let said = Arc::default();
        let browser = Browser::Commands(vec![vec!["/does/not/exist".into()]]);
        let terminal = Terminal { browser, ..terminal(&said) };
        assert!(Opener::open(&terminal, &Url::parse("https://as.example/").unwrap()).is_ok());
        let said = said.lock().unwrap();
        assert!(said[0].contains("https://as.example/") && said[1].contains("open the address yourself"));
    }
}
