//! F1: wrong answers that OpenFGA once gave, each by its number. What each was is told at its test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value, reason = "tests")]

use prokura_oauth::json::{Object, Value, obj};
use prokura_relations::{Ask, AskError, Attached, Index, Key, Model, Tuple, User};
use std::sync::Arc;

fn model(body: &str) -> Model {
    Model::from_dsl(&format!("model\n  schema 1.1\n{body}")).unwrap()
}

fn tuple(text: &str) -> Tuple {
    let (object, rest) = text.split_once('#').unwrap();
    let (relation, user) = rest.split_once('@').unwrap();
    Tuple::parse(user, relation, object).unwrap()
}

fn index(tuples: &[&str]) -> Index {
    Index::load(tuples.iter().map(|t| tuple(t))).unwrap()
}

fn check(model: &Model, index: &Index, key: &str) -> Result<bool, AskError> {
    Ask::new(model, index).check(&tuple(key).key)
}

fn conditional(text: &str, name: &str, x: i64) -> Tuple {
    let context = obj([("x", Value::from(x))]);
    Tuple { condition: Some(Arc::new(Attached { name: name.to_owned(), context })), ..tuple(text) }
}

const GROUPS: &str = "type user
type group
  relations
    define member: [user]
type document
  relations
    define viewer: [group:*, group#member]
";

/// A userset was taken for one of everybody of its type.
#[test]
fn f01_cve_2025_25196_what_everybody_of_a_type_has_its_usersets_do_not_have() {
    let (model, index) = (model(GROUPS), index(&["document:1#viewer@group:*"]));
    assert_eq!(check(&model, &index, "document:1#viewer@group:x"), Ok(true));
    assert_eq!(check(&model, &index, "document:1#viewer@group:x#member"), Ok(false));
    assert_eq!(check(&model, &index, "document:1#viewer@group:*"), Ok(true));
    let user = User::parse("group:x#member").unwrap();
    assert_eq!(Ask::new(&model, &index).objects(&user, "viewer", "document"), Ok(vec![]));
}

/// An answer that had been cut short at a circle was remembered, and found again where there is no circle.
#[test]
fn f01_cve_2025_46331_an_answer_that_was_cut_short_at_a_circle_is_not_taken_for_the_whole() {
    let model = model(
        "type user
type group
  relations
    define member: [user, group#member] but not blocked
    define blocked: [user, group#member]
type document
  relations
    define viewer: [group#member]
    define allowed: viewer but not denied
    define denied: [group#member]
",
    );
    // Asked about x first, y is cut short at x; asked about y itself, anne is a member by x. She is in x herself, or by a
    // group that is looked at before y or after it.
    let circle = ["group:x#member@group:y#member", "group:y#member@group:x#member"];
    let more = ["document:1#viewer@group:x#member", "document:1#denied@group:y#member"];
    for anne in [
        &["group:x#member@user:anne"][..],
        &["group:x#member@group:a#member", "group:a#member@user:anne"],
        &["group:x#member@group:z#member", "group:z#member@user:anne"],
    ] {
        for order in [[&circle[..], &more, anne], [anne, &more, &circle]] {
            let index = index(&order.concat());
            for group in ["x", "y"] {
                let key = format!("group:{group}#member@user:anne");
                assert_eq!(check(&model, &index, &key), Ok(true), "{group}, {anne:?}");
            }
            assert_eq!(check(&model, &index, "document:1#viewer@user:anne"), Ok(true), "{anne:?}");
            assert_eq!(check(&model, &index, "document:1#allowed@user:anne"), Ok(false), "{anne:?}");
        }
    }
}

/// Who is left out because he is let in, and let in because he is not left out: the rules give neither, so he is not.
#[test]
fn f01_a_circle_through_an_exclusion_lets_nobody_in() {
    let model = model(
        "type user
type group
  relations
    define member: [user, group#member] but not blocked
    define blocked: [user, group#member]
",
    );
    let anne = ["group:x#member@user:anne", "group:y#member@user:anne"];
    let one = [&anne[..1], &["group:x#blocked@group:x#member"]].concat();
    let two = [&anne[..], &["group:x#blocked@group:y#member", "group:y#blocked@group:x#member"]].concat();
    for tuples in [one, two] {
        let index = index(&tuples);
        for key in tuples.iter().filter_map(|t| t.split_once('#')).map(|(group, _)| group) {
            for relation in ["member", "blocked"] {
                let key = format!("{key}#{relation}@user:anne");
                assert_eq!(check(&model, &index, &key), Ok(false), "{key} of {tuples:?}");
            }
        }
    }
    // Where the way around does not close, the exclusion says what it says.
    let open = [&anne[..], &["group:x#blocked@group:y#member", "group:y#blocked@group:z#member"]].concat();
    let index = index(&open);
    assert_eq!(check(&model, &index, "group:y#member@user:anne"), Ok(true));
    assert_eq!(check(&model, &index, "group:x#member@user:anne"), Ok(false));
}

/// Tuples that were sent with a question were not held to the types that a relation may be given to.
#[test]
fn f01_cve_2025_48371_what_is_sent_with_a_question_is_held_to_the_model() {
    let (model, index) = (model(GROUPS), index(&[]));
    let ask = |more: &[Tuple], key: &str| Ask::new(&model, &index).contextual(more).check(&tuple(key).key);
    let userset = [tuple("document:1#viewer@group:x#member"), tuple("group:x#member@user:anne")];
    assert_eq!(ask(&userset, "document:1#viewer@user:anne"), Ok(true));
    assert_eq!(ask(&userset, "document:1#viewer@group:y"), Ok(false));
    for wrong in ["document:1#viewer@user:*", "document:1#viewer@user:anne", "document:1#viewer@group:x"] {
        let refused = ask(&[tuple(wrong)], "document:1#viewer@user:anne");
        assert!(matches!(refused, Err(AskError::InvalidTuple { .. })), "{wrong}: {refused:?}");
    }
}

const CONDITION: &str = "type user
type group
  relations
    define member: [user with small]
type document
  relations
    define viewer: [user with small, group#member]
condition small(x: int) {
  x < 10
}
";

/// Answers were remembered without the conditions of the tuples that had been sent, nor what they were asked with
/// (CVE-2026-33729 again).
#[test]
fn f01_cve_2024_56323_an_answer_is_for_its_own_conditions_only() {
    let (model, index) = (model(CONDITION), index(&["document:1#viewer@group:x#member"]));
    for (x, expected) in [(5, true), (50, false), (5, true), (10, false), (9, true)] {
        let more = [conditional("group:x#member@user:anne", "small", x)];
        let found =
            Ask::new(&model, &index).contextual(&more).check(&tuple("document:1#viewer@user:anne").key);
        assert_eq!(found, Ok(expected), "{x}");
        let bare = Attached { name: "small".to_owned(), context: Object::new() };
        let more = [Tuple { condition: Some(Arc::new(bare)), ..tuple("group:x#member@user:anne") }];
        let context = obj([("x", Value::from(x))]);
        let ask = Ask::new(&model, &index).contextual(&more).context(&context);
        assert_eq!(ask.check(&tuple("document:1#viewer@user:anne").key), Ok(expected), "{x}");
    }
}

/// A tuple of everybody without a condition counted where the model wants one.
#[test]
fn f01_cve_2025_64751_everybody_without_the_condition_that_the_model_wants_is_nobody() {
    let with = "type user\ntype document\n  relations\n    define viewer: [user, user:* with small]\ncondition small(x: int) {\n  x < 10\n}\n";
    // Written under an earlier model, which wanted none.
    let (model, index) = (model(with), index(&["document:1#viewer@user:*"]));
    assert_eq!(check(&model, &index, "document:1#viewer@user:anne"), Ok(false));
    assert!(matches!(model.allows(&tuple("document:1#viewer@user:*")), Err(AskError::InvalidTuple { .. })));
}

/// A tuple of another object that comes later in the order was found for this one.
#[test]
fn f01_cve_2026_24851_a_tuple_of_a_later_object_is_not_found_for_this_one() {
    let model = model(
        "type user\ntype document\n  relations\n    define viewer: [user, user:*]\n    define denied: [user, user:*]\n    define reader: viewer but not denied\n",
    );
    let index = index(&[
        "document:1#denied@user:*",
        "document:1#denied@user:bob",
        "document:1#viewer@user:anne",
        "document:2#viewer@user:anne",
    ]);
    assert_eq!(check(&model, &index, "document:1#reader@user:anne"), Ok(false));
    assert_eq!(check(&model, &index, "document:2#reader@user:anne"), Ok(true));
    assert_eq!(check(&model, &index, "document:1#viewer@user:bob"), Ok(false));
}

/// Several questions at once shared what only one of them knew (the same tuple with different contexts).
#[test]
fn f01_cve_2026_34972_questions_that_are_asked_together_do_not_share_what_they_bring() {
    let (model, mut index) = (model(CONDITION), Index::new());
    let bare = Attached { name: "small".to_owned(), context: Object::new() };
    index.insert(Tuple { condition: Some(Arc::new(bare)), ..tuple("document:1#viewer@user:anne") }).unwrap();
    let key = Key::parse("user:anne", "viewer", "document:1").unwrap();
    let found: Vec<_> = [1, 20, 1]
        .map(|x: i64| obj([("x", Value::from(x))]))
        .iter()
        .map(|context| Ask::new(&model, &index).context(context).check(&key))
        .collect();
    assert_eq!(found, [Ok(true), Ok(false), Ok(true)]);
}

/// What a relation is looked up from may be single objects only, and a tuple that says otherwise counts as not written
/// (CVE-2022-39341, CVE-2022-39342).
#[test]
fn f01_cve_2022_39341_nothing_is_looked_up_from_everybody() {
    let parent = |types: &str| {
        Model::from_dsl(&format!(
            "model\n  schema 1.1\ntype user\ntype folder\n  relations\n    define viewer: [user]\ntype document\n  relations\n    define parent: {types}\n    define viewer: viewer from parent\n"
        ))
    };
    for wrong in ["[folder:*]", "[folder#viewer]", "[folder] or other"] {
        assert!(parent(wrong).is_err(), "{wrong}");
    }
    let (model, index) =
        (parent("[folder]").unwrap(), index(&["document:1#parent@folder:*", "folder:x#viewer@user:anne"]));
    assert_eq!(check(&model, &index, "document:1#viewer@user:anne"), Ok(false));
}
