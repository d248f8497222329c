//! What is released of results under obligations, shape by shape.

use super::document::Means;
use super::due::{Done, Due, Withheld};
use super::release::{Shape, release, task};
use prokura_oauth::json::{Limits, Object, Value, parse};
use prokura_policy::pdp::{Filter, HashKey, NoEntities, Why, from_words};

fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap()
}

fn due(words: &[(&str, &str)]) -> Due {
    Due::of(&words.iter().map(|(name, text)| from_words(name, text).unwrap()).collect::<Vec<_>>())
}

fn met<T>(due: &Due, act: impl FnOnce(&Means<'_>) -> T) -> T {
    let filters = vec![Filter::All; due.rows.len()];
    let key = HashKey::new(b"k", &[]);
    act(&Means { due, filters: &filters, directory: &NoEntities, key: &key, ask: &|_, _| None })
}

fn released(shape: Shape, text: &str, words: &[(&str, &str)]) -> Result<(String, Done), Withheld> {
    let (mut result, mut done) = (object(text), Done::default());
    met(&due(words), |means| release(shape, &mut result, means, &mut done))?;
    Ok((Value::Object(result).to_string(), done))
}

const SSN: &[(&str, &str)] = &[("drop", "$..ssn")];

#[test]
fn structure_is_rewritten_and_the_text_is_made_of_it_whatever_it_said() {
    for text in [
        r#"{"content":[{"type":"text","text":"{\"id\":1,\"ssn\":\"123\"}"}],"structuredContent":{"id":1,"ssn":"123"}}"#,
        r#"{"content":[{"type":"text","text":"Ann, SSN 123"},{"type":"image","data":"x"}],"structuredContent":{"id":1,"ssn":"123"},"_meta":{"a/ssn":"123"},"note":"123"}"#,
        r#"{"content":[],"structuredContent":{"id":1,"ssn":"123"}}"#,
        r#"{"structuredContent":{"id":1,"ssn":"123"}}"#,
    ] {
        let (out, done) = released(Shape::Tool, text, SSN).unwrap();
        assert_eq!(out, r#"{"content":[{"type":"text","text":"{\"id\":1}"}],"structuredContent":{"id":1}}"#);
        assert_eq!(done, Done { rows: 0, fields: 1, withheld: None });
    }
}

#[test]
fn a_text_that_is_json_is_rewritten_and_what_cannot_be_looked_into_is_not_released() {
    let text = r#"{"content":[{"type":"text","text":"{\"id\":1,\"ssn\":\"123\"}","annotations":{"x":"123"}},{"type":"text","text":"SSN 123"},{"type":"image","data":"123"},{"type":"resource","resource":{"uri":"a","text":"{\"ssn\":\"123\"}"}},{"type":"resource_link","uri":"x:123"},{"type":"text","Text":"{}","text":"{}"}]}"#;
    let (out, done) = released(Shape::Tool, text, SSN).unwrap();
    assert!(!out.contains("123"), "{out}");
    assert!(
        out.starts_with(
            r#"{"content":[{"type":"text","text":"{\"id\":1}"},{"type":"text","text":"[withheld"#
        ),
        "{out}"
    );
    assert_eq!(done.fields, 1 + 5);
}

#[test]
fn e02_a_result_of_which_it_cannot_be_told_what_it_says_is_withheld() {
    let block = |text: &str| {
        let block = Value::Object(super::document::text_block(text)).to_string();
        format!(r#"{{"content":[{block}]}}"#)
    };
    let unclear = |why| Withheld::Unclear(prokura_policy::pdp::Unclear { selector: "$..ssn".into(), why });
    for (text, why) in [
        (block("SSN 123"), Withheld::Opaque),
        (block("\"{\\\"ssn\\\":1}\""), Withheld::Opaque),
        (block("123456789"), Withheld::Opaque),
        (block(r#"{"ssn":1,"ssn":2}"#), Withheld::Opaque),
        (block(r#"{"a":1}{"ssn":1}"#), Withheld::Opaque),
        (block("\u{feff}{\"ssn\":1}"), Withheld::Opaque),
        (block(r#"{"SSN":1}"#), unclear(Why::Name)),
        (block(r#"{"s\u200bsn":1}"#), unclear(Why::Name)),
        (block(r#"{"a":"{\"ssn\":1}"}"#), unclear(Why::Text)),
        (r#"{"Content":[],"content":[]}"#.into(), Withheld::Shape),
        (r#"{"structuredcontent":{"ssn":1},"content":[]}"#.into(), Withheld::Shape),
        (r#"{"content":{"type":"text"}}"#.into(), Withheld::Shape),
        (r#"{"result":{"ssn":1}}"#.into(), Withheld::Shape),
        (
            r#"{"resultType":"input_required","inputRequests":{"a":{"params":{"message":"SSN 123"}}}}"#
                .into(),
            Withheld::Asks,
        ),
        (r#"{"structuredContent":{"SSN":1},"content":[]}"#.into(), unclear(Why::Name)),
    ] {
        assert_eq!(released(Shape::Tool, &text, SSN).map(|_| ()), Err(why), "{text}");
    }
    let whole = &[("drop", "$")];
    assert_eq!(
        released(Shape::Tool, r#"{"structuredContent":{"a":1}}"#, whole).map(|_| ()),
        Err(Withheld::All)
    );
}

#[test]
fn several_texts_are_one_document_each_only_where_the_policy_means_any_place() {
    let two = r#"{"content":[{"type":"text","text":"{\"ssn\":1}"},{"type":"text","text":"[{\"ssn\":2,\"a\":3}]"}]}"#;
    let (out, _) = released(Shape::Tool, two, SSN).unwrap();
    assert_eq!(out, r#"{"content":[{"type":"text","text":"{}"},{"type":"text","text":"[{\"a\":3}]"}]}"#);
    for words in [("drop", "$.ssn"), ("rows", "view Employee by id: $..rows"), ("only", "a: $")] {
        assert_eq!(released(Shape::Tool, two, &[words]).map(|_| ()), Err(Withheld::Several), "{words:?}");
    }
}

#[test]
fn a_failure_says_that_it_is_one_and_no_more() {
    let failed = r#"{"content":[{"type":"text","text":"no employee with SSN 123"}],"isError":true}"#;
    assert_eq!(released(Shape::Tool, failed, SSN).map(|_| ()), Err(Withheld::Opaque));
    let structured = r#"{"content":[],"structuredContent":{"code":7,"ssn":1},"isError":true}"#;
    let (out, _) = released(Shape::Tool, structured, SSN).unwrap();
    assert_eq!(
        out,
        r#"{"content":[{"type":"text","text":"{\"code\":7}"}],"structuredContent":{"code":7},"isError":true}"#
    );
}

#[test]
fn contents_and_messages_are_looked_into_likewise() {
    let read = r#"{"contents":[{"uri":"a","mimeType":"application/json","text":"{\"ssn\":1,\"b\":2}","_meta":{"ssn":1}},{"uri":"b","blob":"c3Nu"}],"cacheScope":"public","ttlMs":5,"x":"ssn"}"#;
    let (out, done) = released(Shape::Contents, read, SSN).unwrap();
    assert_eq!(
        out,
        r#"{"cacheScope":"public","ttlMs":5,"contents":[{"uri":"a","mimeType":"application/json","text":"{\"b\":2}"}]}"#
    );
    assert_eq!(done.fields, 2);
    for odd in [
        r#"{"contents":[{"uri":"a","text":"ssn 1"}]}"#,
        r#"{"contents":[{"uri":"a","text":"{}","blob":"c3Nu"}]}"#,
        r#"{"contents":[{"uri":"a","text":"{}","Text":"ssn"}]}"#,
    ] {
        assert_eq!(released(Shape::Contents, odd, SSN).map(|_| ()), Err(Withheld::Opaque), "{odd}");
    }
    let get = r#"{"description":"of SSN 1","messages":[{"role":"user","content":{"type":"text","text":"{\"ssn\":1}"},"x":1}]}"#;
    let (out, _) = released(Shape::Messages, get, SSN).unwrap();
    assert_eq!(out, r#"{"messages":[{"role":"user","content":{"type":"text","text":"{}"}}]}"#);
    let words = r#"{"messages":[{"role":"user","content":{"type":"text","text":"Ann has SSN 1"}}]}"#;
    assert_eq!(released(Shape::Messages, words, SSN).map(|_| ()), Err(Withheld::Opaque));
    assert_eq!(
        released(Shape::Other, r#"{"completion":{"values":["1"]}}"#, SSN).map(|_| ()),
        Err(Withheld::Opaque)
    );
    assert_eq!(released(Shape::Other, r#"{"_meta":{"a":"1"}}"#, SSN).unwrap().0, "{}");
}

#[test]
fn of_a_task_only_how_far_it_is_and_its_result() {
    let made =
        r#"{"task":{"taskId":"t","status":"working","statusMessage":"SSN 123","ttl":1},"_meta":{"x":"123"}}"#;
    let (out, _) = released(Shape::Tool, made, SSN).unwrap();
    assert_eq!(out, r#"{"task":{"taskId":"t","status":"working","ttl":1}}"#);
    let got = r#"{"resultType":"complete","taskId":"t","status":"completed","statusMessage":"123","result":{"content":[],"structuredContent":{"a":1,"ssn":"123"}},"x":"123"}"#;
    let (out, _) = released(Shape::Tool, got, SSN).unwrap();
    assert_eq!(
        out,
        r#"{"resultType":"complete","taskId":"t","status":"completed","result":{"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}}}"#
    );
    let mut failed =
        object(r#"{"taskId":"t","status":"failed","error":{"code":7,"message":"SSN 123","data":"123"}}"#);
    met(&due(SSN), |means| task(&mut failed, means, &mut Done::default())).unwrap();
    let said = Value::Object(failed).to_string();
    assert!(!said.contains("123") && said.contains(r#""code":7"#), "{said}");
    let mut opaque = object(
        r#"{"taskId":"t","status":"completed","result":{"content":[{"type":"text","text":"SSN 123"}]}}"#,
    );
    met(&due(SSN), |means| task(&mut opaque, means, &mut Done::default())).unwrap();
    let said = Value::Object(opaque).to_string();
    assert!(!said.contains("123") && said.contains(r#""isError":true"#), "{said}");
}
