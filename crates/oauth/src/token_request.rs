//! Requests at the token endpoint (RFC 6749 §4.1.3, §4.4.2, §6), and how the client authenticates there
//! (RFC 6749 §2.3, RFC 7523 §2.2).

use crate::client_metadata::{AuthMethod, GrantType};
use crate::exchange::{Exchange, ExchangeError};
use crate::form::Form;
use crate::pkce::{CodeVerifier, PkceError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prokura_core::{InvalidScope, ScopeSet};

/// The `client_assertion_type` of RFC 7523 §2.2.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The `client_assertion_type` of a JWT-SVID (SPIFFE client authentication §3.1).
pub const SVID_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";

/// The parameter with authorization details (RFC 9396 §2).
pub const DETAILS: &str = "authorization_details";

/// What is asked of the token endpoint. `resource` is the text that was sent; the server knows its resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// A code is redeemed.
    AuthorizationCode {
        /// The code.
        code: String,
        /// Where it was sent to.
        redirect_uri: Option<String>,
        /// The proof.
        verifier: CodeVerifier,
        /// The resource, if it is said again.
        resource: Option<String>,
        /// Narrower authorization details, if they are said (RFC 9396 §6).
        details: Option<String>,
    },
    /// A token is renewed.
    RefreshToken {
        /// The refresh token.
        token: String,
        /// Fewer scopes, if they are said.
        scope: Option<ScopeSet>,
        /// The resource, if it is said again.
        resource: Option<String>,
        /// Narrower authorization details, if they are said.
        details: Option<String>,
    },
    /// The client asks for itself.
    ClientCredentials {
        /// The scopes, if they are said.
        scope: Option<ScopeSet>,
        /// The resource.
        resource: Option<String>,
        /// The authorization details, if they are said.
        details: Option<String>,
    },
    /// An identity provider vouches for a user (RFC 7523 §2.1).
    Assertion {
        /// The assertion.
        assertion: String,
        /// Fewer scopes, if they are said.
        scope: Option<ScopeSet>,
        /// The resource, if it is said.
        resource: Option<String>,
    },
    /// A token is exchanged (RFC 8693 §2.1).
    Exchange(Exchange),
    /// A device asks whether its user has agreed (RFC 8628 §3.4).
    DeviceCode {
        /// The device code.
        code: String,
        /// The resource, if it is said again.
        resource: Option<String>,
    },
    /// A client asks whether its user has agreed, or what was asked of an approval (OpenID Connect CIBA Core §10.1).
    Backchannel {
        /// `auth_req_id`.
        request: String,
        /// The resource, if it is said again.
        resource: Option<String>,
    },
}

/// A token request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRequestError {
    /// A parameter is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Another grant type than those served.
    #[error("this `grant_type` is not served")]
    GrantType,
    /// The proof is missing or malformed.
    #[error(transparent)]
    Verifier(#[from] PkceError),
    /// The scopes cannot be read.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
    /// The exchange cannot be read.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

impl TokenRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// [`TokenRequestError`].
    pub fn read(form: &Form) -> Result<Self, TokenRequestError> {
        let text = |name: &str| form.value(name).map(str::to_owned);
        let required = |name: &'static str| text(name).ok_or(TokenRequestError::Missing(name));
        let grant_type = GrantType::parse(&required("grant_type")?).ok_or(TokenRequestError::GrantType)?;
        let scope = || form.value("scope").map(ScopeSet::parse).transpose();
        let (resource, details) = (text("resource"), text(DETAILS));
        Ok(match grant_type {
            GrantType::AuthorizationCode => Self::AuthorizationCode {
                code: required("code")?,
                redirect_uri: text("redirect_uri"),
                verifier: CodeVerifier::parse(text("code_verifier").unwrap_or_default())?,
                resource,
                details,
            },
            GrantType::RefreshToken => {
                Self::RefreshToken { token: required("refresh_token")?, scope: scope()?, resource, details }
            }
            GrantType::ClientCredentials => Self::ClientCredentials { scope: scope()?, resource, details },
            GrantType::JwtBearer => {
                Self::Assertion { assertion: required("assertion")?, scope: scope()?, resource }
            }
            GrantType::TokenExchange => Self::Exchange(Exchange::read(form)?),
            GrantType::DeviceCode => Self::DeviceCode { code: required("device_code")?, resource },
            GrantType::Ciba => Self::Backchannel { request: required("auth_req_id")?, resource },
        })
    }

    /// Its grant type.
    pub fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode { .. } => GrantType::AuthorizationCode,
            Self::RefreshToken { .. } => GrantType::RefreshToken,
            Self::ClientCredentials { .. } => GrantType::ClientCredentials,
            Self::DeviceCode { .. } => GrantType::DeviceCode,
            Self::Backchannel { .. } => GrantType::Ciba,
            Self::Assertion { .. } => GrantType::JwtBearer,
            Self::Exchange(_) => GrantType::TokenExchange,
        }
    }
}

/// What a client showed to prove who it is. Debug output never shows the secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// Nothing but its id.
    Nothing,
    /// A secret in the header, as it was and form-decoded (RFC 6749 §2.3.1 wants it encoded; many do not).
    Basic {
        /// Form-decoded.
        secret: String,
        /// As it was.
        raw: String,
    },
    /// A secret in the body.
    Post {
        /// The secret.
        secret: String,
    },
    /// A signed assertion.
    Assertion {
        /// The JWT.
        jwt: String,
        /// Whether it is said to be a JWT-SVID.
        svid: bool,
    },
}

/// A client id and what was shown for it. Without an id the assertion names the client.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The client id, where it was said.
    pub client: Option<String>,
    /// The proof.
    pub shown: Shown,
}

/// Credentials that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There is no client id.
    #[error("`client_id` is missing")]
    NoClient,
    /// Two ways to authenticate at once (RFC 6749 §2.3).
    #[error("a client authenticates in one way at a time")]
    TwoMethods,
    /// The id in the header is not that in the body.
    #[error("the client ids in header and body differ")]
    TwoClients,
    /// The `Authorization` header is there more than once, or is no `Basic` credentials.
    #[error("the `Authorization` header cannot be read as `Basic` credentials")]
    Header,
    /// `client_assertion_type` is missing or not served.
    #[error("`client_assertion_type` must be `{ASSERTION_TYPE}`")]
    AssertionType,
}

impl Credentials {
    /// Reads what a request shows: `authorization` are the values of that header.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn read(authorization: &[&str], form: &Form) -> Result<Self, CredentialsError> {
        let header = match authorization {
            [] => None,
            [one] => Some(basic(one).ok_or(CredentialsError::Header)?),
            _ => return Err(CredentialsError::Header),
        };
        let body = form.value("client_id");
        let (secret, assertion) = (form.value("client_secret"), form.value("client_assertion"));
        match (header, secret, assertion) {
            (Some((id, secret, raw)), None, None) => {
                if body.is_some_and(|b| b != id) {
                    return Err(CredentialsError::TwoClients);
                }
                Ok(Self { client: Some(id), shown: Shown::Basic { secret, raw } })
            }
            (None, Some(secret), None) => {
                let client = body.ok_or(CredentialsError::NoClient)?.to_owned();
                Ok(Self { client: Some(client), shown: Shown::Post { secret: secret.to_owned() } })
            }
            (None, None, Some(jwt)) => {
                let svid = match form.value("client_assertion_type") {
                    Some(ASSERTION_TYPE) => false,
                    Some(SVID_ASSERTION_TYPE) => true,
                    _ => return Err(CredentialsError::AssertionType),
                };
                let shown = Shown::Assertion { jwt: jwt.to_owned(), svid };
                Ok(Self { client: body.map(str::to_owned), shown })
            }
            (None, None, None) => {
                let client = body.ok_or(CredentialsError::NoClient)?.to_owned();
                Ok(Self { client: Some(client), shown: Shown::Nothing })
            }
            _ => Err(CredentialsError::TwoMethods),
        }
    }
}

impl Shown {
    /// Which method it is.
    pub fn method(&self) -> AuthMethod {
        match self {
            Self::Nothing => AuthMethod::None,
            Self::Basic { .. } => AuthMethod::ClientSecretBasic,
            Self::Post { .. } => AuthMethod::ClientSecretPost,
            Self::Assertion { .. } => AuthMethod::PrivateKeyJwt,
        }
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.method().as_str())
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} by {:?}", self.client, self.shown)
    }
}

/// Id, decoded secret and raw secret of a `Basic` header; the scheme is read in any case (RFC 9110 §11.1).
fn basic(value: &str) -> Option<(String, String, String)> {
    let (scheme, rest) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || rest.len() > Form::MAX_BYTES {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let id = url::form_urlencoded::parse(format!("v={id}").as_bytes()).next()?.1.into_owned();
    let decoded =
        Form::parse(format!("v={secret}").as_bytes()).ok().and_then(|f| f.value("v").map(str::to_owned));
    (!id.is_empty()).then(|| (id, decoded.unwrap_or_else(|| secret.to_owned()), secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_code_needs_its_verifier() {
        let base = [("grant_type", "authorization_code"), ("code", "c")];
        assert_eq!(TokenRequest::read(&form(&base)), Err(TokenRequestError::Verifier(PkceError::Verifier)));
        let verifier = "x".repeat(43);
        let full = [base[0], base[1], ("code_verifier", verifier.as_str()), ("redirect_uri", "https://a/cb")];
        let request = TokenRequest::read(&form(&full)).unwrap();
        assert_eq!(request.grant_type(), GrantType::AuthorizationCode);
    }

    #[test]
    fn unknown_grant_types_are_told_from_missing_ones() {
        assert_eq!(TokenRequest::read(&form(&[])), Err(TokenRequestError::Missing("grant_type")));
        for other in ["password", "implicit", "Authorization_code"] {
            assert_eq!(
                TokenRequest::read(&form(&[("grant_type", other)])),
                Err(TokenRequestError::GrantType)
            );
        }
    }

    #[test]
    fn each_way_to_authenticate_is_read() {
        let read = |headers: &[&str], pairs: &[(&str, &str)]| Credentials::read(headers, &form(pairs));
        let header = format!("Basic {}", STANDARD.encode("a%3Ab:s%2Bx"));
        let basic = read(&[&header], &[]).unwrap();
        assert_eq!(basic.client.as_deref(), Some("a:b"));
        assert_eq!(basic.shown, Shown::Basic { secret: "s+x".into(), raw: "s%2Bx".into() });
        assert_eq!(read(&[], &[("client_id", "a")]).unwrap().shown, Shown::Nothing);
        let post = read(&[], &[("client_id", "a"), ("client_secret", "s")]).unwrap();
        assert_eq!(post.shown.method(), AuthMethod::ClientSecretPost);
        let jwt = read(&[], &[("client_assertion", "j"), ("client_assertion_type", ASSERTION_TYPE)]).unwrap();
        assert_eq!(jwt.client, None);
        let svid = read(&[], &[("client_assertion", "j"), ("client_assertion_type", SVID_ASSERTION_TYPE)]);
        assert_eq!(svid.unwrap().shown, Shown::Assertion { jwt: "j".into(), svid: true });
        assert!(!format!("{post:?}").contains("\"s\""));
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        use CredentialsError as E;
        let header = format!("Basic {}", STANDARD.encode("a:s"));
        let read = |headers: &[&str], pairs: &[(&str, &str)]| Credentials::read(headers, &form(pairs));
        assert_eq!(read(&[&header], &[("client_secret", "s")]), Err(E::TwoMethods));
        assert_eq!(read(&[&header], &[("client_assertion", "j")]), Err(E::TwoMethods));
        assert_eq!(
            read(&[], &[("client_id", "a"), ("client_secret", "s"), ("client_assertion", "j")]),
            Err(E::TwoMethods)
        );
        assert_eq!(read(&[&header], &[("client_id", "b")]), Err(E::TwoClients));
        assert_eq!(read(&[&header, &header], &[]), Err(E::Header));
        assert_eq!(read(&["Bearer x"], &[("client_id", "a")]), Err(E::Header));
        assert_eq!(read(&[], &[]), Err(E::NoClient));
        assert_eq!(read(&[], &[("client_id", "a"), ("client_assertion", "j")]), Err(E::AssertionType));
    }
}
