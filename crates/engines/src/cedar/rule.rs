//! A rule: its head, its conditions, and what it says of itself.

use super::code::{Name, Node, NotCode};
use super::fail::Stop;
use super::session::Session;
use super::value::Uid;
use cedar_policy_core::ast::{self, ActionConstraint, EntityReference, PrincipalOrResourceConstraint};
use prokura_core::Obligation;
use prokura_policy::pdp::RuleRef;
use std::sync::Arc;

/// What a rule does where it applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Duty {
    Permit,
    Forbid,
    /// It permits nothing; where it applies, these have to be met.
    Oblige(Vec<Obligation>),
}

/// Whom or what the head of a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whom {
    Anybody,
    Is(Name),
    In(Name),
    Kind(Arc<str>),
    KindIn(Arc<str>, Name),
}

/// Which actions the head of a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Actions {
    Any,
    Is(Name),
    In(Vec<Name>),
}

/// A policy.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) duty: Duty,
    pub(super) principal: Whom,
    pub(super) action: Actions,
    pub(super) resource: Whom,
    pub(super) body: Option<Node>,
    pub(super) named: RuleRef,
    /// The text that the places in `body` count in.
    pub(super) text: Arc<str>,
    /// The file, and the byte of it at which the policy begins.
    pub(super) file: Arc<str>,
    pub(super) begins: usize,
}

/// What a rule came to.
pub(super) type Applies = Result<bool, Stop>;

impl Rule {
    /// Whether it applies to the question.
    pub(super) fn applies<'a>(&'a self, session: &Session<'a>) -> Applies {
        match self.head(session) {
            Some(false) => Ok(false),
            Some(true) => self.body.as_ref().map_or(Ok(true), |body| session.holds(body)),
            // The head is open: false conditions still decide.
            None => match self.body.as_ref().map(|body| session.holds(body)) {
                Some(Ok(false)) => Ok(false),
                Some(Err(stop @ Stop::Failed(_))) => Err(stop),
                _ => Err(Stop::Open),
            },
        }
    }

    /// Whether its head is about the question; nothing if that is open.
    pub(super) fn head<'a>(&'a self, session: &Session<'a>) -> Option<bool> {
        if !self.action.meets(session) || !self.principal.meets(session, session.subject()) {
            return Some(false);
        }
        match (session.left.resource, &self.resource) {
            (_, Whom::Anybody) => Some(true),
            (true, whom) => whom.fits_kind(session.resource().kind),
            (false, whom) => Some(whom.meets(session, session.resource())),
        }
    }
}

impl Whom {
    pub(super) fn of(constraint: &PrincipalOrResourceConstraint) -> Result<Self, NotCode> {
        use PrincipalOrResourceConstraint as Cedar;
        let kind = |t: &ast::EntityType| Arc::from(t.to_string());
        Ok(match constraint {
            Cedar::Any => Self::Anybody,
            Cedar::Eq(who) => Self::Is(fixed(who)?),
            Cedar::In(who) => Self::In(fixed(who)?),
            Cedar::Is(t) => Self::Kind(kind(t)),
            Cedar::IsIn(t, who) => Self::KindIn(kind(t), fixed(who)?),
        })
    }

    pub(super) fn meets<'a>(&self, session: &Session<'a>, uid: Uid<'a>) -> bool {
        match self {
            Self::Anybody => true,
            Self::Is(name) => name.uid() == uid,
            Self::In(name) => session.is_in(uid, name.uid()),
            Self::Kind(kind) => **kind == *uid.kind,
            Self::KindIn(kind, name) => **kind == *uid.kind && session.is_in(uid, name.uid()),
        }
    }

    /// What the kind alone says of it; nothing if that does not decide.
    fn fits_kind(&self, kind: &str) -> Option<bool> {
        match self {
            Self::Anybody => Some(true),
            Self::Kind(wanted) => Some(**wanted == *kind),
            Self::Is(name) => (*name.kind != *kind).then_some(false),
            Self::KindIn(wanted, _) => (**wanted != *kind).then_some(false),
            Self::In(_) => None,
        }
    }

    /// The entity that it names.
    pub(super) fn name(&self) -> Option<&Name> {
        match self {
            Self::Is(name) | Self::In(name) | Self::KindIn(_, name) => Some(name),
            Self::Anybody | Self::Kind(_) => None,
        }
    }
}

fn fixed(reference: &EntityReference) -> Result<Name, NotCode> {
    match reference {
        EntityReference::EUID(uid) => Ok(Name::of(uid)),
        EntityReference::Slot(_) => Err(NotCode::Template),
    }
}

impl Actions {
    pub(super) fn of(constraint: &ActionConstraint) -> Self {
        match constraint {
            ActionConstraint::Any => Self::Any,
            ActionConstraint::Eq(uid) => Self::Is(Name::of(uid)),
            ActionConstraint::In(uids) => Self::In(uids.iter().map(|uid| Name::of(uid)).collect()),
        }
    }

    pub(super) fn meets(&self, session: &Session<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Is(name) => name.uid() == session.action,
            Self::In(names) => names.iter().any(|name| session.is_in(session.action, name.uid())),
        }
    }

    /// The actions and groups that it names; none if it is about any.
    pub(super) fn names(&self) -> Option<&[Name]> {
        match self {
            Self::Any => None,
            Self::Is(name) => Some(std::slice::from_ref(name)),
            Self::In(names) => Some(names),
        }
    }
}
