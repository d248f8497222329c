//! How a client proves to an authorization server who it is (RFC 6749 §2.3, RFC 7523 §2.2).

use super::means::Means;
use super::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use prokura_oauth::jose::{Algorithm, KeyError, SigningKey};
use prokura_oauth::json::obj;
use std::sync::Arc;
use url::form_urlencoded::byte_serialize;

/// How long an assertion lives, in seconds.
const ASSERTION_LIFE: i64 = 60;
/// What a JWT is called that authenticates a client (RFC 7523 §2.2).
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client proves who it is.
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// Not at all: a public client.
    None,
    /// By a secret, in the header if the server takes it there (`client_secret_basic`), else in the body
    /// (`client_secret_post`).
    Secret(Secret),
    /// By a key (`private_key_jwt`).
    Key(ClientKey),
}

/// How a secret is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretBy {
    Basic,
    Post,
}

/// A private key that a client signs with.
#[derive(Debug, Clone)]
pub struct ClientKey(Arc<SigningKey>);

/// A key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not PEM.
    #[error("the key is no PEM text with `-----BEGIN PRIVATE KEY-----` (PKCS#8)")]
    Pem,
    /// Not a key of this algorithm.
    #[error("the key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// An algorithm that nothing is signed with here.
    #[error("nothing is signed with this algorithm here: ES256, EdDSA and RS256 are known")]
    Algorithm,
}

impl ClientKey {
    /// Reads a private key in PKCS#8 as PEM. `kid` is told to the server; without one it is the key's thumbprint
    /// (RFC 7638).
    ///
    /// # Errors
    /// [`InvalidKey`] if it is no such key of this algorithm (`ES256`, `EdDSA`, `RS256`).
    pub fn from_pem(algorithm: &str, kid: Option<&str>, pem: &str) -> Result<Self, InvalidKey> {
        let algorithm = Algorithm::parse(algorithm).ok_or(InvalidKey::Algorithm)?;
        let der = pkcs8(pem).ok_or(InvalidKey::Pem)?;
        let unnamed = SigningKey::from_pkcs8(algorithm, kid.unwrap_or("0"), &der)?;
        if kid.is_some() {
            return Ok(Self(Arc::new(unnamed)));
        }
        let public = unnamed.public();
        let kid = public.thumbprint().unwrap_or("0");
        Ok(Self(Arc::new(SigningKey::from_pkcs8(algorithm, kid, &der)?)))
    }

    /// The public half as a JWK, to be registered.
    pub fn to_jwk(&self) -> prokura_oauth::json::Object {
        self.0.public().to_jwk()
    }

    /// An assertion of `client` to `issuer`, which is its only audience (RFC 7523 §3 as amended by RFC 10070).
    fn assertion(&self, means: &Means, client: &str, issuer: &str) -> Option<String> {
        let now = means.clock.now().seconds();
        let claims = obj([
            ("iss", client.into()),
            ("sub", client.into()),
            ("aud", issuer.into()),
            ("iat", now.into()),
            ("exp", (now + ASSERTION_LIFE).into()),
            ("jti", prokura_core::random_id("", &*means.rng).into()),
        ]);
        self.0.sign("client-authentication+jwt", &claims).ok()
    }
}

fn pkcs8(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// A client as it is known to one authorization server.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) client_id: String,
    pub(crate) auth: ClientAuth,
    pub(crate) by: SecretBy,
    pub(crate) kind: Kind,
}

/// How the authorization server knows a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Known,
    Document,
    Dynamic,
}

impl Registered {
    /// Whether it has no way of its own to prove itself.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.auth, ClientAuth::None)
    }

    /// Whether nothing in the form will name it.
    pub(crate) fn is_proved_by_header(&self) -> bool {
        matches!((&self.auth, self.by), (ClientAuth::Secret(_), SecretBy::Basic))
    }

    /// Adds what proves the client to a request to `issuer`. `None` if it cannot be signed or written.
    pub(crate) fn prove(
        &self,
        means: &Means,
        issuer: &str,
        form: &mut Vec<(&'static str, String)>,
        headers: &mut HeaderMap,
    ) -> Option<()> {
        match (&self.auth, self.by) {
            (ClientAuth::Secret(secret), SecretBy::Basic) => {
                let mut value = HeaderValue::try_from(basic(&self.client_id, secret.reveal())).ok()?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
                return Some(());
            }
            (ClientAuth::Secret(secret), SecretBy::Post) => {
                form.push(("client_secret", secret.reveal().to_owned()));
            }
            (ClientAuth::Key(key), _) => {
                form.push(("client_assertion_type", ASSERTION_TYPE.to_owned()));
                form.push(("client_assertion", key.assertion(means, &self.client_id, issuer)?));
            }
            (ClientAuth::None, _) => {}
        }
        form.push(("client_id", self.client_id.clone()));
        Some(())
    }
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1), so that a colon in one stays there.
fn basic(id: &str, secret: &str) -> String {
    let encoded = |s: &str| byte_serialize(s.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

/// Where a secret goes by the words of `token_endpoint_auth_methods_supported`; in the header if nothing is said
/// (RFC 8414 §2).
pub(crate) fn secret_by(methods: Option<&[&str]>) -> SecretBy {
    match methods {
        Some(m) if m.contains(&"client_secret_post") && !m.contains(&"client_secret_basic") => SecretBy::Post,
        _ => SecretBy::Basic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_a_colon_does_not_become_part_of_the_secret() {
        let value = basic("https://a.example/c", "p:w %");
        let decoded = STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, b"https%3A%2F%2Fa.example%2Fc:p%3Aw+%25");
    }

    #[test]
    fn a_secret_goes_where_the_server_takes_it() {
        assert_eq!(secret_by(None), SecretBy::Basic);
        assert_eq!(secret_by(Some(&["client_secret_post"])), SecretBy::Post);
        assert_eq!(secret_by(Some(&["client_secret_post", "client_secret_basic"])), SecretBy::Basic);
    }

    #[test]
    fn a_key_is_read_from_pem_and_named_by_its_thumbprint() {
        let der = SigningKey::generate(Algorithm::Es256).unwrap().to_pkcs8().unwrap();
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&der));
        let key = ClientKey::from_pem("ES256", None, &pem).unwrap();
        assert_eq!(key.to_jwk().str("kid"), key.0.public().thumbprint());
        assert_eq!(ClientKey::from_pem("ES256", Some("k1"), &pem).unwrap().to_jwk().str("kid"), Some("k1"));
        assert!(matches!(ClientKey::from_pem("RS256", None, &pem), Err(InvalidKey::Key(_))));
        assert!(matches!(ClientKey::from_pem("ES256", None, "x"), Err(InvalidKey::Pem)));
        assert!(matches!(ClientKey::from_pem("none", None, &pem), Err(InvalidKey::Algorithm)));
    }
}
