use super::*;
use crate::pdp::from_words;
use prokura_core::Obligation;
use prokura_oauth::json::{Limits, parse};
use proptest::prelude::*;

fn json(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::MESSAGE).unwrap()
}

fn words(all: &[(&str, &str)]) -> Vec<Rewrite> {
    let one = |(name, text): &(&str, &str)| match from_words(name, text).unwrap() {
        Obligation::Rewrite(rewrite) => rewrite,
        other => panic!("{other:?}"),
    };
    all.iter().map(one).collect()
}

fn key() -> HashKey {
    HashKey::new(&[7; 32], &["hr", "usr_alice"])
}

fn rewritten(text: &str, all: &[(&str, &str)]) -> Result<String, Why> {
    let mut value = json(text);
    rewrite(&mut value, &words(all), &key()).map(|_| value.to_string()).map_err(|unclear| unclear.why)
}

const STAFF: &str = r#"{"employees":[{"id":"e1","name":"Ann","ssn":"123-45-6789","iban":"DE89370400440532013000"},{"id":"e2","name":"Bo","ssn":"987-65-4321"}],"n":2}"#;

#[test]
fn exactly_what_is_named_is_changed() {
    for (name, text, expected) in [
        (
            "drop",
            "$..ssn",
            r#"{"employees":[{"id":"e1","name":"Ann","iban":"DE89370400440532013000"},{"id":"e2","name":"Bo"}],"n":2}"#,
        ),
        (
            "drop",
            "$.employees[0]",
            r#"{"employees":[null,{"id":"e2","name":"Bo","ssn":"987-65-4321"}],"n":2}"#,
        ),
        ("drop", "$.employees[*]", r#"{"employees":[],"n":2}"#),
        ("drop", "$.employees", r#"{"n":2}"#),
        ("drop", "$", "null"),
        ("redact", "$.n, $.employees", r#"{"employees":"[redacted]","n":"[redacted]"}"#),
        (
            "mask",
            "4: $.employees[*].iban",
            r#"{"employees":[{"id":"e1","name":"Ann","ssn":"123-45-6789","iban":"****3000"},{"id":"e2","name":"Bo","ssn":"987-65-4321"}],"n":2}"#,
        ),
        (
            "only",
            "id, name: $.employees[*]",
            r#"{"employees":[{"id":"e1","name":"Ann"},{"id":"e2","name":"Bo"}],"n":2}"#,
        ),
        ("drop", "$.missing.below, $.employees[9].ssn", STAFF),
    ] {
        assert_eq!(rewritten(STAFF, &[(name, text)]).unwrap(), expected, "{name} {text}");
    }
}

#[test]
fn how_much_was_changed_is_counted() {
    let mut value = json(STAFF);
    let all = words(&[("only", "id, ssn: $.employees[*]"), ("redact", "$..ssn"), ("drop", "$.n")]);
    assert_eq!(rewrite(&mut value, &all, &key()), Ok(3 + 2 + 1));
}

#[test]
fn e03_where_it_cannot_be_told_what_is_named_nothing_is_released() {
    for (text, name, words, why) in [
        (r#"{"SSN":"1"}"#, "drop", "$..ssn", Why::Name),
        (r#"{"a":[{"ssn":"1","s\u200bsn":"2"}]}"#, "drop", "$..ssn", Why::Name),
        (r#"{"ſsn":"1"}"#, "drop", "$.ssn", Why::Name),
        (r#"{"ｓsn":"1"}"#, "redact", "$.ssn", Why::Name),
        (r#"{"employee":[{"ssn":"1"}]}"#, "drop", "$.employee.ssn", Why::Shape),
        (r#"{"employee":"{\"ssn\":1}"}"#, "drop", "$.employee.ssn", Why::Shape),
        (r#"{"employees":{"0":{"ssn":"1"}}}"#, "drop", "$.employees[*].ssn", Why::Shape),
        (r#"{"employees":{"0":{"ssn":"1"}}}"#, "drop", "$.employees[0].ssn", Why::Shape),
        (r#"{"employee":123456789}"#, "drop", "$.employee.ssn", Why::Shape),
        (r#"{"data":"{\"ssn\":1}"}"#, "drop", "$..ssn", Why::Text),
        (r#"{"data":" [{\"\\u0073sn\":1}]"}"#, "drop", "$..ssn", Why::Text),
        (r#"{"data":"\"{\\\"ssn\\\":1}\""}"#, "drop", "$..ssn", Why::Text),
        (r#"{"data":"{\"SSN\":1}"}"#, "drop", "$..ssn", Why::Text),
        (r#"{"data":"{\"a\":1,\"a\":2}"}"#, "drop", "$..ssn", Why::Text),
        (r#"{"data":"{\"a\":1}\n{\"ssn\":2}"}"#, "drop", "$..ssn", Why::Text),
        (r#"{"data":"{'ssn':2}"}"#, "drop", "$..ssn", Why::Text),
        (r#"{"rows":[]}"#, "only", "id: $.employees[*]", Why::Missing),
        (r#"{"rows":[]}"#, "only", "id: $..employees", Why::Missing),
        (r#"{"employees":["e1 Ann 123"]}"#, "only", "id: $.employees[*]", Why::Shape),
    ] {
        assert_eq!(rewritten(text, &[(name, words)]), Err(why), "{name} {words} of {text}");
    }
}

#[test]
fn what_can_be_told_is_released() {
    for (text, name, words) in [
        (r#"{"ssns":"1","n":"[INFO] all fine","m":"\"quoted\" words","x":"{\"a\":[1]}"}"#, "drop", "$..ssn"),
        (r#"{"employee":null}"#, "drop", "$.employee.ssn"),
        (r#"{"employees":null}"#, "only", "id: $.employees[*]"),
        (r#"{"employees":[]}"#, "only", "id: $.employees[*]"),
    ] {
        assert_eq!(rewritten(text, &[(name, words)]).unwrap(), json(text).to_string(), "{words} of {text}");
    }
}

#[test]
fn several_obligations_are_met_in_the_order_that_says_least() {
    let masks = [("mask", "2: $.iban"), ("mask", "4: $.iban")];
    assert_eq!(rewritten(r#"{"iban":"DE1234"}"#, &masks).unwrap(), r#"{"iban":"****34"}"#);
    for all in [[("hash", "$.ssn"), ("redact", "$.ssn")], [("redact", "$.ssn"), ("hash", "$.ssn")]] {
        assert_eq!(rewritten(r#"{"ssn":"1"}"#, &all).unwrap(), r#"{"ssn":"[redacted]"}"#);
    }
    let dropped = [("hash", "$..ssn"), ("only", "ssn, id: $"), ("drop", "$.ssn")];
    assert_eq!(rewritten(r#"{"ssn":"1","id":1,"a":{"ssn":2}}"#, &dropped).unwrap(), r#"{"id":1}"#);
}

#[test]
fn a_mask_says_no_length_and_never_the_whole() {
    for (value, keep, masked) in [
        ("\"12345678\"", 4, "****5678"),
        ("\"123456789012345678\"", 4, "****5678"),
        ("\"1234\"", 4, "****"),
        ("\"12\"", 4, "****"),
        ("\"\"", 4, "****"),
        ("12345678", 4, "****5678"),
        ("\"gräße\"", 2, "****ße"),
        ("{\"a\":1}", 2, "****"),
        ("null", 2, "****"),
        ("\"12345678\"", 0, "****"),
    ] {
        let out = rewritten(&format!("[{value}]"), &[("mask", &format!("{keep}: $[*]"))]).unwrap();
        assert_eq!(out, format!("[\"{masked}\"]"), "{value}");
    }
}

#[test]
fn equal_values_have_equal_hashes_and_only_for_the_same_person_at_the_same_server() {
    let of = |text: &str, key: &HashKey| {
        let mut value = json(text);
        rewrite(&mut value, &words(&[("hash", "$[*]")]), key).unwrap();
        value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = of(r#"["a",1,1.0,{"x":1,"y":2},{"y":2,"x":1},"1",null]"#, &key());
    assert_eq!((&all[1], &all[3]), (&all[2], &all[4]));
    assert!(all[0] != all[1] && all[1] != all[5] && all[5] != all[6]);
    for other in [&["hr", "usr_bob"][..], &["crm", "usr_alice"], &["hrusr", "_alice"], &["hrusr_alice"]] {
        assert_ne!(of(r#"["a"]"#, &HashKey::new(&[7; 32], other)), of(r#"["a"]"#, &key()));
    }
    let faked = format!("hash:{}", "0".repeat(48));
    assert_ne!(of(&format!("[\"{faked}\"]"), &key())[0], faked, "nobody passes off a text as a hash");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..5).prop_map(Value::from),
        prop::sample::select(vec!["x", "****", "long text", "[redacted]"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let names = prop::sample::select(vec!["a", "b", "c"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names, inner), 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn any_rewrites() -> impl Strategy<Value = Vec<Rewrite>> {
    let at = prop::sample::select(vec!["$.a", "$..b", "$[*]", "$[0]", "$.a.b", "$..a[*]", "$"]);
    let how = prop_oneof![
        Just("drop: ".to_owned()),
        Just("redact: ".to_owned()),
        Just("hash: ".to_owned()),
        (0_u8..6).prop_map(|n| format!("mask: {n}: ")),
        Just("only: a, b: ".to_owned()),
    ];
    prop::collection::vec((how, at), 1..4).prop_map(|all| {
        let one = |(how, at): (String, &str)| {
            let (name, rest) = how.split_once(": ").unwrap();
            words(&[(name, &format!("{rest}{at}"))]).remove(0)
        };
        all.into_iter().map(one).collect()
    })
}

/// Every member of that name, however deep.
fn under<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(o) => {
            found.extend(o.get(name));
            o.iter().for_each(|(_, v)| under(v, name, found));
        }
        Value::Array(list) => list.iter().for_each(|v| under(v, name, found)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn doing_it_again_changes_nothing(value in any_json(), all in any_rewrites()) {
        let mut once = value;
        if rewrite(&mut once, &all, &key()).is_ok() {
            let mut twice = once.clone();
            if rewrite(&mut twice, &all, &key()).is_ok() {
                prop_assert_eq!(once, twice);
            }
        }
    }

    #[test]
    fn nothing_that_was_to_go_is_left(value in any_json(), redacts in any::<bool>()) {
        let mut value = value;
        let how = if redacts { "redact" } else { "drop" };
        prop_assert!(rewrite(&mut value, &words(&[(how, "$..b")]), &key()).is_ok());
        let mut found = Vec::new();
        under(&value, "b", &mut found);
        prop_assert!(found.iter().all(|v| redacts && v.as_str() == Some(REDACTED)));
    }
}
