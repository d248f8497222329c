//! Which answers differ between two policy sets, of whatever languages.

use prokura_policy::pdp::{Effect, Engine, Finding, Question};

/// A question that is answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which question, by its place in the list.
    pub question: usize,
    /// The answer before.
    pub before: Finding,
    /// The answer after.
    pub after: Finding,
}

impl Answered {
    /// Whether what was denied is permitted now, or is with fewer obligations.
    pub fn widens(&self) -> bool {
        let permitted = |f: &Finding| f.effect == Effect::Permit;
        let freed = || self.before.obligations.iter().any(|o| !self.after.obligations.contains(o));
        permitted(&self.after) && (!permitted(&self.before) || freed())
    }
}

/// The questions that `after` answers otherwise than `before`: another effect, or other obligations.
pub fn answers(before: &dyn Engine, after: &dyn Engine, questions: &[Question<'_>]) -> Vec<Answered> {
    let both = questions.iter().map(|q| (before.decide(q), after.decide(q))).enumerate();
    let other = |(before, after): &(Finding, Finding)| {
        before.effect != after.effect || before.obligations != after.obligations
    };
    both.filter(|(_, found)| other(found))
        .map(|(question, (before, after))| Answered { question, before, after })
        .collect()
}
