//! What is recorded of decisions: who asked about whom, what was done to what, how it came out and by which rules. No
//! property or argument stands there, only the hash of the arguments.

use super::ask::Ask;
use crate::fault::Fault;
use prokura_config::AuthzenRecord;
use prokura_core::{AgentId, Principal};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::json::{Object, Value};
use prokura_oauth::secret::sha256_base64url;
use prokura_policy::authzen::{Decision, Evaluation, Party};
use prokura_policy::pdp::Ruling;

/// The longest name of somebody's choosing that is recorded, in characters.
const LONGEST: usize = 256;
/// At most so many rules of a decision are recorded.
const RULES: usize = 16;

/// A decision, and how it came about.
pub(super) struct Judged {
    pub(super) decision: Decision,
    /// Why it is denied, if it is.
    pub(super) why: Option<&'static str>,
    pub(super) ruling: Ruling,
}

impl Judged {
    /// Denied before any policy was asked.
    pub(super) fn denied(why: &'static str) -> Self {
        Self { decision: Decision::bare(false), why: Some(why), ruling: Ruling::of([]) }
    }
}

fn cut(text: &str) -> Value {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>().into()
}

fn named(party: &Party) -> Value {
    cut(&format!("{}:{}", party.kind, party.id))
}

impl Ask<'_> {
    fn recorded(&self) -> AuthzenRecord {
        self.app.config.authzen.record
    }

    fn event(&self, action: String, outcome: Outcome) -> Event {
        let mut event = Event::new(EventKind::Decision, action, outcome, self.now, self.trace.clone());
        event.client = Some(self.caller.token.client.clone());
        event.resource = self.app.places.decisions().map(|p| p.uri.clone());
        if let Some(set) = &self.in_force.set {
            event.details.insert("set", set.as_ref().into());
        }
        if let Some(id) = self.request_id {
            event.details.insert("request_id", cut(id));
        }
        event
    }

    /// The entry of a decision, if it is to be recorded.
    pub(super) fn entry(&self, e: &Evaluation, judged: &Judged) -> Option<Event> {
        let permitted = judged.decision.permitted;
        match self.recorded() {
            AuthzenRecord::None => return None,
            AuthzenRecord::Denied if permitted => return None,
            _ => {}
        }
        let outcome = if permitted { Outcome::Permit } else { Outcome::Deny };
        let action: String = e.action.name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        let mut event = self.event(format!("authzen:{action}"), outcome);
        event.reasons.extend(judged.why.map(str::to_owned));
        event.subject = self.principal(&e.subject);
        if let Some(actor) = e.context.get("actor").and_then(actor) {
            event.actors.push(actor);
        }
        event.details.insert("about", named(&e.subject));
        event.details.insert("target", named(&e.resource));
        if !e.action.properties.is_empty() {
            event.details.insert("arguments", sha256_base64url(&e.action.properties.to_jcs()).into());
        }
        put_ruling(&mut event.details, &judged.ruling);
        Some(event)
    }

    /// The user or agent that a subject is, if it is one of ours.
    fn principal(&self, subject: &Party) -> Option<Principal> {
        let principal = Principal::parse(&subject.id).ok()?;
        let kind = match principal {
            Principal::User(_) => "User",
            Principal::Agent(_) => "Agent",
        };
        (self.kinds().ours(&subject.kind) == kind).then_some(principal)
    }

    /// The entry of a search, if it is to be recorded.
    pub(super) fn search_entry(&self, what: &str, about: Object, results: usize) -> Option<Event> {
        if self.recorded() == AuthzenRecord::None {
            return None;
        }
        let mut event = self.event(format!("authzen:search:{what}"), Outcome::Permit);
        for (name, value) in about {
            event.details.insert(name, value.as_str().map_or(Value::Null, cut));
        }
        event.details.insert("results", u64::try_from(results).unwrap_or(u64::MAX).into());
        Some(event)
    }

    /// Puts entries on record, all in one commit.
    pub(super) async fn record(&self, entries: Vec<Event>) -> Result<(), Fault> {
        if entries.is_empty() {
            return Ok(());
        }
        Ok(self.app.store.record(entries).await?)
    }
}

fn actor(value: &Value) -> Option<AgentId> {
    let id = value.as_str().or_else(|| value.as_object()?.str("id"))?;
    match Principal::parse(id) {
        Ok(Principal::Agent(agent)) => Some(agent),
        _ => None,
    }
}

fn put_ruling(details: &mut Object, ruling: &Ruling) {
    if !ruling.rules.is_empty() {
        let rules = ruling.rules.iter().take(RULES).map(|r| cut(&format!("{} {}", r.set, r.rule)));
        details.insert("rules", rules.collect());
    }
    if !ruling.problems.is_empty() {
        details.insert("problems", ruling.problems.iter().take(RULES).map(|p| cut(p)).collect());
    }
    if let Some(reported) = &ruling.reported {
        details.insert("reported", if reported.permitted { "permit" } else { "deny" }.into());
    }
}
