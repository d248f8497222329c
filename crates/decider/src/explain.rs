//! Why something is permitted or denied: what each set found, and what was not asked.

use crate::keeper::Part;
use crate::status::SetStatus;
use crate::text::SetText;
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::{Does, Effect, Examined, Explanation, Held, Question, RuleRef, Ruling, to_object};
use std::sync::Arc;

/// What each set found, and what came of it.
#[derive(Debug, Clone)]
pub struct Explained {
    /// What came of it.
    pub ruling: Ruling,
    /// What each set found, in the order in which they were asked.
    pub sets: Vec<SetFinding>,
}

/// What one set found.
#[derive(Debug, Clone)]
pub struct SetFinding {
    /// The set.
    pub set: SetStatus,
    /// What it found, and why; none if it was not asked, because another had denied before.
    pub why: Option<Explanation>,
    /// Its texts, where they are known.
    pub text: Option<Arc<SetText>>,
}

impl SetFinding {
    /// The line at which a rule stands, where its name says so (`file:line`).
    pub fn line(&self, rule: &RuleRef) -> Option<&str> {
        let mut parts = rule.rule.rsplitn(2, ':');
        let (line, file) = (parts.next()?.parse().ok()?, parts.next()?);
        self.text.as_ref()?.line(file, line).map(str::trim)
    }

    /// As JSON.
    pub fn to_object(&self) -> Object {
        let mut object = obj([
            ("name", self.set.name.as_str().into()),
            ("language", self.set.language.as_str().into()),
            ("mode", self.set.mode.as_str().into()),
            ("effect", self.why.as_ref().map_or("not_asked", |w| effect(w.finding.effect)).into()),
        ]);
        if let Some(version) = &self.set.version {
            object.insert("version", version.as_str().into());
        }
        if let Some(why) = &self.why {
            let found = &why.finding;
            object.insert("rules", found.rules.iter().map(rule_object).collect());
            object.insert("obligations", found.obligations.iter().filter_map(to_object).collect());
            object.insert("problems", found.problems.iter().map(|p| Value::from(p.as_str())).collect());
            object.insert("decided", why.decided.iter().map(examined).collect());
            object.insert("near", why.near.iter().map(examined).collect());
        }
        object
    }
}

impl Explained {
    /// Asks every part as the decider does.
    pub(crate) async fn of(parts: &[Part], ruling: Ruling, question: &Question<'_>) -> Self {
        let mut sets: Vec<SetFinding> = Vec::with_capacity(parts.len());
        let here = parts.iter().filter(|p| p.remote.is_none());
        for part in here.chain(parts.iter().filter(|p| p.remote.is_some())) {
            let denied = sets.iter().any(|s| s.counts_as_deny());
            let why = match (&part.engine, &part.remote) {
                (Some(engine), _) => Some(engine.explain(question)),
                (None, Some(remote)) if !denied => Some(Explanation::bare(remote.ask(question).await)),
                _ => None,
            };
            sets.push(SetFinding { set: part.set.clone(), why, text: part.text.clone() });
        }
        Self { ruling, sets }
    }

    /// As JSON.
    pub fn to_object(&self) -> Object {
        let mut object = obj([
            ("permitted", self.ruling.permitted.into()),
            ("rules", self.ruling.rules.iter().map(rule_object).collect()),
            ("obligations", self.ruling.obligations.iter().filter_map(to_object).collect()),
            ("problems", self.ruling.problems.iter().map(|p| Value::from(p.as_str())).collect()),
            ("sets", self.sets.iter().map(SetFinding::to_object).collect()),
        ]);
        if let Some(reported) = &self.ruling.reported {
            object.insert("reported", obj([("permitted", reported.permitted.into())]).into());
        }
        object
    }
}

impl SetFinding {
    fn counts_as_deny(&self) -> bool {
        self.why.as_ref().is_some_and(|w| w.finding.effect == Effect::Deny)
    }
}

/// The word for an effect.
pub fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Permit => "permit",
        Effect::Deny => "deny",
        Effect::Silent => "silent",
    }
}

fn rule_object(rule: &RuleRef) -> Value {
    let mut object = obj([("set", (*rule.set).into()), ("rule", (*rule.rule).into())]);
    if let Some(note) = &rule.note {
        object.insert("note", (**note).into());
    }
    object.into()
}

fn examined(examined: &Examined) -> Value {
    let conditions = examined.conditions.iter().map(|c| {
        let held = match &c.holds {
            Held::Yes => "yes",
            Held::No => "no",
            Held::Failed(_) => "failed",
        };
        let found = c
            .found
            .iter()
            .map(|(at, value)| obj([("of", at.as_str().into()), ("is", value.as_str().into())]));
        obj([("text", c.text.as_str().into()), ("holds", held.into()), ("found", found.collect())])
    });
    let does = match examined.does {
        Does::Permit => "permit",
        Does::Forbid => "forbid",
        Does::Oblige => "oblige",
    };
    obj([
        ("rule", rule_object(&examined.rule)),
        ("place", examined.place.as_str().into()),
        ("does", does.into()),
        ("conditions", conditions.collect()),
    ])
    .into()
}
