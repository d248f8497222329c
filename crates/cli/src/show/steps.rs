//! What happened step by step, for people and for machines. What came from outside is shown whole, but without what a
//! terminal would obey or hide.

use super::{json, plain, print};
use crate::failure::Failure;
use prokura_core::Timestamp;
use prokura_oauth::json::{Object, Value};
use serde::Serialize;

/// What happened, in order.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Steps {
    steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Serialize)]
struct Step {
    step: &'static str,
    ok: bool,
    lines: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Steps {
    /// Adds a step.
    pub(crate) fn say(&mut self, step: &'static str, ok: bool, lines: Vec<String>) {
        self.steps.push(Step { step, ok, lines, remedy: None });
    }

    /// Says what mends the last one.
    pub(crate) fn remedy(&mut self, remedy: impl Into<String>) {
        if let Some(step) = self.steps.last_mut() {
            step.remedy = Some(remedy.into());
        }
    }

    /// Prints it.
    pub(crate) fn show(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return json(self);
        }
        for (n, step) in self.steps.iter().enumerate() {
            print(format!("{}. {} {}", n + 1, if step.ok { "+" } else { "-" }, step.step))?;
            for line in &step.lines {
                print(format!("     {line}"))?;
            }
            if let Some(remedy) = &step.remedy {
                print(format!("     what to do: {remedy}"))?;
            }
        }
        Ok(())
    }
}

/// Each claim in a line of its own, those of an object by their path.
pub(crate) fn claims(claims: &Object, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    listed(claims, "", now, &mut lines);
    lines
}

fn listed(claims: &Object, within: &str, now: Timestamp, lines: &mut Vec<String>) {
    for (name, value) in claims.iter() {
        let name = format!("{within}{}", plain(name));
        match value {
            Value::Object(inner) => listed(inner, &format!("{name}."), now, lines),
            Value::String(text) => lines.push(format!("{name} = {}", plain(text))),
            other => {
                let time = other.as_i64().filter(|_| ["exp", "iat", "nbf"].contains(&name.as_str()));
                let time = time.map(|t| format!(" ({})", relative(t, now))).unwrap_or_default();
                lines.push(format!("{name} = {}{time}", plain(&other.to_string())));
            }
        }
    }
}

fn relative(seconds: i64, now: Timestamp) -> String {
    match seconds.saturating_sub(now.seconds()) {
        ahead if ahead >= 0 => format!("in {ahead} s"),
        ago => format!("{} s ago", ago.unsigned_abs()),
    }
}
