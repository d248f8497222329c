//! `prokura doctor`: what is wrong with an MCP server, seen from outside.

use crate::failure::Failure;
use crate::serve::listen::Listener;
use crate::show::print;
use axum::extract::OriginalUri;
use axum::response::Html;
use axum::routing::get;
use clap::Args;
use prokura_core::{SystemClock, SystemRng};
use prokura_doctor::{KnownClient, Level, Options, Person, Report, Watch, examine, text};
use prokura_egress::{AllowList, BoxFuture, Trust};
use std::io::{IsTerminal, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Examine an MCP server and its authorization server, and say what is wrong and how to mend it
///
/// Sends little, calls no tool, and changes nothing unless --register, --login or --invasive allow it. Exit codes: 0
/// nothing that must be mended, 1 something must be (or there is no MCP server), 2 wrong usage.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct DoctorArgs {
    /// The address of the MCP endpoint, as clients are given it
    url: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// End with 1 also for what should be mended
    #[arg(long)]
    strict: bool,
    /// Ask this host (with a port, or a network) although it is not public; can be repeated
    #[arg(long, value_name = "HOST")]
    allow: Vec<String>,
    /// Believe the certificate authorities in this file (PEM) too; can be repeated
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// An access token for the server, in a file (`-`: standard input). It is sent to the server and nowhere else
    #[arg(long, value_name = "FILE", conflicts_with = "login")]
    token_file: Option<PathBuf>,
    /// An access token of the same issuer for another resource, in a file: the server has to refuse it
    #[arg(long, value_name = "FILE")]
    foreign_token_file: Option<PathBuf>,
    /// A client that is registered already, or the address of a client metadata document
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Its redirect URI; with --login a loopback address whose port is chosen here
    #[arg(long, value_name = "URI", default_value = "http://127.0.0.1/callback", requires = "client_id")]
    redirect_uri: String,
    /// Its secret, in a file. It is sent to the token endpoint of --issuer and nowhere else
    #[arg(long, value_name = "FILE", requires_all = ["client_id", "issuer"])]
    client_secret_file: Option<PathBuf>,
    /// The issuer at which the client is registered
    #[arg(long, value_name = "URL", requires = "client_secret_file")]
    issuer: Option<String>,
    /// Register a client for the examination; it is deleted afterwards where the server allows that
    #[arg(long)]
    register: bool,
    /// Sign in with your browser, to see what is done with codes and tokens
    #[arg(long)]
    login: bool,
    /// Use a code and a refresh token twice, which ends the login that was made for it
    #[arg(long, requires = "login")]
    invasive: bool,
}

impl DoctorArgs {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let options = self.options().await?;
        let progress = Progress { shown: std::io::stderr().is_terminal() && !self.json };
        let (clock, rng) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let report = Box::pin(examine(&self.url, &options, clock, rng, &progress)).await;
        progress.end();
        let report =
            report.map_err(|e| Failure::usage(format!("`{}`: {e}", crate::show::plain(&self.url))))?;
        if self.json {
            print(String::from_utf8_lossy(&report.to_json().to_vec()))?;
        } else {
            print(text(&report))?;
        }
        if report.is_well(self.strict) { Ok(()) } else { Err(Failure::refused(summary(&report))) }
    }

    async fn options(&self) -> Result<Options, Failure> {
        AllowList::parse(&self.allow).map_err(|e| Failure::usage(format!("--allow: {e}")))?;
        let secret = match (&self.client_secret_file, &self.issuer) {
            (Some(file), Some(issuer)) => Some((secret_of(file)?, issuer.clone())),
            _ => None,
        };
        let redirect_uri = self.redirect_uri.clone();
        let client = self.client_id.clone().map(|id| KnownClient { id, redirect_uri, secret });
        let person: Option<Arc<dyn Person>> = match self.login {
            true => Some(Arc::new(Browser::wait(&self.redirect_uri).await?)),
            false => None,
        };
        Ok(Options {
            allow: self.allow.clone(),
            trust: trust(&self.ca)?,
            token: self.token_file.as_deref().map(secret_of).transpose()?,
            foreign_token: self.foreign_token_file.as_deref().map(secret_of).transpose()?,
            client,
            // Who signs in without a client needs one.
            register: self.register || (self.login && self.client_id.is_none()),
            invasive: self.invasive,
            person,
            ..Options::default()
        })
    }
}

fn summary(report: &Report) -> String {
    match (report.trouble.is_some(), report.count(Level::Must), report.count(Level::Should)) {
        (true, ..) => "it could not be examined".to_owned(),
        (false, 0, should) => format!("rules that it should keep and breaks: {should}"),
        (false, must, _) => format!("rules that it must keep and breaks: {must}"),
    }
}

fn trust(files: &[PathBuf]) -> Result<Trust, Failure> {
    let mut texts = Vec::new();
    for file in files {
        texts.push(std::fs::read(file).map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?);
    }
    Trust::with_extra(&texts).map_err(|e| Failure::usage(format!("--ca: {e}")))
}

/// What stands in a file, or comes in, without the end of its line.
fn secret_of(file: &Path) -> Result<String, Failure> {
    let read = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = read.map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        Err(Failure::usage(format!("{} is empty", file.display())))
    } else {
        Ok(trimmed.to_owned())
    }
}

/// One line on standard error, written over and over.
struct Progress {
    shown: bool,
}

impl Progress {
    fn end(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Watch for Progress {
    fn looks_at(&self, what: &str) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K  looking at: {what}");
            let _ = std::io::stderr().flush();
        }
    }
}

/// The person's browser, which comes back to a port of this machine.
struct Browser {
    redirect_uri: String,
    came: Mutex<mpsc::Receiver<String>>,
}

/// Nobody takes longer to sign in.
const PATIENCE: Duration = Duration::from_secs(300);

impl Browser {
    /// Waits at the loopback host and the path of `redirect_uri`, at a free port unless it names one.
    async fn wait(redirect_uri: &str) -> Result<Self, Failure> {
        let usage =
            || Failure::usage("--redirect-uri: --login needs an address like `http://127.0.0.1/callback`");
        let uri: axum::http::Uri = redirect_uri.parse().map_err(|_| usage())?;
        let host = uri.host().filter(|h| ["127.0.0.1", "localhost"].contains(h)).ok_or_else(usage)?;
        if uri.scheme_str() != Some("http") {
            return Err(usage());
        }
        let listener =
            Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, uri.port_u16().unwrap_or(0)))).await?;
        let port = listener.address().map_err(Failure::refused)?.port();
        let (send, came) = mpsc::channel(1);
        let base = format!("http://{host}:{port}");
        let answer = {
            let base = base.clone();
            move |OriginalUri(uri): OriginalUri| async move {
                let _ = send.try_send(format!("{base}{uri}"));
                Html("<!doctype html><title>Prokura</title><p>Thank you. You can close this page.")
            }
        };
        let router = axum::Router::new().route(uri.path(), get(answer));
        tokio::spawn(listener.run(router, std::future::pending()));
        Ok(Self { redirect_uri: format!("{base}{}", uri.path()), came: Mutex::new(came) })
    }
}

impl Person for Browser {
    fn redirect_uri(&self) -> String {
        self.redirect_uri.clone()
    }

    fn sign_in<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let begin = if std::io::stderr().is_terminal() { "\r\x1b[K" } else { "" };
            let said = format!("{begin}Open this in your browser, and sign in:\n  {address}\n");
            let _ = writeln!(std::io::stderr(), "{said}");
            let mut came = self.came.lock().await;
            match tokio::time::timeout(PATIENCE, came.recv()).await {
                Ok(Some(back)) => Ok(back),
                _ => Err(format!("the browser did not come back within {} s", PATIENCE.as_secs())),
            }
        })
    }
}
