//! One case.

use super::member::{self, Members, Who, Wrong};
use prokura_core::{Obligation, Timestamp};
use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{EntityId, from_object};

/// One question, and what must come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// What must come of it.
    pub expected: Expected,
    /// Whether an engine is expected to fail.
    pub fails: bool,
    pub(super) subject: Who,
    pub(super) actor: Option<Who>,
    pub(super) chain: Vec<EntityId>,
    pub(super) grant: Option<String>,
    pub(super) action: String,
    pub(super) arguments: Option<Object>,
    /// None for rows alone.
    pub(super) resource: Option<Who>,
    pub(super) context: Object,
    pub(super) now: Timestamp,
}

/// What must come of a question.
#[derive(Debug, Clone)]
pub enum Expected {
    /// It is permitted, and exactly these obligations must be met.
    Permit {
        /// Rules that must have decided it.
        rules: Vec<String>,
        /// In any order.
        obligations: Vec<Obligation>,
    },
    /// It is not permitted.
    Deny {
        /// Rules that must have decided it.
        rules: Vec<String>,
    },
    /// It is permitted on exactly these of a kind.
    Rows {
        /// The kind.
        kind: String,
        /// Their ids.
        left: Vec<String>,
    },
}

/// What is asked, where a case or the defaults say it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    subject: Option<Who>,
    /// `Some(None)` is nobody.
    actor: Option<Option<Who>>,
    chain: Option<Vec<EntityId>>,
    grant: Option<String>,
    action: Option<String>,
    arguments: Option<Object>,
    resource: Option<Who>,
    context: Object,
    now: Option<Timestamp>,
}

impl Asked {
    pub(super) fn read(members: &mut Members) -> Result<Self, Wrong> {
        Ok(Self {
            subject: members.read("subject", member::entity_or_name)?,
            actor: members.read("actor", actor)?,
            chain: members.read("chain", member::names)?,
            grant: members.read("grant", member::text)?,
            action: members.read("action", member::text)?,
            arguments: members.read("arguments", member::object)?,
            resource: members.read("resource", member::entity_or_name)?,
            context: members.read("context", member::object)?.unwrap_or_default(),
            now: members.read("now", instant)?,
        })
    }

    /// This, and what it does not say from `defaults`.
    fn over(self, defaults: &Self) -> Self {
        let mut context = defaults.context.clone();
        self.context.into_iter().for_each(|(name, value)| context.insert(name, value));
        Self {
            subject: self.subject.or_else(|| defaults.subject.clone()),
            actor: self.actor.or_else(|| defaults.actor.clone()),
            chain: self.chain.or_else(|| defaults.chain.clone()),
            grant: self.grant.or_else(|| defaults.grant.clone()),
            action: self.action.or_else(|| defaults.action.clone()),
            arguments: self.arguments.or_else(|| defaults.arguments.clone()),
            resource: self.resource.or_else(|| defaults.resource.clone()),
            context,
            now: self.now.or(defaults.now),
        }
    }
}

/// Whoever acts through no chain that is told acts alone.
fn alone(actor: Option<&Who>) -> Vec<EntityId> {
    match actor {
        Some(Who::Named(id)) => vec![id.clone()],
        Some(Who::Described(entity)) => vec![entity.id.clone()],
        None => Vec::new(),
    }
}

fn actor(value: Value) -> Result<Option<Who>, Wrong> {
    match value {
        Value::Bool(false) | Value::Null => Ok(None),
        other => member::entity_or_name(other).map(Some),
    }
}

fn instant(value: Value) -> Result<Timestamp, Wrong> {
    let text = member::text(value)?;
    let read: Result<jiff::Timestamp, _> = text.parse();
    let at = read.map_err(|_| format!("must be a time such as `2026-11-21T09:00:00Z`, and not `{text}`"))?;
    Ok(Timestamp::from_micros(at.as_microsecond()))
}

impl Case {
    pub(super) fn read(value: Value, defaults: &Asked) -> Result<Self, Wrong> {
        let mut members = Members::of(value)?;
        let name = members.read("name", member::text)?.ok_or("it has no `name`")?;
        Self::of(&name, members, defaults).map_err(|why| format!("`{name}`: {why}"))
    }

    fn of(name: &str, mut members: Members, defaults: &Asked) -> Result<Self, Wrong> {
        let asked = Asked::read(&mut members)?.over(defaults);
        let expected = Expected::read(&mut members)?;
        let fails = members.read("fails", member::truth)?.unwrap_or(false);
        members.end(
            "name, subject, actor, chain, grant, action, arguments, resource, context, now, expect, rules, obligations, rows, fails",
        )?;
        let resource = asked.resource.filter(|_| !matches!(expected, Expected::Rows { .. }));
        if resource.is_none() && !matches!(expected, Expected::Rows { .. }) {
            return Err("say the `resource`, here or in `defaults`".to_owned());
        }
        let missing = |what| format!("say the `{what}`, here or in `defaults`");
        let actor = asked.actor.flatten();
        Ok(Self {
            name: name.to_owned(),
            expected,
            fails,
            subject: asked.subject.ok_or_else(|| missing("subject"))?,
            chain: asked.chain.unwrap_or_else(|| alone(actor.as_ref())),
            actor,
            grant: asked.grant,
            action: asked.action.ok_or_else(|| missing("action"))?,
            arguments: asked.arguments,
            resource,
            context: asked.context,
            now: asked.now.unwrap_or(Timestamp::from_micros(0)),
        })
    }
}

impl Expected {
    fn read(members: &mut Members) -> Result<Self, Wrong> {
        let expect = members.read("expect", member::text)?;
        let rules = members.read("rules", member::texts)?.unwrap_or_default();
        let obligations = members.read("obligations", obligations)?.unwrap_or_default();
        let rows = members.read("rows", rows)?;
        match (expect.as_deref(), rows) {
            (Some("permit"), None) => Ok(Self::Permit { rules, obligations }),
            (Some("deny"), None) if obligations.is_empty() => Ok(Self::Deny { rules }),
            (Some("deny"), None) => Err("what is denied has no `obligations`".to_owned()),
            (None, Some(rows)) if rules.is_empty() && obligations.is_empty() => Ok(rows),
            (None, Some(_)) => Err("rows have neither `rules` nor `obligations`".to_owned()),
            _ => Err("`expect` must be \"permit\" or \"deny\", or `rows` must say what is left".to_owned()),
        }
    }
}

fn obligations(value: Value) -> Result<Vec<Obligation>, Wrong> {
    let read = |value: Value| from_object(&member::object(value)?).map_err(|e| e.to_string());
    member::list(value)?.into_iter().map(read).collect()
}

fn rows(value: Value) -> Result<Expected, Wrong> {
    let mut members = Members::of(value)?;
    let kind = members.read("kind", member::text)?.ok_or("has no `kind`")?;
    let left = members.read("left", member::texts)?.ok_or("does not say what is `left`")?;
    members.end("kind, left")?;
    Ok(Expected::Rows { kind, left })
}
