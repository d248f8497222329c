//! What would be: a situation that somebody thinks of, and the answer for people and for machines.

use crate::Guard;
use prokura_core::{
    Action, ActionKind, AgentId, ClientId, Fact, FactName, FactValue, Principal, ScopeSet, Timestamp,
};
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::access::{Explained, FixedFacts, Situation, Stage, Verdict};
use std::net::IpAddr;

/// A situation that somebody thinks of. Texts are read when it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    /// The agent's id, with or without `agt_`.
    pub agent: Option<String>,
    /// The user's id.
    pub user: Option<String>,
    /// The client's id.
    pub client: Option<String>,
    /// The name of the resource.
    pub resource: String,
    /// `tool:NAME`, `resource:URI` or `prompt:NAME`; the question is then about a call.
    pub action: Option<String>,
    /// `issuance`, `refresh`, `exchange` or `call`; `call` if nothing is said.
    pub stage: Option<String>,
    /// The scopes that are asked for or held.
    pub scopes: String,
    /// Where the caller is.
    pub address: Option<String>,
    /// `name=value`, in place of what is known.
    pub facts: Vec<String>,
}

/// What of a question cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{member}`: {why}")]
pub struct Unreadable {
    /// Which part.
    pub member: &'static str,
    /// Why.
    pub why: String,
}

/// What would be.
#[derive(Debug, Clone)]
pub struct Answer {
    /// All policies together.
    pub verdict: Verdict,
    /// Each of them.
    pub policies: Vec<Explained>,
}

fn read<T, E: ToString>(member: &'static str, parsed: Result<T, E>) -> Result<T, Unreadable> {
    parsed.map_err(|e| Unreadable { member, why: e.to_string() })
}

impl Question {
    /// Asks it of `guard` at `now`. Nothing is recorded and nothing changes.
    ///
    /// # Errors
    /// [`Unreadable`] names the part.
    pub fn ask(&self, guard: &Guard, now: Timestamp) -> Result<Answer, Unreadable> {
        let agent = self.agent.as_ref().map(|name| {
            let bare = name.trim_start_matches(AgentId::PREFIX);
            AgentId::parse(format!("{}{bare}", AgentId::PREFIX))
        });
        let agent = read("agent", agent.transpose())?;
        let user = read("user", self.user.as_deref().map(Principal::parse).transpose())?;
        let client = read("client", self.client.as_deref().map(ClientId::parse).transpose())?;
        let scopes = read("scopes", ScopeSet::parse(&self.scopes))?;
        let address = read("address", self.address.as_deref().map(str::parse::<IpAddr>).transpose())?;
        let action = read("action", self.action.as_deref().map(action).transpose())?;
        let subject = user.or_else(|| agent.clone().map(Principal::Agent));
        let situation = Situation {
            stage: self.stage()?,
            subject: subject.as_ref(),
            agent: agent.as_ref(),
            client: client.as_ref(),
            workload: None,
            resource: &self.resource,
            action: action.as_ref(),
            scopes: &scopes,
            address,
            sign_in: None,
            now,
        };
        let (verdict, policies) = guard.what_if(&situation, &self.facts(now)?);
        Ok(Answer { verdict, policies })
    }

    fn stage(&self) -> Result<Stage, Unreadable> {
        let word = self.stage.as_deref().unwrap_or("call");
        read("stage", Stage::parse(word).ok_or("write `issuance`, `refresh`, `exchange` or `call`"))
    }

    fn facts(&self, now: Timestamp) -> Result<FixedFacts, Unreadable> {
        let mut facts = FixedFacts::default();
        for text in &self.facts {
            let (name, said) = read("facts", text.split_once('=').ok_or("write `name=value`"))?;
            let fact =
                Fact { value: value(said), source: "the question".into(), observed_at: now, max_age: None };
            facts.put(read("facts", FactName::parse(name))?, fact);
        }
        Ok(facts)
    }
}

/// Yes or no, a whole number, or else a text.
fn value(said: &str) -> FactValue {
    match (said, said.parse()) {
        ("true", _) => FactValue::Flag(true),
        ("false", _) => FactValue::Flag(false),
        (_, Ok(number)) => FactValue::Number(number),
        (text, Err(_)) => FactValue::Text(text.into()),
    }
}

fn action(text: &str) -> Result<Action, String> {
    let wrong = || "write `tool:NAME`, `resource:URI` or `prompt:NAME`".to_owned();
    let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
    let kinds = [ActionKind::Tool, ActionKind::Resource, ActionKind::Prompt];
    let kind = kinds.into_iter().find(|k| k.as_str() == kind).ok_or_else(wrong)?;
    Ok(Action { kind, name: name.to_owned() })
}

impl Answer {
    /// For machines.
    pub fn to_object(&self) -> Object {
        let policies = self.policies.iter().map(|p| Value::Object(p.to_object(self.verdict.at))).collect();
        obj([("verdict", Value::Object(self.verdict.to_object())), ("policies", Value::Array(policies))])
    }
}
