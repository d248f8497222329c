//! Client metadata, one type for the three ways in which a client is known: metadata documents (CIMD),
//! registration (RFC 7591) and configuration.
//!
//! Invariant: what is not named here is dropped on every write, so nothing can be assigned in mass.

mod backchannel;
mod likeness;
mod name;
mod words;

pub use backchannel::Backchannel;
pub use likeness::{Aspect, Difference, Likeness};
pub use name::shown_name;
pub use words::{ApplicationType, AuthMethod, CertificateName, GrantType};

use crate::jose::Algorithm;
use crate::json::{Object, Value};
use crate::redirect::{InvalidRedirect, RedirectUri};
use crate::rich::TYPE;
use prokura_core::{InvalidScope, ScopeSet};
use url::Url;

/// Where the client's keys are.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientKeys {
    /// In the metadata (`jwks`), as they were given.
    Inline(Object),
    /// At an address (`jwks_uri`).
    At(Url),
}

/// What a client says of itself, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientMetadata {
    /// `client_name`, without control and bidirectional characters; shown, never trusted.
    pub name: Option<String>,
    /// `redirect_uris`.
    pub redirect_uris: Vec<RedirectUri>,
    /// `post_logout_redirect_uris` (OpenID Connect RP-Initiated Logout §3.1).
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// `grant_types`; those that are not served are dropped.
    pub grant_types: Vec<GrantType>,
    /// `token_endpoint_auth_method`.
    pub auth_method: AuthMethod,
    /// `jwks` or `jwks_uri`.
    pub keys: Option<ClientKeys>,
    /// `scope`: what the client says it will ask for (RFC 7591 §2). It is given back and limits nothing: what a
    /// client gets is what a user allows.
    pub scope: Option<ScopeSet>,
    /// `application_type`.
    pub application_type: ApplicationType,
    /// `client_uri`: checked and given back, never fetched.
    pub client_uri: Option<Url>,
    /// `logo_uri`: checked and given back, never fetched.
    pub logo_uri: Option<Url>,
    /// `policy_uri`: checked and given back, never fetched.
    pub policy_uri: Option<Url>,
    /// `tos_uri`: checked and given back, never fetched.
    pub tos_uri: Option<Url>,
    /// `authorization_details_types` (RFC 9396 §10): the types that the client uses; any where nothing is said.
    pub details_types: Option<Vec<String>>,
    /// `software_id`.
    pub software_id: Option<String>,
    /// `software_version`.
    pub software_version: Option<String>,
    /// `dpop_bound_access_tokens`: it always asks with a proof of possession (RFC 9449 §5.2).
    pub dpop_bound: bool,
    /// `require_signed_request_object`: what it asks for counts only if it signed it (RFC 9101 §10.5).
    pub signs_requests: bool,
    /// `request_object_signing_alg`: the one algorithm of its request objects.
    pub request_algorithm: Option<Algorithm>,
    /// `tls_client_certificate_bound_access_tokens`: it always connects with a certificate (RFC 8705 §3.4).
    pub certificate_bound: bool,
    /// The name that its certificate must have, for `tls_client_auth`.
    pub certificate_name: Option<CertificateName>,
    /// How it asks users who are elsewhere (OpenID Connect CIBA Core §4), if it does.
    pub backchannel: Option<Backchannel>,
}

/// Client metadata that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A redirect URI breaks a rule.
    #[error("`redirect_uris`: {0}")]
    Redirect(#[from] InvalidRedirect),
    /// A client that asks for codes names no redirect URI, or more than 32.
    #[error("`redirect_uris` must hold 1 to 32 redirect URIs")]
    RedirectCount,
    /// A member has the wrong type, or a value that is not allowed.
    #[error("`{0}` has a value that is not allowed")]
    Member(&'static str),
    /// The scopes cannot be read.
    #[error("`scope`: {0}")]
    Scope(#[from] InvalidScope),
    /// `jwks` and `jwks_uri` exclude each other (RFC 7591 §2).
    #[error("only one of `jwks` and `jwks_uri` may be given")]
    TwoKeySources,
    /// `private_key_jwt` and `self_signed_tls_client_auth` need keys.
    #[error("`private_key_jwt` and `self_signed_tls_client_auth` need `jwks` or `jwks_uri`")]
    NoKeys,
    /// Signed requests need keys too.
    #[error("`require_signed_request_object` needs `jwks` or `jwks_uri`")]
    NoRequestKeys,
    /// The document is not the one of this client id (CIMD §4.1).
    #[error("`client_id` is not the address of the document")]
    ClientId,
    /// `tls_client_auth` needs the one name that the certificate must have (RFC 8705 §2.1.2).
    #[error(
        "`tls_client_auth` needs one of `tls_client_auth_subject_dn`, `tls_client_auth_san_dns` and `tls_client_auth_san_uri`"
    )]
    CertificateName,
    /// A public document cannot hold or use a shared secret (CIMD §4.1).
    #[error("a metadata document cannot hold or use a shared secret")]
    Secret,
}

/// The most redirect URIs of one client.
const MAX_REDIRECTS: usize = 32;
const DETAILS_TYPES: &str = "authorization_details_types";
/// The longest text member, in characters.
const MAX_TEXT: usize = 256;

impl ClientMetadata {
    /// Reads a registration or update request (RFC 7591 §2, RFC 7592 §2.2). Absent members get the defaults of
    /// RFC 7591; members that are not known are dropped.
    ///
    /// # Errors
    /// [`MetadataError`] names the member.
    pub fn from_registration(o: &Object) -> Result<Self, MetadataError> {
        Self::read(o, AuthMethod::ClientSecretBasic)
    }

    /// Reads a metadata document that was fetched from `address`. The default authentication is none.
    ///
    /// # Errors
    /// [`MetadataError`] names the member; [`MetadataError::ClientId`] if the document is another client's,
    /// [`MetadataError::Secret`] if it has or wants a shared secret.
    pub fn from_document(address: &str, o: &Object) -> Result<Self, MetadataError> {
        if o.str("client_id") != Some(address) {
            return Err(MetadataError::ClientId);
        }
        if o.contains_key("client_secret") || o.contains_key("client_secret_expires_at") {
            return Err(MetadataError::Secret);
        }
        let asked = o.str("token_endpoint_auth_method").unwrap_or("none");
        if asked.starts_with("client_secret") || has_symmetric_key(o) {
            return Err(MetadataError::Secret);
        }
        let metadata = Self::read(o, AuthMethod::None)?;
        if metadata.name.is_none() {
            return Err(MetadataError::Member("client_name"));
        }
        Ok(metadata)
    }

    fn read(o: &Object, default_method: AuthMethod) -> Result<Self, MetadataError> {
        let auth_method = match optional_text(o, "token_endpoint_auth_method")? {
            None => default_method,
            Some(word) => {
                AuthMethod::parse(&word).ok_or(MetadataError::Member("token_endpoint_auth_method"))?
            }
        };
        let mut grant_types = grant_types(o)?;
        response_types(o)?;
        let redirect_uris = redirect_uris(o, &grant_types)?;
        let keys = keys(o)?;
        if auth_method.uses_keys() && keys.is_none() {
            return Err(MetadataError::NoKeys);
        }
        let signs_requests = words::flag(o, "require_signed_request_object")?;
        if signs_requests && keys.is_none() {
            return Err(MetadataError::NoRequestKeys);
        }
        let backchannel = match Backchannel::read(o, &grant_types, keys.is_some()) {
            // A document speaks to many servers: what this one does not serve is left out.
            Err(_) if default_method == AuthMethod::None => {
                grant_types.retain(|g| *g != GrantType::Ciba);
                None
            }
            other => other?,
        };
        Ok(Self {
            name: optional_text(o, "client_name")?.map(|n| shown_name(&n)).filter(|n| !n.is_empty()),
            redirect_uris,
            post_logout_redirect_uris: logout_uris(o)?,
            grant_types,
            auth_method,
            keys,
            scope: optional_scope(o)?,
            application_type: application_type(o)?,
            client_uri: web_url(o, "client_uri")?,
            logo_uri: web_url(o, "logo_uri")?,
            policy_uri: web_url(o, "policy_uri")?,
            tos_uri: web_url(o, "tos_uri")?,
            details_types: details_types(o)?,
            software_id: optional_text(o, "software_id")?,
            software_version: optional_text(o, "software_version")?,
            dpop_bound: words::flag(o, "dpop_bound_access_tokens")?,
            signs_requests,
            request_algorithm: request_algorithm(o)?,
            certificate_bound: words::flag(o, words::CERTIFICATE_BOUND)?,
            certificate_name: CertificateName::read(o, auth_method)?,
            backchannel,
        })
    }

    /// The members as they are registered (RFC 7591 §3.2.1) and stored.
    pub fn to_object(&self) -> Object {
        let mut o = Object::default();
        let list = |words: Vec<&str>| Value::Array(words.into_iter().map(Value::from).collect());
        let texts = [
            ("client_name", self.name.as_deref()),
            ("client_uri", self.client_uri.as_ref().map(Url::as_str)),
            ("logo_uri", self.logo_uri.as_ref().map(Url::as_str)),
            ("policy_uri", self.policy_uri.as_ref().map(Url::as_str)),
            ("tos_uri", self.tos_uri.as_ref().map(Url::as_str)),
            ("software_id", self.software_id.as_deref()),
            ("software_version", self.software_version.as_deref()),
            ("token_endpoint_auth_method", Some(self.auth_method.as_str())),
            ("application_type", Some(self.application_type.as_str())),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                o.insert(name, text.into());
            }
        }
        o.insert("redirect_uris", list(self.redirect_uris.iter().map(RedirectUri::as_str).collect()));
        if !self.post_logout_redirect_uris.is_empty() {
            let uris = self.post_logout_redirect_uris.iter().map(RedirectUri::as_str).collect();
            o.insert("post_logout_redirect_uris", list(uris));
        }
        o.insert("grant_types", list(self.grant_types.iter().map(|g| g.as_str()).collect()));
        let codes = if self.may(GrantType::AuthorizationCode) { vec!["code"] } else { vec![] };
        o.insert("response_types", list(codes));
        if let Some(scope) = &self.scope {
            o.insert("scope", Value::from(scope.to_string()));
        }
        if self.signs_requests {
            o.insert("require_signed_request_object", true.into());
        }
        if let Some(algorithm) = self.request_algorithm {
            o.insert("request_object_signing_alg", algorithm.as_str().into());
        }
        if let Some(name) = &self.certificate_name {
            o.insert(name.member(), name.text().into());
        }
        if self.certificate_bound {
            o.insert(words::CERTIFICATE_BOUND, true.into());
        }
        if self.dpop_bound {
            o.insert("dpop_bound_access_tokens", true.into());
        }
        if let Some(backchannel) = &self.backchannel {
            backchannel.insert_into(&mut o);
        }
        if let Some(types) = &self.details_types {
            o.insert(DETAILS_TYPES, list(types.iter().map(String::as_str).collect()));
        }
        match &self.keys {
            Some(ClientKeys::Inline(jwks)) => o.insert("jwks", Value::Object(jwks.clone())),
            Some(ClientKeys::At(url)) => o.insert("jwks_uri", url.as_str().into()),
            None => {}
        }
        o
    }

    /// Whether the client may use this grant type.
    pub fn may(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }

    /// Whether the client uses authorization details of the type that is served.
    pub fn may_detail(&self) -> bool {
        self.details_types.as_ref().is_none_or(|types| types.iter().any(|t| t == TYPE))
    }

    /// Whether every redirect URI is on loopback, where any program of the user's machine may listen.
    pub fn only_loopback(&self) -> bool {
        !self.redirect_uris.is_empty() && self.redirect_uris.iter().all(RedirectUri::is_loopback)
    }
}

fn optional_text(o: &Object, name: &'static str) -> Result<Option<String>, MetadataError> {
    match o.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) if s.chars().count() <= MAX_TEXT => Ok(Some(s.clone())),
        Some(_) => Err(MetadataError::Member(name)),
    }
}

fn words<'a>(o: &'a Object, name: &'static str) -> Result<Option<Vec<&'a str>>, MetadataError> {
    let bad = MetadataError::Member(name);
    match o.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) if list.len() <= MAX_REDIRECTS => {
            list.iter().map(|v| v.as_str().ok_or_else(|| bad.clone())).collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(bad),
    }
}

/// Request objects are signed by a key of the client's own: never by a shared secret, and never not at all.
fn request_algorithm(o: &Object) -> Result<Option<Algorithm>, MetadataError> {
    let Some(word) = optional_text(o, "request_object_signing_alg")? else { return Ok(None) };
    let known = Algorithm::parse(&word).filter(|a| !a.is_secret());
    known.map(Some).ok_or(MetadataError::Member("request_object_signing_alg"))
}

fn grant_types(o: &Object) -> Result<Vec<GrantType>, MetadataError> {
    let Some(asked) = words(o, "grant_types")? else { return Ok(vec![GrantType::AuthorizationCode]) };
    let served: Vec<_> = GrantType::ALL.into_iter().filter(|g| asked.contains(&g.as_str())).collect();
    if served.is_empty() { Err(MetadataError::Member("grant_types")) } else { Ok(served) }
}

fn response_types(o: &Object) -> Result<(), MetadataError> {
    match words(o, "response_types")? {
        Some(asked) if asked.iter().any(|t| *t != "code") => Err(MetadataError::Member("response_types")),
        _ => Ok(()),
    }
}

fn redirect_uris(o: &Object, grant_types: &[GrantType]) -> Result<Vec<RedirectUri>, MetadataError> {
    if let Some(Value::Array(list)) = o.get("redirect_uris")
        && list.len() > MAX_REDIRECTS
    {
        return Err(MetadataError::RedirectCount);
    }
    let asked = words(o, "redirect_uris")?.unwrap_or_default();
    let uris = asked.into_iter().map(RedirectUri::parse).collect::<Result<Vec<_>, _>>()?;
    if uris.is_empty() && grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(MetadataError::RedirectCount);
    }
    Ok(uris)
}

fn logout_uris(o: &Object) -> Result<Vec<RedirectUri>, MetadataError> {
    let asked = words(o, "post_logout_redirect_uris")?.unwrap_or_default();
    Ok(asked.into_iter().map(RedirectUri::parse).collect::<Result<_, _>>()?)
}

/// Types that are not served are kept too: a document speaks to many servers.
fn details_types(o: &Object) -> Result<Option<Vec<String>>, MetadataError> {
    let types = words(o, DETAILS_TYPES)?;
    if types.iter().flatten().any(|t| t.is_empty() || t.len() > MAX_TEXT) {
        return Err(MetadataError::Member(DETAILS_TYPES));
    }
    Ok(types.map(|types| types.into_iter().map(str::to_owned).collect()))
}

fn keys(o: &Object) -> Result<Option<ClientKeys>, MetadataError> {
    match (o.get("jwks"), web_url(o, "jwks_uri")?) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(MetadataError::TwoKeySources),
        (None, Some(url)) => Ok(Some(ClientKeys::At(url))),
        (Some(Value::Object(jwks)), None) if !has_symmetric_key(o) => {
            Ok(Some(ClientKeys::Inline(jwks.clone())))
        }
        (Some(_), None) => Err(MetadataError::Member("jwks")),
    }
}

/// A JWK set with an `oct` key, or with a private member of any key.
fn has_symmetric_key(o: &Object) -> bool {
    let keys = o.get("jwks").and_then(Value::as_object).and_then(|j| j.get("keys")).and_then(Value::as_array);
    let secret =
        |key: &Object| key.str("kty") == Some("oct") || key.contains_key("k") || key.contains_key("d");
    keys.is_some_and(|keys| keys.iter().filter_map(Value::as_object).any(secret))
}

fn optional_scope(o: &Object) -> Result<Option<ScopeSet>, MetadataError> {
    match o.get("scope") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(ScopeSet::parse(s)?).filter(|s| !s.is_empty())),
        Some(_) => Err(MetadataError::Member("scope")),
    }
}

fn application_type(o: &Object) -> Result<ApplicationType, MetadataError> {
    match optional_text(o, "application_type")?.as_deref() {
        None | Some("web") => Ok(ApplicationType::Web),
        Some("native") => Ok(ApplicationType::Native),
        Some(_) => Err(MetadataError::Member("application_type")),
    }
}

/// An absolute `https` or `http` URL; `javascript:` and its kin never get in (they would be shown as links).
fn web_url(o: &Object, name: &'static str) -> Result<Option<Url>, MetadataError> {
    let bad = MetadataError::Member(name);
    match o.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) if s.is_empty() => Ok(None),
        Some(Value::String(s)) if s.len() <= 2048 => {
            let url = Url::parse(s).map_err(|_| bad.clone())?;
            let fine = matches!(url.scheme(), "https" | "http")
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none();
            if fine { Ok(Some(url)) } else { Err(bad) }
        }
        Some(_) => Err(bad),
    }
}

#[cfg(test)]
mod tests;
