//! What an engine does.

use super::{Filter, Finding, Question};
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

/// Policies of one language, ready to be asked.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Its name in the record: `cedar`, `rego`, `polar`.
    fn name(&self) -> &'static str;

    /// What the policies say.
    fn decide(&self, question: &Question<'_>) -> Finding;

    /// Which of `actions` a list may show: those that could be permitted with some arguments and some resource. The
    /// question's own action, arguments and resource are not looked at. An engine that cannot tell shows it: a list is a
    /// convenience, and the call is decided anew.
    fn visible(&self, question: &Question<'_>, actions: &[&str]) -> Vec<bool> {
        let _ = question;
        vec![true; actions.len()]
    }

    /// Which entities of `kind` the question's action may be done to: partially evaluated where the engine can, and
    /// [`Filter::Ask`] where it cannot. Never wider than [`decide`](Self::decide) on each entity.
    fn filter(&self, question: &Question<'_>, kind: &str) -> Filter {
        let _ = (question, kind);
        Filter::Ask
    }
}
