//! What is known of a situation, by name.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use prokura_core::{
    AgentId, Attested, ClientId, FactName, FactValue, ManualClock, Platform, PointId, Principal, ScopeSet,
    Timestamp, UserId, WorkloadId,
};
use prokura_facts::{Behaviour, Databases, Gathering};
use prokura_policy::access::{Situation, Sources as _, Stage};
use prokura_store::{DatabaseUrl, FactKind, FactSubject, Store, StoreError, StoredFact};
use std::sync::Arc;
use std::time::Duration;

struct World {
    store: Store,
    all: Gathering,
    workload: Attested,
    agent: AgentId,
    client: ClientId,
    user: Principal,
    scopes: ScopeSet,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_000_000 + seconds)
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(at(0)));
        let store =
            Store::open(&DatabaseUrl::memory(), PointId::parse("pep_1").unwrap(), clock).await.unwrap();
        let all = Gathering::new(store.facts(), Arc::new(Databases::default()), Arc::new(Behaviour::off()));
        let claim = |(k, v): (&str, &str)| (k.to_owned(), v.to_owned());
        let claims = [
            ("namespace", "prod"),
            ("node", "worker-1"),
            ("request_tags", "prod"),
            ("request_tags.env", "prod"),
        ];
        let workload = Attested {
            workload: WorkloadId::parse("wl_1").unwrap(),
            provider: "cluster".into(),
            platform: Platform::Kubernetes,
            claims: claims.into_iter().map(claim).collect(),
            at: at(-30),
        };
        Self {
            store,
            all,
            workload,
            agent: AgentId::parse("agt_1").unwrap(),
            client: ClientId::parse("cli_1").unwrap(),
            user: Principal::User(UserId::parse("usr_1").unwrap()),
            scopes: ScopeSet::default(),
        }
    }

    async fn push(&self, kind: FactKind, id: &str, name: &str, value: &str, observed: i64) {
        self.push_value(kind, id, name, FactValue::Text(value.into()), observed).await;
    }

    async fn push_value(&self, kind: FactKind, id: &str, name: &str, value: FactValue, observed: i64) {
        let fact = StoredFact {
            subject: FactSubject { kind, id: id.into() },
            name: FactName::parse(name).unwrap(),
            value,
            source: "test".into(),
            observed_at: at(observed),
            max_age: Duration::from_secs(600),
        };
        self.store.transact::<_, StoreError>(move |tx| tx.put_fact(&fact)).await.unwrap();
    }

    fn said(&self, name: &str) -> Option<String> {
        let situation = Situation {
            stage: Stage::Call,
            subject: Some(&self.user),
            agent: Some(&self.agent),
            client: Some(&self.client),
            workload: Some(&self.workload),
            resource: "sales",
            action: None,
            scopes: &self.scopes,
            address: "::ffff:192.0.2.7".parse().ok(),
            sign_in: None,
            now: at(0),
        };
        self.all.facts(&situation).fact(&FactName::parse(name).unwrap()).map(|f| f.value.to_string())
    }
}

#[tokio::test]
async fn the_environment_is_what_was_attested_and_never_what_the_caller_chose() {
    let w = World::new().await;
    assert_eq!(w.said("workload.namespace").as_deref(), Some("prod"));
    assert_eq!(w.said("workload.provider").as_deref(), Some("cluster"));
    assert_eq!(w.said("workload.request_tags"), None);
    assert_eq!(w.said("workload.request_tags.env"), None);
    assert_eq!(w.said("network.address").as_deref(), Some("192.0.2.7"));
    // Whoever may push facts cannot say what is attested, nor where somebody is.
    w.push(FactKind::Workload, "wl_1", "workload.namespace", "other", 0).await;
    w.push(FactKind::Workload, "wl_1", "network.country", "DE", 0).await;
    w.push(FactKind::Agent, "agt_1", "behaviour.refused", "0", 0).await;
    assert_eq!(w.said("workload.namespace").as_deref(), Some("prod"));
    assert_eq!((w.said("network.country"), w.said("behaviour.refused")), (None, None));
}

#[tokio::test]
async fn the_nearest_that_counts_is_taken_and_a_stale_one_only_to_say_so() {
    let w = World::new().await;
    let name = "posture.os";
    assert_eq!(w.said(name), None);
    w.push(FactKind::User, "usr_1", name, "user", 0).await;
    assert_eq!(w.said(name).as_deref(), Some("user"));
    w.push(FactKind::Agent, "agt_1", name, "agent", 0).await;
    assert_eq!(w.said(name).as_deref(), Some("agent"));
    w.push(FactKind::Host, "cluster/node:worker-1", name, "host", 0).await;
    assert_eq!(w.said(name).as_deref(), Some("host"));
    w.push(FactKind::Host, "other/node:worker-1", name, "another cluster's", 0).await;
    w.push(FactKind::Workload, "wl_1", name, "workload", -601).await;
    assert_eq!(w.said(name).as_deref(), Some("host"), "the nearer one is stale");
    w.push(FactKind::Workload, "wl_1", name, "workload", -600).await;
    assert_eq!(w.said(name).as_deref(), Some("workload"));
    w.push(FactKind::Workload, "wl_1", "custom.team", "stale", -601).await;
    assert_eq!(w.said("custom.team").as_deref(), Some("stale"), "so that it can be said how old it is");
}

#[tokio::test]
async fn a_workload_complies_only_if_the_machine_below_it_does() {
    let w = World::new().await;
    let (name, node) = ("posture.compliant", "cluster/node:worker-1");
    w.push_value(FactKind::Workload, "wl_1", name, FactValue::Flag(true), 0).await;
    assert_eq!(w.said(name).as_deref(), Some("true"));
    w.push_value(FactKind::Host, node, name, FactValue::Flag(false), 0).await;
    assert_eq!(w.said(name).as_deref(), Some("false"), "though the nearest says otherwise");
    w.push_value(FactKind::Host, node, name, FactValue::Flag(true), 1).await;
    assert_eq!(w.said(name).as_deref(), Some("true"));
    w.push_value(FactKind::Agent, "agt_1", name, FactValue::Flag(false), -601).await;
    assert_eq!(w.said(name).as_deref(), Some("true"), "what is stale holds nobody up");
}

#[tokio::test]
async fn a_risk_is_the_highest_of_all_who_are_concerned() {
    let w = World::new().await;
    w.push(FactKind::Workload, "wl_1", "risk.level", "LOW", 0).await;
    assert_eq!(w.said("risk.level").as_deref(), Some("LOW"));
    w.push(FactKind::User, "usr_1", "risk.level", "HIGH", 0).await;
    w.push(FactKind::Agent, "agt_1", "risk.level", "MEDIUM", 0).await;
    assert_eq!(w.said("risk.level").as_deref(), Some("HIGH"));
    w.push(FactKind::User, "usr_2", "risk.level", "HIGH", 0).await;
    w.push(FactKind::User, "usr_1", "risk.level", "LOW", 1).await;
    assert_eq!(w.said("risk.level").as_deref(), Some("MEDIUM"));
}

#[tokio::test]
async fn of_a_view_that_is_stale_nothing_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse(&format!("sqlite:{}", dir.path().join("t.db").display())).unwrap();
    let mut w = World::new().await;
    let clock = Arc::new(ManualClock::new(at(0)));
    w.store = Store::open(&url, PointId::parse("pep_1").unwrap(), clock).await.unwrap();
    w.all = Gathering::new(w.store.facts(), Arc::new(Databases::default()), Arc::new(Behaviour::off()));
    w.push(FactKind::Agent, "agt_1", "risk.level", "LOW", 0).await;
    w.store.revoked().believe_for(Duration::from_secs(3600));
    assert_eq!(w.said("risk.level").as_deref(), Some("LOW"));
    w.store.revoked().believe_for(Duration::ZERO);
    std::thread::sleep(Duration::from_millis(1));
    assert_eq!((w.said("risk.level"), w.said("workload.namespace").as_deref()), (None, Some("prod")));
}
