//! Identity providers: where people may sign in instead of here (OpenID Connect).

use crate::{SecretRef, Span};
use prokura_core::Acr;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Whose product a provider is: its quirks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Any OpenID provider.
    #[default]
    Generic,
    /// Keycloak: the issuer ends in `/realms/NAME`.
    Keycloak,
    /// Microsoft Entra ID: the issuer is that of one tenant; its e-mail addresses are not verified.
    Entra,
    /// Okta: the issuer is the organisation, or one of its authorization servers such as `/oauth2/default`.
    Okta,
    /// Google: one issuer for everybody; the organisation stands in the claim `hd`.
    Google,
}

/// What becomes of somebody whom the provider vouches for and whom nobody here knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Linking {
    /// Nothing: a person connects the account while signed in here, after a link from the operator.
    #[default]
    Invite,
    /// The user with that e-mail address, if the provider says that it has verified it.
    VerifiedEmail,
    /// A new user.
    Create,
}

/// With which algorithm a provider signs ID tokens for us. No other is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Default)]
pub enum IdTokenAlgorithm {
    /// RSA, PKCS #1 v1.5: what OpenID Connect has by default.
    #[default]
    RS256,
    /// RSA, PSS.
    PS256,
    /// ECDSA on P-256.
    ES256,
    /// ECDSA on P-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

/// How surely a person proved who they are, as the configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AcrName {
    /// One factor.
    Single,
    /// Two factors.
    Mfa,
    /// Phishing-resistant.
    Phr,
}

impl From<AcrName> for Acr {
    fn from(name: AcrName) -> Self {
        match name {
            AcrName::Single => Self::Single,
            AcrName::Mfa => Self::Mfa,
            AcrName::Phr => Self::Phr,
        }
    }
}

/// An OpenID provider at which people may sign in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityProvider {
    /// Its name in addresses: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// What people call it, for the button; the name if nothing is said.
    #[serde(default)]
    pub title: Option<String>,
    /// `generic`, `keycloak`, `entra`, `okta` or `google`.
    #[serde(default)]
    pub preset: Preset,
    /// Its issuer identifier, to the byte; may be left out for `google`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Our client id there.
    pub client_id: String,
    /// Our secret there; or `private_key`.
    #[serde(default)]
    pub client_secret: Option<SecretRef>,
    /// Our private key, PKCS #8 in PEM, for `private_key_jwt`: P-256, Ed25519 or RSA.
    #[serde(default)]
    pub private_key: Option<SecretRef>,
    /// The `kid` under which the provider knows this key; its thumbprint (RFC 7638) if nothing is said.
    #[serde(default)]
    pub private_key_id: Option<String>,
    /// What is asked for; `openid` always is.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The algorithm of its ID tokens.
    #[serde(default)]
    pub id_token_algorithm: IdTokenAlgorithm,
    /// What becomes of somebody whom nobody here knows: `invite`, `verified_email` or `create`.
    #[serde(default)]
    pub link: Linking,
    /// Only people of these domains: by the claim `hd` at Google, else by the verified e-mail address. Empty: any.
    #[serde(default)]
    pub allowed_domains: Vec<String>,
    /// Only people in one of these groups, in the provider's words. Empty: any.
    #[serde(default)]
    pub allowed_groups: Vec<String>,
    /// The claim with the groups, or the path to it with dots: `realm_access.roles`.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// Groups that are kept with the person, for policies: the provider's name to ours.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
    /// How long after a sign-in what the provider said of groups counts; then the person is in none of them until they
    /// sign in there again.
    #[serde(default = "default_groups_last")]
    pub groups_last: Span,
    /// What the provider's `acr` values are worth: `single`, `mfa` or `phr`.
    #[serde(default)]
    pub acr: BTreeMap<String, AcrName>,
}

fn default_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

fn default_groups_last() -> Span {
    Span::days(30)
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

impl IdentityProvider {
    /// The issuer of Google, for everybody.
    pub(crate) const GOOGLE: &str = "https://accounts.google.com";

    /// What people call it.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }

    /// Its issuer identifier, to the byte.
    pub fn issuer(&self) -> &str {
        self.issuer.as_deref().unwrap_or(Self::GOOGLE)
    }

    /// Whether our assertions are for the token endpoint's address, as these products want it, and not for the issuer
    /// (RFC 10070).
    pub fn asserts_to_token_endpoint(&self) -> bool {
        matches!(self.preset, Preset::Entra | Preset::Okta)
    }
}
