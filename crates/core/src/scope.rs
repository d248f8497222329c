//! Scopes: the words by which a client asks for actions (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;

/// One scope token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

/// A scope list that breaks RFC 6749 §3.3 or is larger than is served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScope {
    /// A token is empty, over 128 bytes, or has a character outside `scope-token`.
    #[error("a scope is 1 to 128 visible ASCII characters other than quote and backslash")]
    Token,
    /// More than 64 scopes, or more than 4 KiB.
    #[error("at most 64 scopes can be asked for at once")]
    TooMany,
}

impl Scope {
    /// Takes one scope token.
    ///
    /// # Errors
    /// [`InvalidScope::Token`] if it breaks RFC 6749 §3.3 or is over 128 bytes.
    pub fn parse(s: impl Into<String>) -> Result<Self, InvalidScope> {
        let s = s.into();
        let fine = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if s.is_empty() || s.len() > 128 || !s.bytes().all(fine) {
            return Err(InvalidScope::Token);
        }
        Ok(Self(s))
    }

    /// Whether it opens nothing at a resource, unless the resource has a scope of that name: it tells who the user is
    /// (OpenID Connect Core §3.1.2.1, §5.4, §11).
    pub fn is_of_identity(&self) -> bool {
        matches!(self.as_str(), "openid" | "profile" | "email" | "address" | "phone" | "offline_access")
    }

    /// The text of the scope.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of scopes, in byte order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    const MAX_SCOPES: usize = 64;
    const MAX_BYTES: usize = 4096;

    /// Reads a space-separated list. Length is checked before anything is allocated.
    ///
    /// # Errors
    /// [`InvalidScope`] names which bound or rule was broken.
    pub fn parse(list: &str) -> Result<Self, InvalidScope> {
        if list.len() > Self::MAX_BYTES {
            return Err(InvalidScope::TooMany);
        }
        let set = list
            .split(' ')
            .filter(|s| !s.is_empty())
            .map(Scope::parse)
            .collect::<Result<BTreeSet<_>, _>>()?;
        if set.len() > Self::MAX_SCOPES { Err(InvalidScope::TooMany) } else { Ok(Self(set)) }
    }

    /// Whether there is no scope in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many scopes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `scope` is in it.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether every scope of this set is in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The scopes in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The scopes in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The scopes of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// The scopes, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_set_in_byte_order() {
        assert_eq!(ScopeSet::parse("b a  b").unwrap().to_string(), "a b");
        assert!(ScopeSet::parse("").unwrap().is_empty());
    }

    #[test]
    fn bounds_hold_before_work_is_done() {
        let many = (0..65).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert_eq!(ScopeSet::parse(&many), Err(InvalidScope::TooMany));
        assert_eq!(ScopeSet::parse(&"x ".repeat(100_000)), Err(InvalidScope::TooMany));
        assert_eq!(ScopeSet::parse("a\"b"), Err(InvalidScope::Token));
        assert_eq!(ScopeSet::parse("a\u{7f}"), Err(InvalidScope::Token));
    }
}
