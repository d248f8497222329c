//! The narrator: one line for each exchange, for people or for machines, and whether it went as it must.

use crate::http::{Answer, Broken};
use http::{Method, StatusCode};
use serde::Serialize;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::time::Duration;
use url::Url;

/// An entry of the record, as it is told.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    /// Its number.
    pub number: u64,
    /// How it came out.
    pub outcome: String,
    /// Who acted for whom, and what: `Alice → Reporter → sales/generate_summary`.
    pub chain: String,
    /// Under which grant, and until when; empty where there is none.
    pub grant: String,
    /// Why.
    pub reason: String,
}

/// A future in a box.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The record, as the narrator reads it.
pub trait Record: Send + Sync {
    /// What was recorded since the last time that was asked.
    fn news(&self) -> Boxed<'_, Result<Vec<Recorded>, String>>;

    /// Who acts for whom, as it stands in the register now, drawn for people: what `prokura grant tree` shows.
    fn picture(&self) -> Boxed<'_, Result<String, String>>;
}

/// Where a step went, and how it came out.
pub(crate) struct Did {
    from: &'static str,
    to: &'static str,
    method: String,
    url: String,
    what: String,
    status: StatusCode,
    must: StatusCode,
    note: String,
    took: Duration,
}

impl Did {
    pub(crate) fn new(from: &'static str, to: &'static str, method: &Method, url: &str) -> Self {
        let (status, took) = (StatusCode::OK, Duration::ZERO);
        let (method, url, what, note) = (method.to_string(), url.to_owned(), String::new(), String::new());
        Self { from, to, method, url, what, status, must: status, note, took }
    }

    /// What came of it.
    pub(crate) fn of(mut self, answer: &Answer) -> Self {
        (self.status, self.took) = (answer.status, answer.took);
        self
    }

    /// What is done there, if the address does not say it.
    pub(crate) fn what(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    /// The status that is right. Refusals are right where they are expected.
    pub(crate) fn must(mut self, status: StatusCode) -> Self {
        self.must = status;
        self
    }

    pub(crate) fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The address as it is told: the path, shortened, without its query.
    fn place(&self) -> String {
        let path = Url::parse(&self.url).map(|u| u.path().to_owned()).unwrap_or_else(|_| self.url.clone());
        let path = path.replacen("/.well-known/", "…/", 1);
        let shown = path
            .split('/')
            .map(|part| if part.len() > 26 { format!("{}…", &part[..6]) } else { part.to_owned() });
        let path = shown.collect::<Vec<_>>().join("/");
        if self.what.is_empty() { path } else { format!("{path}  {}", self.what) }
    }
}

/// What fits on the line.
fn clipped(note: &str) -> String {
    const ROOM: usize = 58;
    if note.chars().count() <= ROOM {
        return note.to_owned();
    }
    note.chars().take(ROOM - 1).chain(['…']).collect()
}

/// How a story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// A line for people; colours if the terminal shows them.
    Lines {
        /// Whether colours may be used.
        colour: bool,
    },
    /// A JSON object a step.
    Json,
}

/// Tells what happens, step by step.
pub struct Narrator<'a> {
    telling: Telling,
    out: &'a mut (dyn Write + Send),
    record: &'a dyn Record,
    steps: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    step: usize,
    from: &'a str,
    to: &'a str,
    method: &'a str,
    url: &'a str,
    status: u16,
    ms: f64,
    note: &'a str,
    recorded: &'a [Recorded],
}

impl<'a> Narrator<'a> {
    /// Tells to `out`.
    pub fn new(telling: Telling, out: &'a mut (dyn Write + Send), record: &'a dyn Record) -> Self {
        Self { telling, out, record, steps: 0 }
    }

    /// A heading.
    pub(crate) fn act(&mut self, title: &str) -> Result<(), Broken> {
        match self.telling {
            Telling::Lines { .. } => self.write(&format!("\n{}\n", self.painted("1", title))),
            Telling::Json => Ok(()),
        }
    }

    /// Tells one exchange, and what was recorded of it; the story ends if it did not go as it must.
    pub(crate) async fn step(&mut self, did: Did) -> Result<(), Broken> {
        self.steps += 1;
        let recorded = self.record.news().await.map_err(Broken::because)?;
        let text = match self.telling {
            Telling::Lines { .. } => self.lines(&did, &recorded),
            Telling::Json => self.json(&did, &recorded)?,
        };
        self.write(&text)?;
        if did.status == did.must {
            return Ok(());
        }
        let why = format!("step {} should have been answered {}, not {}", self.steps, did.must, did.status);
        Err(Broken::because(why))
    }

    /// Draws who acts for whom, for people.
    pub(crate) async fn picture(&mut self) -> Result<(), Broken> {
        if self.telling == Telling::Json {
            return Ok(());
        }
        let picture = self.record.picture().await.map_err(Broken::because)?;
        if picture.is_empty() {
            return Ok(());
        }
        let indented: String = picture.lines().map(|line| format!("    {line}\n")).collect();
        self.write(&format!("\n{indented}"))
    }

    /// How many steps were told.
    pub fn steps(&self) -> usize {
        self.steps
    }

    fn write(&mut self, text: &str) -> Result<(), Broken> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        written.map_err(|e| Broken::because(format!("the story cannot be written: {e}")))
    }

    fn json(&self, did: &Did, recorded: &[Recorded]) -> Result<String, Broken> {
        let line = Line {
            step: self.steps,
            from: did.from,
            to: did.to,
            method: &did.method,
            url: &did.url,
            status: did.status.as_u16(),
            ms: (did.took.as_secs_f64() * 10_000.0).round() / 10.0,
            note: &did.note,
            recorded,
        };
        let text = serde_json::to_string(&line).map_err(|e| Broken::because(e.to_string()))?;
        Ok(text + "\n")
    }

    fn lines(&self, did: &Did, recorded: &[Recorded]) -> String {
        let colour = if did.status.is_client_error() || did.status.is_server_error() { "33" } else { "32" };
        let status = self.painted(colour, did.status.as_str());
        let mut text = format!(
            "{:>2}  {:<8} → {:<7}  {:<4} {:<46} {status}  {:<58} {:>6.1} ms\n",
            self.steps,
            did.from,
            did.to,
            did.method,
            did.place(),
            clipped(&did.note),
            did.took.as_secs_f64() * 1000.0
        );
        for entry in recorded {
            let told = [entry.chain.as_str(), &entry.grant, &entry.reason];
            let told: Vec<_> = told.into_iter().filter(|t| !t.is_empty()).collect();
            let line = format!("    recorded  #{} {}  {}", entry.number, entry.outcome, told.join("   "));
            text.push_str(&self.painted("2", &line));
            text.push('\n');
        }
        text
    }

    fn painted(&self, code: &str, text: &str) -> String {
        match self.telling {
            Telling::Lines { colour: true } => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }
}
