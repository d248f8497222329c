//! Transaction tokens.

use super::Checked;
use crate::{AuthMethod, Config, ConfigError, GrantType};
use std::time::Duration;

/// The longest life that the draft's "on the order of minutes or less" is read as here.
const LONGEST: Duration = Duration::from_secs(60);

pub(super) fn check(config: &Config) -> Checked {
    let said = &config.transaction_tokens;
    for resource in config.resources.iter().filter(|r| r.transaction_tokens) {
        let key = || format!("resource {}.transaction_tokens", resource.name);
        if said.trust_domain.is_none() {
            let fix = "add `[transaction_tokens]` with a `trust_domain`";
            return Err(ConfigError::value(key(), "nobody says where such a token is worth something", fix));
        }
        if resource.public {
            let fix = "remove one of the two";
            return Err(ConfigError::value(key(), "at a public resource nobody is known who acts", fix));
        }
    }
    if said.trust_domain.is_none() && !said.clients.is_empty() {
        let fix = "add `trust_domain`";
        return Err(ConfigError::value("transaction_tokens.clients", "there is no trust domain", fix));
    }
    if said.life.get() > LONGEST {
        let reason = "a transaction token is not bound to anybody, so it has to end soon";
        return Err(ConfigError::value("transaction_tokens.life", reason, "use at most `60s`"));
    }
    said.clients.iter().try_for_each(|id| client(config, id))
}

/// Who asks for such tokens proves who it is, and may exchange.
fn client(config: &Config, id: &str) -> Checked {
    let key = "transaction_tokens.clients";
    let Some(client) = config.clients.iter().find(|c| c.id == *id) else {
        return Err(ConfigError::value(
            key,
            format!("there is no client `{id}`"),
            "add it as a `[[client]]`",
        ));
    };
    if client.auth() == AuthMethod::None {
        let reason = format!("`{id}` cannot prove who it is");
        return Err(ConfigError::value(key, reason, "give it a `secret`, `jwks_uri` or `jwks_file`"));
    }
    if !client.grant_types.contains(&GrantType::TokenExchange) {
        let reason = format!("`{id}` may not exchange tokens");
        return Err(ConfigError::value(key, reason, "add `token_exchange` to its `grant_types`"));
    }
    Ok(())
}

/// What else must hold where there is no authorization server: nobody would know the gateway's key.
pub(super) fn gateway_alone(config: &Config) -> Checked {
    let Some(resource) = config.resources.iter().find(|r| r.transaction_tokens) else { return Ok(()) };
    let reason = "this is the gateway alone: it has no key that anybody could verify such a token by";
    let fix = "start `prokura serve`, which signs them, or let the MCP server ask it for them by exchange";
    Err(ConfigError::value(format!("resource {}.transaction_tokens", resource.name), reason, fix))
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn parse(more: &str) -> Result<Config, String> {
        let text = format!(
            r#"
            issuer = "https://as.example"
            database = "sqlite:x.db"
            [[client]]
            id = "crm"
            secret = {{ env = "S" }}
            grant_types = ["token_exchange"]
            [[client]]
            id = "page"
            auth = "none"
            redirect_uris = ["https://a.example/cb"]
            [[resource]]
            name = "sales"
            upstream = "http://127.0.0.1:9500/mcp"
            scopes.read = {{ title = "Read", actions = ["tool:*"] }}
            {more}"#
        );
        Config::parse(&text).map_err(|e| e.to_string())
    }

    #[test]
    fn transaction_tokens_need_a_trust_domain_and_clients_that_can_prove_themselves() {
        let on = "transaction_tokens = true\n[transaction_tokens]\ntrust_domain = \"tools.example\"\n";
        assert!(parse(&format!("{on}clients = [\"crm\"]")).is_ok());
        for (more, said) in [
            ("transaction_tokens = true", "trust_domain"),
            (
                "public = true\ntransaction_tokens = true\n[transaction_tokens]\ntrust_domain = \"t\"",
                "public",
            ),
            ("[transaction_tokens]\nclients = [\"crm\"]", "trust domain"),
            ("[transaction_tokens]\ntrust_domain = \"t\"\nlife = \"61s\"", "60s"),
            ("[transaction_tokens]\ntrust_domain = \"t\"\nclients = [\"nobody\"]", "no client"),
            ("[transaction_tokens]\ntrust_domain = \"t\"\nclients = [\"page\"]", "prove"),
            ("[transaction_tokens]\ntrust_domain = \"https://as.example/mcp/sales\"", "trust domain"),
        ] {
            let error = parse(more).unwrap_err();
            assert!(error.contains(said), "{more}: {error}");
        }
        assert!(parse(on).unwrap().check_gateway_alone().is_err());
    }
}
