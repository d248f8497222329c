//! What is due to a result, sorted out of the obligations.

use prokura_core::{Obligation, Part, Rewrite, Rows, Selector};
use prokura_ledger::Event;
use prokura_oauth::json::Object;
use prokura_policy::pdp::Unclear;
use std::sync::{Mutex, PoisonError};

/// What is due to a result.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(super) rewrites: Vec<Rewrite>,
    pub(super) rows: Vec<Rows>,
    /// The size in bytes that a result may have at most.
    pub(super) most: Option<u64>,
}

impl Due {
    /// What is due of these; others were met before the call.
    pub(crate) fn of(obligations: &[Obligation]) -> Self {
        let mut due = Self::default();
        for obligation in obligations {
            match obligation {
                Obligation::Rewrite(rewrite) => due.rewrites.push(rewrite.clone()),
                Obligation::Rows(rows) => due.rows.push(rows.clone()),
                Obligation::SizeAtMost(most) => due.most = Some(due.most.map_or(*most, |m| m.min(*most))),
                Obligation::MarkPrivate
                | Obligation::Rate(_)
                | Obligation::Approval(_)
                | Obligation::Target(_)
                | Obligation::SignIn(_)
                | Obligation::Review(_) => {}
            }
        }
        due
    }

    /// Whether results are changed: then nothing is released that cannot be looked into.
    pub(crate) fn changes(&self) -> bool {
        !self.rewrites.is_empty() || !self.rows.is_empty()
    }

    /// Whether anything is due.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.changes() && self.most.is_none()
    }

    /// Whether it is larger than a result may be.
    pub(super) fn is_over(&self, told: &Object) -> bool {
        self.most.is_some_and(|most| u64::try_from(told.to_vec().len()).unwrap_or(u64::MAX) > most)
    }

    /// Whether `$` must be one document: if several texts could be meant, it is not known which.
    pub(super) fn needs_one(&self) -> bool {
        let anchored = |at: &Selector| !matches!(at.parts().first(), Some(Part::Anywhere(_)));
        !self.rows.is_empty() || self.rewrites.iter().any(|r| r.at.iter().any(anchored))
    }
}

/// The word for what is too large.
pub(super) const WITHHELD_LARGE: &str = "large";

/// Why a result is not released. No value of it is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Withheld {
    /// What is to be rewritten cannot be told.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// There is nothing but what cannot be looked into.
    #[error("it holds no JSON that could be looked into")]
    Opaque,
    /// Several texts, and it is not said which is meant.
    #[error("it holds several texts, and the policy speaks of one")]
    Several,
    /// It asks the user for more, in words that cannot be looked into.
    #[error("it asks for input, in words that cannot be looked into")]
    Asks,
    /// It is not of the shape of its method.
    #[error("it is not of the shape that such a result has")]
    Shape,
    /// All of it was to be taken out.
    #[error("the policy takes all of it out")]
    All,
    /// It has too many rows of which each would have to be asked about.
    #[error("it has more than {0} rows that the policy would have to be asked about one by one")]
    Rows(usize),
    /// Asking about its rows takes too long.
    #[error("asking the policy about its rows one by one takes too long")]
    Late,
    /// It is too large.
    #[error("it has more than the {0} bytes that the policy allows")]
    Large(u64),
}

impl Withheld {
    /// The word in the record.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Unclear(_) => "unclear",
            Self::Opaque => "opaque",
            Self::Several => "several",
            Self::Asks => "asks",
            Self::Shape => "shape",
            Self::All => "all",
            Self::Rows(_) => "rows",
            Self::Late => "late",
            Self::Large(_) => WITHHELD_LARGE,
        }
    }
}

/// How much was done to results: numbers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Done {
    /// Rows that were not released.
    pub(crate) rows: u64,
    /// Members and values that were taken out or replaced.
    pub(crate) fields: u64,
    /// Why the result was not released at all.
    pub(crate) withheld: Option<&'static str>,
}

impl Done {
    pub(super) fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.fields += more.fields;
        self.withheld = more.withheld.or(self.withheld);
    }
}

/// What was done in one exchange so far.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Done>);

impl Tally {
    pub(super) fn add(&self, more: Done) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(more);
    }

    /// Puts it into the entry of the outcome.
    pub(crate) fn note(&self, event: &mut Event) {
        let done = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, count) in [("rows_removed", done.rows), ("fields_removed", done.fields)] {
            if count > 0 {
                event.details.insert(name, count.into());
            }
        }
        if let Some(word) = done.withheld {
            event.details.insert("withheld", word.into());
        }
    }
}
