//! Authorization details as sentences.

use crate::{Catalogue, Shown};
use prokura_core::{Budget, Constraint, Detail, Literal, Test};
use std::collections::BTreeSet;
use std::fmt::Display;

/// `Use generate_summary, only where days is at most 30`. Nothing is cut off, since what is cut off could be what
/// matters.
pub fn detail_sentence(detail: &Detail, text: &Catalogue) -> Shown {
    let tools = tools(detail, text);
    if detail.constraints().is_empty() {
        return Shown::whole(&text.detail_use.with("tools", tools).to_string());
    }
    let conditions = listed(detail.constraints().iter().map(|c| condition(c, text)), text);
    Shown::whole(&text.detail_where.with("tools", tools).with("conditions", conditions).to_string())
}

/// The same where the constraints at some places stand below it, one by one: `Use pay, only where currency is “EUR” and`.
pub fn detail_beginning(detail: &Detail, below: &BTreeSet<usize>, text: &Catalogue) -> Shown {
    let tools = tools(detail, text);
    let here = detail.constraints().iter().enumerate().filter(|(at, _)| !below.contains(at));
    let conditions = listed(here.map(|(_, c)| condition(c, text)), text);
    let said = match conditions.is_empty() {
        true => text.detail_only.with("tools", tools),
        false => text.detail_only_where.with("tools", tools).with("conditions", conditions),
    };
    Shown::whole(&said.to_string())
}

fn tools(detail: &Detail, text: &Catalogue) -> String {
    listed(detail.tools().map(Shown::exact), text)
}

/// What a person can change of a constraint, as it is asked for: `to may be`, `amount at most`; none of one that holds or not.
pub fn argument_label(constraint: &Constraint, text: &Catalogue) -> Option<Shown> {
    let said = match &constraint.test {
        Test::OneOf(_) => text.argument_one_of,
        Test::SubsetOf(_) => text.argument_subset,
        Test::Below(_) => text.argument_below,
        Test::AtMost(_) => text.argument_at_most,
        Test::Above(_) => text.argument_above,
        Test::AtLeast(_) => text.argument_at_least,
        Test::LengthAtMost(_) => text.argument_length,
        Test::Like(_) => text.argument_like,
        Test::Equals(_) | Test::Present | Test::Absent | Test::LengthAtLeast(_) => return None,
    };
    Some(Shown::whole(&said.with("path", path(constraint)).to_string()))
}

fn path(constraint: &Constraint) -> Shown {
    let path = constraint.path.to_string();
    Shown::exact(path.strip_prefix('.').unwrap_or(&path))
}

/// How much of it there is, a sentence for each bound.
pub fn budget_sentences(budget: &Budget, text: &Catalogue) -> Vec<Shown> {
    let calls = budget.calls().map(|most| text.bound_calls.with("most", most).to_string());
    let sums = budget.sums().iter().map(|sum| {
        let shown = sum.path.to_string();
        let path = shown.strip_prefix('.').unwrap_or(&shown);
        let tools = listed(sum.tools.iter(), text);
        text.bound_sum.with("tools", tools).with("path", path).with("most", sum.most).to_string()
    });
    calls.into_iter().chain(sums).map(|said| Shown::whole(&said)).collect()
}

fn condition(constraint: &Constraint, text: &Catalogue) -> String {
    let path = path(constraint);
    let one =
        |t: crate::text::Text, value: &dyn Display| t.with("path", &path).with("value", value).to_string();
    let all = |t: crate::text::Text, values: &[Literal]| {
        t.with("path", &path).with("values", listed(values.iter().map(literal), text)).to_string()
    };
    match &constraint.test {
        Test::Equals(value) => one(text.test_equals, &literal(value)),
        Test::OneOf(values) => match &values[..] {
            [only] => one(text.test_equals, &literal(only)),
            values => all(text.test_one_of, values),
        },
        Test::Below(n) => one(text.test_below, n),
        Test::AtMost(n) => one(text.test_at_most, n),
        Test::Above(n) => one(text.test_above, n),
        Test::AtLeast(n) => one(text.test_at_least, n),
        Test::Like(pattern) => one(text.test_like, &Shown::exact(pattern.as_str())),
        Test::Present => one(text.test_present, &""),
        Test::Absent => one(text.test_absent, &""),
        Test::LengthAtMost(n) => one(text.test_length_at_most, n),
        Test::LengthAtLeast(n) => one(text.test_length_at_least, n),
        Test::SubsetOf(values) => all(text.test_subset, values),
    }
}

/// A value exactly. A text stands between marks, so that it cannot be taken for a part of the sentence.
pub fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Bool(b) => b.to_string(),
        Literal::Number(n) => n.to_string(),
        Literal::Text(text) => format!("“{}”", Shown::exact(text)),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: impl Iterator<Item = impl Display>, text: &Catalogue) -> String {
    let mut all: Vec<String> = items.map(|i| i.to_string()).collect();
    let Some(last) = all.pop() else { return String::new() };
    if all.is_empty() { last } else { format!("{} {} {last}", all.join(", "), text.and) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ENGLISH;
    use prokura_core::{Decimal, Path};

    fn sentence(tools: &[&str], tests: Vec<(&str, Test)>) -> String {
        let constraint = |(path, test): (&str, Test)| Constraint { path: Path::parse(path).unwrap(), test };
        let tools = tools.iter().map(|t| (*t).to_owned());
        let detail = Detail::new(tools, tests.into_iter().map(constraint)).unwrap();
        detail_sentence(&detail, &ENGLISH).to_string()
    }

    #[test]
    fn a_detail_is_a_sentence_that_a_person_reads() {
        let days = || (".days", Test::AtMost(Decimal::from(30)));
        let texts = |all: &[&str]| all.iter().map(|t| Literal::Text((*t).into())).collect();
        assert_eq!(sentence(&["generate_summary"], vec![]), "Use generate_summary");
        assert_eq!(
            sentence(&["generate_summary"], vec![days()]),
            "Use generate_summary, only where days is at most 30"
        );
        assert_eq!(
            sentence(&["b", "a"], vec![days(), (".region", Test::OneOf(texts(&["eu", "us"])))]),
            "Use a and b, only where days is at most 30 and region is one of “eu” and “us”"
        );
    }

    #[test]
    fn what_stands_below_is_not_said_twice() {
        let paths = [(".to", Test::Present), (".amount", Test::AtMost(Decimal::from(9)))];
        let constraint = |(path, test)| Constraint { path: Path::parse(path).unwrap(), test };
        let detail = Detail::new(["pay".to_owned()], paths.map(constraint)).unwrap();
        let said = |below: &[usize]| detail_beginning(&detail, &below.iter().copied().collect(), &ENGLISH);
        assert_eq!(said(&[0, 1]).as_str(), "Use pay, only where");
        assert_eq!(said(&[1]).as_str(), "Use pay, only where to is given, and");
        let labels: Vec<_> = detail.constraints().iter().map(|c| argument_label(c, &ENGLISH)).collect();
        assert_eq!(labels, [None, Some(Shown::whole("amount is at most"))]);
    }

    #[test]
    fn nothing_is_cut_off_and_nothing_is_hidden() {
        let many: Vec<String> = (0..32).map(|i| format!("a_tool_with_a_rather_long_name_{i:02}")).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).collect();
        let said = sentence(&names, vec![(".x", Test::Equals(Literal::Text("\u{202e}evil\u{200b}".into())))]);
        assert!(
            said.ends_with("a_tool_with_a_rather_long_name_31, only where x is “\\u{202e}evil\\u{200b}”"),
            "{said}"
        );
    }
}
