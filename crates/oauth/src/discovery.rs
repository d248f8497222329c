//! Finding another issuer's metadata (RFC 8414 §3, OpenID Connect Discovery §4, MCP authorization, "Authorization
//! Server Metadata Discovery"), and what a resource needs of it.

use crate::json::{Object, Value};
use url::Url;

/// What a resource needs to know of an authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerMetadata {
    /// Where its keys are.
    pub jwks_uri: Option<String>,
    /// Where it can be asked about a token (RFC 7662).
    pub introspection_endpoint: Option<String>,
}

/// Metadata that are not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// They are of another issuer (RFC 8414 §3.3): whoever serves them may not speak for this one.
    #[error("the metadata are of the issuer `{0}`, not of this one")]
    Issuer(String),
    /// A member has another type than its own.
    #[error("the metadata's member `{0}` is malformed")]
    Member(&'static str),
}

/// Where the metadata of `issuer` may be, in the order in which they are looked for: with the well-known path
/// between host and path, as RFC 8414 §3.1 says and as OpenID servers have it too, then appended as OpenID Connect
/// Discovery §4 says. Empty if `issuer` is no web address.
pub fn addresses(issuer: &str) -> Vec<String> {
    let Ok(url) = Url::parse(issuer) else { return Vec::new() };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Vec::new();
    }
    let (origin, path) = (url.origin().ascii_serialization(), url.path().trim_end_matches('/'));
    let mut all = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        all.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    all
}

impl IssuerMetadata {
    /// Reads a document that was found for `issuer`.
    ///
    /// # Errors
    /// [`MetadataError`]; metadata of another issuer are not to be used at all.
    pub fn read(document: &Object, issuer: &str) -> Result<Self, MetadataError> {
        match document.get("issuer") {
            Some(Value::String(named)) if named == issuer => {}
            Some(Value::String(other)) => {
                return Err(MetadataError::Issuer(other.chars().take(256).collect()));
            }
            _ => return Err(MetadataError::Member("issuer")),
        }
        let address = |name: &'static str| match document.get(name) {
            None => Ok(None),
            Some(Value::String(url)) => Ok(Some(url.clone())),
            Some(_) => Err(MetadataError::Member(name)),
        };
        Ok(Self {
            jwks_uri: address("jwks_uri")?,
            introspection_endpoint: address("introspection_endpoint")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::obj;

    #[test]
    fn an_issuer_with_a_path_is_looked_for_in_three_places() {
        assert_eq!(
            addresses("https://kc.example/realms/x"),
            [
                "https://kc.example/.well-known/oauth-authorization-server/realms/x",
                "https://kc.example/.well-known/openid-configuration/realms/x",
                "https://kc.example/realms/x/.well-known/openid-configuration",
            ]
        );
        let root = [
            "https://t.auth0.example/.well-known/oauth-authorization-server",
            "https://t.auth0.example/.well-known/openid-configuration",
        ];
        assert_eq!(addresses("https://t.auth0.example/"), root);
        assert_eq!(addresses("https://t.auth0.example"), root);
        assert!(addresses("urn:x").is_empty());
    }

    #[test]
    fn b14_metadata_of_another_issuer_are_not_believed() {
        let document =
            |issuer: &str| obj([("issuer", issuer.into()), ("jwks_uri", "https://a.example/jwks".into())]);
        let read = |issuer: &str| IssuerMetadata::read(&document(issuer), "https://a.example");
        assert_eq!(read("https://a.example").unwrap().jwks_uri.unwrap(), "https://a.example/jwks");
        for other in ["https://b.example", "https://a.example/", "https://A.example", ""] {
            assert_eq!(read(other), Err(MetadataError::Issuer(other.to_owned())));
        }
        assert!(IssuerMetadata::read(&Object::default(), "https://a.example").is_err());
    }
}
