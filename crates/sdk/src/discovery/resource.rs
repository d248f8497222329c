//! Protected resource metadata (RFC 9728).

#[cfg(feature = "client")]
use super::{DiscoveryError, Tried, inserted};
#[cfg(feature = "client")]
use crate::client::ServerUrl;
#[cfg(feature = "client")]
use crate::web::{Found, document};
use prokura_core::ScopeSet;
#[cfg(feature = "client")]
use prokura_egress::{Egress, FetchUrl};
#[cfg(feature = "client")]
use prokura_oauth::json::{Object, Value};

/// What a resource says of itself (RFC 9728 §2), as far as a client needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedResource {
    /// `resource`: what tokens are asked for.
    pub resource: String,
    /// `authorization_servers`: the issuers, at least one.
    pub issuers: Vec<String>,
    /// `scopes_supported`, if it says.
    pub scopes: Option<ScopeSet>,
    /// `resource_name`, for people.
    pub name: Option<String>,
    /// `dpop_bound_access_tokens_required`.
    pub dpop_required: bool,
    /// Where this was found.
    pub found_at: String,
}

/// Finds the metadata of `server`: where its challenge says, else below its path, else at its root. `Ok(None)` if the
/// server says at all of them that there are none, as servers of 2025-03-26 do.
#[cfg(feature = "client")]
pub(crate) async fn protected_resource(
    egress: &Egress,
    server: &ServerUrl,
    challenged: Option<&str>,
) -> Result<Option<ProtectedResource>, DiscoveryError> {
    let mut tried = Vec::new();
    for url in places(server, challenged) {
        let at = url.to_string();
        match document(egress, &url).await {
            Found::Document(object) => return read(server, &object, at).map(Some),
            Found::Nothing(why) => tried.push(Tried { url: at, why, absent: true }),
            Found::Failed(why) => tried.push(Tried { url: at, why, absent: false }),
        }
    }
    if tried.iter().all(|t| t.absent) {
        return Ok(None);
    }
    Err(DiscoveryError::NoResourceMetadata { server: server.to_string(), tried })
}

/// Where to look, in order, each once.
#[cfg(feature = "client")]
fn places(server: &ServerUrl, challenged: Option<&str>) -> Vec<FetchUrl> {
    let mut root = server.as_url().clone();
    root.set_path("/");
    root.set_query(None);
    let challenged =
        challenged.and_then(|c| url::Url::parse(c).ok()).and_then(|u| FetchUrl::try_from(u).ok());
    let below = inserted(server.as_url(), "oauth-protected-resource");
    let at_root = inserted(&root, "oauth-protected-resource");
    let mut places: Vec<FetchUrl> = Vec::new();
    for place in [challenged, below, at_root].into_iter().flatten() {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(feature = "client")]
fn read(server: &ServerUrl, o: &Object, at: String) -> Result<ProtectedResource, DiscoveryError> {
    let missing = |member| DiscoveryError::Member { at: at.clone(), member };
    let resource = o.str("resource").ok_or_else(|| missing("resource"))?;
    if !server.is_covered_by(resource) {
        let (expected, found) = (server.resource().to_owned(), resource.to_owned());
        return Err(DiscoveryError::Resource { at, expected, found });
    }
    let issuers = o.get("authorization_servers").and_then(Value::as_array).unwrap_or_default();
    let issuers: Vec<String> = issuers.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if issuers.is_empty() {
        return Err(missing("authorization_servers"));
    }
    Ok(ProtectedResource {
        resource: resource.to_owned(),
        issuers,
        scopes: super::issuer::scopes(o),
        name: o.str("resource_name").map(prokura_oauth::client_metadata::shown_name),
        dpop_required: o.get("dpop_bound_access_tokens_required").and_then(Value::as_bool) == Some(true),
        found_at: at,
    })
}

#[cfg(test)]
#[cfg(feature = "client")]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn server(s: &str) -> ServerUrl {
        ServerUrl::parse(s).unwrap()
    }

    fn asked(address: &str, challenged: Option<&str>) -> Vec<String> {
        places(&server(address), challenged).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_challenge_comes_first_then_the_path_then_the_root() {
        assert_eq!(
            asked("https://a.example/team/mcp", Some("https://a.example/custom.json")),
            [
                "https://a.example/custom.json",
                "https://a.example/.well-known/oauth-protected-resource/team/mcp",
                "https://a.example/.well-known/oauth-protected-resource",
            ]
        );
        assert_eq!(
            asked("https://a.example", None),
            ["https://a.example/.well-known/oauth-protected-resource"]
        );
        assert_eq!(
            asked("https://a.example/mcp?t=1", Some("not a url")),
            [
                "https://a.example/.well-known/oauth-protected-resource/mcp?t=1",
                "https://a.example/.well-known/oauth-protected-resource",
            ]
        );
        let same = "https://a.example/.well-known/oauth-protected-resource/mcp";
        assert_eq!(asked("https://a.example/mcp", Some(same)).len(), 2, "no address is asked twice");
    }

    fn read(address: &str, json: &str) -> Result<ProtectedResource, DiscoveryError> {
        let object = parse(json.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        super::read(&server(address), &object, "https://a.example/x".to_owned())
    }

    #[test]
    fn another_resources_metadata_are_refused() {
        let json = r#"{"resource":"https://b.example/mcp","authorization_servers":["https://as.example"]}"#;
        let error = read("https://a.example/mcp", json).unwrap_err();
        assert!(matches!(error, DiscoveryError::Resource { .. }), "{error}");
    }

    #[test]
    fn a_resource_names_its_issuers() {
        let without = r#"{"resource":"https://a.example/mcp","authorization_servers":[]}"#;
        assert!(matches!(read("https://a.example/mcp", without), Err(DiscoveryError::Member { .. })));
        let with = r#"{"resource":"https://a.example/mcp","authorization_servers":["https://as.example"],
            "scopes_supported":["a","b"],"dpop_bound_access_tokens_required":true}"#;
        let told = read("https://a.example/mcp", with).unwrap();
        assert_eq!(told.issuers, ["https://as.example"]);
        assert_eq!(told.scopes.unwrap().to_string(), "a b");
        assert!(told.dpop_required);
    }
}
