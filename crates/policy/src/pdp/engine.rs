//! What an engine does.

use super::{Effect, Entity, Explanation, Filter, Finding, Question};
use prokura_oauth::json::Object;
use std::fmt;

/// An engine cannot use what it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct EngineError {
    /// Where: a file, with line and column where they are known.
    pub place: String,
    /// What is wrong, and how to mend it.
    pub why: String,
}

/// An entry of a list, of which it is asked whether the list may show it.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// What would be done.
    pub action: &'a str,
    /// To what.
    pub aim: Aim<'a>,
    /// What would stand in the context as `tool`, if it is one.
    pub tool: Option<&'a Object>,
}

/// To what an entry of a list would be done.
#[derive(Debug, Clone, Copy)]
pub enum Aim<'a> {
    /// To this, whatever the arguments.
    At(&'a Entity),
    /// To some entity of this kind, which only the arguments name.
    Some(&'a str),
}

/// Policies of one language, ready to be asked.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Its name in the record: `cedar`, `rego`, `polar`.
    fn name(&self) -> &'static str;

    /// What the policies say.
    fn decide(&self, question: &Question<'_>) -> Finding;

    /// Of each entry of a list, what could come of it with some arguments: [`Effect::Permit`] if it could be permitted,
    /// [`Effect::Deny`] if a rule forbids it whatever the arguments are, [`Effect::Silent`] if no rule could permit it. The
    /// question's own action, arguments and resource are not looked at, and its context is known but for `tool`. An engine
    /// that cannot tell says that it could be: a list is a convenience, and the call is decided anew.
    fn visible(&self, question: &Question<'_>, listed: &[Listed<'_>]) -> Vec<Effect> {
        let _ = question;
        vec![Effect::Permit; listed.len()]
    }

    /// Which entities of `kind` the question's action may be done to: partially evaluated where the engine can, and
    /// [`Filter::Ask`] where it cannot, and where an obligation could hold on some of them: a filter carries none. Never
    /// wider than [`decide`](Self::decide) on each entity.
    fn filter(&self, question: &Question<'_>, kind: &str) -> Filter {
        let _ = (question, kind);
        Filter::Ask
    }

    /// Whether some rule, whatever is asked, may oblige to change results. An engine that cannot tell says so.
    fn may_change_results(&self) -> bool {
        true
    }

    /// Why it decides so, and what would permit it.
    fn explain(&self, question: &Question<'_>) -> Explanation {
        Explanation::bare(self.decide(question))
    }
}
