//! From verified claims to an agent: typed rules, the first that matches, and an account of those that did not.

use crate::evidence::{ClaimValue, Evidence};
use prokura_core::{AgentId, ScopeSet};
use std::fmt;
use std::time::Duration;

/// What a rule asks of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this value, of this type.
    Is(ClaimValue),
    /// One of these values.
    OneOf(Vec<ClaimValue>),
    /// A text that begins so and goes on: for paths, at a `/` or `:` boundary that stands at its end.
    Under(String),
    /// A list that contains this text.
    Has(String),
}

impl Expected {
    /// Whether a claim is as it should be; one that is absent never is.
    pub fn is_met_by(&self, claim: Option<&ClaimValue>) -> bool {
        let Some(claim) = claim else { return false };
        match (self, claim) {
            (Self::Is(wanted), claim) => wanted == claim,
            (Self::OneOf(wanted), claim) => wanted.contains(claim),
            (Self::Under(start), ClaimValue::Text(text)) => {
                text.len() > start.len() && text.starts_with(start)
            }
            (Self::Has(wanted), ClaimValue::List(items)) => items.contains(wanted),
            (Self::Under(_) | Self::Has(_), _) => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => write!(f, "{value}"),
            Self::OneOf(values) => {
                let values: Vec<_> = values.iter().map(ToString::to_string).collect();
                write!(f, "one of {}", values.join(", "))
            }
            Self::Under(start) => write!(f, "something below `{start}`"),
            Self::Has(item) => write!(f, "a list with `{item}`"),
        }
    }
}

/// A rule: the workloads of one provider whose claims are so belong to this agent, and may do this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for people and the record.
    pub name: String,
    /// The name of the provider.
    pub provider: String,
    /// What is asked of the claims: all of it; never empty.
    pub when: Vec<(String, Expected)>,
    /// Whose workloads these are.
    pub agent: AgentId,
    /// What they may do, by the names of resources.
    pub grants: Vec<(String, ScopeSet)>,
    /// Whether a proof of possession must come with the evidence, to which the tokens are bound.
    pub needs_key: bool,
    /// How long a token lives, if the rule says so; never longer than the evidence.
    pub life: Option<Duration>,
}

/// A claim that is not as a rule asks: for administrators only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The claim.
    pub claim: String,
    /// What the rule asks for.
    pub expected: Expected,
    /// What the evidence says; `None` if nothing.
    pub received: Option<ClaimValue>,
}

/// A rule that did not match, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    /// The name of the rule.
    pub rule: String,
    /// Every claim that is not as it asks.
    pub mismatches: Vec<Mismatch>,
}

/// No rule matches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no rule matches this workload")]
pub struct NoRule {
    /// Every rule of the provider, in order.
    pub tried: Vec<Unmatched>,
}

/// The rules, in the operator's order.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// These rules; the first that matches counts.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }

    /// The rule for this evidence.
    ///
    /// # Errors
    /// [`NoRule`] says for each rule of the provider what was expected and what was received.
    pub fn find(&self, evidence: &Evidence) -> Result<&Rule, NoRule> {
        let mut tried = Vec::new();
        for rule in self.0.iter().filter(|r| *r.provider == *evidence.provider) {
            let mismatches = rule.mismatches(evidence);
            if mismatches.is_empty() && !rule.when.is_empty() {
                return Ok(rule);
            }
            tried.push(Unmatched { rule: rule.name.clone(), mismatches });
        }
        Err(NoRule { tried })
    }
}

impl Rule {
    /// Every claim that is not as this rule asks.
    pub fn mismatches(&self, evidence: &Evidence) -> Vec<Mismatch> {
        let wrong = self.when.iter().filter_map(|(claim, expected)| {
            let received = evidence.claims.get(claim.as_str());
            (!expected.is_met_by(received)).then(|| Mismatch {
                claim: claim.clone(),
                expected: expected.clone(),
                received: received.cloned(),
            })
        });
        wrong.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Claims;
    use prokura_core::{Platform, Timestamp};

    fn text(text: &str) -> ClaimValue {
        ClaimValue::Text(text.to_owned())
    }

    fn evidence() -> Evidence {
        Evidence {
            provider: "prod".into(),
            platform: Platform::Kubernetes,
            subject: "system:serviceaccount:agents:planner".to_owned(),
            instance: "pod-1".to_owned(),
            claims: Claims::from([
                ("namespace".to_owned(), text("agents")),
                ("ref".to_owned(), text("refs/heads/main")),
                ("run".to_owned(), ClaimValue::Number(1)),
                ("tags".to_owned(), ClaimValue::List(vec!["a".to_owned(), "b".to_owned()])),
            ]),
            told: Vec::new(),
            issued_at: Timestamp::from_seconds(1),
            expires_at: Timestamp::from_seconds(2),
            id: None,
            digest: [0; 32],
            key: None,
        }
    }

    fn rule(name: &str, provider: &str, when: Vec<(&str, Expected)>) -> Rule {
        Rule {
            name: name.to_owned(),
            provider: provider.to_owned(),
            when: when.into_iter().map(|(claim, expected)| (claim.to_owned(), expected)).collect(),
            agent: AgentId::parse("agt_planner").unwrap(),
            grants: Vec::new(),
            needs_key: false,
            life: None,
        }
    }

    #[test]
    fn the_first_rule_of_the_provider_that_matches_counts() {
        let agents = || vec![("namespace", Expected::Is(text("agents")))];
        let rules = Rules::new(vec![
            rule("of another", "stage", agents()),
            rule("of nobody", "prod", vec![]),
            rule("other namespace", "prod", vec![("namespace", Expected::Is(text("agent")))]),
            rule("this", "prod", agents()),
            rule("too late", "prod", agents()),
        ]);
        assert_eq!(rules.find(&evidence()).unwrap().name, "this");
        let none = Rules::new(rules.iter().take(3).cloned().collect()).find(&evidence()).unwrap_err();
        assert_eq!(none.tried.len(), 2, "rules of other providers are nobody's business");
        let wrong = &none.tried[1].mismatches[0];
        assert_eq!(
            (wrong.expected.to_string(), &wrong.received),
            ("`agent`".to_owned(), &Some(text("agents")))
        );
    }

    #[test]
    fn comparison_is_typed_and_what_is_absent_matches_nothing() {
        let met = |claim, expected: Expected| {
            Rules::new(vec![rule("r", "prod", vec![(claim, expected)])]).find(&evidence()).is_ok()
        };
        assert!(met("run", Expected::Is(ClaimValue::Number(1))));
        assert!(!met("run", Expected::Is(text("1"))));
        assert!(met("run", Expected::OneOf(vec![text("x"), ClaimValue::Number(1)])));
        assert!(met("ref", Expected::Under("refs/heads/".to_owned())));
        assert!(!met("ref", Expected::Under("refs/heads/main".to_owned())), "it must go on");
        assert!(met("tags", Expected::Has("b".to_owned())) && !met("tags", Expected::Has("c".to_owned())));
        assert!(!met("ref", Expected::Has("refs/heads/main".to_owned())));
        assert!(!met("absent", Expected::Under(String::new())));
    }
}
