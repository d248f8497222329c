//! Details: which tools, and with which arguments. The ceiling that a rich authorization request sets (RFC 9396).

use crate::{Constraint, Node};
use std::collections::BTreeSet;
use std::fmt;

/// Some tools, each of which may be called with arguments that meet every constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    tools: BTreeSet<String>,
    constraints: Vec<Constraint>,
}

/// The details of a grant or token: a tool may be called if one of them allows it. Without any, the scopes alone say
/// what may be done; with some, nothing that they do not allow can be called whatever the scopes say.
///
/// INVARIANT: narrowing never leads from some to none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details(Vec<Detail>);

/// Details that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDetail {
    /// No tool is named.
    #[error("at least one tool is named")]
    NoTool,
    /// A name that no tool has.
    #[error("the name of a tool has 1 to 256 bytes and no control characters")]
    Name,
    /// More than is kept.
    #[error("at most 16 details of at most 32 tools and 32 constraints each")]
    TooMany,
    /// More is asked for than there is.
    #[error("`{0}` is not among the tools that were allowed")]
    Wider(String),
}

/// Why details do not allow a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAllowed<'a> {
    /// None of them names the tool.
    Unnamed,
    /// The arguments do not meet this constraint of the first detail that names the tool.
    Constraint(&'a Constraint),
}

/// Whether a tool can have this name.
pub(crate) fn is_name(tool: &str) -> bool {
    (1..=Detail::MAX_NAME).contains(&tool.len()) && !tool.chars().any(char::is_control)
}

impl Detail {
    /// The most tools, and the most constraints.
    pub const MOST: usize = 32;
    /// The longest name of a tool, in bytes.
    pub const MAX_NAME: usize = 256;

    /// These tools under these constraints; a constraint that stands there twice is kept once.
    ///
    /// # Errors
    /// [`InvalidDetail`].
    pub fn new(
        tools: impl IntoIterator<Item = String>,
        constraints: impl IntoIterator<Item = Constraint>,
    ) -> Result<Self, InvalidDetail> {
        let tools: BTreeSet<String> = tools.into_iter().collect();
        let mut once: Vec<Constraint> = Vec::new();
        for constraint in constraints {
            if !once.contains(&constraint) {
                once.push(constraint);
            }
        }
        match () {
            () if tools.is_empty() => Err(InvalidDetail::NoTool),
            () if !tools.iter().all(|t| is_name(t)) => Err(InvalidDetail::Name),
            () if tools.len() > Self::MOST || once.len() > Self::MOST => Err(InvalidDetail::TooMany),
            () => Ok(Self { tools, constraints: once }),
        }
    }

    /// The tools, in byte order; at least one.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(String::as_str)
    }

    /// What their arguments must meet, all of it.
    pub fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    fn names(&self, tool: &str) -> bool {
        self.tools.contains(tool)
    }

    /// What both allow; `None` if they share no tool.
    fn meet(&self, other: &Self) -> Option<Result<Self, InvalidDetail>> {
        let tools: Vec<String> = self.tools.intersection(&other.tools).cloned().collect();
        let constraints = self.constraints.iter().chain(&other.constraints).cloned();
        (!tools.is_empty()).then(|| Self::new(tools, constraints))
    }

    /// Whether everything that this allows, `other` allows by having no tool less and no constraint more.
    fn is_within(&self, other: &Self) -> bool {
        self.tools.is_subset(&other.tools) && other.constraints.iter().all(|c| self.constraints.contains(c))
    }
}

impl Details {
    /// The most details.
    pub const MOST: usize = 16;

    /// These details. What another of them allows anyway is left out.
    ///
    /// # Errors
    /// [`InvalidDetail::TooMany`].
    pub fn new(details: impl IntoIterator<Item = Detail>) -> Result<Self, InvalidDetail> {
        let mut kept: Vec<Detail> = Vec::new();
        for detail in details {
            if kept.iter().any(|k| detail.is_within(k)) {
                continue;
            }
            kept.retain(|k| !k.is_within(&detail));
            kept.push(detail);
            // What comes later may contain many of those before it.
            if kept.len() > Self::MOST * Self::MOST {
                return Err(InvalidDetail::TooMany);
            }
        }
        if kept.len() > Self::MOST { Err(InvalidDetail::TooMany) } else { Ok(Self(kept)) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The details.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Detail> {
        self.0.iter()
    }

    /// Every tool that one of them names.
    pub fn tools(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(Detail::tools).collect()
    }

    /// Whether one of them allows `tool` to be called with these arguments; without arguments, with some.
    ///
    /// # Errors
    /// [`NotAllowed`] says why not. Where there are no details, nothing is named.
    pub fn check(&self, tool: &str, arguments: Option<&dyn Node>) -> Result<(), NotAllowed<'_>> {
        let mut failed = None;
        for detail in self.0.iter().filter(|d| d.names(tool)) {
            let unmet = arguments.and_then(|a| detail.constraints.iter().find(|c| !c.holds(a)));
            match unmet {
                None => return Ok(()),
                Some(constraint) => failed = failed.or(Some(constraint)),
            }
        }
        Err(failed.map_or(NotAllowed::Unnamed, NotAllowed::Constraint))
    }

    /// What both allow: the conjunction. Without details there is no ceiling, so the other's remains.
    ///
    /// # Errors
    /// [`InvalidDetail::Wider`] if `asked` names a tool that these do not; [`InvalidDetail::TooMany`] if the
    /// conjunction is too long to be kept.
    pub fn narrow(&self, asked: &Self) -> Result<Self, InvalidDetail> {
        if self.is_empty() || asked.is_empty() {
            return Ok(if self.is_empty() { asked.clone() } else { self.clone() });
        }
        let (here, there) = (self.tools(), asked.tools());
        if let Some(wider) = there.iter().find(|t| !here.contains(*t)) {
            return Err(InvalidDetail::Wider((*wider).to_owned()));
        }
        self.meet(asked)?.ok_or(InvalidDetail::NoTool)
    }

    /// What both allow, as [`narrow`](Self::narrow), but tools that only one names fall away; `None` if nothing is left
    /// although both bound something.
    ///
    /// # Errors
    /// [`InvalidDetail::TooMany`] if the conjunction is too long to be kept.
    pub fn meet(&self, other: &Self) -> Result<Option<Self>, InvalidDetail> {
        if self.is_empty() || other.is_empty() {
            return Ok(Some(if self.is_empty() { other.clone() } else { self.clone() }));
        }
        // A part met with its whole is the part, however long the products of the two would be.
        for (part, whole) in [(self, other), (other, self)] {
            if part.is_within(whole).is_ok() {
                return Ok(Some(part.clone()));
            }
        }
        let pairs = self.0.iter().flat_map(|a| other.0.iter().filter_map(|b| a.meet(b)));
        let both = Self::new(pairs.collect::<Result<Vec<_>, _>>()?)?;
        Ok((!both.is_empty()).then_some(both))
    }

    /// Whether these hold nothing that `other` does not: each is plainly a part of one of the other's
    /// ([`Detail::is_part_of`]). A looser constraint beside a harder one changes nothing.
    ///
    /// # Errors
    /// [`InvalidDetail::Wider`] names a tool of a detail that is more.
    pub fn is_within(&self, other: &Self) -> Result<(), InvalidDetail> {
        if other.is_empty() {
            return Ok(());
        }
        if self.is_empty() {
            return Err(InvalidDetail::NoTool);
        }
        let wider = self.0.iter().find(|mine| !other.0.iter().any(|theirs| mine.is_part_of(theirs)));
        let named = wider.map(|detail| detail.tools().next().unwrap_or_default().to_owned());
        named.map_or(Ok(()), |tool| Err(InvalidDetail::Wider(tool)))
    }

    /// Those at these places, in their order: what a person left of them.
    #[must_use]
    pub fn only(&self, places: &BTreeSet<usize>) -> Self {
        Self(self.0.iter().enumerate().filter(|(i, _)| places.contains(i)).map(|(_, d)| d.clone()).collect())
    }
}

impl fmt::Display for Detail {
    /// `generate_summary where days is at most 30`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, tool) in self.tools().enumerate() {
            write!(f, "{}{tool}", if i == 0 { "" } else { ", " })?;
        }
        for (i, constraint) in self.constraints.iter().enumerate() {
            write!(f, " {} {constraint}", if i == 0 { "where" } else { "and" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decimal, Member, Path, Test, View};
    use proptest::prelude::*;
    use std::borrow::Cow;

    /// Arguments with one number, `x`.
    struct X(Option<Decimal>);

    impl Node for X {
        fn view(&self) -> View<'_> {
            self.0.as_ref().map_or(View::Object, |n| View::Number(Cow::Borrowed(n.text())))
        }

        fn member(&self, _: &str) -> Member<'_> {
            Member::Absent
        }

        fn item(&self, _: usize) -> Option<&dyn Node> {
            None
        }
    }

    struct Arguments(X);

    impl Node for Arguments {
        fn view(&self) -> View<'_> {
            View::Object
        }

        fn member(&self, name: &str) -> Member<'_> {
            if name == "x" { Member::Value(&self.0) } else { Member::Absent }
        }

        fn item(&self, _: usize) -> Option<&dyn Node> {
            None
        }
    }

    fn arguments(x: u32) -> Arguments {
        Arguments(X(Some(Decimal::from(x))))
    }

    fn at_most(n: u32) -> Constraint {
        Constraint { path: Path::parse(".x").unwrap(), test: Test::AtMost(Decimal::from(n)) }
    }

    fn detail(tools: &str, constraints: Vec<Constraint>) -> Detail {
        Detail::new(tools.split(' ').map(str::to_owned), constraints).unwrap()
    }

    fn details(all: Vec<Detail>) -> Details {
        Details::new(all).unwrap()
    }

    #[test]
    fn one_of_several_is_enough_and_the_first_says_why_not() {
        let all = details(vec![detail("a", vec![at_most(5)]), detail("a b", vec![at_most(9)])]);
        assert_eq!(all.check("a", Some(&arguments(9))), Ok(()));
        assert_eq!(all.check("a", Some(&arguments(10))), Err(NotAllowed::Constraint(&at_most(5))));
        assert_eq!(all.check("c", Some(&arguments(1))), Err(NotAllowed::Unnamed));
        assert_eq!(all.check("A", None), Err(NotAllowed::Unnamed));
        assert_eq!(all.check("b", None), Ok(()));
    }

    #[test]
    fn narrowing_is_the_conjunction_and_never_leads_to_none() {
        let wide = details(vec![detail("a b", vec![at_most(30)])]);
        let looser = wide.narrow(&details(vec![detail("a", vec![at_most(90)])])).unwrap();
        assert_eq!(looser.check("a", Some(&arguments(31))), Err(NotAllowed::Constraint(&at_most(30))));
        assert!(looser.check("b", None).is_err());
        assert_eq!(wide.narrow(&details(vec![detail("c", vec![])])), Err(InvalidDetail::Wider("c".into())));
        assert_eq!(wide.narrow(&Details::default()).unwrap(), wide);
        assert_eq!(Details::default().narrow(&wide).unwrap(), wide);
        assert_eq!(wide.narrow(&wide).unwrap(), wide);
    }

    #[test]
    fn what_another_allows_anyway_is_left_out() {
        let all = details(vec![detail("a", vec![at_most(1)]), detail("a b", vec![]), detail("b", vec![])]);
        assert_eq!(all, details(vec![detail("a b", vec![])]));
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(Detail::new([], []), Err(InvalidDetail::NoTool));
        assert_eq!(Detail::new(["a\n".to_owned()], []), Err(InvalidDetail::Name));
        assert_eq!(Detail::new((0..33).map(|i| i.to_string()), []), Err(InvalidDetail::TooMany));
        assert_eq!(Detail::new(["a".to_owned()], (0..33).map(at_most)), Err(InvalidDetail::TooMany));
        let many = |n: u32| (0..n).map(|i| detail(&i.to_string(), vec![]));
        assert!(Details::new(many(16)).is_ok());
        assert_eq!(Details::new(many(17)), Err(InvalidDetail::TooMany));
        let five = |path: &str| {
            let at = |i| Constraint { path: Path::parse(path).unwrap(), ..at_most(i) };
            details((0..5).map(|i| detail("a", vec![at(i)])).collect())
        };
        assert_eq!(five(".x").narrow(&five(".y")), Err(InvalidDetail::TooMany));
    }

    #[test]
    fn a_part_met_with_its_whole_is_the_part_however_it_is_written() {
        let whole = details(vec![detail("a b", vec![at_most(30)]), detail("c", vec![])]);
        let part = details(vec![detail("a", vec![at_most(20)]), detail("c", vec![at_most(5)])]);
        assert_eq!(part.is_within(&whole), Ok(()));
        assert_eq!(whole.is_within(&part), Err(InvalidDetail::Wider("a".into())));
        assert_eq!((whole.narrow(&part), part.narrow(&whole).ok()), (Ok(part.clone()), None));
        assert_eq!((whole.meet(&part), part.meet(&whole)), (Ok(Some(part.clone())), Ok(Some(part))));
        let looser = details(vec![detail("a", vec![at_most(31)])]);
        assert_eq!(looser.is_within(&whole), Err(InvalidDetail::Wider("a".into())));
    }

    fn any() -> impl Strategy<Value = Details> {
        let one = (prop::collection::btree_set("[abc]", 1..3), prop::collection::vec(0_u32..6, 0..3));
        prop::collection::vec(one, 1..4).prop_map(|all| {
            let one = |(tools, most): (BTreeSet<String>, Vec<u32>)| {
                Detail::new(tools, most.into_iter().map(at_most)).unwrap()
            };
            Details::new(all.into_iter().map(one)).unwrap()
        })
    }

    proptest! {
        #[test]
        fn d01_narrowed_details_allow_exactly_what_both_allow(a in any(), b in any(), tool in "[abc]", x in 0_u32..8) {
            let Ok(both) = a.narrow(&b) else { return Ok(()) };
            let arguments = arguments(x);
            let allows = |d: &Details| d.check(&tool, Some(&arguments)).is_ok();
            prop_assert_eq!(allows(&both), allows(&a) && allows(&b));
        }
    }
}
