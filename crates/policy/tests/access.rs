//! Policies against an evaluator that is as plain as can be, and what no combination may do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use prokura_core::{Fact, FactName, FactValue, ScopeSet, Timestamp};
use prokura_policy::access::{
    AccessPolicies, AccessPolicy, Applies, Comparison, Condition, FactTest, FixedFacts, Mode, Narrowing,
    Otherwise, Outcome, PolicyName, Situation, Stage, Unknown, Verdict,
};
use proptest::prelude::*;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

/// A condition as the plain evaluator reads it: facts are numbered.
#[derive(Debug, Clone)]
enum Plain {
    All(Vec<Plain>),
    Any(Vec<Plain>),
    Not(Box<Plain>),
    Flag(usize, bool, Unknown),
}

fn name(i: usize) -> FactName {
    FactName::parse(&format!("custom.f{i}")).unwrap()
}

impl Plain {
    fn condition(&self) -> Condition {
        match self {
            Self::All(parts) => Condition::All(parts.iter().map(Self::condition).collect()),
            Self::Any(parts) => Condition::Any(parts.iter().map(Self::condition).collect()),
            Self::Not(part) => Condition::Not(Box::new(part.condition())),
            Self::Flag(i, wanted, unknown) => {
                let mut test = FactTest::new(name(*i), Comparison::Is(FactValue::Flag(*wanted)));
                test.unknown = *unknown;
                Condition::Fact(test)
            }
        }
    }

    /// Met, not met, or nobody knows. `wanted` says whether an even number of `not` stands above.
    fn stands(&self, known: &[Option<bool>], wanted: bool) -> Option<bool> {
        match self {
            Self::All(parts) => {
                let all: Vec<_> = parts.iter().map(|p| p.stands(known, wanted)).collect();
                if all.contains(&Some(false)) {
                    Some(false)
                } else {
                    all.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            Self::Any(parts) => {
                let all: Vec<_> = parts.iter().map(|p| p.stands(known, wanted)).collect();
                if all.contains(&Some(true)) {
                    Some(true)
                } else {
                    all.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            Self::Not(part) => part.stands(known, !wanted).map(|met| !met),
            Self::Flag(i, is, unknown) => match (known[*i], unknown) {
                (Some(value), _) => Some(value == *is),
                (None, Unknown::Deny) => None,
                (None, Unknown::Pass) => Some(wanted),
                (None, Unknown::Fail) => Some(!wanted),
            },
        }
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let unknown = prop_oneof![Just(Unknown::Deny), Just(Unknown::Pass), Just(Unknown::Fail)];
    let leaf = (0_usize..4, any::<bool>(), unknown).prop_map(|(i, is, unknown)| Plain::Flag(i, is, unknown));
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Plain::All),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Plain::Any),
            inner.prop_map(|p| Plain::Not(Box::new(p))),
        ]
    })
}

fn policy(at: usize, mode: Mode, requires: Option<Condition>, otherwise: Otherwise) -> AccessPolicy {
    let name = PolicyName::parse(&format!("p{at}")).unwrap();
    AccessPolicy { name, mode, applies: Applies::default(), requires, otherwise }
}

fn facts(known: &[Option<bool>]) -> FixedFacts {
    let mut facts = FixedFacts::default();
    for (i, value) in known.iter().enumerate() {
        // What is not known is not there, or of another type, or stale: all are one.
        let (value, observed_at, max_age) = match (value, i % 3) {
            (Some(value), _) => (FactValue::Flag(*value), NOW, None),
            (None, 0) => continue,
            (None, 1) => (FactValue::Text("true".into()), NOW, None),
            (None, _) => {
                let minute = Duration::from_secs(60);
                (FactValue::Flag(true), NOW.before(minute), Some(minute / 2))
            }
        };
        facts.put(name(i), Fact { value, source: "test".into(), observed_at, max_age });
    }
    facts
}

fn evaluate(policies: Vec<AccessPolicy>, facts: &FixedFacts) -> Verdict {
    let scopes = ScopeSet::default();
    let situation = Situation {
        stage: Stage::Call,
        subject: None,
        agent: None,
        client: None,
        workload: None,
        resource: "sales",
        action: None,
        scopes: &scopes,
        address: None,
        sign_in: None,
        now: NOW,
    };
    let policies = AccessPolicies::new(policies).unwrap();
    let verdict = policies.evaluate(&situation, facts);
    // Who asks why is told the same.
    let explained = policies.explain(&situation, facts);
    let outcomes: Vec<_> = explained.into_iter().filter_map(|e| e.outcome).collect();
    assert_eq!(outcomes, verdict.weighed.iter().map(|w| w.outcome.clone()).collect::<Vec<_>>());
    verdict
}

proptest! {
    #[test]
    fn f01_no_combination_of_tests_permits_what_a_plain_reading_does_not(
        conditions in prop::collection::vec((plain(), any::<bool>()), 1..5),
        known in prop::collection::vec(prop::option::of(any::<bool>()), 4..=4),
    ) {
        let mut expected = Outcome::Permit;
        let mut policies = Vec::new();
        for (at, (condition, deny)) in conditions.iter().enumerate() {
            let life = Some(Duration::from_secs(60));
            let narrow = Narrowing { without: ScopeSet::default(), life };
            let (otherwise, outcome) = if *deny {
                (Otherwise::Quarantine, Outcome::Quarantine)
            } else {
                (Otherwise::Narrow(narrow.clone()), Outcome::Narrowed(narrow))
            };
            expected = expected.and(match condition.stands(&known, true) {
                Some(true) => Outcome::Permit,
                Some(false) => outcome,
                None => Outcome::Deny,
            });
            policies.push(policy(at, Mode::On, Some(condition.condition()), otherwise));
        }
        prop_assert_eq!(evaluate(policies, &facts(&known)).outcome, expected);
    }

    #[test]
    fn what_only_reports_or_is_off_changes_nothing(
        condition in plain(), known in prop::collection::vec(prop::option::of(any::<bool>()), 4..=4)
    ) {
        for mode in [Mode::ReportOnly, Mode::Off] {
            let verdict = evaluate(vec![policy(0, mode, Some(condition.condition()), Otherwise::Deny)], &facts(&known));
            prop_assert_eq!((&verdict.outcome, verdict.until), (&Outcome::Permit, None));
            prop_assert_eq!(verdict.weighed.is_empty(), mode == Mode::Off);
        }
    }
}

fn fact(value: FactValue, observed: i64, max_age: Option<u64>) -> Fact {
    let observed_at = Timestamp::from_seconds(NOW.seconds() + observed);
    Fact { value, source: "test".into(), observed_at, max_age: max_age.map(Duration::from_secs) }
}

#[test]
fn a_permit_lasts_as_long_as_what_it_rests_on() {
    let test = |i: usize| Condition::Fact(FactTest::new(name(i), Comparison::Known));
    let mut facts = FixedFacts::default();
    facts.put(name(0), fact(FactValue::Flag(true), -10, Some(60)));
    facts.put(name(1), fact(FactValue::Flag(true), -10, Some(30)));
    facts.put(name(2), fact(FactValue::Flag(true), -10, None));
    let until = |condition: Condition| {
        let verdict = evaluate(vec![policy(0, Mode::On, Some(condition), Otherwise::Deny)], &facts);
        verdict.until.map(|t| t.seconds() - NOW.seconds())
    };
    assert_eq!(until(Condition::All(vec![test(0), test(1), test(2)])), Some(20), "the first that ends");
    assert_eq!(until(Condition::Any(vec![test(0), test(1)])), Some(50), "the last that ends");
    assert_eq!(until(Condition::Any(vec![test(0), test(2)])), None);
    let mut strict = FactTest::new(name(0), Comparison::Known);
    strict.max_age = Some(Duration::from_secs(15));
    assert_eq!(until(Condition::Fact(strict)), Some(5), "a test may be stricter than the fact");
}

#[test]
fn an_approval_permits_narrows_or_refuses_and_ends() {
    let approval = FactName::parse("approval.p0").unwrap();
    let asked = |said: Option<Fact>| {
        let mut facts = FixedFacts::default();
        if let Some(fact) = said {
            facts.put(approval.clone(), fact);
        }
        evaluate(vec![policy(0, Mode::On, None, Otherwise::Approval)], &facts)
    };
    assert_eq!(asked(None).outcome, Outcome::Approval);
    let yes = asked(Some(fact(FactValue::Flag(true), -10, Some(60))));
    assert_eq!((yes.outcome, yes.until.map(|t| t.seconds() - NOW.seconds())), (Outcome::Permit, Some(50)));
    assert_eq!(asked(Some(fact(FactValue::Flag(true), -61, Some(60)))).outcome, Outcome::Approval);
    assert_eq!(asked(Some(fact(FactValue::Flag(false), 0, Some(60)))).outcome, Outcome::Deny);
    let without = ScopeSet::parse("write").unwrap();
    let less = asked(Some(fact(FactValue::Text("write".into()), 0, Some(60)))).outcome;
    assert_eq!(less, Outcome::Narrowed(Narrowing { without, life: None }));
    assert_eq!(asked(Some(fact(FactValue::Number(1), 0, Some(60)))).outcome, Outcome::Deny);
}

#[test]
fn comparisons_are_typed_and_addresses_canonical() {
    let text = |t: &str| FactValue::Text(t.into());
    let nets = |n: &str| vec![prokura_core::Network::parse(n).unwrap()];
    for (comparison, value, met) in [
        (Comparison::Is(FactValue::Number(1)), text("1"), None),
        (Comparison::OneOf(vec![text("DE"), FactValue::Number(1)]), text("DE"), Some(true)),
        (Comparison::NoneOf(vec![text("DE")]), text("FR"), Some(true)),
        (Comparison::NoneOf(vec![text("DE")]), FactValue::Number(1), None),
        (Comparison::IsNot(text("DE")), text("DE"), Some(false)),
        (Comparison::AtLeast(3), FactValue::Number(3), Some(true)),
        (Comparison::AtMost(3), FactValue::Number(4), Some(false)),
        (Comparison::AtMost(3), text("3"), None),
        (Comparison::StartsWith("spiffe://a/".into()), text("spiffe://a/b"), Some(true)),
        (Comparison::Within(nets("10.0.0.0/8")), text("::ffff:10.1.2.3"), Some(true)),
        (Comparison::Outside(nets("10.0.0.0/8")), text("::ffff:10.1.2.3"), Some(false)),
        (Comparison::Outside(nets("10.0.0.0/8")), text("no address"), None),
    ] {
        let mut facts = FixedFacts::default();
        facts.put(name(0), fact(value.clone(), 0, None));
        let condition = Condition::Fact(FactTest::new(name(0), comparison.clone()));
        let outcome =
            evaluate(vec![policy(0, Mode::On, Some(condition), Otherwise::Quarantine)], &facts).outcome;
        let expected = match met {
            Some(true) => Outcome::Permit,
            Some(false) => Outcome::Quarantine,
            None => Outcome::Deny,
        };
        assert_eq!(outcome, expected, "{comparison} of {value}");
    }
}
