//! Two vocabularies: which words of an issuer stand for which scope of ours, and which a client has to ask for.

use super::ForeignToken;
use prokura_core::{Scope, ScopeSet};

/// One scope of ours in an issuer's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The scope.
    pub scope: Scope,
    /// Words of a token's scope, any of which stands for it.
    pub scopes: ScopeSet,
    /// Roles, any of which stands for it.
    pub roles: Vec<String>,
    /// What a client asks the issuer for to get it; the first of `scopes` if nothing is said.
    pub ask: Option<Scope>,
}

/// How the scopes of a resource are called by an issuer. Without any word, they are called the same there, and no
/// role stands for anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(Vec<Word>);

impl Words {
    /// These words and no others.
    pub fn new(words: Vec<Word>) -> Self {
        Self(words)
    }

    /// What a token may be used for, in our words.
    pub fn ours(&self, token: &ForeignToken) -> ScopeSet {
        if self.0.is_empty() {
            return token.scopes.clone();
        }
        let held = |word: &&Word| {
            word.scopes.iter().any(|s| token.scopes.contains(s))
                || word.roles.iter().any(|r| token.roles.contains(r))
        };
        self.0.iter().filter(held).map(|word| word.scope.clone()).collect()
    }

    /// What a client asks the issuer for to get `ours`. A scope that no word of the issuer stands for cannot be asked
    /// for there, and is left out.
    pub fn asked(&self, ours: &ScopeSet) -> ScopeSet {
        if self.0.is_empty() {
            return ours.clone();
        }
        let wanted = self.0.iter().filter(|word| ours.contains(&word.scope));
        wanted.filter_map(|word| word.ask.as_ref().or_else(|| word.scopes.iter().next())).cloned().collect()
    }
}
