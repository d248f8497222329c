//! Protected resource metadata (RFC 9728 §2): where a client reads whom to ask for a token.

use crate::dpop;
use crate::json::{Object, Value};
use prokura_core::{ResourceUri, Scope, ScopeSet};
use url::Url;

/// The well-known path of the metadata (RFC 9728 §3).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What is said of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceMetadata {
    /// The resource.
    pub resource: ResourceUri,
    /// The issuers whose tokens it takes; the first is the one to ask if nothing speaks for another.
    pub authorization_servers: Vec<String>,
    /// What a client asks for first.
    pub scopes: ScopeSet,
    /// Whether only tokens are taken that are bound to a key (RFC 9449 §5).
    pub dpop_required: bool,
    /// The types of authorization details that it understands (RFC 9396).
    pub details_types: Vec<&'static str>,
    /// What people call it.
    pub name: Option<String>,
}

impl ResourceMetadata {
    /// The document.
    pub fn to_object(&self) -> Object {
        // `offline_access` is no need of a resource (MCP authorization, "Refresh Tokens").
        let needed = |s: &&Scope| s.as_str() != "offline_access";
        let servers = self.authorization_servers.iter().map(|s| s.as_str().into()).collect();
        let mut o = Object::default();
        o.insert("resource", self.resource.as_str().into());
        o.insert("authorization_servers", Value::Array(servers));
        o.insert(
            "scopes_supported",
            self.scopes.iter().filter(needed).map(|s| Value::from(s.as_str())).collect(),
        );
        o.insert("bearer_methods_supported", Value::Array(vec!["header".into()]));
        o.insert("dpop_signing_alg_values_supported", dpop::algorithm_names().collect());
        o.insert("dpop_bound_access_tokens_required", self.dpop_required.into());
        if !self.details_types.is_empty() {
            o.insert("authorization_details_types_supported", self.details_types.iter().copied().collect());
        }
        if let Some(name) = &self.name {
            o.insert("resource_name", name.as_str().into());
        }
        o
    }
}

/// Where the metadata of `resource` are: the well-known path between its host and its own path (RFC 9728 §3.1).
pub fn address(resource: &ResourceUri) -> String {
    let Ok(url) = Url::parse(resource.as_str()) else { return String::new() };
    let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
    format!("{}{WELL_KNOWN}{}{query}", url.origin().ascii_serialization(), url.path().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_stands_between_host_and_path() {
        let at = |uri: &str| address(&ResourceUri::parse(uri).unwrap());
        assert_eq!(
            at("https://a.example/mcp/x"),
            "https://a.example/.well-known/oauth-protected-resource/mcp/x"
        );
        assert_eq!(at("https://a.example"), "https://a.example/.well-known/oauth-protected-resource");
    }

    #[test]
    fn the_document_names_every_server_and_no_scope_that_is_none_of_the_resource() {
        let metadata = ResourceMetadata {
            resource: ResourceUri::parse("https://a.example/mcp").unwrap(),
            authorization_servers: vec!["https://kc.example/realms/x".into(), "https://b.example".into()],
            scopes: ScopeSet::parse("read offline_access").unwrap(),
            dpop_required: false,
            details_types: vec![],
            name: None,
        };
        let text = String::from_utf8(metadata.to_object().to_vec()).unwrap();
        let begins = r#"{"resource":"https://a.example/mcp","authorization_servers":["https://kc.example/realms/x","https://b.example"],"scopes_supported":["read"],"bearer_methods_supported":["header"],"dpop_signing"#;
        assert!(text.starts_with(begins), "{text}");
    }
}
