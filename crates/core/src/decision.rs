//! Decisions, and the permit that only a positive one yields.

use crate::{Action, Constraint, Demand, Obligation, ScopeSet};
use std::fmt;

/// Why a decision came out as it did; each has a stable code for machines and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A scope of the token bundles the action.
    ScopeAllows(String),
    /// A detail of the token names the tool, and the arguments meet its constraints.
    DetailAllows,
    /// The resource is public: it asks for no authority.
    PublicResource,
    /// The action is part of the protocol itself and touches nothing.
    ProtocolOnly,
    /// No scope of the resource bundles the action.
    Unmapped,
    /// The action is bundled by scopes that the token does not have.
    ScopeMissing,
    /// The details of the token do not name the tool.
    NotInDetails,
    /// The arguments do not meet this constraint of the token.
    Constraint(Box<Constraint>),
    /// The user's sign-in is too weak or too old for it (RFC 9470).
    SignIn(Demand),
    /// The grant, or one above it, was revoked.
    GrantRevoked,
    /// The view of what is revoked is too old to trust.
    RevocationStale,
    /// The limit on calls was reached.
    RateLimited,
}

impl Reason {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ScopeAllows(_) => "scope_allows",
            Self::DetailAllows => "detail_allows",
            Self::NotInDetails => "not_in_details",
            Self::Constraint(_) => "constraint",
            Self::PublicResource => "public_resource",
            Self::ProtocolOnly => "protocol_only",
            Self::Unmapped => "unmapped",
            Self::ScopeMissing => "scope_missing",
            Self::SignIn(_) => "sign_in",
            Self::GrantRevoked => "grant_revoked",
            Self::RevocationStale => "revocation_stale",
            Self::RateLimited => "rate_limited",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ScopeAllows(scope) => write!(f, "the token's scope `{scope}` allows it"),
            Self::DetailAllows => f.write_str("the token's authorization details allow it"),
            Self::NotInDetails => f.write_str("the token's authorization details do not name it"),
            Self::Constraint(constraint) => write!(f, "it is allowed only where {constraint}"),
            Self::PublicResource => f.write_str("the resource is public"),
            Self::ProtocolOnly => f.write_str("it is part of the protocol and touches nothing"),
            Self::Unmapped => f.write_str("no scope of this resource allows it to anyone"),
            Self::ScopeMissing => f.write_str("the token lacks a scope that allows it"),
            Self::SignIn(demand) => write!(f, "it needs {demand}"),
            Self::GrantRevoked => f.write_str("the grant was revoked"),
            Self::RevocationStale => f.write_str("what is revoked is not known freshly enough"),
            Self::RateLimited => f.write_str("the limit on calls was reached"),
        }
    }
}

/// Why something was refused, and what would permit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Why, most important first; never empty.
    pub reason: Reason,
    /// The scopes that would permit it, all at once; empty if none would.
    pub missing: ScopeSet,
}

/// The value that a positive decision yields. It cannot be made outside this crate except by
/// [`Decision::permit`], it is not `Clone`, and forwarding consumes it: what was not decided cannot be
/// forwarded, and one decision forwards once.
#[derive(Debug)]
pub struct Permit {
    action: Option<Action>,
    obligations: Vec<Obligation>,
}

impl Permit {
    /// The action that was permitted; `None` for protocol messages that touch nothing.
    pub fn action(&self) -> Option<&Action> {
        self.action.as_ref()
    }

    /// What must be done besides.
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// The same, with more to be done besides: nobody can take an obligation away.
    pub fn oblige(&mut self, more: impl IntoIterator<Item = Obligation>) {
        for obligation in more {
            if !self.obligations.contains(&obligation) {
                self.obligations.push(obligation);
            }
        }
    }
}

/// The answer to a request.
#[derive(Debug)]
pub enum Decision {
    /// Yes, because.
    Permit(Permit, Reason),
    /// No, because; asking for the missing scopes would help.
    Challenge(Denial),
    /// No, because.
    Deny(Denial),
}

impl Decision {
    /// A positive decision. Only a policy decision point calls this.
    pub fn permit(action: Option<Action>, obligations: Vec<Obligation>, reason: Reason) -> Self {
        Self::Permit(Permit { action, obligations }, reason)
    }

    /// The word in the record.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Permit(..) => "permit",
            Self::Challenge(_) => "challenge",
            Self::Deny(_) => "deny",
        }
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Permit(_, reason) => reason,
            Self::Challenge(denial) | Self::Deny(denial) => &denial.reason,
        }
    }
}
