//! `WWW-Authenticate` challenges (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9728 §5.1).

mod read;

pub use read::{ChallengeError, Received};

use crate::error::OAuthError;
use prokura_core::ScopeSet;

/// A challenge under construction. Values are quoted strings; what a quoted string cannot hold is dropped, so
/// no value can end the header or add a parameter.
#[derive(Debug, Clone)]
pub struct Challenge {
    text: String,
    first: bool,
}

impl Challenge {
    /// `Bearer`.
    pub fn bearer() -> Self {
        Self { text: "Bearer".to_owned(), first: true }
    }

    /// `DPoP` (RFC 9449 §7.1).
    pub fn dpop() -> Self {
        Self { text: "DPoP".to_owned(), first: true }
    }

    /// `Basic`, for a client whose authentication failed (RFC 6749 §5.2).
    pub fn basic(realm: &str) -> Self {
        Self { text: "Basic".to_owned(), first: true }.with("realm", realm)
    }

    /// Adds `error`.
    #[must_use]
    pub fn error(self, error: OAuthError) -> Self {
        self.with("error", error.code())
    }

    /// Adds `error_description`.
    #[must_use]
    pub fn description(self, text: &str) -> Self {
        self.with("error_description", text)
    }

    /// Adds `scope`: all scopes that the operation needs, in one challenge.
    #[must_use]
    pub fn scope(self, scopes: &ScopeSet) -> Self {
        if scopes.is_empty() { self } else { self.with("scope", &scopes.to_string()) }
    }

    /// Adds `resource_metadata`: where the protected resource metadata are (RFC 9728 §5.1).
    #[must_use]
    pub fn resource_metadata(self, url: &str) -> Self {
        self.with("resource_metadata", url)
    }

    /// Adds any other parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.text.push_str(if self.first { " " } else { ", " });
        self.first = false;
        self.text.push_str(name);
        self.text.push_str("=\"");
        let fine = |c: &char| (c.is_ascii_graphic() || *c == ' ') && *c != '"' && *c != '\\';
        self.text.extend(value.chars().filter(fine));
        self.text.push('"');
        self
    }

    /// The value of the header.
    pub fn into_value(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_up_challenge() {
        let value = Challenge::bearer()
            .error(OAuthError::InsufficientScope)
            .scope(&ScopeSet::parse("b a").unwrap())
            .resource_metadata("https://as/.well-known/oauth-protected-resource/mcp/x")
            .into_value();
        assert_eq!(
            value,
            r#"Bearer error="insufficient_scope", scope="a b", resource_metadata="https://as/.well-known/oauth-protected-resource/mcp/x""#
        );
    }

    #[test]
    fn no_value_breaks_out() {
        let value = Challenge::bearer().description("a\"b\\c\r\nX: y, é").into_value();
        assert_eq!(value, r#"Bearer error_description="abcX: y, ""#);
    }

    #[test]
    fn nothing_is_added_for_no_scope() {
        assert_eq!(Challenge::bearer().scope(&ScopeSet::default()).into_value(), "Bearer");
    }
}
