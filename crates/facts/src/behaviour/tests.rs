use super::*;
use prokura_config::Span;
use prokura_core::{Action, ManualClock, ScopeSet};
use prokura_store::{DatabaseUrl, Store};

const DAY: i64 = 86_400;

fn behaviour(point: &str) -> Behaviour {
    let config = Config { learn_for: Span::days(1), learn_calls: 10, forget_after: Span::days(7) };
    Behaviour::new(config, true, &PointId::parse(point).unwrap())
}

/// A call of the planner.
struct Call {
    agent: AgentId,
    action: Action,
    resource: &'static str,
    address: &'static str,
    scopes: ScopeSet,
    at: i64,
}

fn call(at: i64) -> Call {
    let agent = AgentId::parse("agt_planner").unwrap();
    let scopes = ScopeSet::default();
    Call { agent, action: Action::tool("read"), resource: "sales", address: "192.0.2.7", scopes, at }
}

impl Call {
    fn situation(&self) -> Situation<'_> {
        Situation {
            stage: Stage::Call,
            subject: None,
            agent: Some(&self.agent),
            client: None,
            workload: None,
            resource: self.resource,
            action: Some(&self.action),
            scopes: &self.scopes,
            address: self.address.parse().ok(),
            sign_in: None,
            now: Timestamp::from_seconds(self.at),
        }
    }

    fn note(&self, behaviour: &Behaviour, permitted: bool) {
        behaviour.note(&self.situation(), permitted, || None);
    }

    fn says(&self, behaviour: &Behaviour, what: &str) -> String {
        let fact = behaviour.fact(what, &self.situation(), || None);
        fact.map_or_else(|| "unknown".to_owned(), |f| f.value.to_string())
    }
}

/// Twelve calls of two days at 10:00, and the time after them: 10:00 of the third day.
fn warm(behaviour: &Behaviour) -> i64 {
    for n in 0..12 {
        call(DAY * (n / 6) + 36_000 + n).note(behaviour, true);
    }
    DAY * 2 + 36_000
}

#[test]
fn what_is_unusual_is_unknown_until_enough_was_seen() {
    let b = behaviour("pep_1");
    let flags = ["unfamiliar_tool", "unfamiliar_resource", "unusual_hour", "new_network"];
    for n in 0..9 {
        call(n).note(&b, true);
    }
    assert!(flags.iter().all(|f| call(DAY * 2).says(&b, f) == "unknown"), "too few calls");
    for n in 9..20 {
        call(n).note(&b, true);
    }
    assert!(flags.iter().all(|f| call(30).says(&b, f) == "unknown"), "too short a time");
    assert!(flags[..2].iter().all(|f| call(DAY * 2).says(&b, f) == "false"));
    assert_eq!(call(30).says(&b, "calls_per_minute"), "20", "counts are known at once");
}

#[test]
fn what_was_never_seen_is_unusual_and_a_permitted_call_makes_it_usual() {
    let b = behaviour("pep_1");
    let at = warm(&b);
    let mut odd = call(at);
    (odd.action, odd.address) = (Action::tool("drop"), "198.51.100.4");
    for flag in ["unfamiliar_tool", "new_network"] {
        assert_eq!((call(at).says(&b, flag), odd.says(&b, flag)), ("false".into(), "true".into()), "{flag}");
    }
    odd.note(&b, false);
    assert_eq!(odd.says(&b, "unfamiliar_tool"), "true", "what was refused is not learned");
    odd.note(&b, true);
    assert_eq!(
        (odd.says(&b, "unfamiliar_tool"), odd.says(&b, "new_network")),
        ("false".into(), "false".into())
    );
    odd.resource = "hr";
    assert_eq!(odd.says(&b, "unfamiliar_resource"), "true");
    assert_eq!(odd.says(&b, "unfamiliar_tool"), "true", "a tool is its resource's");
    assert_eq!(call(at + 3_600).says(&b, "unusual_hour"), "false", "the hour beside it");
    assert_eq!(call(at + 4 * 3_600).says(&b, "unusual_hour"), "true");
    assert_eq!(call(at + 8 * DAY).says(&b, "unfamiliar_tool"), "true", "not seen for too long");
}

#[test]
fn a_network_is_known_by_its_neighbours_or_its_operator() {
    let b = behaviour("pep_1");
    for n in 0..12 {
        let one = call(DAY * (n / 6) + n);
        b.note(&one.situation(), true, || Some(64_500));
    }
    let mut away = call(DAY * 2);
    away.address = "198.51.100.4";
    let new = |asn| b.fact("new_network", &away.situation(), || asn).unwrap().value.to_string();
    assert_eq!(
        (new(Some(64_500)), new(Some(64_501)), new(None)),
        ("false".into(), "true".into(), "true".into())
    );
    away.address = "";
    assert_eq!(away.says(&b, "new_network"), "unknown");
}

#[test]
fn bursts_are_counted_and_pass() {
    let b = behaviour("pep_1");
    for n in 0..40 {
        call(600 + n).note(&b, n % 4 != 0);
    }
    let fact = b.fact("refused", &call(640).situation(), || None).unwrap();
    assert_eq!((fact.value.to_string(), &*fact.source), ("10".into(), "10 of 40 calls refused in 10 min"));
    assert_eq!(call(659).says(&b, "calls_per_minute"), "40");
    assert_eq!(call(690).says(&b, "calls_per_minute"), "20", "half of the minute before");
    assert_eq!(call(720).says(&b, "calls_per_minute"), "0");
    assert_eq!(call(1_199).says(&b, "refused"), "10");
    assert_eq!(call(1_200).says(&b, "refused"), "0");
    b.note_refused(&call(0).agent, Timestamp::from_seconds(1_200));
    assert_eq!(call(1_200).says(&b, "refused"), "1");
}

#[test]
fn evidence_with_another_key_is_remembered_for_a_day() {
    let b = behaviour("pep_1");
    assert_eq!(call(0).says(&b, "assertion_reused"), "false");
    b.note_reused(&call(0).agent, Timestamp::from_seconds(100));
    assert_eq!(call(100 + DAY).says(&b, "assertion_reused"), "true");
    assert_eq!(call(101 + DAY).says(&b, "assertion_reused"), "false");
}

#[test]
fn who_is_off_knows_nothing() {
    let b = Behaviour::off();
    call(0).note(&b, true);
    assert_eq!(call(0).says(&b, "calls_per_minute"), "unknown");
}

#[test]
fn memory_is_bounded_and_of_whom_there_is_no_room_nothing_is_known() {
    let b = behaviour("pep_1");
    let agent = |n: usize| AgentId::parse(format!("agt_{n}")).unwrap();
    for n in 0..MOST {
        b.note_refused(&agent(n), Timestamp::from_seconds(0));
    }
    assert_eq!(call(1).says(&b, "calls_per_minute"), "unknown");
    call(1).note(&b, true);
    assert_eq!(call(1).says(&b, "calls_per_minute"), "unknown");
    call(3_600).note(&b, true);
    assert_eq!(call(3_600).says(&b, "calls_per_minute"), "1", "those who are quiet made room");
}

async fn store(url: &str, point: &str) -> Store {
    let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(0)));
    Store::open(&DatabaseUrl::parse(url).unwrap(), PointId::parse(point).unwrap(), clock).await.unwrap()
}

#[tokio::test]
async fn two_processes_count_together_and_what_is_usual_outlives_both() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("t.db").display());
    let (one, two) = (behaviour("pep_1"), behaviour("pep_2"));
    let (store_1, store_2) = (store(&url, "pep_1").await, store(&url, "pep_2").await);
    let at = warm(&one);
    let now = Timestamp::from_seconds(at + 2);
    for n in 0..3 {
        call(at + n).note(&one, true);
        call(at + n).note(&two, n == 0);
    }
    one.share(&store_1, now).await.unwrap();
    two.share(&store_2, now).await.unwrap();
    one.share(&store_1, now).await.unwrap();
    for b in [&one, &two] {
        assert_eq!(
            (call(at + 2).says(b, "calls_per_minute"), call(at + 2).says(b, "refused")),
            ("6".into(), "2".into())
        );
    }
    // Told again, nothing is counted twice.
    two.share(&store_2, now).await.unwrap();
    one.share(&store_1, now).await.unwrap();
    assert_eq!(call(at + 2).says(&one, "calls_per_minute"), "6");
    assert_eq!(call(at + 2).says(&two, "unfamiliar_tool"), "false", "it heard what the other learned");
    let again = behaviour("pep_3");
    assert_eq!(call(at).says(&again, "unfamiliar_tool"), "unknown");
    again.load(&store_1).await.unwrap();
    assert_eq!(call(at).says(&again, "unfamiliar_tool"), "false");
    assert_eq!(again.lock()["agt_planner"].usual.calls, 12 + 3 + 1);
}
