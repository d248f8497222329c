//! What is decided is told to those who learn of it: of every situation once, also where no policy concerns it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use prokura_access::Guard;
use prokura_core::{AgentId, FactName, FactValue, ManualClock, PointId, ScopeSet, Timestamp};
use prokura_policy::access::{
    AccessPolicies, AccessPolicy, Applies, Comparison, Condition, FactTest, Facts, FixedFacts, Mode,
    Otherwise, PolicyName, Situation, Sources, Stage,
};
use prokura_store::{DatabaseUrl, Store};
use std::sync::{Arc, Mutex};

/// Knows nothing, and remembers what it was told.
#[derive(Default)]
struct Listener(Mutex<Vec<(String, bool)>>);

impl Sources for Listener {
    fn facts<'a>(&'a self, _situation: &'a Situation<'a>) -> Box<dyn Facts + 'a> {
        Box::new(FixedFacts::default())
    }

    fn note(&self, situation: &Situation<'_>, permitted: bool) {
        self.0.lock().unwrap().push((situation.resource.to_owned(), permitted));
    }
}

#[tokio::test]
async fn what_is_decided_is_noted_once_also_where_no_policy_concerns_it() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(0)));
    let store = Store::open(&DatabaseUrl::memory(), PointId::parse("pep_1").unwrap(), clock).await.unwrap();
    let name = FactName::parse("posture.compliant").unwrap();
    let policy = AccessPolicy {
        name: PolicyName::parse("compliant").unwrap(),
        mode: Mode::On,
        applies: Applies { resources: vec!["sales".into()], ..Applies::default() },
        requires: Some(Condition::Fact(FactTest::new(name, Comparison::Is(FactValue::Flag(true))))),
        otherwise: Otherwise::Deny,
    };
    let listener = Arc::new(Listener::default());
    let policies = AccessPolicies::new(vec![policy]).unwrap();
    let guard = Guard::new(policies, Arc::clone(&listener) as Arc<dyn Sources>, &store);
    let (agent, scopes) = (AgentId::parse("agt_1").unwrap(), ScopeSet::default());
    let weigh = |resource: &str| {
        let situation = Situation {
            stage: Stage::Call,
            subject: None,
            agent: Some(&agent),
            client: None,
            workload: None,
            resource,
            action: None,
            scopes: &scopes,
            address: None,
            sign_in: None,
            now: Timestamp::from_seconds(0),
        };
        guard.weigh(&situation).map(|v| v.outcome.permits())
    };
    assert_eq!((weigh("sales"), weigh("hr")), (Some(false), None));
    assert_eq!(*listener.0.lock().unwrap(), [("sales".to_owned(), false), ("hr".to_owned(), true)]);
}
