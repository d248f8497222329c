//! Policies that are read, and such as are refused with the key, the value, the reason and the fix.

use crate::Config;
use prokura_core::{Action, AgentId, Fact, FactName, FactValue, ScopeSet, Timestamp};
use prokura_policy::access::{AccessPolicies, FixedFacts, Outcome, Situation, Stage};

const BASE: &str = r#"
    issuer = "http://localhost:9400"
    database = "sqlite:prokura.db"
    [[resource]]
    name = "sales"
    upstream = "http://127.0.0.1:9500/mcp"
    [resource.scopes]
    read = { title = "Read", actions = ["resource:report/*", "tool:read_report"] }
    write = { title = "Write", actions = ["tool:write_*"] }
    [[client]]
    id = "batch"
    agent = "planner"
    secret = { env = "BATCH_SECRET" }
    grant_types = ["client_credentials"]
"#;

const GOOD: &str = r#"
    [[access_policy]]
    name = "office"
    applies = { agents = ["planner"], resources = ["sales"], actions = ["tool:write_*"], stages = ["call"] }
    otherwise = { without = ["write"], life = "1m" }
    [access_policy.requires]
    all = [
        { time = { zone = "Europe/Berlin", windows = [{ days = ["mon", "fri"], from = "08:00", to = "18:00" }], except = [{ first = "2026-12-24" }] } },
        { fact = "network.country", one_of = ["DE", "AT"], max_age = "1h" },
        { not = { fact = "network.address", within = ["10.0.0.0/8"], unknown = "pass" } },
        { any = [{ fact = "risk.score", at_most = 40 }, { fact = "posture.compliant", is = true }] },
    ]
    [[access_policy]]
    name = "critical"
    mode = "report-only"
    otherwise = "approval"
"#;

fn read(text: &str) -> Result<AccessPolicies, String> {
    Config::parse(&format!("{BASE}{text}")).map(|c| c.access().unwrap()).map_err(|e| e.to_string())
}

fn with(find: &str, replace: &str) -> String {
    assert!(GOOD.contains(find), "{find}");
    read(&GOOD.replace(find, replace)).unwrap_err()
}

#[test]
fn a_policy_says_what_it_means() {
    let policies = read(GOOD).unwrap();
    let said = policies.iter().next().unwrap().to_object();
    assert_eq!(
        String::from_utf8(said.to_jcs()).unwrap(),
        r#"{"applies":{"actions":["tool:write_*"],"agents":["agt_planner"],"resources":["sales"],"stages":["call"]},"mode":"on","name":"office","narrow":{"life":60,"without":"write"},"otherwise":"narrow","requires":{"all":[{"except":["2026-12-24 to 2026-12-24"],"windows":["mon, fri 08:00 to 18:00"],"zone":"Europe/Berlin"},{"fact":"network.country","max_age":3600,"one_of":["DE","AT"]},{"not":{"fact":"network.address","unknown":"pass","within":["10.0.0.0/8"]}},{"any":[{"at_most":40,"fact":"risk.score"},{"fact":"posture.compliant","is":true}]}]}}"#
    );
    assert_ne!(policies.set(), read(&GOOD.replace("08:00", "08:01")).unwrap().set());
    assert_eq!(policies.set(), read(GOOD).unwrap().set());
}

#[test]
fn what_it_means_is_weighed() {
    let policies = read(GOOD).unwrap();
    let agent = AgentId::parse("agt_planner").unwrap();
    let (action, scopes) = (Action::tool("write_report"), ScopeSet::parse("read write").unwrap());
    // A Friday, ten o'clock in Berlin.
    let now = Timestamp::from_seconds(1_781_251_200);
    let situation = Situation {
        stage: Stage::Call,
        subject: None,
        agent: Some(&agent),
        client: None,
        workload: None,
        resource: "sales",
        action: Some(&action),
        scopes: &scopes,
        address: None,
        sign_in: None,
        now,
    };
    let mut facts = FixedFacts::default();
    let mut put = |name: &str, value: FactValue| {
        let fact = Fact { value, source: "test".into(), observed_at: now, max_age: None };
        facts.put(FactName::parse(name).unwrap(), fact);
    };
    put("network.country", FactValue::Text("DE".into()));
    put("risk.score", FactValue::Number(10));
    put("posture.compliant", FactValue::Flag(false));
    let verdict = policies.evaluate(&situation, &facts);
    assert_eq!(verdict.outcome, Outcome::Permit, "{verdict:?}");
    assert_eq!(
        verdict.until,
        Some(now.after(std::time::Duration::from_secs(3600))),
        "as old as the country may be"
    );
    assert_eq!(verdict.would_have().map(|w| w.outcome.as_str()).collect::<Vec<_>>(), ["approval"]);
}

#[test]
fn what_can_never_match_or_names_nothing_is_refused() {
    for (find, replace, said) in [
        ("\"office\"", "\"Office hours\"", "`access_policy.name`: `Office hours` is no name; use"),
        ("\"office\"", "\"critical\"", "two policies are named `critical`"),
        (
            "agents = [\"planner\"]",
            "agents = [\"planer\"]",
            "`access_policy office.applies.agents`: there is no agent `planer`; use",
        ),
        ("resources = [\"sales\"]", "resources = [\"sale\"]", "there is no resource `sale`"),
        (
            "\"tool:write_*\"]",
            "\"tool:delete_*\"]",
            "it can never match: no scope of the resources bundles `tool:delete_*`",
        ),
        (
            "stages = [\"call\"]",
            "stages = [\"refresh\"]",
            "it can never match: actions are known at calls only",
        ),
        ("\"risk.score\"", "\"rsik.score\"", "nobody says a fact `rsik.score`; facts begin with one of"),
        ("\"risk.score\"", "\"approval.office\"", "no policy asks for the approval `approval.office`"),
        ("10.0.0.0/8", "10.0.0.1/8", "write `10.0.0.0/8` for the network"),
        ("Europe/Berlin", "Europe/Berlni", "`Europe/Berlni` is no time zone"),
        ("\"08:00\"", "\"8am\"", "`8am` is no time of day"),
        ("at_most = 40", "at_most = 40, at_least = 1", "`risk.score` is compared 2 times"),
        ("one_of = [\"DE\", \"AT\"]", "one_of = []", "a comparison with nothing is never met"),
        ("{ without = [\"write\"], life = \"1m\" }", "{ without = [\"x\"] }", "has a scope `x`"),
        ("{ without = [\"write\"], life = \"1m\" }", "{}", "it takes nothing away"),
        ("{ without = [\"write\"], life = \"1m\" }", "\"refuse\"", "`deny`, `approval`, `quarantine`"),
        ("any = [", "any = [], all = [", "exactly one of `all`, `any`"),
        ("mode = \"report-only\"", "mode = \"maybe\"", "unknown variant `maybe`"),
        ("stages = [\"call\"]", "providers = [\"prod\"]", "there is no provider `prod`"),
        ("stages = [\"call\"]", "users = [\"alice\"]", "`alice` is no user's id"),
    ] {
        let error = with(find, replace);
        assert!(error.contains(said), "{find} → {replace}: {error}");
    }
}
