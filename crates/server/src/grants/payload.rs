//! What codes and refresh tokens remember. Only this server writes and reads it.

use prokura_core::{ClientId, Details, GrantName, ResourceUri, ScopeSet, Timestamp, TraceId};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::confirmation::{Confirmation, Thumbprint};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_oauth::pkce::CodeChallenge;
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_store::StoreError;

/// The member of requests and codes with the thumbprint of a key (RFC 9449 §10).
pub(crate) const KEY: &str = "dpop_jkt";

/// What a code is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodePayload {
    pub(crate) client: ClientId,
    pub(crate) redirect: String,
    pub(crate) resource: ResourceUri,
    pub(crate) scope: ScopeSet,
    pub(crate) details: Details,
    pub(crate) challenge: CodeChallenge,
    /// The key whose proof must come with it (RFC 9449 §10).
    pub(crate) key: Option<Thumbprint>,
    pub(crate) trace: TraceId,
    /// Goes into the ID token, as the client sent it.
    pub(crate) nonce: Option<String>,
    /// What the client calls the grant, if it asked for a name.
    pub(crate) name: Option<GrantName>,
    /// How the user signed in.
    pub(crate) authentication: Option<Authentication>,
}

/// What a refresh token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefreshPayload {
    pub(crate) client: ClientId,
    pub(crate) resource: ResourceUri,
    pub(crate) scope: ScopeSet,
    pub(crate) details: Details,
    /// How often its predecessor's answer was repeated.
    pub(crate) repeats: u64,
    /// When it was exchanged; what ended otherwise has none.
    pub(crate) exchanged: Option<Timestamp>,
    /// What must be shown with it (RFC 9449 §5).
    pub(crate) cnf: Confirmation,
    pub(crate) trace: TraceId,
    /// How the user signed in.
    pub(crate) authentication: Option<Authentication>,
}

impl CodePayload {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut o = obj([
            ("client", self.client.as_str().into()),
            ("redirect", self.redirect.as_str().into()),
            ("resource", self.resource.as_str().into()),
            ("scope", self.scope.to_string().into()),
            ("challenge", self.challenge.as_str().into()),
            ("trace", self.trace.as_str().into()),
        ]);
        if let Some(nonce) = &self.nonce {
            o.insert("nonce", nonce.as_str().into());
        }
        if let Some(name) = &self.name {
            o.insert("name", name.as_str().into());
        }
        insert_authentication(&mut o, self.authentication.as_ref());
        if let Some(key) = self.key {
            o.insert(KEY, key.to_string().into());
        }
        put_details(&mut o, &self.details, &self.resource);
        o.to_vec()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let o = object(bytes)?;
        let read = || {
            let resource = ResourceUri::parse_exact(o.str("resource")?).ok()?;
            Some(Self {
                client: ClientId::parse(o.str("client")?).ok()?,
                redirect: o.str("redirect")?.to_owned(),
                details: details(&o, &resource)?,
                resource,
                scope: ScopeSet::parse(o.str("scope")?).ok()?,
                challenge: CodeChallenge::parse(o.str("challenge")?).ok()?,
                key: bound_key(&o).ok()?,
                nonce: o.str("nonce").map(str::to_owned),
                name: o.str("name").map(GrantName::parse).transpose().ok()?,
                trace: TraceId::parse(o.str("trace")?).ok()?,
                authentication: authentication(&o)?,
            })
        };
        read().ok_or_else(corrupt)
    }
}

impl RefreshPayload {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let mut o = obj([
            ("client", self.client.as_str().into()),
            ("resource", self.resource.as_str().into()),
            ("scope", self.scope.to_string().into()),
            ("repeats", self.repeats.into()),
            ("trace", self.trace.as_str().into()),
        ]);
        put_details(&mut o, &self.details, &self.resource);
        if let Some(at) = self.exchanged {
            o.insert("exchanged", at.micros().into());
        }
        insert_authentication(&mut o, self.authentication.as_ref());
        if let Some(cnf) = self.cnf.to_object() {
            o.insert("cnf", Value::Object(cnf));
        }
        o.to_vec()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let o = object(bytes)?;
        let read = || {
            let resource = ResourceUri::parse_exact(o.str("resource")?).ok()?;
            Some(Self {
                client: ClientId::parse(o.str("client")?).ok()?,
                details: details(&o, &resource)?,
                resource,
                scope: ScopeSet::parse(o.str("scope")?).ok()?,
                repeats: o.get("repeats")?.as_u64()?,
                exchanged: o.get("exchanged").and_then(|v| v.as_i64()).map(Timestamp::from_micros),
                cnf: Confirmation::read(&o).ok()?,
                trace: TraceId::parse(o.str("trace")?).ok()?,
                authentication: authentication(&o)?,
            })
        };
        read().ok_or_else(corrupt)
    }
}

fn put_details(o: &mut Object, details: &Details, resource: &ResourceUri) {
    if !details.is_empty() {
        o.insert(DETAILS, rich::to_value(details, resource));
    }
}

fn details(o: &Object, resource: &ResourceUri) -> Option<Details> {
    o.get(DETAILS).map_or(Some(Details::default()), |v| rich::read(v, resource).ok())
}

fn insert_authentication(o: &mut Object, said: Option<&Authentication>) {
    if let Some(said) = said {
        let mut inner = Object::default();
        said.insert_into(&mut inner);
        o.insert("auth", Value::Object(inner));
    }
}

/// What is stored about the sign-in, if anything; `None` if it cannot be read.
fn authentication(o: &Object) -> Option<Option<Authentication>> {
    match o.get("auth") {
        None => Some(None),
        Some(inner) => Authentication::read(inner.as_object()?).ok(),
    }
}

/// The key that an authorization request or a code is bound to. One that cannot be read is not none.
pub(crate) fn bound_key(o: &Object) -> Result<Option<Thumbprint>, StoreError> {
    o.get(KEY).map(|v| v.as_str().and_then(Thumbprint::parse).ok_or_else(corrupt)).transpose()
}

fn object(bytes: &[u8]) -> Result<Object, StoreError> {
    json::parse(bytes, &Limits::DOCUMENT).ok().and_then(|v| v.into_object()).ok_or_else(corrupt)
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { column: "artifacts.payload", detail: "it cannot be read back".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::Acr;

    #[test]
    fn what_is_stored_comes_back() {
        let code = CodePayload {
            client: ClientId::parse("cli_1").unwrap(),
            redirect: "https://a.example/cb".into(),
            resource: ResourceUri::parse("https://as.example/mcp/x").unwrap(),
            scope: ScopeSet::parse("a b").unwrap(),
            details: Details::default(),
            challenge: CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap(),
            key: Some(Thumbprint::of(b"k")),
            trace: TraceId::parse("tr_1").unwrap(),
            nonce: Some("n".into()),
            name: Some(GrantName::parse("gid_1").unwrap()),
            authentication: Some(Authentication::new(Timestamp::from_seconds(5), Acr::Mfa, "pwd otp")),
        };
        assert_eq!(CodePayload::read(&code.to_vec()).unwrap(), code);
        let text = r#"[{"type":"mcp_tool","actions":["a"]}]"#;
        let some = rich::parse(text, &code.resource).unwrap();
        let refresh = RefreshPayload {
            client: code.client.clone(),
            resource: code.resource.clone(),
            scope: code.scope.clone(),
            details: some,
            repeats: 2,
            exchanged: Some(Timestamp::from_micros(7)),
            trace: code.trace.clone(),
            authentication: code.authentication.clone(),
            cnf: Confirmation { key: code.key, certificate: None },
        };
        assert_eq!(RefreshPayload::read(&refresh.to_vec()).unwrap(), refresh);
        assert!(CodePayload::read(b"{}").is_err());
    }
}
