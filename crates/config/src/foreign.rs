//! Other authorization servers, whose tokens are believed.

use crate::{SecretRef, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use url::{Host, Url};

/// The name by which a resource says that it takes this server's own tokens.
pub const SELF: &str = "self";

/// Another authorization server, whose tokens are believed at the resources that `audience` names.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationServerConfig {
    /// What it is called here, and in the record before the names of those it knows: `usr_NAME:SUBJECT`. It stays
    /// with its issuer for ever.
    pub name: String,
    /// Its issuer identifier, to the byte: as `iss` stands in its tokens.
    pub issuer: IssuerUrl,
    /// How it writes access tokens.
    #[serde(default)]
    pub profile: ServerProfile,
    /// For each resource, the values of `aud` that are taken for it, to the byte.
    pub audience: BTreeMap<String, Vec<String>>,
    /// For each scope here, what it is called there. Without this table scopes are called the same there.
    #[serde(default)]
    pub scopes: BTreeMap<String, ForeignScope>,
    /// Where its metadata are, if they are not found by the issuer (RFC 8414, OpenID Connect Discovery).
    #[serde(default)]
    pub metadata_url: Option<String>,
    /// Where its keys are, if not where its metadata say.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// For how long keys are used that cannot be fetched anew; at most 24 hours.
    #[serde(default = "hour")]
    pub keys_max_age: Span,
    /// What its tokens may be signed with; if nothing is said, what its profile has.
    #[serde(default)]
    pub algorithms: Option<Vec<SignatureAlgorithm>>,
    /// The accepted `typ`s; if nothing is said, those of its profile.
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// How far its clock may differ; at most 2 minutes.
    #[serde(default = "ten_seconds")]
    pub leeway: Span,
    /// The longest life of a token that is taken.
    #[serde(default = "day")]
    pub max_lifetime: Span,
    /// Where things stand in its tokens, if not where its profile has them.
    #[serde(default)]
    pub claims: ForeignClaims,
    /// How it is asked about tokens that are not signed (RFC 7662). Without it they are refused.
    #[serde(default)]
    pub introspection: Option<IntrospectionConfig>,
}

fn hour() -> Span {
    Span::hours(1)
}

fn ten_seconds() -> Span {
    Span::seconds(10)
}

fn day() -> Span {
    Span::days(1)
}

fn half_a_minute() -> Span {
    Span::seconds(30)
}

/// Whose way of writing access tokens a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerProfile {
    /// RFC 9068: type `at+jwt`, `client_id`, `scope`.
    #[default]
    Rfc9068,
    /// Keycloak: claim `typ`, `azp`, `scope`; realm roles and roles of the audience's client.
    Keycloak,
    /// Microsoft Entra ID: `azp` or `appid`, `oid`, `scp`; `roles` of software only.
    Entra,
    /// Okta, custom authorization servers: `cid`, `uid`, `scp`; `groups`.
    Okta,
    /// Auth0: `azp` or `client_id`, `scope`; `permissions`.
    Auth0,
}

/// What a scope is called elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ForeignScope {
    /// Words of a token's scope, any of which stands for it.
    Words(Vec<String>),
    /// Words, roles, and what a client asks for.
    Full(ForeignScopeNames),
}

/// What a scope is called elsewhere, in full.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ForeignScopeNames {
    /// Words of a token's scope, any of which stands for it.
    pub scopes: Vec<String>,
    /// Roles, groups or permissions, any of which stands for it.
    pub roles: Vec<String>,
    /// What a client asks for to get it, where that is not the first of `scopes`.
    pub ask: Option<String>,
}

impl ForeignScope {
    /// In full.
    pub fn names(&self) -> ForeignScopeNames {
        match self {
            Self::Words(scopes) => ForeignScopeNames { scopes: scopes.clone(), ..Default::default() },
            Self::Full(names) => names.clone(),
        }
    }
}

/// With what tokens may be signed. Shared secrets are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "names of RFC 7518 and RFC 8037")]
pub enum SignatureAlgorithm {
    ES256,
    ES384,
    ES512,
    EdDSA,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
}

impl SignatureAlgorithm {
    /// The name in headers and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
        }
    }
}

/// Where things stand in a token: a claim, or the way to it with dots (`realm_access.roles`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ForeignClaims {
    /// The subject.
    pub subject: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The scope: words with spaces between them, or a list.
    pub scope: Option<String>,
    /// Lists of roles.
    pub roles: Option<Vec<String>>,
}

/// How a server is asked about tokens (RFC 7662).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionConfig {
    /// The client that the gateway is at this server.
    pub client_id: String,
    /// Its secret.
    pub secret: SecretRef,
    /// Where; what the metadata say if nothing is said.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// How the client shows who it is.
    #[serde(default)]
    pub auth: IntrospectionAuth,
    /// For how long an answer is believed, and so how long a token may be used after it was revoked there; at most 5
    /// minutes.
    #[serde(default = "half_a_minute")]
    pub cache: Span,
}

/// How the client shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntrospectionAuth {
    /// Its secret in the `Authorization` header.
    #[default]
    ClientSecretBasic,
    /// Its secret in the body.
    ClientSecretPost,
}

/// An issuer identifier of somebody else, kept to the byte: some end in a slash. `https`, or `http` on a loopback
/// host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct IssuerUrl(String);

impl TryFrom<String> for IssuerUrl {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        let url = Url::parse(&s)
            .map_err(|_| format!("`{s}` is no address: write it as `iss` stands in its tokens"))?;
        let loopback = match url.host() {
            Some(Host::Domain(d)) => d == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err(format!("`{s}` names no host: write it as `iss` stands in its tokens")),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(format!(
                "`{s}` is not protected: an issuer is `https` (RFC 8414 section 2); `http` is for localhost only"
            ));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(format!("`{s}` has a query, a fragment or a user name: an issuer has none"));
        }
        if url.as_str().trim_end_matches('/') != s.trim_end_matches('/') {
            return Err(format!("`{s}` is not written canonically: write `{url}`"));
        }
        let tenants = ["/common/", "/organizations/", "/consumers/", "tenantid"];
        if let Some(many) = tenants.iter().find(|t| format!("{}/", s.to_lowercase()).contains(**t)) {
            return Err(format!(
                "`{s}` stands for many tenants (`{}`): name each tenant that is believed",
                many.trim_matches('/')
            ));
        }
        Ok(Self(s))
    }
}

impl IssuerUrl {
    /// The identifier, to the byte.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    const GOOD: &str = r#"
        address = "http://localhost:9400"
        database = "sqlite:prokura.db"
        [[resource]]
        name = "sales"
        upstream = "http://127.0.0.1:9500/mcp"
        authorization_servers = ["corp"]
        [resource.scopes]
        "read:report" = { title = "Read", actions = ["tool:read_report"] }
        "write:report" = { title = "Write", actions = ["tool:write_report"] }
        [[authorization_server]]
        name = "corp"
        issuer = "https://login.microsoftonline.com/tid/v2.0"
        profile = "entra"
        introspection = { client_id = "gw", secret = { env = "SECRET" } }
        [authorization_server.audience]
        sales = ["6f1c"]
        [authorization_server.scopes]
        "read:report" = { scopes = ["Sales.Read"], ask = "api://6f1c/Sales.Read" }
        "write:report" = ["Sales.Write"]
    "#;

    fn error(text: &str) -> String {
        let config = Config::parse(text);
        config.and_then(|c| c.check_gateway_alone()).unwrap_err().to_string()
    }

    fn with(find: &str, replace: &str) -> String {
        assert!(GOOD.contains(find), "{find}");
        error(&GOOD.replace(find, replace))
    }

    #[test]
    fn a_right_file_is_read() {
        let config = Config::parse(GOOD).unwrap();
        config.check_gateway_alone().unwrap();
        let corp = config.authorization_server("corp").unwrap();
        assert_eq!(corp.scopes["write:report"].names().scopes, ["Sales.Write"]);
        assert!(!config.resources[0].takes_own_tokens());
        assert!(Config::parse(&GOOD.replace("address =", "issuer =")).is_ok(), "both names will do");
    }

    #[test]
    fn c20_a_configuration_without_audience_is_refused() {
        assert!(with("sales = [\"6f1c\"]", "").contains("no resource takes its tokens"));
        assert!(with("sales = [\"6f1c\"]", "sales = []").contains("none may pass without"));
        assert!(with("sales = [\"6f1c\"]", "sales = [\" \"]").contains("none may pass without"));
        assert!(with("sales = [\"6f1c\"]", "hr = [\"6f1c\"]").contains("no resource `hr`"));
        let keycloak = GOOD.replace("profile = \"entra\"", "profile = \"keycloak\"");
        assert!(error(&keycloak.replace("6f1c", "account")).contains("audience mapper"));
    }

    #[test]
    fn a_wrong_file_names_the_place_and_the_fix() {
        assert!(with("tid/v2.0", "common/v2.0").contains("name each tenant"));
        assert!(with("https://login", "http://login").contains("not protected"));
        assert!(with("name = \"corp\"", "name = \"https\"").contains("neither `self`"));
        assert!(with("[\"corp\"]", "[\"corq\"]").contains("no authorization server `corq`"));
        assert!(with("[\"corp\"]", "[]").contains("nobody issues tokens"));
        assert!(with("[\"corp\"]", "[\"corp\", \"self\"]").contains("gateway alone"));
        assert!(
            with("\"write:report\" = [\"Sales.Write\"]", "\"x\" = [\"y\"]")
                .contains("no such resource has a scope")
        );
        assert!(with("[\"Sales.Write\"]", "[]").contains("nothing stands for it"));
        assert!(with("profile = \"entra\"", "profile = \"azure\"").contains("azure"));
        assert!(with("{ env = \"SECRET\" }", "\"hunter2\"").contains("secrets never stand in the file"));
        let second = r#"
            [[authorization_server]]
            name = "other"
            issuer = "https://other.example"
            introspection = { client_id = "gw", secret = { env = "SECRET" } }
            audience = { sales = ["x"] }
        "#;
        let two = format!("{}{second}", GOOD.replace("[\"corp\"]", "[\"corp\", \"other\"]"));
        assert!(error(&two).contains("shown to the wrong server"), "{}", error(&two));
        let client = format!("{GOOD}\n[[client]]\nid = \"x\"\nredirect_uris = [\"http://localhost/\"]");
        assert!(error(&client).contains("no authorization server here"), "{}", error(&client));
    }
}
