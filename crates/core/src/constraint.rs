//! Constraints: conditions on the arguments of an action.
//!
//! A constraint is small and total: it looks at one place, applies one test, and ends whatever it finds. What a grant
//! allows is the conjunction of all constraints along its chain, so this one evaluator serves every protocol, and
//! nothing has to prove that one constraint implies another.

use crate::{Decimal, Path, Step};
use std::borrow::Cow;
use std::fmt;

/// A value of the arguments, as the evaluator sees it.
#[derive(Debug)]
pub enum View<'a> {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, by its exact text.
    Number(Cow<'a, str>),
    /// A string.
    Text(&'a str),
    /// A list of so many elements.
    List(usize),
    /// An object.
    Object,
}

/// What an object has under a name.
pub enum Member<'a> {
    /// Nothing.
    Absent,
    /// This.
    Value(&'a dyn Node),
    /// Something under a name that another reader might take for it (another case, unseen characters), so that what
    /// the constraint sees and what the tool sees could differ.
    Unclear,
}

/// A value that constraints can be evaluated on.
pub trait Node {
    /// What sort of value it is.
    fn view(&self) -> View<'_>;
    /// The member of that name, if it is an object.
    fn member(&self, name: &str) -> Member<'_>;
    /// The element at that place, if it is a list that has one.
    fn item(&self, index: usize) -> Option<&dyn Node>;
}

/// A value written into a constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Decimal),
    /// A string, compared byte for byte.
    Text(String),
}

/// A text with `*` for any characters, none among them. Nothing else is special. Matching takes time in proportion to
/// the text, whatever the pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// What is asked of the value at the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is this value.
    Equals(Literal),
    /// It is one of these values.
    OneOf(Vec<Literal>),
    /// It is a number below this one.
    Below(Decimal),
    /// It is a number of at most this.
    AtMost(Decimal),
    /// It is a number above this one.
    Above(Decimal),
    /// It is a number of at least this.
    AtLeast(Decimal),
    /// It is a text of this shape.
    Like(Pattern),
    /// It is there, and not `null`.
    Present,
    /// It is not there at all.
    Absent,
    /// It is a text of at most so many characters, or a list of at most so many elements.
    LengthAtMost(u32),
    /// It is a text of at least so many characters, or a list of at least so many elements.
    LengthAtLeast(u32),
    /// It is a list, and each element is one of these values.
    SubsetOf(Vec<Literal>),
}

/// A condition on one place in the arguments. Whatever is missing, of another type or unclear does not meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Where.
    pub path: Path,
    /// What.
    pub test: Test,
}

/// A list with more elements is within no other: what is looked at stays small.
const MAX_ITEMS: usize = 1000;

impl Pattern {
    /// The longest pattern, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Takes a pattern; `None` if it is empty or over [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= Self::MAX_BYTES).then(|| Self(text.to_owned()))
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is of this shape. Each piece between two stars is taken where it first stands, so nothing is
    /// tried twice.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for piece in middle.split('*').filter(|p| !p.is_empty()) {
            let Some((_, after)) = text.split_once(piece) else { return false };
            text = after;
        }
        text.ends_with(last)
    }
}

impl Literal {
    fn is(&self, node: &dyn Node) -> bool {
        match (self, node.view()) {
            (Self::Bool(a), View::Bool(b)) => *a == b,
            (Self::Text(a), View::Text(b)) => a == b,
            (Self::Number(a), View::Number(b)) => Decimal::parse(&b).is_some_and(|b| *a == b),
            _ => false,
        }
    }
}

impl Test {
    fn holds(&self, node: &dyn Node) -> bool {
        match self {
            Self::Equals(literal) => literal.is(node),
            Self::OneOf(literals) => literals.iter().any(|l| l.is(node)),
            Self::Below(most) => number(node).is_some_and(|n| n < *most),
            Self::AtMost(most) => number(node).is_some_and(|n| n <= *most),
            Self::Above(least) => number(node).is_some_and(|n| n > *least),
            Self::AtLeast(least) => number(node).is_some_and(|n| n >= *least),
            Self::Like(pattern) => matches!(node.view(), View::Text(text) if pattern.matches(text)),
            Self::Present => !matches!(node.view(), View::Null),
            Self::Absent => false,
            Self::LengthAtMost(most) => length(node).is_some_and(|n| n <= usize_of(*most)),
            Self::LengthAtLeast(least) => length(node).is_some_and(|n| n >= usize_of(*least)),
            Self::SubsetOf(literals) => is_subset(node, literals),
        }
    }
}

fn usize_of(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn number(node: &dyn Node) -> Option<Decimal> {
    match node.view() {
        View::Number(text) => Decimal::parse(&text),
        _ => None,
    }
}

fn length(node: &dyn Node) -> Option<usize> {
    match node.view() {
        View::Text(text) => Some(text.chars().count()),
        View::List(n) => Some(n),
        _ => None,
    }
}

fn is_subset(node: &dyn Node, literals: &[Literal]) -> bool {
    let View::List(n) = node.view() else { return false };
    let fits = |i| node.item(i).is_some_and(|item| literals.iter().any(|l| l.is(item)));
    n <= MAX_ITEMS && (0..n).all(fits)
}

impl Constraint {
    /// Whether `arguments` meet it. Arguments that are no object meet none.
    pub fn holds(&self, arguments: &dyn Node) -> bool {
        if !matches!(arguments.view(), View::Object) {
            return false;
        }
        match find(arguments, self.path.steps()) {
            Member::Value(node) => self.test.holds(node),
            Member::Absent => self.test == Test::Absent,
            Member::Unclear => false,
        }
    }
}

/// What a path leads to.
pub(crate) fn find<'a>(mut node: &'a dyn Node, steps: &[Step]) -> Member<'a> {
    for step in steps {
        let found = match step {
            Step::Member(name) => node.member(name),
            Step::Item(index) => node.item(*index).map_or(Member::Absent, Member::Value),
        };
        match found {
            Member::Value(inner) => node = inner,
            other => return other,
        }
    }
    Member::Value(node)
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(b) => write!(f, "{b}"),
            Self::Number(n) => write!(f, "{n}"),
            Self::Text(text) => write!(f, "\"{text}\""),
        }
    }
}

impl fmt::Display for Constraint {
    /// As a condition: `days is at most 30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string();
        f.write_str(path.strip_prefix('.').unwrap_or(&path))?;
        match &self.test {
            Test::Equals(literal) => write!(f, " is {literal}"),
            Test::OneOf(literals) => write!(f, " is one of {}", Listed(literals)),
            Test::Below(n) => write!(f, " is below {n}"),
            Test::AtMost(n) => write!(f, " is at most {n}"),
            Test::Above(n) => write!(f, " is above {n}"),
            Test::AtLeast(n) => write!(f, " is at least {n}"),
            Test::Like(pattern) => write!(f, " is like \"{}\"", pattern.as_str()),
            Test::Present => f.write_str(" is given"),
            Test::Absent => f.write_str(" is not given"),
            Test::LengthAtMost(n) => write!(f, " has a length of at most {n}"),
            Test::LengthAtLeast(n) => write!(f, " has a length of at least {n}"),
            Test::SubsetOf(literals) => write!(f, " holds only {}", Listed(literals)),
        }
    }
}

struct Listed<'a>(&'a [Literal]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(i, literal)| {
            f.write_str(if i == 0 { "" } else { ", " })?;
            write!(f, "{literal}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug)]
    enum Tree {
        Null,
        Bool(bool),
        Number(&'static str),
        Text(String),
        List(Vec<Tree>),
        Object(Vec<(&'static str, Tree)>),
    }

    impl Node for Tree {
        fn view(&self) -> View<'_> {
            match self {
                Self::Null => View::Null,
                Self::Bool(b) => View::Bool(*b),
                Self::Number(n) => View::Number(Cow::Borrowed(n)),
                Self::Text(text) => View::Text(text),
                Self::List(items) => View::List(items.len()),
                Self::Object(_) => View::Object,
            }
        }

        fn member(&self, name: &str) -> Member<'_> {
            let Self::Object(members) = self else { return Member::Absent };
            if members.iter().any(|(k, _)| *k != name && k.eq_ignore_ascii_case(name)) {
                return Member::Unclear;
            }
            members.iter().find(|(k, _)| *k == name).map_or(Member::Absent, |(_, v)| Member::Value(v))
        }

        fn item(&self, index: usize) -> Option<&dyn Node> {
            match self {
                Self::List(items) => items.get(index).map(|i| i as &dyn Node),
                _ => None,
            }
        }
    }

    fn text(t: &str) -> Tree {
        Tree::Text(t.into())
    }

    fn one(name: &'static str, value: Tree) -> Tree {
        Tree::Object(vec![(name, value)])
    }

    fn is(test: Test) -> Constraint {
        Constraint { path: Path::parse(".x").unwrap(), test }
    }

    fn n(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn words(words: &[&str]) -> Vec<Literal> {
        words.iter().map(|w| Literal::Text((*w).into())).collect()
    }

    #[test]
    fn a_number_is_compared_exactly_and_only_with_numbers() {
        let at_most = is(Test::AtMost(n("30")));
        for (value, holds) in
            [("30", true), ("30.0", true), ("3e1", true), ("-1", true), ("30.0000000000000000001", false)]
        {
            assert_eq!(at_most.holds(&one("x", Tree::Number(value))), holds, "{value}");
        }
        for other in [text("30"), Tree::Null, Tree::Bool(true), Tree::List(vec![Tree::Number("3")])] {
            assert!(!at_most.holds(&one("x", other)));
        }
        assert!(!is(Test::Below(n("30"))).holds(&one("x", Tree::Number("30"))));
        assert!(is(Test::AtLeast(n("30"))).holds(&one("x", Tree::Number("30"))));
        assert!(!is(Test::Above(n("30"))).holds(&one("x", Tree::Number("30.0"))));
    }

    #[test]
    fn what_is_missing_or_unclear_meets_nothing_but_absence() {
        let tests = [
            Test::Equals(Literal::Bool(false)),
            Test::OneOf(words(&["a"])),
            Test::AtMost(n("1")),
            Test::Like(Pattern::new("*").unwrap()),
            Test::Present,
            Test::LengthAtMost(9),
            Test::SubsetOf(words(&["a"])),
        ];
        for test in tests {
            assert!(!is(test.clone()).holds(&Tree::Object(vec![])), "{test:?}");
            assert!(!is(test.clone()).holds(&one("X", text("a"))), "{test:?}");
        }
        assert!(is(Test::Absent).holds(&Tree::Object(vec![])));
        assert!(!is(Test::Absent).holds(&one("X", text("a"))), "another reader would see it");
        assert!(!is(Test::Absent).holds(&one("x", Tree::Null)));
        assert!(!is(Test::Present).holds(&one("x", Tree::Null)));
        assert!(!is(Test::Absent).holds(&Tree::List(vec![])), "arguments that are no object");
        let twice = Tree::Object(vec![("x", Tree::Number("1")), ("X", Tree::Number("99"))]);
        assert!(!is(Test::AtMost(n("30"))).holds(&twice));
    }

    #[test]
    fn lists_and_lengths() {
        let list = |items: &[&str]| one("x", Tree::List(items.iter().map(|i| text(i)).collect()));
        let subset = is(Test::SubsetOf(words(&["name", "team"])));
        assert!(subset.holds(&list(&["team", "name", "name"])));
        assert!(subset.holds(&list(&[])));
        assert!(!subset.holds(&list(&["name", "salary"])));
        assert!(!subset.holds(&one("x", text("name"))));
        assert!(!subset.holds(&list(&["name"; MAX_ITEMS + 1])));
        assert!(is(Test::LengthAtMost(1)).holds(&one("x", text("é"))));
        assert!(!is(Test::LengthAtMost(1)).holds(&list(&["a", "b"])));
        assert!(is(Test::LengthAtLeast(2)).holds(&list(&["a", "b"])));
        assert!(!is(Test::LengthAtMost(1)).holds(&one("x", Tree::Number("1"))));
    }

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let tree = one("a", Tree::List(vec![one("b", text("v"))]));
        let at = |path: &str| Constraint {
            path: Path::parse(path).unwrap(),
            test: Test::Equals(Literal::Text("v".into())),
        };
        assert!(at(".a[0].b").holds(&tree));
        for other in [".a.b", ".a[1].b", ".a[0].b.c", ".b"] {
            assert!(!at(other).holds(&tree), "{other}");
        }
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text, matches) in [
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*.example.com", "x.example.com", true),
            ("*.example.com", "x.example.com.evil", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a?", "ab", false),
            ("**a**", "bab", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_constraint_reads_as_a_condition() {
        assert_eq!(is(Test::AtMost(n("30"))).to_string(), "x is at most 30");
        assert_eq!(is(Test::OneOf(words(&["a", "b"]))).to_string(), "x is one of \"a\", \"b\"");
    }

    /// The definition: a star is any text, tried in every way.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|i| naive(rest, &text[i..])),
            Some((c, rest)) => text.split_first().is_some_and(|(t, after)| t == c && naive(rest, after)),
        }
    }

    proptest! {
        #[test]
        fn e36_a_pattern_matches_what_its_definition_says(pattern in "[ab*]{1,8}", text in "[ab]{0,8}") {
            let expected = naive(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(Pattern::new(&pattern).unwrap().matches(&text), expected);
        }
    }
}
