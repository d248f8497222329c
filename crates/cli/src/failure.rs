//! How a command fails: what was wrong, how to mend it, and an exit code that a script can tell apart.

use std::fmt;
use std::process::ExitCode;

/// Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration, 3 authorization is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Refused = 1,
    Usage = 2,
    SignIn = 3,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
}

impl Failure {
    /// It was refused, or it failed.
    pub(crate) fn refused(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Refused, message: message.to_string() }
    }

    /// The arguments or the configuration have to be mended first.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Usage, message: message.to_string() }
    }

    /// A person has to sign in first.
    pub(crate) fn sign_in(message: impl fmt::Display) -> Self {
        Self { kind: Kind::SignIn, message: message.to_string() }
    }

    /// Says it on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        eprintln!("prokura: {}", self.message);
        ExitCode::from(self.kind as u8)
    }
}

impl From<prokura_store::StoreError> for Failure {
    fn from(e: prokura_store::StoreError) -> Self {
        Self::refused(format!("the database: {e}"))
    }
}
