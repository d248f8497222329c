//! Rego: what is asked, what it sees, what it cannot do, and that whatever fails denies.

use crate::asked::{Asked, entity, file};
use prokura_core::{Obligation, Timestamp};
use prokura_engines::rego::{Rego, RegoLimits, RegoOptions};
use prokura_policy::pdp::{Effect, EngineError, Finding};
use std::time::Duration;

fn load(module: &str) -> Result<Rego, Vec<EngineError>> {
    let module = format!("package prokura\n{module}");
    Rego::load("set", &[file("p.rego", &module)], &RegoOptions::default())
}

fn effect(module: &str, asked: &Asked) -> Effect {
    let finding = asked.of(&load(module).unwrap());
    assert_eq!(finding.problems, Vec::<String>::new(), "{module}");
    finding.effect
}

fn failed(finding: &Finding, why: &str) {
    assert_eq!(finding.effect, Effect::Deny, "{finding:?}");
    assert!(finding.problems.iter().any(|p| p.contains(why)), "{why}: {:?}", finding.problems);
}

#[test]
fn silence_permit_and_deny() {
    let asked = Asked::default();
    for (module, expected) in [
        ("default allow := false", Effect::Silent),
        ("allow if input.action == \"edit\"", Effect::Silent),
        ("allow if input.action == \"view\"", Effect::Permit),
        ("deny contains \"no\" if input.action == \"edit\"", Effect::Silent),
        ("allow if true\ndeny contains \"no\" if input.action == \"view\"", Effect::Deny),
        ("allow if true\ndeny if input.action == \"view\"", Effect::Deny),
    ] {
        assert_eq!(effect(module, &asked), expected, "{module}");
    }
}

#[test]
fn the_whole_question_is_input() {
    let mut asked = Asked::with(r#"{"amount": 12345678901234567890, "to": ["a"]}"#);
    asked.context.insert("scopes", ["s"].into_iter().collect());
    let module = r#"
allow if {
    input.subject == {"type": "User", "id": "mia", "properties": {"tenant": "acme"}, "ancestors": []}
    input.actor.id == "assistant"
    input.chain == [{"type": "Agent", "id": "assistant"}]
    input.grant == "grt_1"
    input.action == "view"
    input.arguments.amount == 12345678901234567890
    input.arguments.amount != 12345678901234567891
    input.arguments.to[0] == "a"
    input.resource.properties.manager.__entity.id == "mia"
    "s" in input.context.scopes
}"#;
    assert_eq!(effect(module, &asked), Effect::Permit);
}

#[test]
fn entities_are_data_and_follow_their_revision() {
    let rego = load(r#"allow if data.entities.User.max.properties.on == true"#).unwrap();
    let mut asked = Asked::default();
    assert_eq!(asked.of(&rego).effect, Effect::Silent);
    asked.known.insert(entity("User", "max", r#"{"on": true}"#));
    assert_eq!(asked.of(&rego).effect, Effect::Permit);
    asked.known.insert(entity("User", "max", r#"{"on": false}"#));
    assert_eq!(asked.of(&rego).effect, Effect::Silent);
}

#[test]
fn data_files_are_data() {
    let files = [
        file("p.rego", "package prokura\nallow if input.subject.id in data.managers"),
        file("d.json", r#"{"managers": ["mia"]}"#),
        file("e.json", r#"{"others": 1}"#),
    ];
    let rego = Rego::load("set", &files, &RegoOptions::default()).unwrap();
    assert!(rego.is_compiled());
    assert_eq!(Asked::default().of(&rego).effect, Effect::Permit);
    let files = [files[0].clone(), file("d.json", r#"{"managers": [], "managers": ["mia"]}"#)];
    let wrong = Rego::load("set", &files, &RegoOptions::default()).unwrap_err();
    assert!(wrong[0].to_string().starts_with("d.json: a member stands twice"), "{wrong:?}");
}

#[test]
fn another_package_may_answer() {
    let options = RegoOptions { package: "acme.authz".to_owned(), ..RegoOptions::default() };
    let files = [file("p.rego", "package acme.authz\nallow if true")];
    let finding = Asked::default().of(&Rego::load("set", &files, &options).unwrap());
    assert_eq!(finding.effect, Effect::Permit);
    assert_eq!(&*finding.rules[0].rule, "data.acme.authz.allow");
    let wrong = Rego::load("set", &files, &RegoOptions::default()).unwrap_err();
    assert!(wrong[0].why.contains("`package prokura`"), "{wrong:?}");
}

#[test]
fn obligations_are_objects() {
    let module = r#"
allow if true
obligations contains {"type": "redact", "with": "$..ssn"} if input.actor
obligations contains {"type": "size", "with": "9"} if input.action == "edit""#;
    let finding = Asked::default().of(&load(module).unwrap());
    assert_eq!(finding.effect, Effect::Permit);
    assert!(matches!(&finding.obligations[..], [Obligation::Rewrite(_)]), "{finding:?}");
}

#[test]
fn what_is_neither_true_nor_false_denies() {
    let asked = Asked::default();
    failed(&asked.of(&load("allow := \"yes\"").unwrap()), "allow: must be true");
    failed(&asked.of(&load("allow := 1").unwrap()), "allow: must be true");
    let module = "allow if true\nobligations contains {\"type\": \"forget\", \"with\": \"$\"}";
    failed(&asked.of(&load(module).unwrap()), "no such obligation");
    failed(&asked.of(&load("allow if true\nobligations := 7").unwrap()), "must be a set");
}

/// In OPA, and in the virtual machine, what fails is undefined: a `deny` that rests on it would not be.
#[test]
fn what_fails_denies_and_is_not_undefined() {
    for condition in [
        "time.parse_rfc3339_ns(input.arguments.at) > 0",
        "to_number(input.arguments.at) > 0",
        "input.arguments.at + 1 > 0",
        "startswith(input.arguments.list, \"x\")",
        "not startswith(input.arguments.list, \"x\")",
        "count(7) > 1",
    ] {
        let rego = load(&format!("allow if true\ndeny contains \"late\" if {condition}")).unwrap();
        assert!(!rego.is_compiled(), "{condition}");
        failed(&Asked::with(r#"{"at": "no time at all", "list": [1]}"#).of(&rego), "set:");
    }
    let rego = load("allow if true\ndeny contains sprintf(\"%d\", [input.arguments.at]) if true").unwrap();
    assert_eq!(Asked::with(r#"{"at": "no number"}"#).of(&rego).effect, Effect::Deny);
}

#[test]
fn two_values_of_one_rule_deny() {
    for module in [
        "allow := true if true\nallow := false if input.action",
        "allow if true\nmost := 5 if input.action\nmost := 9 if input.actor\ndeny contains \"no\" if most < 7",
        "allow if true\nmost := n if some n in [5, 9]\ndeny contains \"no\" if most < 7",
    ] {
        let rego = load(module).unwrap();
        assert!(!rego.is_compiled(), "{module}");
        let finding = Asked::default().of(&rego);
        assert_eq!((finding.effect, finding.problems.len()), (Effect::Deny, 1), "{module}");
    }
}

#[test]
fn the_time_is_that_of_the_question() {
    let rego = load("allow if time.now_ns() == 1795251600000000000").unwrap();
    assert!(!rego.is_compiled());
    let mut asked = Asked::default();
    assert_eq!(asked.of(&rego).effect, Effect::Permit);
    asked.now = Timestamp::from_seconds(1_795_251_601);
    assert_eq!(asked.of(&rego).effect, Effect::Silent);
}

#[test]
fn nothing_is_read_of_the_machine_it_runs_on() {
    for (call, why) in [
        ("rand.intn(\"x\", 2) == 1", "`rand.intn` is not offered"),
        ("units.parse(input.action) == 1", "`units.parse` is not offered"),
        ("yaml.unmarshal(input.action) == 1", "`yaml.unmarshal` is not offered"),
        ("time.clock([0, \"Local\"])[0] == 1", "the zone `Local`"),
    ] {
        let wrong = load(&format!("\nallow if {call}")).unwrap_err();
        assert_eq!(wrong[0].place, "p.rego:3", "{call}");
        assert!(wrong[0].why.contains(why), "{wrong:?}");
    }
    for call in [
        "http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1\"})",
        "opa.runtime()",
        "uuid.rfc4122(\"x\")",
        "net.lookup_ip_addr(\"localhost\")",
    ] {
        let loaded = load(&format!("allow if {call}"));
        // Unknown when it is loaded, or at the latest when it is asked: never answered.
        if let Ok(rego) = loaded {
            failed(&Asked::default().of(&rego), "");
        }
    }
    // Written so that no look at the text finds it.
    let hidden = "allow if {\n x := \"#\"; rand.intn(x, 1) == 0\n}";
    failed(&Asked::default().of(&load(hidden).unwrap()), "rand.intn");
}

#[test]
fn a_number_in_a_text_is_read_within_bounds() {
    let rego = load("allow if to_number(input.arguments.n) == 7").unwrap();
    assert_eq!(Asked::with(r#"{"n": "7"}"#).of(&rego).effect, Effect::Permit);
    failed(&Asked::with(r#"{"n": "1e2000000000"}"#).of(&rego), "to_number");
    let rego = load("allow if json.unmarshal(input.arguments.n).a == 7").unwrap();
    assert_eq!(Asked::with(r#"{"n": "{\"a\": 7}"}"#).of(&rego).effect, Effect::Permit);
    failed(&Asked::with(r#"{"n": "{\"a\": 8, \"a\": 7}"}"#).of(&rego), "json.unmarshal");
    failed(&Asked::with(r#"{"n": "1e2000000000"}"#).of(&rego), "json.unmarshal");
}

#[test]
fn a_number_that_rego_would_round_denies() {
    let rego = load("allow if input.arguments.n == 0.1").unwrap();
    assert_eq!(Asked::with(r#"{"n": 0.1}"#).of(&rego).effect, Effect::Permit);
    failed(&Asked::with(r#"{"n": 0.1000000000000000055}"#).of(&rego), "more digits");
}

#[test]
fn who_takes_too_long_has_denied() {
    let long = "allow if count([1 | some i in numbers.range(1, 2000); some j in numbers.range(1, 2000); i == j]) > 0";
    let limits = RegoLimits { instructions: 10_000, time: Duration::from_secs(600) };
    for module in [long.to_owned(), format!("{long}\nallow if time.now_ns() < 0")] {
        let files = [file("p.rego", &format!("package prokura\n{module}"))];
        let options = RegoOptions { limits, ..RegoOptions::default() };
        let rego = Rego::load("set", &files, &options).unwrap();
        if rego.is_compiled() {
            failed(&Asked::default().of(&rego), "nstruction");
        } else {
            let limits = RegoLimits { time: Duration::from_millis(1), ..limits };
            let options = RegoOptions { limits, ..RegoOptions::default() };
            failed(&Asked::default().of(&Rego::load("set", &files, &options).unwrap()), "time");
        }
    }
}

#[test]
fn what_is_wrong_says_where() {
    for (module, place) in [("allow if {", "p.rego:"), ("\nallow if input.x ==", "p.rego:")] {
        let wrong = load(module).unwrap_err();
        assert!(wrong[0].place.starts_with(place) && wrong[0].place.matches(':').count() == 2, "{wrong:?}");
    }
    assert!(
        !load("allow if nobody.knows(1)").is_ok_and(|rego| Asked::default().of(&rego).problems.is_empty())
    );
    for module in
        ["allow if { not allow }", "allow if a\na if b\nb if a", "deny contains m if { some m in deny }"]
    {
        let wrong = load(module).unwrap_err();
        assert!(wrong[0].why.contains("recursion"), "{wrong:?}");
    }
    // What the machine does not take is looked through as text; of rules, the interpreter finds it when it is asked.
    let wrong = load("allow if f(1)\nf(x) if { f(x) with input.action as \"edit\" }").unwrap_err();
    assert!(wrong[0].why.contains("`f` calls itself"), "{wrong:?}");
    let rego = load("allow if { a with input.action as \"edit\" }\na if b\nb if a").unwrap();
    failed(&Asked::default().of(&rego), "recursion");
}

/// `with` is not in the virtual machine; the interpreter answers the same.
#[test]
fn what_the_machine_does_not_take_is_interpreted() {
    let body = "allow if { input.action == \"view\"; ok with input.action as \"edit\" }\nok if input.action == \"edit\"";
    let rego = load(body).unwrap();
    assert!(!rego.is_compiled());
    assert_eq!(Asked::default().of(&rego).effect, Effect::Permit);
    let other = Asked { action: "edit", ..Asked::default() };
    assert_eq!(other.of(&rego).effect, Effect::Silent);
}

#[test]
fn what_is_printed_is_kept_by_nobody() {
    let rego = load("allow if { print(\"secret\", input.action); true }").unwrap();
    assert_eq!(Asked::default().of(&rego).effect, Effect::Permit);
}

#[test]
fn rego_of_before_opa_1_is_taken_where_it_is_said() {
    let files = [file(
        "p.rego",
        "package prokura\nallow { input.action == \"view\" }\ndeny[m] { m := \"no\"; false }",
    )];
    assert!(Rego::load("set", &files, &RegoOptions::default()).is_err());
    let options = RegoOptions { v0: true, ..RegoOptions::default() };
    assert_eq!(Asked::default().of(&Rego::load("set", &files, &options).unwrap()).effect, Effect::Permit);
}

#[test]
fn many_threads_have_one_answer() {
    let rego = load("allow if input.arguments.n == 7").unwrap();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let rego = &rego;
            scope.spawn(move || {
                let asked = Asked::with(&format!("{{\"n\": {n}}}"));
                let expected = if n == 7 { Effect::Permit } else { Effect::Silent };
                assert!((0..200).all(|_| asked.of(rego).effect == expected));
            });
        }
    });
}
