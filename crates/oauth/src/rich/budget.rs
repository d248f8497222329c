//! Budgets on the wire: the member `budget` of a detail, which no standard has.
//!
//! ```json
//! {"type":"mcp_tool","actions":["pay"],"budget":{"calls":10,"sum":[{"argument":".amount","most":1000}]}}
//! ```
//!
//! `calls` bounds all calls under the authorization, whichever detail says it; a sum bounds what a number in the arguments
//! comes to in all calls of its `tools`, which are those of the detail if none are named.

use super::{LIMITS, RichError, read};
use crate::json::{self, Object, Value, obj};
use prokura_core::{Amount, Budget, Decimal, Details, Node, Path, ResourceUri, Sum, View};
use std::collections::BTreeSet;

/// The member.
const BUDGET: &str = "budget";

/// What a request asks for with its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounded {
    /// The details.
    pub details: Details,
    /// How much of it there is to be: all budgets of the details together.
    pub budget: Option<Budget>,
}

/// Reads the parameter `authorization_details` of a request that may make a grant with a budget. Where none can be made,
/// [`parse`](super::parse) refuses the member.
///
/// # Errors
/// [`RichError`]; all of them mean `invalid_authorization_details` (RFC 9396 §5).
pub fn parse_bounded(text: &str, resource: &ResourceUri) -> Result<Bounded, RichError> {
    let mut value = json::parse(text.as_bytes(), &LIMITS)?;
    let Value::Array(list) = &mut value else { return Err(RichError::List) };
    let (mut calls, mut sums) = (None::<u64>, Vec::new());
    for detail in list {
        let Value::Object(detail) = detail else { return Err(RichError::List) };
        let Some(budget) = detail.remove(BUDGET) else { continue };
        let part = part(&budget, &tools(detail.get("actions")))?;
        calls = calls.into_iter().chain(part.calls()).min();
        sums.extend(part.sums().iter().cloned());
    }
    let details = read(&value, resource)?;
    if calls.is_none() && sums.is_empty() {
        return Ok(Bounded { details, budget: None });
    }
    Ok(Bounded { details, budget: Some(Budget::new(calls, sums)?) })
}

/// Reads what [`budget_value`] wrote.
///
/// # Errors
/// [`RichError`].
pub fn read_budget(value: &Value) -> Result<Budget, RichError> {
    part(value, &BTreeSet::new())
}

/// A budget as it is written.
pub fn budget_value(budget: &Budget) -> Value {
    let mut o = Object::default();
    if let Some(calls) = budget.calls() {
        o.insert("calls", calls.into());
    }
    let sum = |sum: &Sum| {
        Value::Object(obj([
            ("tools", sum.tools.iter().map(String::as_str).collect()),
            ("argument", sum.path.to_string().into()),
            ("most", sum.most.to_string().into()),
        ]))
    };
    if !budget.sums().is_empty() {
        o.insert("sum", Value::Array(budget.sums().iter().map(sum).collect()));
    }
    Value::Object(o)
}

fn tools(names: Option<&Value>) -> BTreeSet<String> {
    let names = names.and_then(Value::as_array).unwrap_or_default();
    names.iter().filter_map(|n| n.as_str().map(str::to_owned)).collect()
}

/// The budget of one detail, of these tools; of any where none are named.
fn part(value: &Value, of: &BTreeSet<String>) -> Result<Budget, RichError> {
    let bad = || RichError::Budget("it has `calls`, or `sum`, or both");
    let o = value.as_object().ok_or_else(bad)?;
    if o.keys().any(|k| !matches!(k, "calls" | "sum")) {
        return Err(bad());
    }
    let calls = o.get("calls").map(|n| n.as_u64().filter(|n| *n > 0));
    let calls = calls.map(|n| n.ok_or(RichError::Budget("`calls` is a whole number above 0"))).transpose()?;
    let list = |v: &'_ Value| v.as_array().filter(|l| !l.is_empty()).map(<[Value]>::to_vec);
    let sums = o.get("sum").map_or(Some(Vec::new()), list);
    let sums = sums.ok_or(RichError::Budget("`sum` is a list of at least one"))?;
    let sums = sums.iter().map(|s| sum(s, of)).collect::<Result<Vec<_>, _>>()?;
    Ok(Budget::new(calls, sums)?)
}

fn sum(value: &Value, of: &BTreeSet<String>) -> Result<Sum, RichError> {
    let bad = || RichError::Budget("a sum has `argument`, `most` and, if not of all its tools, `tools`");
    let o = value.as_object().ok_or_else(bad)?;
    if o.keys().any(|k| !matches!(k, "tools" | "argument" | "most")) {
        return Err(bad());
    }
    let named = match o.get("tools") {
        None => of.clone(),
        Some(list) => {
            let names = list.as_array().ok_or_else(bad)?.iter().map(|n| n.as_str().map(str::to_owned));
            names.collect::<Option<_>>().ok_or_else(bad)?
        }
    };
    if !of.is_empty() && !named.is_subset(of) {
        return Err(RichError::Budget("the `tools` of a sum are among the `actions` of its detail"));
    }
    let path = Path::parse(o.str("argument").ok_or_else(bad)?)?;
    let most = o.get("most").and_then(amount);
    let most = most.ok_or(RichError::Budget(
        "`most` is a number of at most 1,000,000,000,000 with at most 6 digits after the point",
    ))?;
    Ok(Sum { tools: named, path, most })
}

/// A number, or its text: readers of JSON differ on numbers that are no doubles.
fn amount(value: &Value) -> Option<Amount> {
    let text = match value.view() {
        View::Number(text) => text.into_owned(),
        View::Text(text) => text.to_owned(),
        _ => return None,
    };
    Amount::of(&Decimal::parse(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(budget: &str) -> Result<Option<Budget>, RichError> {
        let text = format!(
            r#"[{{"type":"mcp_tool","actions":["pay","look"]}},{{"type":"mcp_tool","actions":["pay"],"constraints":[["present",".to"]],"budget":{budget}}}]"#
        );
        let resource = ResourceUri::parse("https://as.example/mcp/crm").unwrap();
        Ok(parse_bounded(&text, &resource)?.budget)
    }

    #[test]
    fn a_budget_comes_back_as_it_was_written() {
        let whole = r#"{"calls":10,"sum":[{"tools":["pay"],"argument":".amount","most":"12.5"}]}"#;
        let budget = bounded(whole).unwrap().unwrap();
        assert_eq!(budget_value(&budget).to_string(), whole);
        assert_eq!(read_budget(&budget_value(&budget)), Ok(budget));
        let short = bounded(r#"{"sum":[{"argument":".amount","most":1e3}]}"#).unwrap().unwrap();
        assert_eq!(short.sums()[0].tools, ["pay".to_owned()].into());
        assert_eq!(short.sums()[0].most.to_string(), "1000");
    }

    #[test]
    fn d01_budgets_of_several_details_hold_together() {
        let text = r#"[{"type":"mcp_tool","actions":["a"],"budget":{"calls":9}},
            {"type":"mcp_tool","actions":["b"],"budget":{"calls":5,"sum":[{"argument":".x","most":1}]}}]"#;
        let resource = ResourceUri::parse("https://as.example/mcp/crm").unwrap();
        let all = parse_bounded(text, &resource).unwrap();
        let budget = all.budget.unwrap();
        assert_eq!((budget.calls(), budget.sums().len(), all.details.iter().len()), (Some(5), 1, 2));
        assert!(matches!(super::super::parse(text, &resource), Err(RichError::Member(m)) if m == "budget"));
    }

    #[test]
    fn d01_a_budget_that_is_not_understood_is_refused() {
        for odd in [
            "{}",
            "[]",
            "10",
            r#"{"calls":0}"#,
            r#"{"calls":-1}"#,
            r#"{"calls":1.5}"#,
            r#"{"calls":"10"}"#,
            r#"{"calls":10,"per":"day"}"#,
            r#"{"sum":[]}"#,
            r#"{"sum":{"argument":".a","most":1}}"#,
            r#"{"sum":[{"argument":".a"}]}"#,
            r#"{"sum":[{"argument":"a b","most":1}]}"#,
            r#"{"sum":[{"argument":".a","most":-1}]}"#,
            r#"{"sum":[{"argument":".a","most":1e-7}]}"#,
            r#"{"sum":[{"argument":".a","most":1e13}]}"#,
            r#"{"sum":[{"argument":".a","most":null}]}"#,
            r#"{"sum":[{"tools":["look"],"argument":".a","most":1}]}"#,
            r#"{"sum":[{"tools":[],"argument":".a","most":1}]}"#,
            r#"{"sum":[{"argument":".a","most":1,"least":0}]}"#,
        ] {
            assert!(bounded(odd).is_err(), "{odd}");
        }
    }
}
