//! Generated schemas, and differences of policy sets.

use super::*;
use crate::difference::answers;

fn input(text: &str) -> Object {
    match prokura_oauth::json::parse(text.as_bytes(), &prokura_oauth::json::Limits::MESSAGE).unwrap() {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_schema_of_tools_types_their_arguments() {
    let pay = input(
        r#"{"type": "object", "required": ["to", "memo"], "properties": {
             "to": {"type": "string"}, "cents": {"type": "integer"}, "rate": {"type": "number"},
             "memo": {"type": ["string", "null"]}, "tags": {"type": "array", "items": {"type": "string"}},
             "where": {"type": "object", "properties": {"odd \"name\"": {"type": "boolean"}}},
             "any": {}, "either": {"type": ["string", "integer"]}, "one": {"oneOf": []}}}"#,
    );
    let (view, other) = (
        input(r#"{"properties": {"id": {"type": "string"}}}"#),
        input(r#"{"properties": {"id": {"type": "integer"}, "x": {"type": "boolean"}}, "required": ["x"]}"#),
    );
    let text = schema(&[
        Described { action: "pay out \"now\"\n", kind: "Tool", input: &pay },
        Described { action: "view", kind: "Employee", input: &view },
        Described { action: "view", kind: "Tool", input: &other },
        Described { action: "bad", kind: "Tool\"; evil", input: &view },
    ]);
    let load =
        |policy: &str| CedarEngine::load(&[Source::new("p", policy)], Some(Source::new("s", text.clone())));
    let pay = |condition: &str| {
        load(&format!(
            "permit(principal is User, action == Action::\"pay out \\\"now\\\"\\n\", resource is Tool) when {{ {condition} }};"
        ))
    };
    for fine in [
        "context has arguments && context.arguments.to == \"a\"",
        "context has arguments && context.arguments has cents && context.arguments.cents < 5",
        "context has arguments && context.arguments has rate && context.arguments.rate.lessThan(decimal(\"1.5\"))",
        "context has arguments && context.arguments has tags && context.arguments.tags.contains(\"a\")",
        "context has arguments && context.arguments has where && context.arguments.where has \"odd \\\"name\\\"\"",
        "context has actor && context.chain.contains(context.actor) && context.now < datetime(\"2030-01-01\")",
        "context has tool && context.tool has destructive && !context.tool.destructive",
    ] {
        assert!(pay(fine).is_ok(), "{fine}: {:?}\n{text}", pay(fine));
    }
    for wrong in [
        "context has arguments && context.arguments.memo == \"a\"",
        "context has arguments && context.arguments has cents && context.arguments.cents == \"5\"",
        "context has arguments && context.arguments.either == \"a\"",
        "context has arguments && context.arguments.any == \"a\"",
    ] {
        assert!(pay(wrong).is_err(), "{wrong}");
    }
    let view = |condition: &str| {
        load(&format!(
            "permit(principal is User, action == Action::\"view\", resource) when {{ {condition} }};"
        ))
    };
    assert!(view("context has arguments && context.arguments has x && context.arguments.x").is_ok());
    // What two tools of one name have of different types, none has: the policy can never apply, and is said to.
    let never =
        view("context has arguments && context.arguments has id && context.arguments.id == 1").unwrap();
    assert_eq!(never.warnings().len(), 1, "{:?}", never.warnings());
}

const BEFORE: &str = r#"
    @id("a") permit(principal, action == Action::"view", resource);
    @id("b") permit(principal, action == Action::"edit", resource);
    forbid(principal, action == Action::"drop", resource);
"#;

const AFTER: &str = r#"
    // Moved, and laid out otherwise.
    forbid(principal,
      action == Action::"drop", resource);
    @id("a") permit(principal, action == Action::"view", resource) when { context.scopes.contains("x") };
    @id("c") permit(principal, action == Action::"drop", resource);
    permit(principal, action == Action::"edit", resource);
"#;

#[test]
fn a_difference_tells_what_came_went_and_changed() {
    let (before, after) = (load(BEFORE), load(AFTER));
    let difference = after.difference(&before);
    let names = |rules: &[RuleRef]| rules.iter().map(|r| r.rule.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&difference.added), ["c", "p.cedar:7"]);
    assert_eq!(names(&difference.removed), ["b"]);
    assert_eq!(difference.changed.len(), 1);
    assert!(
        difference.changed[0].after.contains("scopes") && !difference.changed[0].before.contains("scopes")
    );
    assert!(after.difference(&after).is_empty());
}

#[test]
fn answers_that_differ_are_told_and_whether_they_widen() {
    let (before, after) = (load(BEFORE), load(&AFTER.replace("forbid", "@id(\"x\") @size(\"1\") permit")));
    let asked = ["view", "edit", "drop"].map(|action| Asked::of(user("mo"), action, employee("mo")));
    let questions: Vec<_> = asked.iter().map(|a| a.question(&NoEntities)).collect();
    let told = answers(&before, &after, &questions);
    assert_eq!(told.iter().map(|a| (a.question, a.widens())).collect::<Vec<_>>(), [(0, false), (2, true)]);
    assert!(answers(&after, &after, &questions).is_empty());
}
