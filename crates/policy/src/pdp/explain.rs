//! Why it was decided so, and what would permit it.

use super::{Effect, Finding, RuleRef};

/// An answer with its reasons, for people who write policies. It repeats values of the question: it is shown to whoever may
/// see them, and is never recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub finding: Finding,
    /// The rules that decided, and what each found.
    pub decided: Vec<Examined>,
    /// Where it is not permitted: rules that would permit it, and what they miss; the nearest first.
    pub near: Vec<Examined>,
}

/// A rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// The rule.
    pub rule: RuleRef,
    /// Where it stands: file, line and column, where they are known.
    pub place: String,
    /// What it does where it applies.
    pub does: Does,
    /// Its conditions, in their order; all have to hold for it to apply.
    pub conditions: Vec<Condition>,
}

/// What a rule does where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// It permits.
    Permit,
    /// It forbids.
    Forbid,
    /// It obliges.
    Oblige,
}

/// A condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// As it is written.
    pub text: String,
    /// Whether it holds.
    pub holds: Held,
    /// What was found: an expression of the condition, and its value.
    pub found: Vec<(String, String)>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be answered, for this reason.
    Failed(String),
}

impl Explanation {
    /// An answer of which no more is known.
    pub fn bare(finding: Finding) -> Self {
        Self { finding, decided: Vec::new(), near: Vec::new() }
    }

    /// Whether it was permitted.
    pub fn permitted(&self) -> bool {
        self.finding.effect == Effect::Permit
    }
}

impl Examined {
    /// How many of its conditions do not hold.
    pub fn missing(&self) -> usize {
        self.conditions.iter().filter(|c| c.holds != Held::Yes).count()
    }
}
