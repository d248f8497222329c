//! What is found out about one relation to one object, and how it combines.

use crate::AskError;

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Yes,
    No,
    Fail(Box<AskError>),
}

/// An answer, and what it rests on. A yes rests on nothing: it was found.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) answer: Answer,
    /// The first in the row of those being looked at that was taken for a no; [`NOTHING`](Self::NOTHING) if none was.
    pub(super) waits_for: u32,
    /// A no that rests on a circle through `but not`: nobody may conclude anything from it.
    murky: bool,
}

impl From<bool> for Outcome {
    fn from(yes: bool) -> Self {
        if yes { Self::YES } else { Self::NO }
    }
}

impl Outcome {
    pub(super) const NOTHING: u32 = u32::MAX;
    pub(super) const YES: Self = Self { answer: Answer::Yes, waits_for: Self::NOTHING, murky: false };
    pub(super) const NO: Self = Self { answer: Answer::No, waits_for: Self::NOTHING, murky: false };

    pub(super) fn cut(index: u32) -> Self {
        Self { waits_for: index, ..Self::NO }
    }

    pub(super) fn fail(error: AskError) -> Self {
        Self { answer: Answer::Fail(Box::new(error)), ..Self::NO }
    }

    pub(super) fn is_certain_no(&self) -> bool {
        matches!(self.answer, Answer::No) && self.waits_for == Self::NOTHING && !self.murky
    }

    /// A failure that another way to the same place need not have.
    pub(super) fn is_bounded(&self) -> bool {
        matches!(&self.answer, Answer::Fail(e) if matches!(**e, AskError::TooDeep(_) | AskError::TooMuch(_)))
    }

    fn rests_on(&mut self, other: &Self) {
        self.waits_for = self.waits_for.min(other.waits_for);
        self.murky |= other.murky;
    }

    /// `self but not less`. A no that is not certain gives nothing.
    pub(super) fn without(self, less: Self) -> Self {
        match (&self.answer, &less.answer) {
            (_, Answer::Yes) => Self::NO,
            (Answer::Yes, Answer::No) if less.is_certain_no() => Self::YES,
            (Answer::Yes, Answer::No) => Self { murky: true, ..less },
            (Answer::Yes, Answer::Fail(_)) => less,
            (Answer::No, _) => self,
            (Answer::Fail(_), _) => {
                let mut failed = self;
                failed.rests_on(&less);
                failed
            }
        }
    }
}

/// `or`.
pub(super) struct Any(Outcome);

impl Default for Any {
    fn default() -> Self {
        Self(Outcome::NO)
    }
}

impl Any {
    /// Adds one; true if the rest does not matter.
    pub(super) fn or(&mut self, other: Outcome) -> bool {
        if matches!(other.answer, Answer::Yes) {
            self.0 = Outcome::YES;
            return true;
        }
        self.0.rests_on(&other);
        if (matches!(self.0.answer, Answer::No) || other.is_bounded())
            && matches!(other.answer, Answer::Fail(_))
        {
            self.0.answer = other.answer;
        }
        false
    }

    pub(super) fn outcome(self) -> Outcome {
        self.0
    }
}

/// `and`.
#[derive(Default)]
pub(super) struct All {
    no: Option<Outcome>,
    failed: Option<Outcome>,
}

impl All {
    /// Adds one; true if the rest does not matter.
    pub(super) fn and(&mut self, other: Outcome) -> bool {
        let certain = other.is_certain_no();
        let kept = match other.answer {
            Answer::Yes => return false,
            Answer::No => &mut self.no,
            Answer::Fail(_) => &mut self.failed,
        };
        match kept {
            Some(known) if !certain => known.rests_on(&other),
            _ => *kept = Some(other),
        }
        certain
    }

    pub(super) fn outcome(self) -> Outcome {
        self.no.or(self.failed).unwrap_or(Outcome::YES)
    }
}
