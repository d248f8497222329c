//! Obligations: what an enforcer must do besides permit. One that it does not know how to meet is a deny.

use crate::{Acr, Demand, Selector};
use std::time::Duration;

/// What an enforcer must do besides permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obligation {
    /// A filtered list is not shared between tokens.
    MarkPrivate,
    /// Parts of the result are rewritten before it is released.
    Rewrite(Rewrite),
    /// Of a list in the result only those rows are released that the policies permit.
    Rows(Rows),
    /// The result is released only if it has at most so many bytes.
    SizeAtMost(u64),
    /// The subject may do this only so often through this actor.
    Rate(Rate),
    /// Somebody must have agreed to exactly this.
    Approval(ApprovalNeed),
    /// What the call is aimed at must have been named by the user or by a source that is trusted.
    Target(Target),
    /// The user's sign-in must be as sure and as recent as this (RFC 9470).
    SignIn(Demand),
    /// It is looked at afterwards; the text says why.
    Review(String),
}

/// A rewriting of parts of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// Which parts; at least one.
    pub at: Vec<Selector>,
    /// What becomes of each.
    pub how: Rewriting,
}

/// What becomes of a part of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewriting {
    /// It is taken out.
    Drop,
    /// It is there, and its value is replaced by a fixed text.
    Redact,
    /// All but its last so many characters are replaced.
    Mask(u8),
    /// It is replaced by a keyed hash: equal values stay equal, and nobody can guess back.
    Hash,
    /// Of an object, only members of these names stay.
    Only(Vec<String>),
}

/// Which rows of a list in a result are released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The list.
    pub at: Selector,
    /// What a row is for the policies: a kind of entity, such as `Employee`.
    pub kind: String,
    /// The member of a row that is its id.
    pub id: String,
    /// What must be permitted on a row for it to be released, such as `view`.
    pub action: String,
    /// Members of a row that name another entity by its id alone, each with the kind of that entity: `manager`, `User`.
    pub references: Vec<(String, String)>,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many calls.
    pub calls: u32,
    /// In so long.
    pub per: Duration,
}

/// Who must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalNeed {
    /// Groups, `subject` for the user in whose name it is done, or `operator`, any member of which may agree; at least one.
    pub approvers: Vec<String>,
    /// How many of them must; at least 1.
    pub of: u8,
    /// How surely each of them must have signed in.
    pub acr: Option<Acr>,
    /// How long an agreement may be used.
    pub lasts: Duration,
    /// Why it is asked, for who decides.
    pub because: String,
}

/// Arguments that say at whom or what a call is aimed (a recipient, an account, a path), and who may have named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which arguments; at least one.
    pub at: Vec<Selector>,
    /// Where their values may come from; at least one.
    pub from: Vec<Source>,
    /// Who may agree to a value that comes from none of them. Without it, the call is refused.
    pub otherwise: Option<ApprovalNeed>,
}

/// Where the value of an argument came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The user agreed to it in the details of the grant.
    Consent,
    /// It stood in a call that was approved.
    Approval,
    /// A tool whose results are trusted said it.
    Results,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Consent, Self::Approval, Self::Results];

    /// The word in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Approval => "approval",
            Self::Results => "results",
        }
    }
}
