//! Budgets: how often a grant may be used, and how much the numbers in its arguments may come to.

use crate::constraint::find;
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
    #[error("a sum names 1 to 32 tools")]
    Tools,
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
    /// The largest: small enough that no sum of 9 million of them overflows.
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

    /// So many calls, and these sums.
    ///
    /// # Errors
    /// [`InvalidBudget`].
    pub fn new(calls: Option<u64>, sums: Vec<Sum>) -> Result<Self, InvalidBudget> {
        let named = |s: &Sum| (1..=Detail::MOST).contains(&s.tools.len());
        match () {
            () if calls.is_none() && sums.is_empty() => Err(InvalidBudget::Nothing),
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
