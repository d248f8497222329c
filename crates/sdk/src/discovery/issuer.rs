//! Authorization server metadata (RFC 8414; OpenID Connect Discovery 1.0).

use super::{DiscoveryError, Tried, inserted};
use crate::web::{Found, document};
use prokura_core::ScopeSet;
use prokura_egress::{Egress, FetchUrl};
use prokura_oauth::json::{Object, Value};
use url::Url;

/// What an authorization server says of itself. Members that are absent have the defaults of RFC 8414 §2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The issuer identifier, to the byte.
    pub issuer: String,
    /// `authorization_endpoint`.
    pub authorization_endpoint: Option<FetchUrl>,
    /// `token_endpoint`.
    pub token_endpoint: Option<FetchUrl>,
    /// `registration_endpoint` (RFC 7591).
    pub registration_endpoint: Option<FetchUrl>,
    /// `device_authorization_endpoint` (RFC 8628).
    pub device_authorization_endpoint: Option<FetchUrl>,
    /// `pushed_authorization_request_endpoint` (RFC 9126).
    pub pushed_authorization_request_endpoint: Option<FetchUrl>,
    /// `revocation_endpoint` (RFC 7009).
    pub revocation_endpoint: Option<FetchUrl>,
    /// `require_pushed_authorization_requests`.
    pub requires_pushed_requests: bool,
    /// Whether `code_challenge_methods_supported` names `S256`.
    pub knows_s256: bool,
    /// `scopes_supported`, if it says.
    pub scopes: Option<ScopeSet>,
    /// `client_id_metadata_document_supported`.
    pub takes_client_documents: bool,
    /// `authorization_response_iss_parameter_supported` (RFC 9207).
    pub names_itself: bool,
    /// The whole document, for members that are not named here (`jwks_uri`, `introspection_endpoint`).
    pub document: Object,
    /// Where this was found; empty if the endpoints are those of 2025-03-26 without metadata.
    pub found_at: String,
}

impl Issuer {
    /// The words of a list member; `None` if the member is absent.
    pub fn list(&self, member: &str) -> Option<Vec<&str>> {
        let list = self.document.get(member)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).collect())
    }

    /// Whether a list member has `word`; `absent` if there is no such member.
    pub fn lists(&self, member: &str, word: &str, absent: bool) -> bool {
        self.list(member).map_or(absent, |list| list.contains(&word))
    }

    fn read(issuer: &str, document: Object, at: String) -> Result<Self, DiscoveryError> {
        let endpoint = |member: &'static str| match document.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let url =
                    value.as_str().and_then(|s| Url::parse(s).ok()).and_then(|u| FetchUrl::try_from(u).ok());
                url.map(Some).ok_or(DiscoveryError::Member { at: at.clone(), member })
            }
        };
        let flag = |member: &str| document.get(member).and_then(Value::as_bool) == Some(true);
        let s256 =
            document.get("code_challenge_methods_supported").and_then(Value::as_array).unwrap_or_default();
        Ok(Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            registration_endpoint: endpoint("registration_endpoint")?,
            device_authorization_endpoint: endpoint("device_authorization_endpoint")?,
            pushed_authorization_request_endpoint: endpoint("pushed_authorization_request_endpoint")?,
            revocation_endpoint: endpoint("revocation_endpoint")?,
            requires_pushed_requests: flag("require_pushed_authorization_requests"),
            knows_s256: s256.iter().any(|m| m.as_str() == Some("S256")),
            scopes: scopes(&document),
            takes_client_documents: flag("client_id_metadata_document_supported"),
            names_itself: flag("authorization_response_iss_parameter_supported"),
            found_at: at,
            document,
        })
    }
}

/// `scopes_supported`; scopes that break RFC 6749 §3.3 are left out.
pub(super) fn scopes(o: &Object) -> Option<ScopeSet> {
    let list = o.get("scopes_supported")?.as_array()?;
    let words = list.iter().filter_map(Value::as_str);
    Some(words.filter_map(|s| prokura_core::Scope::parse(s).ok()).collect())
}

/// The metadata of an issuer, found in the order of MCP authorization and checked to be its own.
///
/// # Errors
/// [`DiscoveryError`] if they cannot be had, or are another's, which ends the search.
pub async fn issuer_metadata(egress: &Egress, issuer: &str) -> Result<Issuer, DiscoveryError> {
    let url = Url::parse(issuer).map_err(|_| DiscoveryError::BadIssuer(issuer.to_owned()))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(DiscoveryError::BadIssuer(issuer.to_owned()));
    }
    find(egress, issuer, &[issuer], &url).await
}

async fn find(egress: &Egress, issuer: &str, own: &[&str], url: &Url) -> Result<Issuer, DiscoveryError> {
    let mut tried = Vec::new();
    for place in places(url) {
        let at = place.to_string();
        let (why, absent) = match document(egress, &place).await {
            Found::Document(object) => return accept(own, object, at),
            Found::Nothing(why) => (why, true),
            Found::Failed(why) => (why, false),
        };
        tried.push(Tried { url: at, why, absent });
    }
    Err(DiscoveryError::NoIssuerMetadata { issuer: issuer.to_owned(), tried })
}

/// The document, if its issuer is one of `own` to the byte (RFC 8414 §3.3).
fn accept(own: &[&str], object: Object, at: String) -> Result<Issuer, DiscoveryError> {
    let named = object.str("issuer").unwrap_or_default().to_owned();
    if own.contains(&named.as_str()) {
        return Issuer::read(&named, object, at);
    }
    let expected = own.first().copied().unwrap_or_default().to_owned();
    Err(DiscoveryError::Issuer { at, expected, found: named })
}

/// Where the metadata may be: RFC 8414 §3.1 first; with a path, then both forms of OpenID Connect Discovery.
fn places(issuer: &Url) -> Vec<FetchUrl> {
    let mut bare = issuer.clone();
    bare.set_path(issuer.path().trim_end_matches('/'));
    let mut places =
        vec![inserted(&bare, "oauth-authorization-server"), inserted(&bare, "openid-configuration")];
    if bare.path() != "/" {
        let mut appended = bare.clone();
        appended.set_path(&format!("{}/.well-known/openid-configuration", bare.path()));
        places.push(FetchUrl::try_from(appended).ok());
    }
    places.into_iter().flatten().collect()
}

/// The authorization server of an MCP server of 2025-03-26: its origin, with metadata at the root or, if it says that
/// there are none, with the endpoints that this revision gave to everybody.
#[cfg(feature = "client")]
pub(crate) async fn legacy_issuer(egress: &Egress, origin: &str) -> Result<Issuer, DiscoveryError> {
    let url = Url::parse(origin).map_err(|_| DiscoveryError::BadIssuer(origin.to_owned()))?;
    match find(egress, origin, &[origin, url.as_str()], &url).await {
        Err(DiscoveryError::NoIssuerMetadata { tried, .. }) if tried.iter().all(|t| t.absent) => {
            let endpoint = |path: &str| Value::from(format!("{origin}{path}"));
            let document = prokura_oauth::json::obj([
                ("authorization_endpoint", endpoint("/authorize")),
                ("token_endpoint", endpoint("/token")),
                ("registration_endpoint", endpoint("/register")),
                // That revision demanded PKCE of every server, and had nowhere to say so.
                ("code_challenge_methods_supported", ["S256"].into_iter().collect()),
            ]);
            Issuer::read(origin, document, String::new())
        }
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn asked(issuer: &str) -> Vec<String> {
        places(&Url::parse(issuer).unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn metadata_are_looked_for_in_the_order_of_the_specification() {
        assert_eq!(
            asked("https://as.example/t1"),
            [
                "https://as.example/.well-known/oauth-authorization-server/t1",
                "https://as.example/.well-known/openid-configuration/t1",
                "https://as.example/t1/.well-known/openid-configuration",
            ]
        );
        for bare in ["https://as.example", "https://as.example/"] {
            assert_eq!(
                asked(bare),
                [
                    "https://as.example/.well-known/oauth-authorization-server",
                    "https://as.example/.well-known/openid-configuration",
                ]
            );
        }
        assert_eq!(asked("https://as.example/t1/"), asked("https://as.example/t1"));
    }

    fn read(json: &str) -> Result<Issuer, DiscoveryError> {
        let object = parse(json.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap();
        accept(&["https://as.example"], object, "https://as.example/x".to_owned())
    }

    #[test]
    fn b14_an_issuer_is_compared_to_the_byte() {
        for other in [
            "https://as.example/",
            "HTTPS://as.example",
            "https://as.example:443",
            "https://evil.example",
            "",
        ] {
            let json = format!(r#"{{"issuer":"{other}","token_endpoint":"https://as.example/token"}}"#);
            assert!(matches!(read(&json), Err(DiscoveryError::Issuer { .. })), "{other}");
        }
        let told =
            read(r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/token"}"#).unwrap();
        assert!(!told.knows_s256 && !told.names_itself && !told.takes_client_documents);
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused_rather_than_left_out() {
        for bad in ["\"javascript:x\"", "1", "\"/token\""] {
            let json = format!(r#"{{"issuer":"https://as.example","token_endpoint":{bad}}}"#);
            assert!(matches!(read(&json), Err(DiscoveryError::Member { .. })), "{bad}");
        }
    }
}
