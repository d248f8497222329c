//! Behind the browser's back: the code for an ID token (Core §3.1.3), and what else the provider says (§5.3).

use super::flow::Derived;
use super::metadata::address;
use super::{Credential, Provider, ProviderFault};
use crate::people::People;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use prokura_core::Timestamp;
use prokura_egress::{Ask, FetchLimits, Reading};
use prokura_oauth::jose::KeySet;
use prokura_oauth::json::{self, Limits, Object};
use prokura_oauth::relying::{ExpectedIdToken, IdToken, ProviderMetadata, verify_id_token};
use prokura_oauth::token_request::ASSERTION_TYPE;
use std::sync::Arc;

/// As much of a UserInfo answer is read as of any document.
const READING: Reading = Reading {
    max_bytes: FetchLimits::DOCUMENT.max_bytes,
    deadline: FetchLimits::DOCUMENT.deadline,
    enough: |_, _| false,
};

/// What a provider vouched for: the ID token, and the claims of the UserInfo endpoint where it has one.
pub(super) struct Vouched {
    pub(super) token: IdToken,
    pub(super) userinfo: Option<Object>,
}

impl People {
    /// Exchanges a code and verifies what comes of it.
    pub(super) async fn exchange(
        &self,
        provider: &Provider,
        code: &str,
        derived: &Derived,
    ) -> Result<Vouched, ProviderFault> {
        let metadata = self.providers.inner()?.documents.of(provider).await?;
        let answer = self.ask_token(provider, &metadata, code, derived).await.map_err(|why| {
            noted(provider, "the code was not exchanged", &why);
            ProviderFault::Code
        })?;
        let (id_token, access_token) = (answer.str("id_token"), answer.str("access_token"));
        let id_token = id_token.ok_or(ProviderFault::Token)?;
        let keys = self.keys(&metadata, id_token).await?;
        let expected = ExpectedIdToken {
            issuer: provider.config.issuer(),
            client: &provider.config.client_id,
            algorithm: provider.algorithm(),
            nonce: &derived.nonce,
            access_token,
            now: self.now(),
        };
        let token = verify_id_token(id_token, &keys, &expected).map_err(|why| {
            noted(provider, "the ID token was refused", &why.to_string());
            ProviderFault::Token
        })?;
        let userinfo = match (&metadata.userinfo_endpoint, access_token) {
            (Some(endpoint), Some(access)) => Some(self.userinfo(provider, endpoint, access, &token).await?),
            _ => None,
        };
        Ok(Vouched { token, userinfo })
    }

    async fn ask_token(
        &self,
        provider: &Provider,
        metadata: &ProviderMetadata,
        code: &str,
        derived: &Derived,
    ) -> Result<Object, String> {
        let (config, redirect) = (&provider.config, self.redirect_uri(provider));
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", derived.verifier.reveal()),
        ];
        let (mut header, assertion) = (None, self.assertion_for(provider, metadata)?);
        match &provider.credential {
            Credential::Secret(secret) if metadata.secret_in_body => {
                form.extend([("client_id", config.client_id.as_str()), ("client_secret", secret)]);
            }
            Credential::Secret(secret) => header = Some(basic(&config.client_id, secret)),
            Credential::Key(_) => form.extend([
                ("client_id", config.client_id.as_str()),
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", assertion.as_str()),
            ]),
        }
        let url = address(&metadata.token_endpoint)?;
        let egress = &self.providers.inner().map_err(|_| "there are no providers")?.egress;
        let fetched = egress.post_form(&url, &form, header.as_deref(), &FetchLimits::DOCUMENT).await;
        let fetched = fetched.map_err(|e| e.to_string())?;
        read(fetched.status, &fetched.body)
    }

    fn assertion_for(&self, provider: &Provider, metadata: &ProviderMetadata) -> Result<String, String> {
        let Credential::Key(key) = &provider.credential else { return Ok(String::new()) };
        let audience = if provider.config.asserts_to_token_endpoint() {
            metadata.token_endpoint.as_str()
        } else {
            provider.config.issuer()
        };
        let signed = provider.assertion(key, audience, &*self.clock, &*self.rng);
        signed.ok_or_else(|| "the assertion could not be signed".to_owned())
    }

    async fn keys(&self, metadata: &ProviderMetadata, id_token: &str) -> Result<Arc<KeySet>, ProviderFault> {
        let url = url::Url::parse(&metadata.jwks_uri).map_err(|_| ProviderFault::Unreachable)?;
        let kid = key_id(id_token);
        self.providers.inner()?.keys.find(&url, kid.as_deref()).await.map_err(|why| {
            tracing::warn!(%why, "an identity provider's keys cannot be used");
            ProviderFault::Unreachable
        })
    }

    /// Whatever is not about the subject of the ID token is not read (§5.3.2).
    async fn userinfo(
        &self,
        provider: &Provider,
        endpoint: &str,
        access: &str,
        token: &IdToken,
    ) -> Result<Object, ProviderFault> {
        let asked = async {
            let (url, ask) = (address(endpoint)?, bearer(access)?);
            let egress = &self.providers.inner().map_err(|_| "there are no providers")?.egress;
            let answer = egress.ask(&url, ask, &READING).await.map_err(|e| e.to_string())?;
            if !answer.whole {
                return Err("the answer is too large or too slow".to_owned());
            }
            let claims = read(answer.status.as_u16(), &answer.body)?;
            let same = claims.str("sub") == Some(token.subject.as_str());
            same.then_some(claims).ok_or_else(|| "it is about somebody else (`sub`)".to_owned())
        };
        asked.await.map_err(|why: String| {
            noted(provider, "the UserInfo answer was refused", &why);
            ProviderFault::Token
        })
    }
}

/// The key that an ID token names, before anything is verified.
fn key_id(jwt: &str) -> Option<String> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = URL_SAFE_NO_PAD.decode(jwt.split('.').next()?).ok()?;
    json::parse(&header, &Limits::TOKEN).ok()?.into_object()?.str("kid").map(str::to_owned)
}

fn noted(provider: &Provider, what: &str, why: &str) {
    tracing::warn!(provider = provider.config.name, why, "{what}");
}

/// The members of an answer with status 200. Of an error only its code is repeated: it is the provider's own word.
fn read(status: u16, body: &[u8]) -> Result<Object, String> {
    let value = json::parse(body, &Limits::DOCUMENT).map_err(|e| e.to_string())?;
    let object = value.into_object().ok_or("the answer is no JSON object")?;
    if status == 200 {
        return Ok(object);
    }
    let code: String = object.str("error").unwrap_or("no error code").chars().take(64).collect();
    Err(format!("status {status}, {}", code.escape_default()))
}

/// `GET` with the access token in the header (Core §5.3.1, RFC 6750 §2.1).
fn bearer(access: &str) -> Result<Ask, String> {
    let mut value = HeaderValue::from_str(&format!("Bearer {access}")).map_err(|e| e.to_string())?;
    value.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, value);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    Ok(Ask { headers, ..Ask::default() })
}

/// `client_secret_basic`: both halves are encoded as a form is (RFC 6749 §2.3.1).
pub(crate) fn basic(client: &str, secret: &str) -> String {
    let encode = |s: &str| url::form_urlencoded::byte_serialize(s.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(client), encode(secret))))
}

impl Vouched {
    /// When the person last signed in there, no later than now.
    pub(super) fn auth_time(&self, now: Timestamp) -> Option<Timestamp> {
        self.token.auth_time.map(|t| t.min(now))
    }
}
