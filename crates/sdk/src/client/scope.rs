//! Which scopes are asked for (MCP authorization, "Scope Selection Strategy" and "Step-Up Authorization Flow").

use crate::discovery::{Issuer, ProtectedResource};
use prokura_core::{Scope, ScopeSet};

/// What a server gives refresh tokens for (OpenID Connect Core §11).
const OFFLINE: &str = "offline_access";

/// What is known when scopes are chosen.
pub(crate) struct Choice<'a> {
    /// `scope` of the challenge: authoritative for what was asked.
    pub(crate) challenged: Option<&'a ScopeSet>,
    /// What was asked for and what is held already; nothing of it is given up.
    pub(crate) held: &'a ScopeSet,
    /// What the caller wants besides.
    pub(crate) also: &'a ScopeSet,
    pub(crate) resource: Option<&'a ProtectedResource>,
    pub(crate) issuer: &'a Issuer,
    /// Whether a refresh token would be of use.
    pub(crate) refreshes: bool,
}

impl Choice<'_> {
    /// The scopes to ask for where what can be had is bounded by somebody else, and not by what the server offers: those
    /// that the caller wants, and after a refusal for want of scopes also those that it named.
    pub(crate) fn wanted(&self, stepping_up: bool) -> ScopeSet {
        match self.challenged.filter(|_| stepping_up) {
            Some(challenged) => self.also.union(challenged).union(self.held),
            None => self.also.clone(),
        }
    }

    /// The scopes to ask for; none means that the parameter is left out, and the server decides.
    pub(crate) fn scopes(&self) -> ScopeSet {
        let supported = || self.resource.and_then(|r| r.scopes.clone());
        let needed =
            self.challenged.filter(|c| !c.is_empty()).cloned().or_else(supported).unwrap_or_default();
        let all = needed.union(self.held).union(self.also);
        if all.is_empty() || !self.refreshes {
            // `offline_access` alone would take the place of whatever the server gives to who asks for nothing.
            return all;
        }
        match (&self.issuer.scopes, Scope::parse(OFFLINE)) {
            (Some(supported), Ok(offline)) if supported.contains(&offline) => {
                all.union(&[offline].into_iter().collect())
            }
            _ => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::Object;

    fn set(s: &str) -> ScopeSet {
        ScopeSet::parse(s).unwrap()
    }

    fn issuer(scopes: Option<&str>) -> Issuer {
        Issuer {
            issuer: String::new(),
            authorization_endpoint: None,
            token_endpoint: None,
            registration_endpoint: None,
            device_authorization_endpoint: None,
            pushed_authorization_request_endpoint: None,
            revocation_endpoint: None,
            requires_pushed_requests: false,
            knows_s256: true,
            scopes: scopes.map(set),
            takes_client_documents: false,
            names_itself: false,
            document: Object::new(),
            found_at: String::new(),
        }
    }

    fn resource(scopes: Option<&str>) -> ProtectedResource {
        ProtectedResource {
            resource: String::new(),
            issuers: Vec::new(),
            scopes: scopes.map(set),
            name: None,
            dpop_required: false,
            found_at: String::new(),
        }
    }

    fn chosen(
        challenged: Option<&str>,
        held: &str,
        supported: Option<&str>,
        issuers: Option<&str>,
    ) -> String {
        let (issuer, resource) = (issuer(issuers), resource(supported));
        let (challenged, held) = (challenged.map(set), set(held));
        let choice = Choice {
            challenged: challenged.as_ref(),
            held: &held,
            also: &ScopeSet::default(),
            resource: Some(&resource),
            issuer: &issuer,
            refreshes: true,
        };
        choice.scopes().to_string()
    }

    #[test]
    fn the_challenge_goes_before_the_metadata_and_nothing_is_made_up() {
        assert_eq!(chosen(Some("a"), "", Some("a b c"), None), "a");
        assert_eq!(chosen(None, "", Some("a b c"), None), "a b c");
        assert_eq!(chosen(None, "", None, Some("x y")), "");
    }

    #[test]
    fn a_step_up_keeps_what_is_held() {
        assert_eq!(
            chosen(Some("write"), "read offline_access", Some("x"), None),
            "offline_access read write"
        );
    }

    #[test]
    fn offline_access_is_asked_of_who_lists_it() {
        assert_eq!(chosen(Some("a"), "", None, Some("a offline_access")), "a offline_access");
        assert_eq!(chosen(Some("a"), "", None, Some("a")), "a");
        assert_eq!(
            chosen(None, "", None, Some("a offline_access")),
            "",
            "alone it would narrow what is given"
        );
    }
}
