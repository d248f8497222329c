//! Table tests of policies: what they read, and that they see what is not as it must be.
#![expect(clippy::unwrap_used, reason = "tests")]

use prokura_core::Obligation;
use prokura_engines::table::{Table, Tally};
use prokura_policy::pdp::{Effect, Engine, Finding, Question, RuleRef};

/// Permits mia what her own staff is about, through nobody or through an assistant, with a size.
#[derive(Debug)]
struct Own;

impl Engine for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        let manager = question.resource.attributes.get("manager").and_then(|m| m.as_object());
        let manager = manager.and_then(|m| m.get("__entity")).and_then(|m| m.as_object());
        if question.action == "break" {
            return Finding::failed("broken");
        }
        if manager.and_then(|m| m.str("id")) != Some(question.subject.id.id()) {
            return Finding::silent();
        }
        let rule = RuleRef { set: "s".into(), rule: "own".into(), note: None };
        let size = question.arguments.and_then(|a| a.get("size")?.as_u64()).unwrap_or(9);
        Finding {
            effect: Effect::Permit,
            rules: vec![rule],
            obligations: vec![Obligation::SizeAtMost(size)],
            problems: Vec::new(),
        }
    }
}

const KNOWN: &str = r#"
[defaults]
subject = 'User::"mia"'
action = "view"
context = { a = 1, b = 2 }
now = "2026-11-21T09:00:00Z"

[[entities]]
uid = 'Employee::"e1"'
attrs = { manager = { __entity = { type = "User", id = "mia" } } }

[[entities]]
uid = { type = "Employee", id = "e2" }
attrs = { manager = { __entity = { type = "User", id = "max" } } }
parents = ['Team::"sales"']
"#;

fn run(cases: &str) -> Vec<Vec<String>> {
    let table = Table::read("t.toml", &format!("{KNOWN}\n{cases}")).unwrap();
    table.run(&[&Own]).iter().map(|outcome| outcome.wrong.clone()).collect()
}

#[test]
fn what_is_as_it_must_be_is_right() {
    let wrong = run(r#"
[[cases]]
name = "own"
resource = 'Employee::"e1"'
expect = "permit"
rules = ["own"]
obligations = [{ type = "size", with = "9" }]

[[cases]]
name = "argument"
resource = 'Employee::"e1"'
arguments = { size = 7 }
expect = "permit"
obligations = [{ type = "size", with = "7" }]

[[cases]]
name = "not own"
resource = 'Employee::"e2"'
expect = "deny"

[[cases]]
name = "his own, described here"
subject = 'User::"max"'
resource = { uid = 'Employee::"e9"', attrs = { manager = { __entity = { type = "User", id = "max" } } } }
expect = "permit"
obligations = [{ type = "size", with = "9" }]

[[cases]]
name = "rows"
rows = { kind = "Employee", left = ["e1"] }

[[cases]]
name = "broken"
action = "break"
resource = 'Employee::"e1"'
expect = "deny"
fails = true
"#);
    assert_eq!(wrong, vec![Vec::<String>::new(); 6]);
}

#[test]
fn what_is_not_as_it_must_be_says_how() {
    let wrong = run(r#"
[[cases]]
name = "a"
resource = 'Employee::"e1"'
expect = "deny"

[[cases]]
name = "b"
resource = 'Employee::"e2"'
expect = "permit"

[[cases]]
name = "c"
resource = 'Employee::"e1"'
expect = "permit"
rules = ["other"]
obligations = [{ type = "size", with = "8" }]

[[cases]]
name = "d"
rows = { kind = "Employee", left = ["e2", "e3"] }

[[cases]]
name = "e"
action = "break"
resource = 'Employee::"e1"'
expect = "deny"
"#);
    assert_eq!(wrong[0], ["it is permitted: by own"]);
    assert_eq!(wrong[1], ["it is denied: no rule speaks of it"]);
    assert_eq!(
        wrong[2],
        [
            "`other` did not decide it",
            r#"it lacks {"type":"size","with":"8"}"#,
            r#"it also demands {"type":"size","with":"9"}"#
        ]
    );
    assert_eq!(
        wrong[3],
        [r#"Employee::"e1" is left"#, r#"Employee::"e2" is not left"#, r#"there is no Employee::"e3""#]
    );
    assert_eq!(wrong[4], ["broken"]);
}

#[test]
fn json_is_the_same_table() {
    let text = r#"{"entities": [{"uid": {"type": "Employee", "id": "e1"},
        "attrs": {"manager": {"__entity": {"type": "User", "id": "mia"}}}, "parents": []}],
        "cases": [{"name": "own", "subject": "User::\"mia\"", "actor": false, "action": "view",
        "resource": {"type": "Employee", "id": "e1"}, "expect": "deny"}]}"#;
    let table = Table::read("t.json", text).unwrap();
    assert_eq!(Tally::of(&table.run(&[&Own])), Tally { right: 0, wrong: 1 });
    assert_eq!(Tally::of(&table.run(&[])), Tally { right: 1, wrong: 0 });
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    for (file, text, said) in [
        ("t.toml", "[[cases]]\nname = 1", "t.toml: case 1: `name` must be a text"),
        ("t.toml", "\n\nx = = 1", "t.toml:3: "),
        ("t.toml", "", "t.toml: it has no `cases`"),
        ("t.toml", "[defaults]\nuser = 1", "there is no key `user`: known are subject"),
        ("t.json", "{\n\"cases\": [], \"cases\": []}", "t.json:2: a member stands twice"),
        ("t.toml", "[[entities]]\nuid = 'User'", "t.toml: entity 1: `uid` must be a name such as"),
        (
            "t.toml",
            "[[cases]]\nname = 'a'\nsubject = 'U::\"u\"'\naction = 'x'\nexpect = 'deny'",
            "t.toml: case 1: `a`: say the `resource`",
        ),
        (
            "t.toml",
            "[[cases]]\nname = 'a'\nsubject = 'U::\"u\"'\naction = 'x'\nresource = 'R::\"r\"'\nexpect = 'allow'",
            "case 1: `a`: `expect` must be",
        ),
        ("t.toml", "[[cases]]\nname = 'a'\nnow = 'today'", "case 1: `a`: `now` must be a time such as"),
    ] {
        let error = Table::read(file, text).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
