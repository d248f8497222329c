//! Why a rule has no answer.

/// Evaluation stops without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// It depends on something that is left open.
    Open,
    /// It fails.
    Failed(Fail),
}

/// What fails. No value of an argument is repeated: what is told goes into records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fail {
    #[error("it looks at `{0}`, which is not there")]
    Absent(String),
    #[error("nothing is known of {0}")]
    Unknown(String),
    #[error("it needs {wanted} and finds {found}")]
    Type { wanted: &'static str, found: &'static str },
    #[error("it counts beyond 64 bits")]
    Overflow,
    #[error("it looks at a number that is larger than 64 bits or finer than a ten-thousandth")]
    Number,
    #[error("it looks at `null`, which is no value in Cedar")]
    Null,
    #[error("it looks at an `__entity` or `__extn` that cannot be read")]
    Reference,
    #[error("it compares sets that are too large")]
    TooLarge,
    #[error("{0}")]
    Extension(String),
}

impl From<Fail> for Stop {
    fn from(fail: Fail) -> Self {
        Self::Failed(fail)
    }
}
