//! Budgets: how often a grant may be used, and how much the numbers in its arguments may come to.

use crate::constraint::find;
use crate::detail::is_name;
use crate::{Decimal, Detail, Member, Node, Path, View};
use std::collections::BTreeSet;
use std::fmt;

/// An amount that is not negative, in millionths, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(u64);

/// How much there is: so many calls, so much in sum. Whatever is drawn below a grant is drawn from it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    calls: Option<u64>,
    sums: Vec<Sum>,
}

/// How much one argument may come to in all calls of some tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Of these tools; at least one. A call of another counts nothing.
    pub tools: BTreeSet<String>,
    /// Where the number stands. A call of one of the tools without a number there is refused.
    pub path: Path,
    /// At most this.
    pub most: Amount,
}

/// What one call draws: a call, and of each sum (in the budget's order) an amount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draw {
    /// 1 of a call that counts.
    pub calls: u64,
    /// One for each [`Sum`].
    pub sums: Vec<Amount>,
}

/// A budget that cannot be kept, or a call that cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBudget {
    /// It bounds nothing.
    #[error("a budget bounds calls, or the sum of an argument, or both")]
    Nothing,
    /// A sum without a tool, or one whose name is none.
    #[error("a sum names 1 to 32 tools, each by 1 to 256 bytes without control characters")]
    Tools,
    /// More calls than are counted.
    #[error("at most 1,000,000,000,000 calls")]
    Calls,
    /// More than is kept.
    #[error("at most 8 sums")]
    TooMany,
    /// A number that is negative, too large or too fine.
    #[error("an amount is 0 to 1,000,000,000,000 with at most 6 digits after the point")]
    Amount,
    /// A call of a tool whose argument is summed has no number there.
    #[error("`{0}` has to be a number, for what it comes to is bounded")]
    NoNumber(Path),
}

impl Amount {
    /// A million in millionths.
    const ONE: u64 = 1_000_000;
    /// The largest: what was used and one more never overflow.
    pub const MOST: Self = Self(1_000_000_000_000 * Self::ONE);

    /// Of so many millionths; `None` over [`MOST`](Self::MOST).
    pub fn of_millionths(millionths: u64) -> Option<Self> {
        (millionths <= Self::MOST.0).then_some(Self(millionths))
    }

    /// The amount in millionths.
    pub fn millionths(self) -> u64 {
        self.0
    }

    /// Takes a number that is not negative, at most [`MOST`](Self::MOST), with at most 6 digits after the point.
    pub fn of(number: &Decimal) -> Option<Self> {
        Self::of_millionths(number.scaled(6)?)
    }
}

impl fmt::Display for Amount {
    /// `12.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / Self::ONE, self.0 % Self::ONE);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{rest:06}").trim_end_matches('0'))
    }
}

impl Budget {
    /// The most sums.
    pub const MOST_SUMS: usize = 8;
    /// The most calls that are counted.
    pub const MOST_CALLS: u64 = 1_000_000_000_000;

    /// So many calls, and these sums.
    ///
    /// # Errors
    /// [`InvalidBudget`].
    pub fn new(calls: Option<u64>, sums: Vec<Sum>) -> Result<Self, InvalidBudget> {
        let named =
            |s: &Sum| (1..=Detail::MOST).contains(&s.tools.len()) && s.tools.iter().all(|t| is_name(t));
        match () {
            () if calls.is_none() && sums.is_empty() => Err(InvalidBudget::Nothing),
            () if calls.is_some_and(|calls| calls > Self::MOST_CALLS) => Err(InvalidBudget::Calls),
            () if sums.len() > Self::MOST_SUMS => Err(InvalidBudget::TooMany),
            () if !sums.iter().all(named) => Err(InvalidBudget::Tools),
            () => Ok(Self { calls, sums }),
        }
    }

    /// At most so many calls, if they are bounded.
    pub fn calls(&self) -> Option<u64> {
        self.calls
    }

    /// The sums that are bounded.
    pub fn sums(&self) -> &[Sum] {
        &self.sums
    }

    /// What a call of `tool` with these arguments draws.
    ///
    /// # Errors
    /// [`InvalidBudget::NoNumber`] where an argument that is summed is missing or no number, [`InvalidBudget::Amount`]
    /// where it is one that cannot be summed.
    pub fn draw(&self, tool: &str, arguments: &dyn Node) -> Result<Draw, InvalidBudget> {
        let sums = self.sums.iter().map(|sum| sum.draw(tool, arguments)).collect::<Result<_, _>>()?;
        Ok(Draw { calls: 1, sums })
    }
}

impl Sum {
    fn draw(&self, tool: &str, arguments: &dyn Node) -> Result<Amount, InvalidBudget> {
        if !self.tools.contains(tool) {
            return Ok(Amount::default());
        }
        let missing = || InvalidBudget::NoNumber(self.path.clone());
        let Member::Value(node) = find(arguments, self.path.steps()) else { return Err(missing()) };
        let View::Number(text) = node.view() else { return Err(missing()) };
        let number = Decimal::parse(&text).ok_or_else(missing)?;
        Amount::of(&number).ok_or(InvalidBudget::Amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    /// Arguments with one member, `amount`.
    struct Arguments(Option<Value>);

    enum Value {
        Number(&'static str),
        Text(&'static str),
        Unclear,
    }

    impl Node for Arguments {
        fn view(&self) -> View<'_> {
            View::Object
        }

        fn member(&self, name: &str) -> Member<'_> {
            match &self.0 {
                Some(Value::Unclear) => Member::Unclear,
                Some(value) if name == "amount" => Member::Value(value),
                _ => Member::Absent,
            }
        }

        fn item(&self, _: usize) -> Option<&dyn Node> {
            None
        }
    }

    impl Node for Value {
        fn view(&self) -> View<'_> {
            match self {
                Self::Number(text) => View::Number(Cow::Borrowed(text)),
                Self::Text(text) => View::Text(text),
                Self::Unclear => View::Null,
            }
        }

        fn member(&self, _: &str) -> Member<'_> {
            Member::Absent
        }

        fn item(&self, _: usize) -> Option<&dyn Node> {
            None
        }
    }

    fn sum(tools: &[&str]) -> Sum {
        let most = Amount::of_millionths(1_000_000).unwrap();
        let tools = tools.iter().map(|t| (*t).to_owned()).collect();
        Sum { tools, path: Path::parse(".amount").unwrap(), most }
    }

    fn drawn(value: Option<Value>) -> Result<u64, InvalidBudget> {
        let budget = Budget::new(None, vec![sum(&["pay"])]).unwrap();
        Ok(budget.draw("pay", &Arguments(value))?.sums[0].millionths())
    }

    #[test]
    fn d01_no_number_is_smuggled_past_a_sum() {
        for (text, millionths) in
            [("0", 0), ("-0", 0), ("-0.0e5", 0), ("1", 1_000_000), ("1e-6", 1), ("1.5E1", 15_000_000)]
        {
            assert_eq!(drawn(Some(Value::Number(text))), Ok(millionths), "{text}");
        }
        for odd in ["-1", "-1e-9", "0.0000001", "1e-7", "1e12000", "1000000000001", "1e99999999999999999999"]
        {
            assert_eq!(drawn(Some(Value::Number(odd))), Err(InvalidBudget::Amount), "{odd}");
        }
        let none = || Err(InvalidBudget::NoNumber(Path::parse(".amount").unwrap()));
        assert_eq!(drawn(None), none());
        assert_eq!(drawn(Some(Value::Text("1"))), none());
        assert_eq!(drawn(Some(Value::Unclear)), none(), "another reader would see a number");
        assert_eq!(drawn(Some(Value::Number("NaN"))), none());
        let other = Budget::new(Some(3), vec![sum(&["pay"])]).unwrap().draw("look", &Arguments(None));
        assert_eq!(other, Ok(Draw { calls: 1, sums: vec![Amount::default()] }));
    }

    #[test]
    fn a_budget_that_cannot_be_kept_is_none() {
        assert_eq!(Budget::new(None, vec![]), Err(InvalidBudget::Nothing));
        assert_eq!(Budget::new(Some(Budget::MOST_CALLS + 1), vec![]), Err(InvalidBudget::Calls));
        assert_eq!(Budget::new(None, vec![sum(&["a"]); 9]), Err(InvalidBudget::TooMany));
        for odd in [&[][..], &[""], &["a\nb"]] {
            assert_eq!(Budget::new(None, vec![sum(odd)]), Err(InvalidBudget::Tools), "{odd:?}");
        }
        assert!(Amount::of_millionths(Amount::MOST.millionths() + 1).is_none());
        assert_eq!(Amount::of_millionths(12_500_000).unwrap().to_string(), "12.5");
    }
}
