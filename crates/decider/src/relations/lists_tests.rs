//! Filters by relations against asking about each.

use super::tests::{now, world};
use super::*;
use crate::text::{SetText, TextFile};
use crate::{Decider, InForce, languages};
use prokura_config::PolicyLanguage;
use prokura_core::{Rng as _, SeededRng};
use prokura_oauth::json::{Object, obj};
use prokura_policy::pdp::{Aim, Entity, EntityId, Filter, Listed, Met, NoEntities, Question};
use std::collections::BTreeMap;

/// Every way in which a policy may look at relations.
const POLICIES: &[&str] = &[
    r#"permit (principal, action, resource) when { resource.relations.contains("viewer") };"#,
    r#"permit (principal, action, resource) unless { resource.relations.contains("banned") };"#,
    r#"permit (principal, action, resource) when { resource.relations.contains("viewer") && !resource.relations.contains("editor") };"#,
    r#"permit (principal, action, resource) when { resource.relations.contains("viewer") || resource.level < 3 };"#,
    r#"permit (principal, action, resource); forbid (principal, action, resource) when { resource.relations.contains("banned") };"#,
    r#"permit (principal in Group::"1", action, resource) when { resource.relations.contains("viewer") };"#,
    r#"permit (principal in Group::"1", action, resource);"#,
    r#"permit (principal, action, resource) when { resource has relations && resource.relations.contains("editor") };"#,
    r#"permit (principal, action, resource) when { resource.relations.containsAny(["viewer", "editor"]) };"#,
    r#"permit (principal, action, resource) when { resource.relations.contains("nothing") || resource.level == 1 };"#,
    r#"permit (principal, action, resource) unless { resource.relations.contains("nothing") };"#,
    r#"permit (principal, action, resource) when { resource.relations == ["viewer"] };"#,
    r#"permit (principal, action, resource) when { if resource.level < 4 then resource.relations.contains("viewer") else !resource.relations.contains("banned") };"#,
];

fn engine(text: &str) -> Arc<dyn prokura_policy::pdp::Engine> {
    let text = SetText {
        language: PolicyLanguage::Cedar,
        files: vec![TextFile { name: "t.cedar".to_owned(), text: text.to_owned() }],
        schema: None,
    };
    languages::engine("t", &text).unwrap()
}

/// Rows as servers may send them: with what they say of relations themselves, and ids that no model could name.
fn rows() -> Vec<Entity> {
    let odd = ["a b", "x#y", "*", "e:1"];
    let plain = (0..12).map(|n| n.to_string());
    let ids = plain.chain(odd.iter().map(|id| (*id).to_owned()));
    let row = |(n, id): (usize, String)| {
        let mut attributes = obj([("level", (n % 6).to_string().parse::<u64>().unwrap().into())]);
        if n % 3 == 0 {
            attributes.insert(
                "relations",
                prokura_oauth::json::Value::Array(vec!["viewer".into(), "nothing".into()]),
            );
        }
        Some(Entity { id: EntityId::new("Document", &id).ok()?, attributes, parents: Vec::new() })
    };
    ids.enumerate().filter_map(row).collect()
}

#[tokio::test]
async fn f01_a_filter_by_relations_releases_what_asking_about_each_row_would_release() {
    let rng = SeededRng::new(5);
    let below = |most: u64| {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        u64::from_le_bytes(bytes) % most
    };
    let kinds = Kinds {
        ask: BTreeMap::from([(
            "Document".to_owned(),
            ["viewer", "editor", "banned"].map(str::to_owned).to_vec(),
        )]),
        parents: BTreeMap::from([("Group".to_owned(), "member".to_owned())]),
        types: BTreeMap::new(),
    };
    let (mut by_list, mut compared, mut yes) = (0, 0, 0);
    for _ in 0..20 {
        let w = world().await;
        for _ in 0..30 {
            let user = match below(4) {
                0 => format!("group:{}#member", below(3)),
                _ => format!("user:{}", below(3)),
            };
            let _there = w
                .write(
                    &[&match below(5) {
                        0 => format!("document:{}#banned@user:{}", below(12), below(3)),
                        1 | 2 => format!("group:{}#member@{user}", below(3)),
                        3 => format!("document:{}#editor@{user}", below(12)),
                        _ => format!("document:{}#viewer@user:{}", below(12), below(3)),
                    }],
                    &[],
                )
                .await;
        }
        w.relations.follow().await.unwrap();
        let facts = Facts::new(w.relations.view(), kinds.clone());
        for text in POLICIES {
            let decider = Decider::new(InForce { engines: vec![engine(text)], ..InForce::default() });
            decider.with_relations(facts.clone());
            let in_force = decider.in_force();
            for user in 0..3 {
                let subject = Entity::bare(EntityId::new("User", &user.to_string()).unwrap());
                let (context, all) = (Object::default(), rows());
                let none = Entity::bare(EntityId::new("Document", "?").unwrap());
                let question = |resource| Question {
                    subject: &subject,
                    actor: None,
                    chain: &[],
                    grant: None,
                    action: "view",
                    arguments: None,
                    resource,
                    context: &context,
                    directory: &NoEntities,
                    now: now(),
                };
                let filter = in_force.filter(&question(&none), "Document");
                by_list += usize::from(filter != Filter::Ask);
                for row in &all {
                    let each = in_force.decide(&question(row)).permitted;
                    let listed = Listed { action: "view", aim: Aim::At(row), tool: None };
                    let shown = || in_force.visible(&question(&none), &[listed]);
                    // One user is enough: it takes as long as the rest.
                    assert!(user > 0 || shown() == [each], "a list shows what may be done: {text} {row:?}");
                    let met = filter.meets(row.id.id(), &row.attributes);
                    if met != Met::Ask {
                        assert_eq!(met == Met::Yes, each, "{text} {user} {row:?} {filter:?}");
                        compared += 1;
                        yes += usize::from(each);
                    }
                }
            }
        }
    }
    // It is no filter that asks about everything, and none that releases nothing.
    assert!(by_list >= 20 * 3 * 10 && compared > 8000 && yes > 2000, "{by_list} {compared} {yes}");
}

#[tokio::test]
async fn a_view_that_is_too_old_makes_no_filter() {
    let w = world().await;
    w.relations.follow().await.unwrap();
    let ask = BTreeMap::from([("Document".to_owned(), vec!["viewer".to_owned()])]);
    let facts = Facts::new(w.relations.view(), Kinds { ask, ..Kinds::default() });
    let decider = Decider::new(InForce { engines: vec![engine(POLICIES[1])], ..InForce::default() });
    decider.with_relations(facts);
    let (subject, row) = (EntityId::new("User", "1").unwrap(), EntityId::new("Document", "?").unwrap());
    let (subject, row, context) = (Entity::bare(subject), Entity::bare(row), Object::default());
    let question = Question {
        subject: &subject,
        actor: None,
        chain: &[],
        grant: None,
        action: "view",
        arguments: None,
        resource: &row,
        context: &context,
        directory: &NoEntities,
        now: now().after(Duration::from_secs(60)),
    };
    assert_eq!(decider.in_force().filter(&question, "Document"), Filter::Ask);
    assert!(!decider.in_force().decide(&question).permitted);
}

#[tokio::test]
async fn a_search_is_told_whom_relations_lead_to_from_either_side() {
    let w = world().await;
    w.write(
        &["group:hr#member@user:anne", "document:1#editor@group:hr#member", "document:2#editor@user:anne"],
        &[],
    )
    .await
    .unwrap();
    let ask = BTreeMap::from([("Document".to_owned(), vec!["viewer".to_owned(), "owner".to_owned()])]);
    let facts = Facts::new(w.relations.view(), Kinds { ask, ..Kinds::default() });
    let entity = |kind: &str, id: &str| Entity::bare(EntityId::new(kind, id).unwrap());
    let (anne, one, context) = (entity("User", "anne"), entity("Document", "1"), Object::default());
    let question = Question {
        subject: &anne,
        actor: None,
        chain: &[],
        grant: None,
        action: "view",
        arguments: None,
        resource: &one,
        context: &context,
        directory: &NoEntities,
        now: now(),
    };
    let names = |found: Vec<EntityId>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        names(facts.objects_of(&question, "Document").unwrap()),
        ["Document::\"1\"", "Document::\"2\""]
    );
    assert_eq!(names(facts.users_of(&question, "User").unwrap()), ["User::\"anne\""]);
    assert_eq!(names(facts.objects_of(&question, "Folder").unwrap()), Vec::<String>::new());
    assert_eq!(names(facts.users_of(&question, "Robot").unwrap()), Vec::<String>::new());
}
