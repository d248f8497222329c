//! Signing in at another provider: what it says of itself (OpenID Connect Discovery 1.0 §3, §4.3; RFC 9207), and what
//! it says of a person (OpenID Connect Core 1.0 §3.1.3.7, §5.3.2).

mod id_token;

pub use id_token::{ExpectedIdToken, IdToken, IdTokenError, verify_id_token};

use crate::json::{Object, Value};

/// The metadata of an OpenID provider, as far as a sign-in needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// Where the browser is sent.
    pub authorization_endpoint: String,
    /// Where the code is exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where it says more of a person, if it does.
    pub userinfo_endpoint: Option<String>,
    /// Whether every answer of its names it (RFC 9207 §3): then one that does not is another's.
    pub names_itself: bool,
    /// Whether a client's secret goes into the body, because the header is not offered.
    pub secret_in_body: bool,
}

/// Metadata that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderMetadataError {
    /// The document is another issuer's (Discovery §4.3): compared to the byte, nothing is normalised.
    #[error("the document says `{0}`, which is not the configured issuer")]
    Issuer(String),
    /// A member is missing, mistyped, or no address that can be used.
    #[error("the member `{0}` is missing or not usable")]
    Member(&'static str),
}

impl ProviderMetadata {
    /// Reads the document of `issuer`. Addresses must be `https`, or `http` where the issuer is itself.
    ///
    /// # Errors
    /// [`ProviderMetadataError`].
    pub fn read(document: &Object, issuer: &str) -> Result<Self, ProviderMetadataError> {
        let named = document.str("issuer").ok_or(ProviderMetadataError::Member("issuer"))?;
        if named != issuer {
            return Err(ProviderMetadataError::Issuer(named.chars().take(200).collect()));
        }
        let address = |name: &'static str| {
            let found = document.str(name).filter(|a| is_address(a, issuer));
            found.map(str::to_owned).ok_or(ProviderMetadataError::Member(name))
        };
        let userinfo_endpoint = match document.get("userinfo_endpoint") {
            None => None,
            Some(_) => Some(address("userinfo_endpoint")?),
        };
        let flag = document.get("authorization_response_iss_parameter_supported").and_then(Value::as_bool);
        Ok(Self {
            authorization_endpoint: address("authorization_endpoint")?,
            token_endpoint: address("token_endpoint")?,
            jwks_uri: address("jwks_uri")?,
            userinfo_endpoint,
            names_itself: flag.unwrap_or(false),
            secret_in_body: secret_in_body(document),
        })
    }
}

/// The header is the default where nothing is said (Discovery §3).
fn secret_in_body(document: &Object) -> bool {
    let offered = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let offers = |name: &str| offered.is_some_and(|all| all.iter().any(|m| m.as_str() == Some(name)));
    offers("client_secret_post") && !offers("client_secret_basic")
}

fn is_address(address: &str, issuer: &str) -> bool {
    let plain = address.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&b));
    let scheme =
        address.starts_with("https://") || (address.starts_with("http://") && issuer.starts_with("http://"));
    plain && scheme && address.len() <= 2048
}

/// A claim by its name, or, where there is none of that name, by a path with dots: `realm_access.roles`.
pub fn claim<'a>(claims: &'a Object, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::obj;

    const ISSUER: &str = "https://idp.example/realms/corp";

    fn document() -> Object {
        obj([
            ("issuer", ISSUER.into()),
            ("authorization_endpoint", "https://idp.example/auth".into()),
            ("token_endpoint", "https://idp.example/token".into()),
            ("jwks_uri", "https://idp.example/keys".into()),
            ("token_endpoint_auth_methods_supported", ["client_secret_post"].into_iter().collect()),
            ("authorization_response_iss_parameter_supported", true.into()),
        ])
    }

    #[test]
    fn b14_metadata_of_another_issuer_is_refused() {
        let read = ProviderMetadata::read(&document(), ISSUER).unwrap();
        assert!(read.names_itself && read.secret_in_body && read.userinfo_endpoint.is_none());
        for other in ["https://idp.example/realms/corp/", "https://IDP.example/realms/corp", ""] {
            let mut odd = document();
            odd.insert("issuer", other.into());
            let refused = ProviderMetadata::read(&odd, ISSUER);
            assert_eq!(refused, Err(ProviderMetadataError::Issuer(other.into())));
        }
    }

    #[test]
    fn an_address_that_runs_something_or_is_not_protected_is_refused() {
        for odd in
            ["javascript:alert(1)", "http://idp.example/auth", "https://idp.example/\r\nx", "", "/auth"]
        {
            for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
                let mut document = document();
                document.insert(name, odd.into());
                let refused = ProviderMetadata::read(&document, ISSUER);
                assert_eq!(refused, Err(ProviderMetadataError::Member(name)), "{odd}");
            }
        }
    }

    #[test]
    fn a_claim_is_found_by_name_before_it_is_found_by_path() {
        let inner = obj([("roles", "deep".into())]);
        let mut claims = obj([("realm_access", inner.into())]);
        assert_eq!(claim(&claims, "realm_access.roles").and_then(Value::as_str), Some("deep"));
        claims.insert("realm_access.roles", "flat".into());
        assert_eq!(claim(&claims, "realm_access.roles").and_then(Value::as_str), Some("flat"));
        assert_eq!(claim(&claims, "realm_access.none"), None);
    }
}
