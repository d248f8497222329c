//! Rules of delegation and impersonation, and issuers of subject tokens: each leads somewhere, and none gives what there
//! is not.

use super::{Checked, unique};
use crate::delegation::{MAX_DEPTH, agent};
use crate::{
    ClientConfig, Config, ConfigError, DelegationRule, GrantType, ImpersonationRule, ResourceConfig, Span,
    SubjectIssuer,
};
use prokura_core::{AgentId, Detail, ResourceUri};
use std::collections::BTreeSet;

pub(super) fn check(config: &Config) -> Checked {
    unique("delegation.name", config.delegations.iter().map(|r| r.name.as_str()))?;
    unique("impersonation.name", config.impersonations.iter().map(|r| r.name.as_str()))?;
    unique("exchange.issuer.name", config.exchange.issuers.iter().map(|i| i.name.as_str()))?;
    unique("exchange.issuer.issuer", config.exchange.issuers.iter().map(|i| i.issuer.as_str()))?;
    let known = config.agents();
    config.delegations.iter().try_for_each(|r| delegation(config, r, &known))?;
    config.impersonations.iter().try_for_each(|r| impersonation(config, r))?;
    config.exchange.issuers.iter().try_for_each(|i| issuer(config, i))
}

fn named(key: &str, name: &str) -> Checked {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(fine) {
        return Ok(());
    }
    let fix = "use 1 to 64 lower-case letters, digits, `-` or `_`";
    Err(ConfigError::value(key, format!("`{name}` is no name"), fix))
}

fn delegation(config: &Config, r: &DelegationRule, known: &BTreeSet<AgentId>) -> Checked {
    named("delegation.name", &r.name)?;
    // The record has this word where the user named who gets a part.
    if r.name == "consent" || r.name == "holder" {
        let reason = format!("the record means something else by `{}`", r.name);
        return Err(ConfigError::value("delegation.name", reason, "choose another name"));
    }
    let key = |what: &str| format!("delegation {}.{what}", r.name);
    let there = resource(config, &key("at"), &r.at)?;
    let here = resource(config, &key("resource"), r.resource())?;
    if r.to.is_empty() {
        return Err(ConfigError::value(key("to"), "nobody would get anything", "name an agent"));
    }
    r.from.iter().try_for_each(|name| is_agent(&key("from"), name, known))?;
    r.to.iter().try_for_each(|name| is_agent(&key("to"), name, known))?;
    r.to.iter().try_for_each(|name| may_exchange(config, &key("to"), name))?;
    if r.from.is_empty() {
        servers(config, r)?;
    }
    give(r, there, here)?;
    tools(r)?;
    if !(2..=MAX_DEPTH).contains(&r.depth) {
        let reason = format!("{} agents cannot stand in a chain", r.depth);
        return Err(ConfigError::value(key("depth"), reason, "use 2 to 5: whoever gives is one of them"));
    }
    if r.views.is_empty() {
        return Err(ConfigError::value(key("views"), "a token has a view", "write `user`, `agent` or both"));
    }
    Ok(())
}

fn resource<'a>(config: &'a Config, key: &str, name: &str) -> Result<&'a ResourceConfig, ConfigError> {
    let wrong = |reason: String, fix| Err(ConfigError::value(key, reason, fix));
    match config.resource(name) {
        None => wrong(format!("there is no resource `{name}`"), "use the name of a `[[resource]]`"),
        Some(r) if !r.takes_own_tokens() => wrong(
            format!("`{name}` takes no tokens of this server"),
            "add `self` to its `authorization_servers`",
        ),
        Some(r) => Ok(r),
    }
}

/// An agent of the file. One that is written as an id may be another: whether it exists is asked at the start.
fn is_agent(key: &str, name: &str, known: &BTreeSet<AgentId>) -> Checked {
    let Some(agent) = agent(name) else {
        let reason = format!("`{name}` names no agent");
        return Err(ConfigError::value(key, reason, "use the name or the id of an agent"));
    };
    if known.contains(&agent) || name.starts_with(AgentId::PREFIX) {
        return Ok(());
    }
    let fix = "use the `agent` (or the `id`) of a `[[client]]`, the `agent` of a `[[workload.rule]]`, or an id that \
               `prokura agent list` shows";
    Err(ConfigError::value(key, format!("there is no agent `{name}`"), fix))
}

/// The clients of that agent that the file knows.
fn clients_of<'a>(config: &'a Config, name: &str) -> impl Iterator<Item = &'a ClientConfig> {
    let wanted = agent(name);
    config.clients.iter().filter(move |c| c.agent_id() == wanted)
}

/// An agent whose clients the file knows must have one that may exchange tokens.
fn may_exchange(config: &Config, key: &str, name: &str) -> Checked {
    let may = |c: &ClientConfig| c.grant_types.contains(&GrantType::TokenExchange);
    if clients_of(config, name).next().is_none() || clients_of(config, name).any(may) {
        return Ok(());
    }
    let reason = format!("no client of `{name}` may exchange tokens");
    Err(ConfigError::value(key, reason, "add `token_exchange` to the `grant_types` of one"))
}

/// Without `from`, only the resource's own server may exchange: there must be one.
fn servers(config: &Config, r: &DelegationRule) -> Checked {
    let serves = |name: &String| clients_of(config, name).any(|c| c.introspects.contains(&r.at));
    match r.to.iter().find(|name| !serves(name)) {
        None => Ok(()),
        Some(name) => Err(ConfigError::value(
            format!("delegation {}.to", r.name),
            format!(
                "no client of `{name}` is a server of `{}`, and no agents are named whose tokens it may exchange",
                r.at
            ),
            format!("add `introspects = [\"{}\"]` to its client, or name the agents in `from`", r.at),
        )),
    }
}

fn give(r: &DelegationRule, there: &ResourceConfig, here: &ResourceConfig) -> Checked {
    let key = format!("delegation {}.give", r.name);
    if r.give.is_empty() && !r.stays() {
        let fix = format!("write what the scopes of `{}` are worth at `{}`", there.name, here.name);
        return Err(ConfigError::value(key, "nothing would be given", fix));
    }
    for (scope, worth) in &r.give {
        if !there.scopes.contains_key(scope) {
            let reason = format!("resource `{}` has no scope `{scope}`", there.name);
            return Err(ConfigError::value(key, reason, "use one of its scopes"));
        }
        if let Some(unknown) = worth.iter().find(|s| !here.scopes.contains_key(*s)) {
            let reason = format!("resource `{}` has no scope `{unknown}`", here.name);
            return Err(ConfigError::value(key, reason, "use one of its scopes"));
        }
        if r.stays() && worth.iter().any(|s| s != scope) {
            let reason = format!("`{scope}` would be worth another scope of the same resource");
            return Err(ConfigError::value(key, reason, "give each scope for itself"));
        }
    }
    Ok(())
}

fn tools(r: &DelegationRule) -> Checked {
    let key = format!("delegation {}.tools", r.name);
    if r.stays() && !r.tools.is_empty() {
        let reason = "tools stay what they are at their resource";
        return Err(ConfigError::value(key, reason, "leave it out"));
    }
    for (tool, worth) in &r.tools {
        Detail::new(worth.iter().chain([tool]).cloned(), [])
            .map_err(|e| ConfigError::value(key.clone(), format!("`{tool}`: {e}"), "name tools"))?;
        if worth.is_empty() {
            let reason = format!("`{tool}` would be worth nothing");
            return Err(ConfigError::value(key, reason, "name the tools that it is worth, or leave it out"));
        }
    }
    Ok(())
}

fn impersonation(config: &Config, r: &ImpersonationRule) -> Checked {
    named("impersonation.name", &r.name)?;
    let key = |what: &str| format!("impersonation {}.{what}", r.name);
    for (what, empty) in [
        ("clients", r.clients.is_empty()),
        ("users", r.users.is_empty() && r.groups.is_empty()),
        ("resources", r.resources.is_empty()),
        ("scopes", r.scopes.is_empty()),
        ("reason", r.reason.trim().is_empty() || r.reason.len() > 500),
    ] {
        if empty {
            let fix = "name who, whose, where and what, and write down why (up to 500 bytes)";
            return Err(ConfigError::value(
                key(what),
                "a token that hides who acts is never for everything",
                fix,
            ));
        }
    }
    r.clients.iter().try_for_each(|id| exchanging(config, &key("clients"), id))?;
    let places = r.resources.iter().map(|name| resource(config, &key("resources"), name));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let known = |s: &&String| !places.iter().any(|p| p.scopes.contains_key(*s));
    if let Some(unknown) = r.scopes.iter().find(known) {
        let reason = format!("none of its resources has a scope `{unknown}`");
        return Err(ConfigError::value(key("scopes"), reason, "use scopes of its resources"));
    }
    if let Some(unknown) = r.groups.iter().find(|g| !config.has_group(g)) {
        let reason = format!("there is no group `{unknown}`");
        return Err(ConfigError::value(key("groups"), reason, "add it as a `[[group]]`"));
    }
    short(&key("lasts"), r.lasts)
}

/// A client of the file that authenticates and may exchange tokens.
fn exchanging(config: &Config, key: &str, id: &str) -> Checked {
    let wrong = |reason: String, fix| Err(ConfigError::value(key, reason, fix));
    match config.clients.iter().find(|c| c.id == id) {
        None => wrong(format!("there is no client `{id}`"), "add it as a `[[client]]`"),
        Some(c) if c.auth() == crate::AuthMethod::None => {
            wrong(format!("`{id}` cannot prove who it is"), "give it a `secret`, `jwks_uri` or `jwks_file`")
        }
        Some(c) if !c.grant_types.contains(&GrantType::TokenExchange) => {
            wrong(format!("`{id}` may not exchange tokens"), "add `token_exchange` to its `grant_types`")
        }
        Some(_) => Ok(()),
    }
}

fn short(key: &str, span: Span) -> Checked {
    if span <= Span::days(1) {
        return Ok(());
    }
    Err(ConfigError::value(key, "it is too long to be safe", "use at most 24h"))
}

fn issuer(config: &Config, i: &SubjectIssuer) -> Checked {
    named("exchange.issuer.name", &i.name)?;
    let key = |what: &str| format!("exchange.issuer {}.{what}", i.name);
    if address(&i.issuer).is_none() {
        let reason = format!("`{}` is no issuer", i.issuer);
        return Err(ConfigError::value(key("issuer"), reason, "write the `issuer` of its metadata"));
    }
    if i.issuer == config.issuer.as_str() {
        let fix = "leave it out: this server's own ID tokens are known";
        return Err(ConfigError::value(key("issuer"), "it is this server itself", fix));
    }
    if address(&i.jwks_uri).is_none() {
        let fix = "write the `jwks_uri` of its metadata";
        return Err(ConfigError::value(key("jwks_uri"), "it is no address of keys", fix));
    }
    if i.clients.is_empty() || i.clients.values().any(Vec::is_empty) || i.types.is_empty() {
        let fix = "name the client, and the `aud` that tokens for it have";
        return Err(ConfigError::value(key("clients"), "a token that is for nobody is for everybody", fix));
    }
    i.clients.keys().try_for_each(|id| exchanging(config, &key("clients"), id))?;
    short(&key("max_life"), i.max_life)
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
        write = { title = "Write", actions = ["tool:write"] }
        [[resource]]
        name = "crm"
        upstream = "http://127.0.0.1:9501/mcp"
        token_view = "agent"
        [resource.scopes]
        "crm:read" = { title = "Read", actions = ["tool:lookup"] }
        [[client]]
        id = "sales-api"
        agent = "reporter"
        secret = { env = "SECRET" }
        grant_types = ["token_exchange"]
        introspects = ["sales"]
        [[client]]
        id = "planner"
        secret = { env = "SECRET" }
        grant_types = ["client_credentials"]
        [[delegation]]
        name = "reports"
        at = "sales"
        to = ["reporter"]
        resource = "crm"
        give = { read = ["crm:read"] }
        tools = { read = ["lookup"] }
        depth = 3
        [[delegation]]
        name = "within"
        at = "sales"
        from = ["planner"]
        to = ["reporter"]
        give = { read = ["read"] }
        sign_in = { acr = "mfa", max_age = "10m" }
        views = ["agent"]
        [[impersonation]]
        name = "billing"
        clients = ["sales-api"]
        users = ["alice"]
        resources = ["crm"]
        scopes = ["crm:read"]
        reason = "The billing system predates act"
        [[exchange.issuer]]
        name = "corp"
        issuer = "https://idp.example"
        jwks_uri = "https://idp.example/jwks"
        clients = { sales-api = ["0oa1"] }
    "#;

    #[test]
    fn rules_lead_somewhere_or_the_start_is_refused() {
        let config = Config::parse(GOOD).unwrap();
        assert!(config.exchanges() && config.delegations[1].stays());
        for (find, replace, says) in [
            ("at = \"sales\"\n        to", "at = \"hr\"\n        to", "no resource `hr`"),
            ("resource = \"crm\"\n        give", "resource = \"hr\"\n        give", "no resource `hr`"),
            (
                "to = [\"reporter\"]\n        resource",
                "to = [\"nobody\"]\n        resource",
                "no agent `nobody`",
            ),
            (
                "to = [\"reporter\"]\n        resource",
                "to = [\"planner\"]\n        resource",
                "may exchange tokens",
            ),
            ("to = [\"reporter\"]\n        resource", "to = []\n        resource", "name an agent"),
            ("introspects = [\"sales\"]", "", "is a server of `sales`"),
            ("from = [\"planner\"]", "from = [\"plan ner\"]", "names no agent"),
            ("give = { read = [\"crm:read\"] }", "", "nothing would be given"),
            ("give = { read = [\"crm:read\"] }", "give = { reed = [\"crm:read\"] }", "no scope `reed`"),
            ("give = { read = [\"crm:read\"] }", "give = { read = [\"read\"] }", "no scope `read`"),
            ("give = { read = [\"read\"] }", "give = { read = [\"write\"] }", "each scope for itself"),
            ("tools = { read = [\"lookup\"] }", "tools = { read = [] }", "worth nothing"),
            ("depth = 3", "depth = 6", "use 2 to 5"),
            ("depth = 3", "depth = 1", "use 2 to 5"),
            ("views = [\"agent\"]", "views = []", "has a view"),
            ("views = [\"agent\"]", "views = [\"impersonation\"]", "impersonation"),
            ("clients = [\"sales-api\"]", "clients = [\"planner\"]", "may not exchange"),
            ("clients = [\"sales-api\"]", "clients = [\"x\"]", "no client `x`"),
            ("users = [\"alice\"]", "", "never for everything"),
            ("users = [\"alice\"]", "groups = [\"staff\"]", "no group `staff`"),
            ("scopes = [\"crm:read\"]", "scopes = [\"write\"]", "none of its resources has"),
            ("reason = \"The", "reason = \"\" #", "never for everything"),
            ("reason = \"The", "lasts = \"2d\"\n        reason = \"The", "at most 24h"),
            ("https://idp.example\"", "http://localhost:9400\"", "this server itself"),
            ("https://idp.example\"", "idp.example\"", "is no issuer"),
            ("https://idp.example/jwks", "file:/jwks", "no address of keys"),
            ("{ sales-api = [\"0oa1\"] }", "{ sales-api = [] }", "for nobody is for everybody"),
            ("{ sales-api = [\"0oa1\"] }", "{ planner = [\"0oa1\"] }", "may not exchange"),
            ("token_view = \"agent\"", "token_view = \"impersonation\"", "token_view"),
        ] {
            assert!(GOOD.contains(find), "{find}");
            let error = Config::parse(&GOOD.replacen(find, replace, 1)).unwrap_err().to_string();
            assert!(error.contains(says) || error.contains("unknown variant"), "{says}: {error}");
        }
        let stranger = GOOD.replacen("from = [\"planner\"]", "from = [\"agt_stranger\"]", 1);
        assert!(Config::parse(&stranger).is_ok(), "an id is looked up at the start");
    }
}
