//! From Polar to Cedar: what is carried over says the same, and what is not is told.

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use prokura_engines::languages::{How, Imported, import_polar as import};

fn imported(text: &str) -> Imported {
    let imported = import("p.polar", text).unwrap();
    let _: PolicySet = imported.cedar.parse().unwrap_or_else(|e| panic!("{e:?}\n{}", imported.cedar));
    imported
}

fn cedar(text: &str) -> String {
    imported(text).cedar
}

fn by_hand(text: &str) -> Vec<(String, String)> {
    let report = imported(text).report;
    let by_hand = report.into_iter().filter_map(|carried| match carried.how {
        How::ByHand(why) => Some((carried.place, why)),
        _ => None,
    });
    by_hand.collect()
}

/// Decides by the Cedar that was made of Polar.
fn decides(cedar: &str, entities: &str, asked: (&str, &str, &str), context: &str) -> bool {
    let id = |text: &str| text.parse::<EntityUid>().unwrap();
    let context = Context::from_json_str(context, None).unwrap();
    let request =
        Request::new(id(asked.0), id(&format!("Action::\"{}\"", asked.1)), id(asked.2), context, None);
    let entities = Entities::from_json_str(entities, None).unwrap();
    let policies: PolicySet = cedar.parse().unwrap();
    let answer = Authorizer::new().is_authorized(&request.unwrap(), &policies, &entities);
    answer.decision() == Decision::Allow
}

#[test]
fn a_simple_rule_is_a_simple_policy() {
    assert_eq!(
        cedar("allow(user: User, \"view\", doc: Document) if doc.owner = user;"),
        "@note(\"from p.polar:1\")\npermit (principal is User, action == Action::\"view\", resource is Document)\nwhen { resource.owner == principal };\n\n"
    );
    assert!(imported("allow(_u: User, \"view\", _d: Document);").is_whole());
}

#[test]
fn conditions_are_carried_over() {
    for (body, when) in [
        ("action in [\"a\", \"b\"] and d.size > 5", "resource.size > 5"),
        ("u.name != \"x\" and d.open == true", "principal.name != \"x\" && resource.open == true"),
        ("\"x\" in u.tags", "principal.tags.contains(\"x\")"),
        ("d.owner = u or d.editor = u", "(resource.owner == principal || resource.editor == principal)"),
        ("not d.closed = true", "!(resource.closed == true)"),
        ("o = d.org and o.boss = u", "resource.org.boss == principal"),
        ("u.is_in(\"Group\", \"hr\") = true", "(principal in Group::\"hr\") == true"),
        ("u.is_admin", "principal.is_admin"),
        ("d.owner = new User(\"x\")", "resource.owner == User::\"x\""),
        ("helps(u, d)", "(resource.helper == principal)"),
        ("reads(u, \"view\", d)", "(resource.reader == principal)"),
    ] {
        let text = format!(
            "allow(u: User, action, d: Document) if {body};\nhelps(u, d) if d.helper = u;\nreads(u, \"view\", d) if d.reader = u;\nreads(u, \"edit\", d) if d.writer = u;"
        );
        let made = cedar(&text);
        assert!(made.contains(&format!("when {{ {when} }}")), "{body}: {made}");
    }
}

#[test]
fn the_request_is_the_context() {
    let made = cedar(
        "deny(_u, \"pay\", _r, request) if request.arguments.amount > 10 and \"x\" in request.context.scopes;\nallow(_u: User, _a, _r);",
    );
    let guard = "context has arguments && context.arguments has amount && context.arguments.amount > 10 && context has scopes && context.scopes.contains(\"x\")";
    assert!(made.contains("forbid (principal, action == Action::\"pay\", resource)"), "{made}");
    assert!(made.contains(guard), "{made}");
    let asked = ("User::\"u\"", "pay", "R::\"r\"");
    assert!(!decides(&made, "[]", asked, r#"{"arguments": {"amount": 11}, "scopes": ["x"]}"#));
    assert!(decides(&made, "[]", asked, r#"{"arguments": {"amount": 9}, "scopes": ["x"]}"#));
    assert!(decides(&made, "[]", asked, r#"{"scopes": ["x"]}"#));
}

#[test]
fn an_obligation_is_an_annotation() {
    let made = cedar(
        "obligation(_u, \"view\", _r, request, \"redact\", \"$..ssn\") if request.actor matches Agent;",
    );
    assert!(made.starts_with("@redact(\"$..ssn\")\n"), "{made}");
    assert!(made.contains("context has actor && context.actor is Agent"), "{made}");
}

const BLOCKS: &str = r#"
actor User {}
resource Org { roles = ["owner"]; }
resource Repo {
  permissions = ["read", "push"];
  roles = ["reader", "writer"];
  relations = { parent: Org, creator: User };
  "read" if "reader";
  "push" if "writer";
  "push" if "creator";
  "reader" if "writer";
  "writer" if "owner" on "parent";
}
has_relation(org: Org, "parent", repo: Repo) if org = repo.org;
has_role(user: User, name: String, org: Org) if role in user.roles and role.name = name and role.org = org;
has_role(user: User, "reader", repo: Repo) if repo.public = true and user.name != "x";
allow(actor, action, resource) if has_permission(actor, action, resource);
"#;

#[test]
fn resource_blocks_are_policies_of_their_permissions() {
    let imported = imported(BLOCKS);
    let made = &imported.cedar;
    assert!(made.contains("action == Action::\"read\", resource is Repo"), "{made}");
    assert!(made.contains("action == Action::\"push\", resource is Repo"), "{made}");
    let by_hand: Vec<_> = imported.report.iter().filter(|c| matches!(c.how, How::ByHand(_))).collect();
    assert_eq!(by_hand.len(), 1, "{by_hand:#?}");
    assert!(by_hand[0].rule.starts_with("has_role(user: User, name"), "{by_hand:#?}");
    let given = imported.report.iter().find_map(|carried| match &carried.how {
        How::Over(2, given) => Some(given.join("; ")),
        _ => None,
    });
    // Who owns what is the application's data; who reads is said by a rule, and who writes is implied.
    assert_eq!(
        given.as_deref(),
        Some(
            "each `Org` has a field `owner`: the group of those who have that role; the field `creator` names the `User` that it is related to"
        )
    );
    let entities = r#"[
        {"uid": {"type": "Repo", "id": "r"}, "attrs": {"public": false, "creator": {"__entity": {"type": "User", "id": "c"}},
         "org": {"__entity": {"type": "Org", "id": "o"}}}, "parents": []},
        {"uid": {"type": "Org", "id": "o"}, "attrs": {"owner": {"__entity": {"type": "Group", "id": "g"}}}, "parents": []},
        {"uid": {"type": "User", "id": "boss"}, "attrs": {"name": "b"}, "parents": [{"type": "Group", "id": "g"}]},
        {"uid": {"type": "User", "id": "c"}, "attrs": {"name": "c"}, "parents": []},
        {"uid": {"type": "User", "id": "n"}, "attrs": {"name": "n"}, "parents": []}]"#;
    let asks = |user: &str, action| {
        decides(made, entities, (&format!("User::\"{user}\""), action, "Repo::\"r\""), "{}")
    };
    assert!(asks("c", "push") && !asks("c", "read") && !asks("n", "push") && !asks("n", "read"));
    assert!(asks("boss", "push") && asks("boss", "read"));
}

#[test]
fn what_is_not_carried_over_is_told_and_stays_as_a_comment() {
    for (text, why) in [
        ("allow(u, \"a\", d) if u.owns(d);", "the method `owns` is the application's own"),
        ("allow(u, \"a\", d) if forall(x in d.tags, x in u.tags);", "`ForAll`"),
        ("allow(u, \"a\", d) if x in d.tags and x.owner = u;", "nothing says what `x` is"),
        ("allow(u, \"a\", d) if cut and u = d;", "`Cut`"),
        ("allow(u, \"a\", d) if u.rate > 0.5;", "whole numbers"),
        ("allow(u, \"a\", d) if d.owner_id = u.id;", "Cedar compares entities"),
        ("allow(u, \"a\", d) if can(u, d);\ncan(u, d) if can(u, d.folder) or d.owner = u;", "calls itself"),
        ("allow(u, \"a\", d) if unknown(u, d);", "no rule is called `unknown`"),
        ("allow(u, \"a\", d) if not (x = d.tags and u in x);", "asks that something is not there"),
        ("allow({name: \"x\"}, \"a\", _d);", "is no variable"),
        ("allow(u, \"a\", d) if has_permission(u, \"a\", d);", "on what kind of resource"),
    ] {
        let by_hand = by_hand(text);
        assert!(
            by_hand.iter().any(|(place, said)| place == "p.polar:1" && said.contains(why)),
            "{text}: {by_hand:?}"
        );
        let made = cedar(text);
        assert!(made.contains("// p.polar:1: by hand, because") && made.contains("//   allow("), "{made}");
        assert!(!made.contains("permit ("), "{made}");
    }
}

#[test]
fn nothing_is_lost_without_a_word() {
    let text = "allow(u: User, \"a\", d: D) if d.owner = u;\nhelper(1);\ntype allow(a, b, c);\n?= helper(1);\nallow_field(_u, _a, _d, \"f\");\nresource D { permissions = [\"a\"]; }";
    let imported = imported(text);
    assert_eq!(imported.report.len(), 6, "{:#?}", imported.report);
    for (n, carried) in imported.report.iter().enumerate() {
        assert_eq!(carried.place, format!("p.polar:{}", n + 1));
        assert_eq!(matches!(carried.how, How::ByHand(_)), n > 0, "{carried:?}");
        assert_eq!(imported.cedar.contains(&format!("// p.polar:{}: by hand", n + 1)), n > 0);
    }
}

#[test]
fn the_example_is_carried_over() {
    let path = format!("{}/../../examples/policies/staff/staff.polar", env!("CARGO_MANIFEST_DIR"));
    let imported = import("staff.polar", &std::fs::read_to_string(path).unwrap()).unwrap();
    let by_hand = imported.report.iter().filter(|c| matches!(c.how, How::ByHand(_)));
    let by_hand: Vec<_> = by_hand.map(|c| c.rule.clone()).collect();
    // `needs(action, scope)` is asked for the scope that belongs to an action: a table, which Cedar does not have.
    assert_eq!(by_hand[0], "deny(_subject, action, _resource, request)");
    assert!(by_hand.len() == 6 && by_hand[1..].iter().all(|rule| rule.starts_with("needs(")), "{by_hand:#?}");
}

#[test]
fn what_is_no_polar_says_where() {
    assert_eq!(import("p.polar", "allow(").unwrap_err().place.split(':').next(), Some("p.polar"));
}
