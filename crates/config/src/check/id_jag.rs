//! Identity assertions: issuers and audiences that cannot be confused, and that lead somewhere.

use super::{Checked, unique};
use crate::{Config, ConfigError, GrantType, IdJagAudience, IdJagIssuer, Span};
use prokura_core::{ResourceUri, ScopeSet};

pub(super) fn check(config: &Config) -> Checked {
    let all = &config.id_jag;
    unique("id_jag.issuer.name", all.issuers.iter().map(|i| i.name.as_str()))?;
    unique("id_jag.issuer.issuer", all.issuers.iter().map(|i| i.issuer.as_str()))?;
    unique("id_jag.audience.issuer", all.audiences.iter().map(|a| a.issuer.as_str()))?;
    short("id_jag.life", all.life)?;
    all.issuers.iter().try_for_each(|i| issuer(config, i))?;
    all.audiences.iter().try_for_each(|a| audience(config, a))
}

fn short(key: &str, span: Span) -> Checked {
    if span <= Span::minutes(10) {
        return Ok(());
    }
    Err(ConfigError::value(key, "an assertion is used at once", "use at most 10m"))
}

fn issuer(config: &Config, i: &IdJagIssuer) -> Checked {
    let key = |what: &str| format!("id_jag.issuer {}{what}", i.name);
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if i.name.is_empty() || i.name.len() > 64 || !i.name.bytes().all(fine) {
        let fix = "use 1 to 64 lower-case letters, digits, `-` or `_`";
        return Err(ConfigError::value("id_jag.issuer.name", format!("`{}` is no name", i.name), fix));
    }
    elsewhere(config, &key(".issuer"), &i.issuer)?;
    if address(&i.jwks_uri).is_none() {
        let fix = "write the `jwks_uri` of its metadata";
        return Err(ConfigError::value(key(".jwks_uri"), "it is no address of keys", fix));
    }
    short(&key(".max_life"), i.max_life)?;
    if let Some(unknown) = i.resources.iter().flatten().find(|n| config.resource(n).is_none()) {
        let reason = format!("there is no resource `{unknown}`");
        return Err(ConfigError::value(key(".resources"), reason, "use the name of a `[[resource]]`"));
    }
    let known = |s: &&String| !config.resources.iter().any(|r| r.scopes.contains_key(*s));
    if let Some(unknown) = i.scopes.iter().flatten().find(known) {
        let reason = format!("no resource has a scope `{unknown}`");
        return Err(ConfigError::value(key(".scopes"), reason, "use scopes of your resources"));
    }
    Ok(())
}

fn audience(config: &Config, a: &IdJagAudience) -> Checked {
    let key = |what: &str| format!("id_jag.audience {}{what}", a.issuer);
    elsewhere(config, "id_jag.audience.issuer", &a.issuer)?;
    if a.resources.is_empty() || a.resources.iter().any(|r| ResourceUri::parse(r).is_err()) {
        let fix = "list the addresses of its MCP servers";
        return Err(ConfigError::value(key(".resources"), "at least one, each an absolute address", fix));
    }
    if ScopeSet::parse(&a.scopes.join(" ")).map_or(true, |s| s.is_empty()) {
        let fix = "list the most scopes that clients may be given there";
        return Err(ConfigError::value(key(".scopes"), "without any, there would be no bound", fix));
    }
    for client in a.clients.keys() {
        let Some(known) = config.clients.iter().find(|c| c.id == *client) else {
            let reason = format!("there is no client `{client}`");
            return Err(ConfigError::value(key(".clients"), reason, "add it as a `[[client]]`"));
        };
        if !known.grant_types.contains(&GrantType::TokenExchange) {
            let reason = format!("`{client}` may not exchange tokens");
            return Err(ConfigError::value(
                key(".clients"),
                reason,
                "add `token_exchange` to its `grant_types`",
            ));
        }
    }
    Ok(())
}

/// Who vouches and who believes are two.
fn elsewhere(config: &Config, key: &str, issuer: &str) -> Checked {
    if address(issuer).is_none() {
        let fix = "write the `issuer` of its metadata";
        return Err(ConfigError::value(key, format!("`{issuer}` is no issuer"), fix));
    }
    if issuer == config.issuer.as_str() {
        let fix = "name another authorization server";
        return Err(ConfigError::value(key, "it is this server itself", fix));
    }
    Ok(())
}

/// `https`, or `http` on this machine.
fn address(text: &str) -> Option<()> {
    let uri = ResourceUri::parse(text).ok()?;
    let local =
        ["http://localhost", "http://127.0.0.1", "http://[::1]"].iter().any(|l| uri.as_str().starts_with(l));
    (uri.as_str().starts_with("https://") || local).then_some(())
}

#[cfg(test)]
mod tests {
    use crate::Config;

    const GOOD: &str = r#"
        issuer = "http://localhost:9400"
        database = "sqlite:prokura.db"
        [[resource]]
        name = "sales"
        upstream = "http://127.0.0.1:9500/mcp"
        [resource.scopes]
        read = { title = "Read", actions = ["tool:read"] }
        [[client]]
        id = "planner"
        secret = { env = "SECRET" }
        grant_types = ["token_exchange"]
        [[id_jag.issuer]]
        name = "acme"
        issuer = "https://idp.example"
        jwks_uri = "https://idp.example/jwks"
        resources = ["sales"]
        scopes = ["read"]
        [[id_jag.audience]]
        issuer = "https://chat.example/"
        resources = ["https://mcp.chat.example/"]
        scopes = ["chat.read"]
        clients = { planner = "f53f" }
    "#;

    #[test]
    fn assertions_lead_somewhere_or_the_start_is_refused() {
        Config::parse(GOOD).unwrap();
        for (find, replace, says) in [
            ("https://idp.example\"", "http://localhost:9400\"", "this server itself"),
            ("https://chat.example/", "http://localhost:9400", "this server itself"),
            ("https://idp.example\"", "http://idp.example\"", "is no issuer"),
            ("https://idp.example/jwks", "ftp://idp.example/jwks", "jwks_uri"),
            ("resources = [\"sales\"]", "resources = [\"hr\"]", "no resource `hr`"),
            ("scopes = [\"read\"]", "scopes = [\"rule\"]", "scope `rule`"),
            ("scopes = [\"chat.read\"]", "scopes = []", "no bound"),
            ("{ planner", "{ other", "no client `other`"),
            ("[\"token_exchange\"]", "[\"client_credentials\"]", "may not exchange"),
            ("secret = { env = \"SECRET\" }", "", "credentials"),
            ("[[id_jag.issuer]]", "[id_jag]\nlife = \"1h\"\n[[id_jag.issuer]]", "at most 10m"),
        ] {
            assert!(GOOD.contains(find), "{find}");
            let error = Config::parse(&GOOD.replace(find, replace)).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}
