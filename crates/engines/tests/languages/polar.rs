//! Polar: what is asked, what it sees, and that whatever fails denies.

use crate::asked::{Asked, entity, file};
use prokura_core::Obligation;
use prokura_engines::polar::Polar;
use prokura_policy::pdp::{Effect, EngineError, EntityId};

fn load(text: &str) -> Result<Polar, Vec<EngineError>> {
    Polar::load("set", &[file("p.polar", text)])
}

fn effect(text: &str, asked: &Asked) -> Effect {
    let finding = asked.of(&load(text).unwrap());
    assert_eq!(finding.problems, Vec::<String>::new(), "{text}");
    finding.effect
}

#[test]
fn silence_permit_and_deny() {
    let asked = Asked::default();
    for (text, expected) in [
        ("allow(_s, \"edit\", _r);", Effect::Silent),
        ("allow(_s, \"view\", _r);", Effect::Permit),
        ("allow(_s, \"view\", _r); deny(_s, \"view\", _r);", Effect::Deny),
        ("allow(_s, \"view\", _r); deny(_s, \"edit\", _r);", Effect::Permit),
        ("allow(_s, \"view\", _r); deny(_s, _a, _r, request) if _x = request.actor;", Effect::Deny),
        ("allow(s: User, _a, r: Employee) if r.manager = s;", Effect::Permit),
        ("allow(s: User, _a, r: Employee) if r.manager == s;", Effect::Permit),
        ("allow(s: Agent, _a, r: Employee) if r.manager = s;", Effect::Silent),
        ("allow(_s, _a, _r: Employee{grade: 3});", Effect::Permit),
        ("allow(_s, _a, _r: Employee{grade: 4});", Effect::Silent),
        ("allow(_s, _a, r) if r.id = \"e1\" and r.type = \"Employee\";", Effect::Permit),
        ("allow(s, _a, _r) if s = new User(\"mia\");", Effect::Permit),
        ("allow(s, _a, _r) if s = new User(\"max\");", Effect::Silent),
        ("allow(_s, _a, r) if r.has(\"grade\") = true and r.has(\"ssn\") = false;", Effect::Permit),
    ] {
        assert_eq!(effect(text, &asked), expected, "{text}");
    }
}

#[test]
fn the_request_is_the_rest_of_the_question() {
    let mut asked = Asked::with(r#"{"amount": 5, "rate": 0.5, "to": ["a", "b"], "none": null}"#);
    asked.context.insert("scopes", ["s"].into_iter().collect());
    let text = r#"
allow(_s, _a, _r, request) if
  request.actor.id = "assistant" and
  request.actor in request.chain and
  request.grant = "grt_1" and
  request.arguments.amount > 4 and
  request.arguments.rate = 0.5 and
  "b" in request.arguments.to and
  "s" in request.context.scopes and
  not request.arguments.none = 1 and
  request.now = 1795251600;"#;
    assert_eq!(effect(text, &asked), Effect::Permit);
}

#[test]
fn groups_are_those_of_the_directory() {
    let text = "allow(s, _a, _r) if s.is_in(\"Group\", \"all\") = true;";
    let mut asked = Asked::default();
    assert_eq!(effect(text, &asked), Effect::Silent);
    let group = |id| EntityId::new("Group", id).unwrap();
    asked.subject.parents.push(group("some"));
    let mut some = entity("Group", "some", "{}");
    some.parents.push(group("all"));
    asked.known.insert(some);
    assert_eq!(effect(text, &asked), Effect::Permit);
}

#[test]
fn resource_blocks_roles_and_relations_are_oso_s() {
    let text = r#"
actor User {}
resource Team { roles = ["lead"]; }
resource Employee {
  permissions = ["view", "edit"];
  roles = ["reader"];
  relations = { team: Team };
  "view" if "reader";
  "reader" if "lead" on "team";
}
has_relation(team: Team, "team", employee: Employee) if team = employee.team;
has_role(user: User, "lead", team: Team) if team.lead = user;
allow(actor, action, resource) if has_permission(actor, action, resource);
"#;
    let mut asked = Asked::default();
    let team = r#"{"team": {"__entity": {"type": "Team", "id": "t"}}}"#;
    asked.resource = entity("Employee", "e1", team);
    let lead =
        |id| entity("Team", "t", &format!(r#"{{"lead": {{"__entity": {{"type": "User", "id": "{id}"}}}}}}"#));
    asked.known.insert(lead("mia"));
    assert_eq!(effect(text, &asked), Effect::Permit);
    asked.known.insert(lead("max"));
    assert_eq!(effect(text, &asked), Effect::Silent);
    asked.known.insert(lead("mia"));
    asked.action = "edit";
    assert_eq!(effect(text, &asked), Effect::Silent);
}

#[test]
fn obligations_are_results() {
    let text = r#"
allow(_s, _a, _r);
obligation(_s, "view", _r, "redact", "$..ssn");
obligation(_s, "view", _r, "redact", "$..ssn");
obligation(_s, "edit", _r, "size", "9");
obligation(_s, _a, _r, request, "review", "by an agent") if _x = request.actor;
"#;
    let finding = Asked::default().of(&load(text).unwrap());
    assert!(
        matches!(&finding.obligations[..], [Obligation::Rewrite(_), Obligation::Review(_)]),
        "{finding:?}"
    );
}

#[test]
fn whatever_fails_denies() {
    for (text, why) in [
        ("allow(s, _a, _r) if s.salary > 5;", "no field `salary`"),
        ("allow(_s, _a, _r); deny(s, _a, _r) if s.salary > 5;", "no field `salary`"),
        ("allow(_s, _a, _r); obligation(_s, _a, _r, \"forget\", \"$\");", "no such obligation"),
        ("allow(_s, _a, _r); obligation(_s, _a, _r, \"size\", 9);", "is no text"),
        ("allow(_s, _a, _r); obligation(_s, _a, _r, _type, \"9\");", "is no text"),
        ("allow(s, _a, r) if s > r;", "an order of entities"),
        ("allow(s, _a, _r) if s.salary();", "no method `salary`"),
    ] {
        let finding = Asked::default().of(&load(text).unwrap());
        assert_eq!(finding.effect, Effect::Deny, "{text}");
        assert!(finding.problems.iter().any(|p| p.contains(why)), "{text}: {:?}", finding.problems);
    }
    let asked = Asked::with(r#"{"n": 12345678901234567890}"#);
    let finding = asked.of(&load("allow(_s, _a, _r, request) if request.arguments.n > 5;").unwrap());
    assert!(finding.problems[0].contains("more digits"), "{finding:?}");
}

#[test]
fn what_is_wrong_says_where() {
    for (text, said) in [
        ("allow(_s, _a, _r)", "p.polar:1:"),
        ("\nallow(_s, _a _r);", "p.polar:2:14: "),
        ("", "there is no rule `allow("),
        ("permit(_s, _a, _r);", "there is no rule `allow("),
        ("allow(_s, _a, _r);\n?= allow(1, 2, 3);", "p.polar: a query `?= …`"),
        ("allow(_s, _a, _r) if nobody_knows(1);", "nobody_knows"),
    ] {
        let wrong = load(text).unwrap_err();
        assert!(wrong[0].to_string().contains(said), "{wrong:?}");
    }
}

/// An open variable in its place would be equal to whatever it is compared with.
#[test]
fn what_is_null_is_not_there() {
    let resource = entity("Employee", "e1", r#"{"manager": null, "tags": [null]}"#);
    let asked = Asked { resource, ..Asked::default() };
    assert_eq!(effect("allow(_s, _a, r) if r.has(\"manager\") = false;", &asked), Effect::Permit);
    for text in ["allow(s, _a, r) if r.manager = s;", "allow(s, _a, r) if s in r.tags;"] {
        let finding = asked.of(&load(text).unwrap());
        assert_eq!((finding.effect, finding.problems.len()), (Effect::Deny, 1), "{text}");
    }
}
