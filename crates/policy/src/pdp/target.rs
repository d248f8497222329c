//! Targets: the arguments that say at whom or what a call is aimed, and whether the user named them.
//!
//! A value is the same as another if its canonical form is (RFC 8785): `1e2` is `100`, and a text is the same byte for byte.
//! A part of a text, two texts joined, the same word in other characters or as another type are other values: whoever wants
//! to use one must have it agreed to.

use super::{Unclear, find};
use prokura_core::{Constraint, Details, Part, Path, Selector, Test};
use prokura_oauth::json::Value;

/// The longest text that is looked at as one value, in bytes.
const LONGEST: usize = 4096;

/// Every single value at which a call with these arguments is aimed by what `at` names. The names of members count as
/// values: they can be written to as well.
///
/// # Errors
/// [`Unclear`], if it cannot be told what it is aimed at.
pub fn aims(arguments: &Value, at: &Selector) -> Result<Vec<Value>, Unclear> {
    let mut aims = Vec::new();
    for found in find(arguments, at)? {
        collect(&found, true, usize::MAX, &mut aims);
    }
    Ok(aims)
}

/// The single values in a result or in arguments, at most `most` of them: what somebody may have named. Names of members,
/// empty and very long texts name nothing.
pub fn leaves(value: &Value, most: usize) -> Vec<Value> {
    let mut leaves = Vec::new();
    collect(value, false, most, &mut leaves);
    leaves.retain(|leaf| leaf.as_str().is_none_or(|text| (1..=LONGEST).contains(&text.len())));
    leaves
}

fn collect(value: &Value, names: bool, most: usize, out: &mut Vec<Value>) {
    if out.len() >= most {
        return;
    }
    match value {
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push(value.clone()),
        Value::Array(list) => list.iter().for_each(|inner| collect(inner, names, most, out)),
        Value::Object(object) => {
            for (name, inner) in object {
                if names {
                    out.push(name.into());
                }
                collect(inner, names, most, out);
            }
        }
    }
}

/// Whether `details`, which the user agreed to, bound what `at` names: one of them allows this call of `tool`, and says by
/// value, shape or size what may stand there.
pub fn bounded(details: &Details, tool: &str, arguments: &Value, at: &Selector) -> bool {
    let allows = |c: &[Constraint]| c.iter().all(|constraint| constraint.holds(arguments));
    details
        .iter()
        .filter(|detail| detail.tools().any(|t| t == tool) && allows(detail.constraints()))
        .any(|detail| detail.constraints().iter().any(|constraint| names(constraint, at)))
}

/// Whether a constraint says of every value that `at` names which it may be.
fn names(constraint: &Constraint, at: &Selector) -> bool {
    let each = matches!(constraint.test, Test::SubsetOf(_));
    let whole = match &constraint.test {
        Test::Equals(_) | Test::OneOf(_) | Test::Like(_) | Test::AtMost(_) | Test::Below(_) => true,
        Test::SubsetOf(_) => true,
        Test::Above(_)
        | Test::AtLeast(_)
        | Test::Present
        | Test::Absent
        | Test::LengthAtMost(_)
        | Test::LengthAtLeast(_) => false,
    };
    let text = at.to_string();
    let path = |text: &str| text.strip_prefix('$').and_then(|text| Path::parse(text).ok());
    let within = || {
        at.parts().last() == Some(&Part::Each)
            && path(text.trim_end_matches("[*]")).as_ref() == Some(&constraint.path)
    };
    whole && path(&text).as_ref() == Some(&constraint.path) || each && within()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::{Decimal, Detail, Literal, Pattern};
    use prokura_oauth::json::{Limits, parse};

    fn json(text: &str) -> Value {
        parse(text.as_bytes(), &Limits::MESSAGE).unwrap()
    }

    fn at(text: &str) -> Selector {
        Selector::parse(text).unwrap()
    }

    #[test]
    fn every_value_at_which_a_call_is_aimed_counts_however_it_is_wrapped() {
        for (arguments, selector, expected) in [
            (r#"{"to":"a"}"#, "$.to", r#"["a"]"#),
            (r#"{"to":["a",["b"],null]}"#, "$.to", r#"["a","b"]"#),
            (r#"{"to":{"a@x":true}}"#, "$.to", r#"["a@x",true]"#),
            (r#"{"to":"a,b"}"#, "$.to", r#"["a,b"]"#),
            (r#"{"lines":[{"iban":"1","n":2},{"iban":"3"}]}"#, "$.lines[*].iban", r#"["1","3"]"#),
            (r#"{}"#, "$.to", "[]"),
            (r#"{"to":""}"#, "$.to", r#"[""]"#),
        ] {
            assert_eq!(Value::Array(aims(&json(arguments), &at(selector)).unwrap()).to_string(), expected);
        }
        for odd in [r#"{"To":"a"}"#, r#"{"to":"a","t\u200bo":"b"}"#] {
            assert!(aims(&json(odd), &at("$.to")).is_err(), "{odd}");
        }
        assert!(aims(&json(r#"{"lines":"[{\"iban\":1}]"}"#), &at("$.lines[*].iban")).is_err());
    }

    #[test]
    fn what_a_result_names_is_whole_values() {
        let result = json(r#"{"contacts":[{"mail":"a@x","n":1.0,"note":"write to b@x"}],"e":"","z":null}"#);
        assert_eq!(Value::Array(leaves(&result, 99)).to_string(), r#"["a@x",1.0,"write to b@x"]"#);
        assert_eq!(leaves(&result, 1).len(), 1);
        assert!(leaves(&Value::from("x".repeat(LONGEST + 1)), 9).is_empty());
    }

    #[test]
    fn what_the_user_bounded_the_user_named() {
        let text = |t: &str| Literal::Text(t.to_owned());
        let constraint = |path: &str, test| Constraint { path: Path::parse(path).unwrap(), test };
        let detail = |tool: &str, c: Vec<Constraint>| Detail::new([tool.to_owned()], c).unwrap();
        let details = Details::new([
            detail("pay", vec![constraint(".to", Test::OneOf(vec![text("a"), text("b")]))]),
            detail("pay", vec![constraint(".amount", Test::AtMost(Decimal::parse("100").unwrap()))]),
            detail(
                "send",
                vec![constraint(".to", Test::SubsetOf(vec![text("a")])), constraint(".via", Test::Present)],
            ),
            detail("read", vec![constraint(".path", Test::Like(Pattern::new("/reports/*").unwrap()))]),
        ])
        .unwrap();
        for (tool, arguments, selector, expected) in [
            ("pay", r#"{"to":"a"}"#, "$.to", true),
            ("pay", r#"{"to":"c"}"#, "$.to", false),
            ("pay", r#"{"to":"c","amount":1e2}"#, "$.amount", true),
            ("pay", r#"{"to":"c","amount":101}"#, "$.amount", false),
            ("pay", r#"{"to":"c","amount":1}"#, "$.to", false),
            ("send", r#"{"to":["a"],"via":"x"}"#, "$.to", true),
            ("send", r#"{"to":["a"],"via":"x"}"#, "$.to[*]", true),
            ("send", r#"{"to":["a"],"via":"x"}"#, "$.via", false),
            ("send", r#"{"to":["a","b"],"via":"x"}"#, "$.to", false),
            ("read", r#"{"path":"/reports/q3"}"#, "$.path", true),
            ("read", r#"{"path":"/etc/passwd"}"#, "$.path", false),
            ("other", r#"{"to":"a"}"#, "$.to", false),
        ] {
            assert_eq!(
                bounded(&details, tool, &json(arguments), &at(selector)),
                expected,
                "{tool} {arguments} {selector}"
            );
        }
    }
}
