//! What a person leaves of the values in a constraint, and whether one constraint is within another.

use crate::{Constraint, Decimal, Detail, Literal, Pattern, Test};
use std::collections::{BTreeMap, BTreeSet};

/// What a person leaves of one constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Of its values those at these places, counted from 0. A value that stands there several times goes and stays by its
    /// first place.
    Values(BTreeSet<usize>),
    /// Another bound.
    Bound(Decimal),
    /// Another shape.
    Shape(Pattern),
}

impl Constraint {
    /// What is left of it; `None` if nothing is, if it would be more than there was, or if it has nothing of the sort.
    pub fn narrowed(&self, left: &Left) -> Option<Self> {
        let test = match (&self.test, left) {
            (Test::OneOf(values), Left::Values(places)) => Test::OneOf(only(values, places)?),
            (Test::SubsetOf(values), Left::Values(places)) => Test::SubsetOf(only(values, places)?),
            (Test::AtMost(_), Left::Bound(new)) => Test::AtMost(new.clone()),
            (Test::Below(_), Left::Bound(new)) => Test::Below(new.clone()),
            (Test::AtLeast(_), Left::Bound(new)) => Test::AtLeast(new.clone()),
            (Test::Above(_), Left::Bound(new)) => Test::Above(new.clone()),
            (Test::LengthAtMost(_), Left::Bound(new)) => Test::LengthAtMost(whole(new)?),
            (Test::Like(_), Left::Shape(new)) => Test::Like(new.clone()),
            _ => return None,
        };
        // Whatever was asked for above, nothing leaves here that was not allowed before.
        Some(Self { path: self.path.clone(), test }).filter(|new| new.implies(self))
    }

    /// Whether whatever meets this meets `other`. `false` says only that it does not show.
    pub fn implies(&self, other: &Self) -> bool {
        self.path == other.path && implies(&self.test, &other.test)
    }
}

/// Those at these places, each once; `None` if there is none, or a place is none of theirs.
fn only(values: &[Literal], places: &BTreeSet<usize>) -> Option<Vec<Literal>> {
    let first = |(at, value): &(usize, &Literal)| values.iter().position(|v| v == *value) == Some(*at);
    let all = values.iter().enumerate().filter(first).filter(|(at, _)| places.contains(at));
    let kept: Vec<_> = all.map(|(_, value)| value.clone()).collect();
    (!kept.is_empty() && places.iter().all(|at| *at < values.len())).then_some(kept)
}

fn whole(number: &Decimal) -> Option<u32> {
    number.scaled(0).and_then(|n| u32::try_from(n).ok())
}

fn implies(this: &Test, other: &Test) -> bool {
    use Test::{Above, Absent, AtLeast, AtMost, Below, Equals, LengthAtLeast, LengthAtMost, Like, OneOf};
    let number = |l: &Literal, fits: &dyn Fn(&Decimal) -> bool| matches!(l, Literal::Number(n) if fits(n));
    match (this, other) {
        (this, other) if this == other => true,
        (Absent, _) => false,
        (_, Test::Present) => true,
        (Equals(one), OneOf(all)) => all.contains(one),
        (OneOf(some), OneOf(all)) | (Test::SubsetOf(some), Test::SubsetOf(all)) => {
            some.iter().all(|one| all.contains(one))
        }
        (AtMost(n) | Below(n), AtMost(most)) | (Below(n), Below(most)) => n <= most,
        (AtMost(n), Below(most)) => n < most,
        (AtLeast(n) | Above(n), AtLeast(least)) | (Above(n), Above(least)) => n >= least,
        (AtLeast(n), Above(least)) => n > least,
        (Equals(l), AtMost(most)) => number(l, &|n| n <= most),
        (Equals(l), Below(most)) => number(l, &|n| n < most),
        (Equals(l), AtLeast(least)) => number(l, &|n| n >= least),
        (Equals(l), Above(least)) => number(l, &|n| n > least),
        (LengthAtMost(n), LengthAtMost(most)) => n <= most,
        (LengthAtLeast(n), LengthAtLeast(least)) => n >= least,
        (Equals(Literal::Text(text)), Like(pattern)) => pattern.matches(text),
        // A star of the one is matched by a star of the other, for nothing else matches it; so is whatever it stands for.
        (Like(one), Like(other)) => other.matches(one.as_str()),
        _ => false,
    }
}

impl Detail {
    /// What a person leaves of it: of the constraints at these places, so much, of the others all. `None` if that leaves
    /// nothing of one, or would be more than there was.
    pub fn narrowed(&self, left: &BTreeMap<usize, Left>) -> Option<Self> {
        if left.keys().any(|at| *at >= self.constraints().len()) {
            return None;
        }
        let narrow = |(at, constraint): (usize, &Constraint)| match left.get(&at) {
            Some(left) => constraint.narrowed(left),
            None => Some(constraint.clone()),
        };
        let constraints = self.constraints().iter().enumerate().map(narrow).collect::<Option<Vec<_>>>()?;
        Self::new(self.tools().map(str::to_owned), constraints).ok()
    }

    /// Whether it is plainly a part of `other`: it has no tool more, and for each constraint of the other one that is at
    /// least as hard.
    pub fn is_part_of(&self, other: &Self) -> bool {
        let theirs: BTreeSet<&str> = other.tools().collect();
        let kept = |theirs: &Constraint| self.constraints().iter().any(|mine| mine.implies(theirs));
        self.tools().all(|tool| theirs.contains(tool)) && other.constraints().iter().all(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Member, Node, Path, View};
    use proptest::prelude::*;
    use std::borrow::Cow;

    #[derive(Debug, Clone)]
    enum Tree {
        Null,
        Bool(bool),
        Number(i32),
        Text(String),
        List(Vec<Tree>),
        Given(Box<Tree>),
    }

    impl Node for Tree {
        fn view(&self) -> View<'_> {
            match self {
                Self::Null => View::Null,
                Self::Bool(b) => View::Bool(*b),
                Self::Number(n) => View::Number(Cow::Owned(n.to_string())),
                Self::Text(text) => View::Text(text),
                Self::List(items) => View::List(items.len()),
                Self::Given(_) => View::Object,
            }
        }

        fn member(&self, _: &str) -> Member<'_> {
            match self {
                Self::Given(value) => Member::Value(&**value),
                _ => Member::Absent,
            }
        }

        fn item(&self, index: usize) -> Option<&dyn Node> {
            match self {
                Self::List(items) => items.get(index).map(|i| i as &dyn Node),
                _ => None,
            }
        }
    }

    fn constraint(test: Test) -> Constraint {
        Constraint { path: Path::parse(".to").unwrap(), test }
    }

    fn texts(all: &[&str]) -> Vec<Literal> {
        all.iter().map(|t| Literal::Text((*t).to_owned())).collect()
    }

    fn n(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn shape(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    fn at(all: &[usize]) -> Left {
        Left::Values(all.iter().copied().collect())
    }

    #[test]
    fn values_only_go_and_bounds_only_tighten() {
        let bound = |text: &str| Left::Bound(n(text));
        for (test, left, expected) in [
            (Test::OneOf(texts(&["a", "b", "c"])), at(&[0, 2]), Some(Test::OneOf(texts(&["a", "c"])))),
            (Test::SubsetOf(texts(&["a", "b"])), at(&[1]), Some(Test::SubsetOf(texts(&["b"])))),
            (Test::OneOf(texts(&["a", "b", "a"])), at(&[0]), Some(Test::OneOf(texts(&["a"])))),
            (Test::OneOf(texts(&["a", "b", "a"])), at(&[1]), Some(Test::OneOf(texts(&["b"])))),
            (Test::OneOf(texts(&["a", "b", "a"])), at(&[2]), None),
            (Test::OneOf(texts(&["a"])), at(&[]), None),
            (Test::OneOf(texts(&["a"])), at(&[0, 1]), None),
            (Test::OneOf(texts(&["a"])), bound("1"), None),
            (Test::AtMost(n("100")), bound("99.5"), Some(Test::AtMost(n("99.5")))),
            (Test::AtMost(n("100")), bound("1e2"), Some(Test::AtMost(n("100")))),
            (Test::AtMost(n("100")), bound("100.01"), None),
            (Test::AtMost(n("100")), at(&[0]), None),
            (Test::Below(n("100")), bound("10"), Some(Test::Below(n("10")))),
            (Test::Below(n("100")), bound("101"), None),
            (Test::AtLeast(n("1")), bound("0"), None),
            (Test::AtLeast(n("1")), bound("2"), Some(Test::AtLeast(n("2")))),
            (Test::Above(n("1")), bound("0.9"), None),
            (Test::LengthAtMost(9), bound("3.0"), Some(Test::LengthAtMost(3))),
            (Test::LengthAtMost(9), bound("10"), None),
            (Test::LengthAtMost(9), bound("2.5"), None),
            (Test::LengthAtMost(9), bound("-1"), None),
            (Test::Like(shape("/a/*")), Left::Shape(shape("/a/b/*")), Some(Test::Like(shape("/a/b/*")))),
            (Test::Like(shape("/a/*")), Left::Shape(shape("/a/b")), Some(Test::Like(shape("/a/b")))),
            (Test::Like(shape("/a/*")), Left::Shape(shape("*")), None),
            (Test::Like(shape("/a/*")), Left::Shape(shape("/b/*")), None),
            (Test::Equals(Literal::Bool(true)), at(&[0]), None),
            (Test::Present, at(&[0]), None),
        ] {
            let narrowed = constraint(test.clone()).narrowed(&left).map(|c| c.test);
            assert_eq!(narrowed, expected, "{test:?} {left:?}");
        }
    }

    #[test]
    fn a_detail_keeps_what_nobody_touched() {
        let detail = Detail::new(
            ["pay".to_owned()],
            [constraint(Test::OneOf(texts(&["a", "b"]))), constraint(Test::AtMost(n("9")))],
        )
        .unwrap();
        let lower = |place, bound: &str| BTreeMap::from([(place, Left::Bound(n(bound)))]);
        let narrowed = detail.narrowed(&lower(1, "5")).unwrap();
        assert_eq!(narrowed.constraints()[0], detail.constraints()[0]);
        assert_eq!(narrowed.constraints()[1].test, Test::AtMost(n("5")));
        assert!(narrowed.is_part_of(&detail) && !detail.is_part_of(&narrowed));
        assert_eq!(detail.narrowed(&lower(2, "5")), None);
        assert_eq!(detail.narrowed(&lower(0, "5")), None);
        assert_eq!(detail.narrowed(&BTreeMap::new()), Some(detail));
    }

    #[test]
    fn a_part_has_no_tool_more_and_no_constraint_less() {
        let detail = |tools: &[&str], tests: &[Test]| {
            Detail::new(tools.iter().map(|t| (*t).to_owned()), tests.iter().cloned().map(constraint)).unwrap()
        };
        let most = |bound: &str| Test::AtMost(n(bound));
        let whole = detail(&["a", "b"], &[most("9")]);
        assert!(detail(&["a"], &[most("9"), Test::Present]).is_part_of(&whole));
        assert!(!detail(&["a"], &[]).is_part_of(&whole));
        assert!(!detail(&["a", "c"], &[most("1")]).is_part_of(&whole));
        assert!(!detail(&["a"], &[Test::AtLeast(n("1"))]).is_part_of(&whole));
    }

    fn literal() -> impl Strategy<Value = Literal> {
        prop_oneof![
            any::<bool>().prop_map(Literal::Bool),
            (-3_i32..4).prop_map(|i| Literal::Number(n(&i.to_string()))),
            "[ab]{0,2}".prop_map(Literal::Text),
        ]
    }

    fn test() -> impl Strategy<Value = Test> {
        let number = || (-3_i32..4).prop_map(|i| n(&i.to_string()));
        let values = || prop::collection::vec(literal(), 1..4);
        prop_oneof![
            literal().prop_map(Test::Equals),
            values().prop_map(Test::OneOf),
            values().prop_map(Test::SubsetOf),
            number().prop_map(Test::Below),
            number().prop_map(Test::AtMost),
            number().prop_map(Test::Above),
            number().prop_map(Test::AtLeast),
            "[ab*]{1,4}".prop_map(|p| Test::Like(shape(&p))),
            Just(Test::Present),
            Just(Test::Absent),
            (0_u32..4).prop_map(Test::LengthAtMost),
            (0_u32..4).prop_map(Test::LengthAtLeast),
        ]
    }

    fn left() -> impl Strategy<Value = Left> {
        prop_oneof![
            prop::collection::btree_set(0_usize..5, 0..4).prop_map(Left::Values),
            (-3_i32..4).prop_map(|i| Left::Bound(n(&i.to_string()))),
            "[ab*]{1,4}".prop_map(|p| Left::Shape(shape(&p))),
        ]
    }

    fn tree() -> impl Strategy<Value = Tree> {
        let plain = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            (-4_i32..5).prop_map(Tree::Number),
            "[ab*]{0,4}".prop_map(Tree::Text),
        ];
        let list = prop::collection::vec(plain.clone(), 0..4).prop_map(Tree::List);
        prop_oneof![plain, list].prop_map(|value| Tree::Given(Box::new(value)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Whatever is left, and whatever it is asked of: nothing is allowed that was not allowed before.
        #[test]
        fn a29_what_is_left_is_always_a_part(test in test(), left in left(), arguments in tree()) {
            let before = constraint(test);
            let Some(after) = before.narrowed(&left) else { return Ok(()) };
            prop_assert!(!after.holds(&arguments) || before.holds(&arguments), "{before} {after}");
        }

        #[test]
        fn what_implies_another_holds_nowhere_that_the_other_does_not(one in test(), other in test(), arguments in tree()) {
            let (one, other) = (constraint(one), constraint(other));
            if one.implies(&other) {
                prop_assert!(!one.holds(&arguments) || other.holds(&arguments), "{one} {other}");
            }
        }
    }
}
