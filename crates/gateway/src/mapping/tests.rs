use super::*;
use prokura_oauth::json::{Limits, parse};

fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::DOCUMENT).unwrap_or_else(|e| panic!("{text}: {e}")).into_object().unwrap()
}

const PARAMS: &str =
    r#"{"name":"get_customer","arguments":{"id":"cust-12345","case":"case-67890","amount":10001}}"#;
const TOKEN: &str = r#"{"sub":"usr_alice","client_id":"https://agent.example/x","roles":["treasury"]}"#;

fn mapped(mapping: &str) -> Result<Vec<Mapped>, MappingError> {
    let schema = object(&format!(r#"{{"type":"object","{MEMBER}":{mapping}}}"#));
    let mapping = Mapping::of(Some(&Value::Object(schema)))?.unwrap();
    let alice = EntityId::new("User", "usr_alice").unwrap();
    mapping.apply(&object(PARAMS), &object(TOKEN), &alice)
}

/// An `evaluation` with these parts.
fn evaluation(parts: &str) -> Result<Mapped, String> {
    let found = mapped(&format!(r#"{{"evaluation":{{{parts}}}}}"#)).map_err(|e| e.to_string())?;
    Ok(found.into_iter().next().unwrap())
}

const ACTION: &str = r#""action":{"name":"get_customer"}"#;
const RESOURCE: &str = r#""resource":{"type":"customer","id":"$params.arguments.id"}"#;

#[test]
fn the_examples_of_the_draft_come_out_as_it_says() {
    let single = evaluation(&format!(
        r#""subject":{{"type":"identity","id":"$token.sub"}},{ACTION},{RESOURCE},
           "context":{{"agent":"$token.?client_id","case":"$params.arguments.case"}}"#
    ))
    .unwrap();
    assert_eq!(
        (single.action.as_str(), single.resource.to_string().as_str()),
        ("get_customer", r#"customer::"cust-12345""#)
    );
    assert_eq!(
        Value::Object(single.declared).to_string(),
        concat!(
            r#"{"subject":{"type":"identity"},"action":{"name":"get_customer"},"#,
            r#""resource":{"type":"customer","id":"cust-12345"},"#,
            r#""context":{"agent":"https://agent.example/x","case":"case-67890"}}"#
        )
    );
    let several = mapped(
        r#"{"evaluations":{"subject":{"type":"identity","id":"$token.sub"},"context":{"agent":"$token.?client_id"},
            "evaluations":[{"action":{"name":"read"},"resource":{"type":"storage_object","id":"$params.arguments.id"}},
                           {"action":{"name":"write"},"resource":{"type":"storage_object","id":"$params.arguments.case"},
                            "context":{"why":"$$50"}}]}}"#,
    )
    .unwrap();
    let lines: Vec<_> = several.iter().map(|m| format!("{} {}", m.action, m.resource.id())).collect();
    assert_eq!(lines, ["read cust-12345", "write case-67890"]);
    let context = |n: usize| several[n].declared.get("context").unwrap().to_string();
    assert_eq!(context(0), r#"{"agent":"https://agent.example/x"}"#);
    assert_eq!(context(1), r#"{"why":"$50"}"#, "as a whole, and `$$` is a `$`");
    let conditional = evaluation(
        r#""subject":{"type":"$token.roles.exists(r, r == 'treasury') ? 'treasury_user' : 'standard_user'","id":"$token.sub"},
           "action":{"name":"$params.arguments.amount > 10000 ? 'big' : 'small'"},
           "resource":{"type":"account","id":"$'urn:' + params.arguments.id","properties":{"n":"$params.arguments.amount","l":[1,"$token.sub"]}}"#,
    )
    .unwrap();
    assert_eq!((conditional.action.as_str(), conditional.resource.id()), ("big", "urn:cust-12345"));
    let said = Value::Object(conditional.declared).to_string();
    assert!(
        said.contains(r#""type":"treasury_user""#)
            && said.contains(r#""properties":{"n":10001,"l":[1,"usr_alice"]}"#),
        "{said}"
    );
}

#[test]
fn a_mapping_makes_nobody_of_the_subject_but_who_he_is() {
    for subject in [
        r#"{}"#,
        r#"{"type":"identity"}"#,
        r#"{"id":"usr_alice"}"#,
        r#"{"id":"$token.sub"}"#,
        r#"{"id":"$token.?no_such"}"#,
    ] {
        evaluation(&format!(r#""subject":{subject},{ACTION},{RESOURCE}"#)).unwrap();
    }
    for subject in [
        r#"{"id":"usr_mallory"}"#,
        r#"{"id":"$params.arguments.id"}"#,
        r#"{"id":"$token.client_id"}"#,
        r#"{"id":" usr_alice"}"#,
        r#"{"id":"USR_ALICE"}"#,
        r#"{"id":null}"#,
        r#"{"id":7}"#,
        r#"{"id":["usr_alice"]}"#,
    ] {
        let refused = evaluation(&format!(r#""subject":{subject},{ACTION},{RESOURCE}"#)).unwrap_err();
        assert_eq!(refused, "`subject.id` is not the subject of the token", "{subject}");
    }
    let smuggled = r#"{"evaluations":{"action":{"name":"a"},"evaluations":[{"subject":{"id":"$token.sub"},"resource":{"type":"x","id":"y"}}]}}"#;
    assert!(mapped(smuggled).unwrap_err().to_string().contains("evaluations.evaluations[0].subject"));
}

#[test]
fn a_mapping_that_is_malformed_is_an_error_that_says_where() {
    for (mapping, place) in [
        (r#"{}"#, "x-authzen-mapping"),
        (r#"7"#, "x-authzen-mapping"),
        (r#"{"evaluation":{},"evaluations":{}}"#, "x-authzen-mapping"),
        (r#"{"search":{}}"#, "x-authzen-mapping"),
        (r#"{"evaluation":"$params"}"#, "x-authzen-mapping"),
        (r#"{"evaluation":{"action":{"name":"a"}}}"#, "evaluation.resource"),
        (r#"{"evaluation":{"resource":{"type":"a","id":"b"}}}"#, "evaluation.action"),
        (r#"{"evaluation":{"options":{}}}"#, "evaluation.options"),
        (
            r#"{"evaluations":{"options":{"evaluations_semantic":"permit_on_first_permit"}}}"#,
            "evaluations.options",
        ),
        (r#"{"evaluations":{"evaluations":"$params.all"}}"#, "evaluations.evaluations"),
        (r#"{"evaluations":{"evaluations":["$params.one"]}}"#, "evaluations.evaluations[0]"),
        (r#"{"evaluations":{"evaluations":[]}}"#, "evaluations.action"),
        (
            r#"{"evaluation":{"action":{"name":"$params."},"resource":{"type":"a","id":"b"}}}"#,
            "evaluation.action.name",
        ),
        (
            r#"{"evaluation":{"action":{"name":"$secret.x"},"resource":{"type":"a","id":"b"}}}"#,
            "evaluation.action.name",
        ),
    ] {
        let refused = mapped(mapping).unwrap_err().to_string();
        assert!(refused.contains(&format!("`{place}`")), "{mapping}: {refused}");
    }
    let entry = r#"{"action":{"name":"a"},"resource":{"type":"a","id":"b"}}"#;
    let many = |n: usize| format!(r#"{{"evaluations":{{"evaluations":[{}]}}}}"#, vec![entry; n].join(","));
    assert_eq!(mapped(&many(MOST)).unwrap().len(), MOST);
    assert!(mapped(&many(MOST + 1)).unwrap_err().to_string().contains("more than 16"));
}

#[test]
fn a_question_that_lacks_something_is_none() {
    for (parts, place) in [
        (
            r#""action":{"name":"$params.arguments.region"},"resource":{"type":"a","id":"b"}"#,
            "`action.name` failed: no such key: `region`",
        ),
        (
            r#""action":{"name":"$params.?none"},"resource":{"type":"a","id":"b"}"#,
            "`action.name` must be a text",
        ),
        (r#""action":{"name":7},"resource":{"type":"a","id":"b"}"#, "`action.name` must be a text"),
        (r#""action":{"name":""},"resource":{"type":"a","id":"b"}"#, "`action.name`"),
        (r#""action":"read","resource":{"type":"a","id":"b"}"#, "`action` must be an object"),
        (
            r#""action":{"name":"a"},"resource":{"type":"a","id":"$params.arguments.amount"}"#,
            "`resource.id` must be a text",
        ),
        (
            r#""action":{"name":"a"},"resource":{"type":"a","id":"$params.arguments"}"#,
            "`resource.id` must be a text",
        ),
        (r#""action":{"name":"a"},"resource":{"type":"a b","id":"x"}"#, "`resource`"),
        (r#""action":{"name":"a"},"resource":{"type":"Tool","id":"crm/other"}"#, "`resource.type`"),
        (r#""action":{"name":"a"},"resource":{"type":"Server","id":"hr"}"#, "`resource.type`"),
        (r#""action":{"name":"a"},"resource":{"type":"a","id":"b","manager":"me"}"#, "`resource.manager`"),
        (r#""action":{"name":"a"},"resource":{"type":"a","id":"b","properties":7}"#, "`resource.properties`"),
        (r#""action":{"name":"a"},"resource":{"type":"a","id":"b"},"context":7"#, "`context`"),
        (
            r#""action":{"name":"a"},"resource":{"type":"a","id":"b"},"context":{"l":["$token.?no"]}"#,
            "`context.l`",
        ),
        (r#""action":{"name":"a"},"resource":{"type":"a","id":"b"},"subject":{"type":7}"#, "`subject.type`"),
    ] {
        let refused = evaluation(parts).unwrap_err();
        assert!(refused.contains(place), "{parts}: {refused}");
    }
    let whole = evaluation(
        r#""action":"${'name': 'a'}","resource":"${'type': 'a', 'id': params.arguments.id}","context":"$token.?no""#,
    );
    assert_eq!(whole.unwrap().resource.to_string(), r#"a::"cust-12345""#);
}

#[test]
fn what_is_known_without_arguments_is_what_is_written_out() {
    let schema = |mapping: &str| Value::Object(object(&format!(r#"{{"{MEMBER}":{mapping}}}"#)));
    let read = |mapping: &str| Mapping::of(Some(&schema(mapping))).unwrap().unwrap();
    let literal = read(&format!(r#"{{"evaluation":{{{ACTION},{RESOURCE}}}}}"#));
    assert_eq!(
        literal.outlines().collect::<Vec<_>>(),
        [Outline { action: "get_customer", kind: "customer" }]
    );
    let computed = read(&format!(r#"{{"evaluation":{{"action":{{"name":"$params.name"}},{RESOURCE}}}}}"#));
    assert_eq!(computed.outlines().count(), 0);
    assert!(Mapping::of(None).unwrap().is_none());
    assert!(Mapping::of(Some(&Value::Object(object(r#"{"type":"object"}"#)))).unwrap().is_none());
}
