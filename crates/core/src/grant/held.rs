//! What may be done somewhere, and how it is narrowed: the one place where scopes and details meet.
//!
//! Scopes bundle actions; details are a ceiling on tools; details without a scope that opens anything are authority of their
//! own. So taking every such scope away from scopes with details would not narrow but widen, and is refused.

use super::NarrowingError;
use crate::{Details, Scope, ScopeSet};

/// What may be done somewhere: scopes, and the details that bound them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The scopes.
    pub actions: ScopeSet,
    /// The details.
    pub details: Details,
}

impl Held {
    /// Whether the details are authority of their own: there are some, and no scope beside them that opens anything.
    fn stands_by_details(&self) -> bool {
        !self.details.is_empty() && self.actions.iter().all(Scope::is_of_identity)
    }

    /// A part of it that is asked for. Details that are left out stay as they are.
    ///
    /// # Errors
    /// [`NarrowingError`] names what is more.
    pub fn narrow(&self, asked: &Self) -> Result<Self, NarrowingError> {
        if !asked.actions.is_within(&self.actions) {
            return Err(NarrowingError::Actions(asked.actions.difference(&self.actions)));
        }
        if asked.actions.is_empty() && !self.actions.is_empty() {
            return Err(NarrowingError::NoScope);
        }
        let details = self.details.narrow(&asked.details)?;
        let part = Self { actions: asked.actions.clone(), details };
        if part.stands_by_details() && !self.stands_by_details() {
            return Err(NarrowingError::NoScope);
        }
        Ok(part)
    }

    /// What both hold.
    ///
    /// # Errors
    /// [`NarrowingError::Nothing`] if they share nothing, [`NarrowingError::Details`] if it is too long to be kept.
    pub fn meet(&self, other: &Self) -> Result<Self, NarrowingError> {
        let actions = self.actions.intersection(&other.actions);
        if actions.is_empty() && !(self.actions.is_empty() && other.actions.is_empty()) {
            return Err(NarrowingError::Nothing);
        }
        let details = self.details.meet(&other.details)?.ok_or(NarrowingError::Nothing)?;
        let both = Self { actions, details };
        if both.stands_by_details() && !(self.stands_by_details() && other.stands_by_details()) {
            return Err(NarrowingError::Nothing);
        }
        Ok(both)
    }

    /// Whether `part` holds nothing more, by what is written.
    ///
    /// # Errors
    /// [`NarrowingError`] names what is more.
    pub(super) fn contains(&self, part: &Self) -> Result<(), NarrowingError> {
        part.details.is_within(&self.details)?;
        self.narrow(part).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detail;

    fn held(scopes: &str, tools: &str) -> Held {
        let tools = tools.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let details = (!tools.is_empty()).then(|| Detail::new(tools, []).unwrap());
        Held { actions: ScopeSet::parse(scopes).unwrap(), details: Details::new(details).unwrap() }
    }

    #[test]
    fn d01_details_never_become_authority_of_their_own() {
        let both = held("openid read", "a b");
        for (whole, part) in [
            (&both, held("openid", "a")),
            (&both, held("openid", "")),
            (&held("openid read", ""), held("openid", "delete")),
            (&held("openid", ""), held("openid", "delete")),
            (&held("", ""), held("", "delete")),
        ] {
            assert_eq!(whole.narrow(&part), Err(NarrowingError::NoScope), "{part:?} of {whole:?}");
            assert_eq!(whole.meet(&part), Err(NarrowingError::Nothing), "{part:?} of {whole:?}");
            assert_eq!(part.meet(whole), Err(NarrowingError::Nothing), "{part:?} of {whole:?}");
        }
        let alone = held("openid", "a b");
        assert_eq!(alone.narrow(&held("openid", "a")), Ok(held("openid", "a")));
        assert_eq!(alone.meet(&held("openid", "a")), Ok(held("openid", "a")));
        assert_eq!(held("openid read", "").narrow(&held("openid", "")), Ok(held("openid", "")));
    }

    #[test]
    fn d01_a_part_has_no_scope_and_no_tool_more() {
        let more = ScopeSet::parse("write").unwrap();
        assert_eq!(held("read", "").narrow(&held("read write", "")), Err(NarrowingError::Actions(more)));
        assert!(matches!(held("read", "a").narrow(&held("read", "b")), Err(NarrowingError::Details(_))));
        assert_eq!(held("read", "a").meet(&held("read", "b")), Err(NarrowingError::Nothing));
        assert_eq!(held("read", "").meet(&held("write", "")), Err(NarrowingError::Nothing));
        assert_eq!(held("read write", "a b").meet(&held("read", "b c")), Ok(held("read", "b")));
    }
}
