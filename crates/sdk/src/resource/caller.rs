//! Who calls, as a request carries it behind the layer.

use prokura_core::{ScopeSet, Timestamp};
use prokura_oauth::foreign::{ForeignToken, Subject};
use prokura_oauth::json::Object;
use std::fmt;
use std::sync::Arc;

/// Whether a person stands behind a call, or software alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person, for whom the client acts.
    Person,
    /// The client itself, with authority of its own.
    Software,
}

/// Who calls: an extension of every request that the layer lets through. In a handler of axum it is
/// `Extension<Caller>`; in one of rmcp, [`Caller::of`] the extensions of the `http::request::Parts` that stand in the
/// extensions of its context.
///
/// A subject is a name of its issuer: two issuers may give one name to two people, so keep both together.
#[derive(Clone)]
pub struct Caller(pub(super) Arc<ForeignToken>);

impl Caller {
    /// The caller of a request, by its extensions; `None` where the layer does not stand before.
    pub fn of(extensions: &http::Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The issuer of the token.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Whose authority is used, in the issuer's words.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What the subject is.
    pub fn kind(&self) -> Kind {
        match self.0.kind {
            Subject::Person => Kind::Person,
            Subject::Software => Kind::Software,
        }
    }

    /// The client, in the issuer's words.
    pub fn client(&self) -> &str {
        &self.0.client
    }

    /// Who acts for the subject, the current actor first (RFC 8693 §4.1); the client where the token names nobody.
    /// For the record; never a reason to allow more.
    pub fn actors(&self) -> impl Iterator<Item = &str> {
        let client = self.0.actors.is_empty().then_some(self.0.client.as_str());
        self.0.actors.iter().map(String::as_str).chain(client)
    }

    /// What the token may be used for.
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// Whether the token has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.iter().any(|s| s.as_str() == scope)
    }

    /// Roles, groups or permissions of the subject, in the issuer's words.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(String::as_str)
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// Every claim, as it was verified.
    pub fn claims(&self) -> &Object {
        &self.0.claims
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("client", &self.client())
            .finish_non_exhaustive()
    }
}
