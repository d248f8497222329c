//! What the engine says, by example; `corpus` and `random` compare it with Cedar itself.

mod corpus;
mod tools;

use super::*;
use prokura_core::Timestamp;
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::{Directory, Entity, Held, Met, NoEntities};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn entity(kind: &str, id: &str, attributes: Object, parents: &[(&str, &str)]) -> Entity {
    let name = |(kind, id): (&str, &str)| EntityId::new(kind, id).unwrap();
    Entity { id: name((kind, id)), attributes, parents: parents.iter().copied().map(name).collect() }
}

pub(super) fn reference(kind: &str, id: &str) -> Value {
    let named = obj([("type", kind.into()), ("id", id.into())]);
    obj([("__entity", named.into())]).into()
}

/// Entities in a map.
#[derive(Default)]
pub(super) struct Known(pub(super) HashMap<EntityId, Arc<Entity>>);

impl Known {
    fn of(entities: impl IntoIterator<Item = Entity>) -> Self {
        Self(entities.into_iter().map(|e| (e.id.clone(), Arc::new(e))).collect())
    }
}

impl Directory for Known {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.get(id).cloned()
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(self.0.values().cloned())
    }

    fn revision(&self) -> u64 {
        1
    }
}

/// A question with nothing but its parts.
pub(super) struct Asked {
    subject: Entity,
    action: String,
    resource: Entity,
    arguments: Object,
    context: Object,
}

impl Asked {
    fn of(subject: Entity, action: &str, resource: Entity) -> Self {
        Self {
            subject,
            action: action.to_owned(),
            resource,
            arguments: Object::new(),
            context: Object::new(),
        }
    }

    fn question<'a>(&'a self, directory: &'a dyn Directory) -> Question<'a> {
        Question {
            subject: &self.subject,
            actor: None,
            chain: &[],
            grant: None,
            action: &self.action,
            arguments: Some(&self.arguments),
            resource: &self.resource,
            context: &self.context,
            directory,
            now: Timestamp::from_seconds(1_700_000_000),
        }
    }
}

fn load(text: &str) -> CedarEngine {
    CedarEngine::load(&[Source::new("p.cedar", text)], None).unwrap()
}

fn user(id: &str) -> Entity {
    entity("User", id, Object::new(), &[("Group", "hr")])
}

fn employee(manager: &str) -> Entity {
    entity("Employee", "e7", obj([("manager", reference("User", manager))]), &[])
}

const STAFF: &str = r#"
    @id("own-staff") @note("managers see their own")
    permit(principal in Group::"hr", action in [Action::"view", Action::"modify"], resource is Employee)
    when { resource.manager == principal };
    @id("no-agents-delete")
    forbid(principal, action == Action::"delete", resource);
    @redact("$..ssn")
    permit(principal, action == Action::"view", resource is Employee) unless { principal in Group::"payroll" };
"#;

#[test]
fn a_manager_sees_her_staff_and_nobody_elses() {
    let engine = load(STAFF);
    let mine = Asked::of(user("mo"), "view", employee("mo"));
    let finding = engine.decide(&mine.question(&NoEntities));
    assert_eq!(finding.effect, Effect::Permit);
    assert_eq!(&*finding.rules[0].rule, "own-staff");
    assert_eq!(finding.rules[0].note.as_deref(), Some("managers see their own"));
    assert_eq!(finding.obligations.len(), 1);
    let other = Asked::of(user("mo"), "view", employee("jo"));
    assert_eq!(engine.decide(&other.question(&NoEntities)).effect, Effect::Silent);
    let delete = Asked::of(user("mo"), "delete", employee("mo"));
    assert_eq!(engine.decide(&delete.question(&NoEntities)).effect, Effect::Deny);
}

#[test]
fn an_obligation_permits_nothing_and_where_it_fails_denies() {
    let engine = load(r#"@redact("$") permit(principal, action, resource);"#);
    let asked = Asked::of(user("mo"), "view", employee("mo"));
    assert_eq!(engine.decide(&asked.question(&NoEntities)).effect, Effect::Silent);
    let engine = load(
        r#"permit(principal, action, resource);
           @redact("$") permit(principal, action, resource) when { resource.secret };"#,
    );
    let finding = engine.decide(&asked.question(&NoEntities));
    assert_eq!((finding.effect, finding.problems.len()), (Effect::Deny, 1));
}

#[test]
fn a_forbid_that_fails_denies_and_a_permit_that_fails_permits_nothing() {
    let asked = Asked::of(user("mo"), "view", employee("mo"));
    let forbids = load(
        "permit(principal, action, resource); forbid(principal, action, resource) when { resource.age > 3 };",
    );
    assert_eq!(forbids.decide(&asked.question(&NoEntities)).effect, Effect::Deny);
    let permits = load(
        "permit(principal, action, resource); permit(principal, action, resource) when { resource.age > 3 };",
    );
    let finding = permits.decide(&asked.question(&NoEntities));
    assert_eq!((finding.effect, finding.problems.len(), finding.rules.len()), (Effect::Permit, 1, 1));
}

#[test]
fn e15_arguments_are_compared_by_what_they_count_and_not_by_how_they_are_written() {
    let engine = load(
        r#"permit(principal, action == Action::"pay", resource);
           forbid(principal, action == Action::"pay", resource) when { context.arguments.account == 7 };
           forbid(principal, action == Action::"pay", resource)
           when { context.arguments has amount && context.arguments.amount > 1000 };"#,
    );
    let effect = |arguments: &str| {
        let mut asked = Asked::of(user("mo"), "pay", employee("mo"));
        let Ok(Value::Object(read)) =
            prokura_oauth::json::parse(arguments.as_bytes(), &prokura_oauth::json::Limits::MESSAGE)
        else {
            panic!("{arguments}")
        };
        asked.arguments = read;
        engine.decide(&asked.question(&NoEntities)).effect
    };
    for denied in [
        r#"{"account": 7}"#,
        r#"{"account": 7.0}"#,
        r#"{"account": 70e-1}"#,
        r#"{"account": 1, "amount": 1e30}"#,
        r#"{"account": 1, "amount": 1001.5}"#,
        r#"{"account": 1, "amount": 1e4}"#,
        r#"{"account": 1, "amount": "5000"}"#,
        r#"{"account": 99999999999999999999}"#,
        r#"{"account": null}"#,
        r#"{"amount": 1}"#,
    ] {
        assert_eq!(effect(denied), Effect::Deny, "{denied}");
    }
    for permitted in
        [r#"{"account": 8, "amount": 1e3}"#, r#"{"account": 8, "amount": null}"#, r#"{"account": "7"}"#]
    {
        assert_eq!(effect(permitted), Effect::Permit, "{permitted}");
    }
}

#[test]
fn e15_an_argument_is_no_entity_whatever_it_says() {
    let engine = load("permit(principal, action, resource) when { context.arguments.owner == principal };");
    let mut asked = Asked::of(user("mo"), "pay", employee("mo"));
    asked.arguments = obj([("owner", reference("User", "mo"))]);
    assert_eq!(engine.decide(&asked.question(&NoEntities)).effect, Effect::Silent);
    let engine = load("permit(principal, action, resource) when { context.owner == principal };");
    asked.context = obj([("owner", reference("User", "mo"))]);
    assert_eq!(engine.decide(&asked.question(&NoEntities)).effect, Effect::Permit);
}

#[test]
fn numbers_beside_decimals_are_decimals() {
    let engine = load(
        r#"permit(principal, action, resource) when {
             context.arguments.amount.lessThan(decimal("10.5")) && context.arguments.amount != decimal("3.0") };"#,
    );
    for (amount, effect) in
        [("10", Effect::Permit), ("10.4999", Effect::Permit), ("3", Effect::Silent), ("11", Effect::Silent)]
    {
        let mut asked = Asked::of(user("mo"), "pay", employee("mo"));
        let number = prokura_oauth::json::Number::parse(amount).unwrap();
        asked.arguments = obj([("amount", Value::Number(number))]);
        assert_eq!(engine.decide(&asked.question(&NoEntities)).effect, effect, "{amount}");
    }
}

#[test]
fn f07_a_star_in_a_value_is_a_star_and_a_pattern_matches_all_of_it() {
    let engine = load(
        r#"permit(principal, action == Action::"read", resource) when { context.arguments.path like "/public/*" };
           permit(principal, action == Action::"list", resource) when { context.arguments.path == "/public/*" };"#,
    );
    let effect = |action: &str, path: &str| {
        let mut asked = Asked::of(user("mo"), action, employee("mo"));
        asked.arguments = obj([("path", path.into())]);
        engine.decide(&asked.question(&NoEntities)).effect
    };
    for (path, effect_of_read) in [
        ("/public/a", Effect::Permit),
        ("/public/", Effect::Permit),
        ("/public", Effect::Silent),
        ("/publicity", Effect::Silent),
        ("x/public/a", Effect::Silent),
        ("/PUBLIC/a", Effect::Silent),
        ("*", Effect::Silent),
        ("/p*", Effect::Silent),
    ] {
        assert_eq!(effect("read", path), effect_of_read, "{path}");
    }
    assert_eq!(effect("list", "/public/a"), Effect::Silent);
    assert_eq!(effect("list", "/public/*"), Effect::Permit);
}

#[test]
fn groups_of_the_directory_are_found_however_far_above() {
    let engine = load(r#"permit(principal in Group::"all", action, resource);"#);
    let groups = Known::of([
        entity("Group", "hr", Object::new(), &[("Group", "staff")]),
        entity("Group", "staff", Object::new(), &[("Group", "all"), ("Group", "hr")]),
    ]);
    let asked = Asked::of(user("mo"), "view", employee("mo"));
    assert_eq!(engine.decide(&asked.question(&groups)).effect, Effect::Permit);
    assert_eq!(engine.decide(&asked.question(&NoEntities)).effect, Effect::Silent);
}

#[test]
fn groups_of_actions_stand_in_the_schema() {
    let schema = "entity User, Employee;
        action read;
        action view in [read] appliesTo { principal: User, resource: Employee };";
    let policy = r#"permit(principal, action in Action::"read", resource);"#;
    let load = |schema| CedarEngine::load(&[Source::new("p.cedar", policy)], schema).unwrap();
    let asked = Asked::of(user("mo"), "view", employee("mo"));
    let with = load(Some(Source::new("s.cedarschema", schema)));
    assert_eq!(with.decide(&asked.question(&NoEntities)).effect, Effect::Permit);
    assert_eq!(load(None).decide(&asked.question(&NoEntities)).effect, Effect::Silent);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let schema = "entity User; action view appliesTo { principal: User, resource: User };";
    for (text, place, why) in [
        ("permit(principal, action, resource) when { 1 + };", "p.cedar:1:48", "unexpected token"),
        ("\npermit(principal, action, resource)\nwhen { principal.name == 1 };", "p.cedar:3:8", "name"),
        ("@redcat(\"$\") permit(principal, action, resource);", "p.cedar:1:1", "@redcat"),
        ("@rate(\"often\") permit(principal, action, resource);", "p.cedar:1:1", "10 per 60s"),
        ("@redact(\"$\") forbid(principal, action, resource);", "p.cedar:1:1", "forbid"),
        ("permit(principal == ?principal, action, resource);", "p.cedar:1:1", "template"),
        (
            "@id(\"a\") permit(principal, action, resource); @id(\"a\") forbid(principal, action, resource);",
            "p.cedar:1:47",
            "`a`",
        ),
    ] {
        let schema = Source::new("s", schema);
        let errors = CedarEngine::load(&[Source::new("p.cedar", text)], Some(schema)).unwrap_err();
        assert_eq!(errors[0].place, place, "{text}: {errors:?}");
        assert!(errors[0].why.contains(why), "{text}: {errors:?}");
    }
    let errors = CedarEngine::load(&[], Some(Source::new("s", "entity User;\nentity ;"))).unwrap_err();
    assert!(errors[0].place.starts_with("s:2:"), "{errors:?}");
    let errors = CedarEngine::load(&[], Some(Source::new("s", "{\"\": 3}"))).unwrap_err();
    assert!(errors[0].place.starts_with("s:"), "{errors:?}");
}

#[test]
fn a_list_shows_what_some_arguments_could_make_permitted() {
    let engine = load(
        r#"permit(principal in Group::"hr", action == Action::"view", resource) when { context.arguments.id == 1 };
           permit(principal in Group::"it", action == Action::"boot", resource);
           permit(principal, action == Action::"move", resource == Employee::"e9");
           permit(principal, action == Action::"drop", resource);
           forbid(principal, action == Action::"drop", resource) unless { context.scopes.contains("admin") };
           forbid(principal, action == Action::"view", resource) when { context.arguments.id == 2 };
           permit(principal, action == Action::"odd", resource) when { resource.x && context.scopes.contains("no") };"#,
    );
    let mut asked = Asked::of(user("mo"), "?", employee("mo"));
    asked.context = obj([("scopes", Value::Array(vec![]))]);
    let shown = |aim| {
        let entry = |action| Listed { action, aim, tool: None };
        let actions = ["view", "boot", "move", "drop", "odd", "none"];
        engine.visible(&asked.question(&NoEntities), &actions.map(entry))
    };
    use Effect::{Deny, Permit, Silent};
    assert_eq!(shown(Aim::Some("Employee")), [Permit, Silent, Permit, Deny, Silent, Silent]);
    assert_eq!(shown(Aim::Some("Tool")), [Permit, Silent, Silent, Deny, Silent, Silent]);
    assert_eq!(shown(Aim::At(&employee("mo"))), [Permit, Silent, Silent, Deny, Silent, Silent]);
}

#[test]
fn a_list_knows_the_tool_of_each_entry() {
    let engine = load(
        r#"permit(principal, action, resource);
           forbid(principal, action, resource) when { context.tool.destructive };"#,
    );
    let asked = Asked::of(user("mo"), "?", employee("mo"));
    let tools = [true, false].map(|d| obj([("destructive", Value::Bool(d))]));
    let listed =
        [&tools[0], &tools[1]].map(|t| Listed { action: "x", aim: Aim::Some("Tool"), tool: Some(t) });
    assert_eq!(engine.visible(&asked.question(&NoEntities), &listed), [Effect::Deny, Effect::Permit]);
}

#[test]
fn a_filter_is_the_condition_on_the_row() {
    let engine = load(STAFF);
    let asked = Asked::of(
        entity("User", "mo", Object::new(), &[("Group", "hr"), ("Group", "payroll")]),
        "view",
        employee("x"),
    );
    let filter = engine.filter(&asked.question(&NoEntities), "Employee");
    let row = |manager: &str| obj([("manager", reference("User", manager))]);
    assert_eq!(filter.meets("e1", &row("mo")), Met::Yes, "{filter:?}");
    assert_eq!(filter.meets("e1", &row("jo")), Met::No);
    assert_eq!(filter.meets("e1", &Object::new()), Met::No);
    assert_eq!(engine.filter(&asked.question(&NoEntities), "Other"), Filter::Nothing);
    // Without the group the obligation speaks, and the enforcer has to hear of it.
    let obliged = Asked::of(user("mo"), "view", employee("x"));
    let filter = engine.filter(&obliged.question(&NoEntities), "Employee");
    assert_eq!((filter.meets("e1", &row("mo")), filter.meets("e1", &row("jo"))), (Met::Ask, Met::No));
}

#[test]
fn an_explanation_says_what_is_missing_and_what_was_found() {
    let engine = load(STAFF);
    let asked = Asked::of(user("mo"), "view", employee("jo"));
    let explanation = engine.explain(&asked.question(&NoEntities));
    assert!(!explanation.permitted());
    let near = &explanation.near[0];
    assert_eq!((&*near.rule.rule, near.place.as_str(), near.missing()), ("own-staff", "p.cedar:2:5", 1));
    let missing = near.conditions.iter().find(|c| c.holds == Held::No).unwrap();
    assert_eq!(missing.text, "resource.manager == principal");
    assert_eq!(missing.found[0], ("resource.manager".to_owned(), "User::\"jo\"".to_owned()));
    assert_eq!(missing.found[1], ("principal".to_owned(), "User::\"mo\"".to_owned()));
    let deleted = Asked::of(user("mo"), "delete", employee("mo"));
    let explanation = engine.explain(&deleted.question(&NoEntities));
    assert_eq!(&*explanation.decided[0].rule.rule, "no-agents-delete");
}
