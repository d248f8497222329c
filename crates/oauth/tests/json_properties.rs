//! What holds for every JSON text.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use prokura_oauth::json::{JsonError, Limits, Number, Object, Problem, Value, case_variant, obj, parse};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Value, JsonError> {
    parse(bytes, &Limits::MESSAGE)
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
            .prop_map(|text| Number::parse(&text).unwrap()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{0,2}", "\\PC{0,6}", any::<String>()].prop_map(|s: String| s.replace('\0', ""))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..24).prop_map(|m| Object::from_iter(m).into()),
        ]
    })
}

/// The same value with the members of every object in reverse.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(o) => {
            let mut members: Vec<_> = o.iter().map(|(k, v)| (k, reversed(v))).collect();
            members.reverse();
            Value::Object(members.into_iter().collect())
        }
        other => other.clone(),
    }
}

/// A text whose strings are escaped at random and that has white space: the same value in another dress.
fn dressed(value: &Value, dice: &mut impl FnMut() -> u8) -> String {
    match value {
        Value::String(s) => quoted(s, dice),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|v| dressed(v, dice)).collect();
            format!("[ {}\n]", items.join("\t,"))
        }
        Value::Object(o) => {
            let member = |(k, v): (&str, &Value)| format!("{} :\r\n{}", quoted(k, dice), dressed(v, dice));
            let members: Vec<_> = o.iter().map(member).collect();
            format!("{{{} }}", members.join(" , "))
        }
        other => other.to_string(),
    }
}

fn quoted(s: &str, dice: &mut impl FnMut() -> u8) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        if c < ' ' || c == '"' || c == '\\' || dice() < 85 {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04X}"));
            }
        } else {
            out.push(c);
        }
    }
    out + "\""
}

/// Writes `value` with the first member of the object at `target` (counting objects) written twice, the second
/// time with its name escaped; `None` if there is no such object.
fn with_duplicate(value: &Value, target: &mut usize) -> Option<String> {
    match value {
        Value::Array(items) => {
            let at = items.iter().enumerate().find_map(|(i, v)| Some((i, with_duplicate(v, target)?)))?;
            let text = |(i, v): (usize, &Value)| if i == at.0 { at.1.clone() } else { v.to_string() };
            Some(format!("[{}]", items.iter().enumerate().map(text).collect::<Vec<_>>().join(",")))
        }
        Value::Object(o) if !o.is_empty() && *target == 0 => {
            let text = value.to_string();
            let (first, v) = o.iter().next()?;
            let again = quoted(first, &mut || 0);
            Some(format!("{},{again}:{v}}}", &text[..text.len() - 1]))
        }
        Value::Object(o) => {
            *target = target.saturating_sub(usize::from(!o.is_empty()));
            let at = o.iter().find_map(|(k, v)| Some((k, with_duplicate(v, target)?)))?;
            let text = |(k, v): (&str, &Value)| {
                let v = if k == at.0 { at.1.clone() } else { v.to_string() };
                format!("{}:{v}", Value::from(k))
            };
            Some(format!("{{{}}}", o.iter().map(text).collect::<Vec<_>>().join(",")))
        }
        _ => None,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in value()) {
        prop_assert_eq!(read(&value.to_vec()).unwrap().to_vec(), value.to_vec());
        prop_assert_eq!(&read(&value.to_vec()).unwrap(), &value);
    }

    #[test]
    fn the_dress_does_not_matter(value in value(), seed in prop::collection::vec(any::<u8>(), 1..64)) {
        let mut at = 0;
        let mut dice = || { at += 1; seed[at % seed.len()] };
        let read = read(dressed(&value, &mut dice).as_bytes()).unwrap();
        prop_assert_eq!(read.to_vec(), value.to_vec());
    }

    #[test]
    fn a_duplicate_member_is_refused_wherever_it_is(value in value(), mut target in 0_usize..6) {
        if let Some(text) = with_duplicate(&value, &mut target) {
            prop_assert_eq!(read(text.as_bytes()).unwrap_err().problem(), Problem::DuplicateMember, "{}", text);
        }
    }

    #[test]
    fn the_canonical_form_is_one(value in value()) {
        let canonical = value.to_jcs();
        prop_assert_eq!(&read(&canonical).unwrap().to_jcs(), &canonical);
        prop_assert_eq!(&reversed(&value).to_jcs(), &canonical);
        prop_assert_eq!(&reversed(&value), &value);
    }

    #[test]
    fn canonical_members_are_in_utf_16_order(names in prop::collection::vec(any::<String>(), 0..20)) {
        let o: Object = names.into_iter().map(|n| (n.replace('\0', ""), Value::Null)).collect();
        let sorted = read(&o.to_jcs()).unwrap().into_object().unwrap();
        let units: Vec<Vec<u16>> = sorted.keys().map(|k| k.encode_utf16().collect()).collect();
        prop_assert!(units.is_sorted());
    }

    #[test]
    fn a_double_is_written_canonically_as_its_shortest_text(f in any::<f64>()) {
        prop_assume!(f.is_finite());
        let value = Value::from(Number::parse(&format!("{f:e}")).unwrap());
        let canonical = String::from_utf8(value.to_jcs()).unwrap();
        prop_assert_eq!(canonical.parse::<f64>().unwrap(), f);
        prop_assert!(canonical.len() <= 25);
        // However its shortest digits are written, the canonical text is the same.
        let plain = Value::from(Number::parse(&format!("{f}")).unwrap());
        prop_assert_eq!(String::from_utf8(plain.to_jcs()).unwrap(), canonical);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&bytes));
    }

    #[test]
    fn nothing_near_json_makes_it_panic(text in "[\\[\\]{}\",:\\\\0-9eEu.+\\-tfn dD8cC\u{e9}]{0,60}") {
        if let Ok(value) = read(text.as_bytes()) {
            prop_assert_eq!(&read(&value.to_vec()).unwrap(), &value);
        }
    }

    #[test]
    fn what_it_reads_another_reader_reads_alike(value in value(), seed in prop::collection::vec(any::<u8>(), 1..64)) {
        let mut at = 0;
        let text = dressed(&value, &mut || { at += 1; seed[at % seed.len()] });
        let theirs = translated(&serde_json::from_str(&text).unwrap());
        prop_assert_eq!(theirs.to_jcs(), read(text.as_bytes()).unwrap().to_jcs());
    }

    #[test]
    fn another_case_of_a_member_is_a_variant(upper in any::<[bool; 6]>()) {
        let odd: String =
            "params".chars().zip(upper).map(|(c, up)| if up { c.to_ascii_uppercase() } else { c }).collect();
        let o = obj([(odd.as_str(), Value::Null)]);
        prop_assert_eq!(case_variant(&o, &["params"]).is_some(), odd != "params");
    }
}

/// The same value as another reader understood it.
fn translated(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::from(*b),
        serde_json::Value::Number(n) => Value::from(Number::parse(&n.to_string()).unwrap()),
        serde_json::Value::String(s) => Value::from(s),
        serde_json::Value::Array(items) => items.iter().map(translated).collect(),
        serde_json::Value::Object(o) => {
            Value::Object(o.iter().map(|(k, v)| (k.as_str(), translated(v))).collect())
        }
    }
}
