//! What engines answer, and what becomes of it together.

use prokura_core::Obligation;
use std::sync::Arc;

/// What one engine came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Some rule permits it and none forbids it.
    Permit,
    /// A rule forbids it, or the engine failed.
    Deny,
    /// No rule speaks of it.
    Silent,
}

/// A rule that decided, by names that an operator finds again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef {
    /// The policy set.
    pub set: Arc<str>,
    /// The rule within it: its `@id`, or its place `file:line`.
    pub rule: Arc<str>,
    /// What it says of itself for people, if it does (`@note`).
    pub note: Option<Arc<str>>,
}

/// The answer of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it came to.
    pub effect: Effect,
    /// The rules that decided; empty if none spoke.
    pub rules: Vec<RuleRef>,
    /// What must be done besides, where it is permitted.
    pub obligations: Vec<Obligation>,
    /// What went wrong, for administrators. Whatever went wrong, the effect is [`Effect::Deny`] unless it could only have
    /// taken away a permit.
    pub problems: Vec<String>,
}

impl Finding {
    /// No rule spoke.
    pub fn silent() -> Self {
        Self { effect: Effect::Silent, rules: Vec::new(), obligations: Vec::new(), problems: Vec::new() }
    }

    /// The engine could not answer: a deny.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { effect: Effect::Deny, problems: vec![why.into()], ..Self::silent() }
    }
}

/// What all engines came to together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Whether it is permitted.
    pub permitted: bool,
    /// The rules that decided it.
    pub rules: Vec<RuleRef>,
    /// What must be done besides, where it is permitted: those of all engines.
    pub obligations: Vec<Obligation>,
    /// What went wrong, for administrators.
    pub problems: Vec<String>,
    /// What it had been with the policies that only report, where that is something else.
    pub reported: Option<Box<Ruling>>,
}

impl Ruling {
    /// Nobody was asked, so nothing is against it.
    pub fn unasked() -> Self {
        let (rules, obligations, problems) = Default::default();
        Self { permitted: true, rules, obligations, problems, reported: None }
    }

    /// All findings together: a deny wins, at least one permit is needed, and the obligations of all add up.
    pub fn of(findings: impl IntoIterator<Item = Finding>) -> Self {
        let (mut permits, mut denies) = (Vec::new(), Vec::new());
        let (mut permitted, mut denied) = (false, false);
        let (mut obligations, mut problems) = (Vec::new(), Vec::new());
        for finding in findings {
            match finding.effect {
                Effect::Permit => {
                    permitted = true;
                    permits.extend(finding.rules);
                }
                Effect::Deny => {
                    denied = true;
                    denies.extend(finding.rules);
                }
                Effect::Silent => {}
            }
            problems.extend(finding.problems);
            for obligation in finding.obligations {
                if !obligations.contains(&obligation) {
                    obligations.push(obligation);
                }
            }
        }
        let permitted = permitted && !denied;
        if !permitted {
            obligations.clear();
        }
        let rules = if denied { denies } else { permits };
        Self { permitted, rules, obligations, problems, reported: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(effect: Effect) -> Finding {
        Finding { effect, obligations: vec![Obligation::SizeAtMost(1)], ..Finding::silent() }
    }

    #[test]
    fn a_deny_wins_and_nobody_is_not_a_permit() {
        use Effect::{Deny, Permit, Silent};
        for (effects, permitted) in [
            (&[][..], false),
            (&[Silent], false),
            (&[Permit], true),
            (&[Permit, Silent], true),
            (&[Permit, Deny], false),
            (&[Deny, Permit], false),
            (&[Silent, Deny], false),
        ] {
            let ruling = Ruling::of(effects.iter().map(|e| finding(*e)));
            assert_eq!(ruling.permitted, permitted, "{effects:?}");
            assert_eq!(ruling.obligations.len(), usize::from(permitted), "{effects:?}");
        }
    }
}
