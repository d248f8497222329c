//! A user's authority that goes from agent to agent: the user lets `planner` in at `sales`; the server of `sales` is the
//! agent `reporter`, which asks at `crm`; the server of `crm` is `keeper`, which asks at `vault`; `writer` works for others.

use super::{Answer, CB, SECRET, USUAL, World, redemption};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::json::{self, Limits, Object};

pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
pub const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
pub const REFRESH: &str = "urn:ietf:params:oauth:token-type:refresh_token";
pub const CRM: &str = "http://localhost:9400/mcp/crm";
pub const VAULT: &str = "http://localhost:9400/mcp/vault";

/// The agents, their own authority, and the rules between them.
pub const CHAIN: &str = r#"
    [[resource]]
    name = "crm"
    upstream = "http://127.0.0.1:9501/mcp"
    [resource.scopes]
    "crm:read" = { title = "Read", actions = ["tool:lookup"] }
    "crm:write" = { title = "Write", actions = ["tool:store"] }
    [[resource]]
    name = "vault"
    upstream = "http://127.0.0.1:9502/mcp"
    token_view = "agent"
    [resource.scopes]
    "vault:open" = { title = "Open", actions = ["tool:open"] }
    [[client]]
    id = "planner"
    secret = { env = "SECRET" }
    grant_types = ["authorization_code", "refresh_token", "token_exchange", "client_credentials"]
    redirect_uris = ["https://app.example/cb"]
    [[client.grant]]
    resource = "crm"
    scopes = ["crm:read"]
    [[client]]
    id = "sales-api"
    agent = "reporter"
    secret = { env = "SECRET" }
    grant_types = ["token_exchange", "client_credentials", "authorization_code", "refresh_token"]
    redirect_uris = ["https://app.example/cb"]
    introspects = ["sales"]
    [[client.grant]]
    resource = "crm"
    scopes = ["crm:read"]
    [[client]]
    id = "keeper"
    secret = { env = "SECRET" }
    grant_types = ["token_exchange", "client_credentials"]
    introspects = ["crm"]
    [[client.grant]]
    resource = "vault"
    scopes = ["vault:open"]
    [[client]]
    id = "vault-api"
    secret = { env = "SECRET" }
    grant_types = ["client_credentials"]
    introspects = ["vault"]
    [[client]]
    id = "writer"
    secret = { env = "SECRET" }
    grant_types = ["token_exchange", "client_credentials"]
    [[client.grant]]
    resource = "crm"
    scopes = ["crm:read"]
    [[client]]
    id = "stranger"
    secret = { env = "SECRET" }
    grant_types = ["token_exchange", "client_credentials"]
    [[client.grant]]
    resource = "crm"
    scopes = ["crm:read"]
    [[delegation]]
    name = "reports"
    at = "sales"
    to = ["reporter"]
    resource = "crm"
    give = { read = ["crm:read"], write = ["crm:write"] }
    [[delegation]]
    name = "unlock"
    at = "crm"
    to = ["keeper"]
    resource = "vault"
    give = { "crm:read" = ["vault:open"] }
    [[delegation]]
    name = "helpers"
    at = "sales"
    from = ["planner"]
    to = ["writer"]
    give = { read = ["read"] }
"#;

/// What an access token says, without looking whether it is true.
pub fn said(token: &str) -> Object {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    json::parse(&bytes, &Limits::TOKEN).unwrap().into_object().unwrap()
}

pub fn read(token: &str) -> AccessToken {
    AccessToken::from_claims(&said(token)).unwrap()
}

pub fn actors(token: &str) -> Vec<String> {
    read(token).actors.iter().map(ToString::to_string).collect()
}

impl World {
    pub async fn chained() -> Self {
        Self::with(&format!("{USUAL}{CHAIN}")).await
    }

    /// What the user lets a client with a secret do: the whole answer at the token endpoint.
    pub async fn allowed(&self, client: &str, changes: &[(&str, &str)]) -> Answer {
        let mut asked = vec![("client_id", client), ("redirect_uri", CB), ("resource", super::SALES)];
        asked.retain(|(name, _)| !changes.iter().any(|(n, _)| n == name));
        asked.extend(changes);
        let answer = self.authorize(&asked).await;
        let code = answer.redirect().1.remove("code").unwrap_or_else(|| panic!("{:?}", answer.redirect()));
        let form = redemption(&code, &[("client_id", "")]);
        self.form("/token", Some(&format!("{client}:{SECRET}")), &form).await
    }

    /// The access token of `planner` at `sales`.
    pub async fn planned(&self) -> String {
        let answer = self.allowed("planner", &[("scope", "read write")]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("access_token")
    }

    /// A token of a client's own authority.
    pub async fn own(&self, client: &str) -> String {
        let place = if client == "keeper" { VAULT } else { CRM };
        let form = [("grant_type", "client_credentials"), ("resource", place)];
        let answer = self.form("/token", Some(&format!("{client}:{SECRET}")), &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("access_token")
    }

    /// Exchanges an access token, or what the changes say; an empty value removes a parameter.
    pub async fn exchange(&self, client: &str, subject: &str, changes: &[(&str, &str)]) -> Answer {
        let usual = [("grant_type", EXCHANGE), ("subject_token", subject), ("subject_token_type", ACCESS)];
        let mut form: Vec<_> =
            usual.iter().filter(|(n, _)| !changes.iter().any(|(c, _)| c == n)).copied().collect();
        form.extend(changes.iter().filter(|(_, v)| !v.is_empty()));
        self.form("/token", Some(&format!("{client}:{SECRET}")), &form).await
    }

    /// Exchanges an access token with a token of the client's own authority as actor.
    pub async fn pass(&self, client: &str, subject: &str, changes: &[(&str, &str)]) -> Answer {
        let own = self.own(client).await;
        let mut form = vec![("actor_token", own.as_str()), ("actor_token_type", ACCESS)];
        form.retain(|(name, _)| !changes.iter().any(|(n, _)| n == name));
        form.extend(changes);
        self.exchange(client, subject, &form).await
    }
}
