//! Other authorization servers: what they are called, for whom their tokens are, and which resources take them.

use super::{Checked, unique};
use crate::{AuthorizationServerConfig, Config, ConfigError, ResourceConfig, SELF, Span};
use prokura_core::Scope;
use std::collections::BTreeSet;

pub(super) fn check(config: &Config) -> Checked {
    unique("authorization_server.name", config.authorization_servers.iter().map(|s| s.name.as_str()))?;
    unique("authorization_server.issuer", config.authorization_servers.iter().map(|s| s.issuer.as_str()))?;
    config.authorization_servers.iter().try_for_each(|s| server(config, s))?;
    config.resources.iter().try_for_each(|r| resource(config, r))?;
    own_grants(config)
}

fn wrong(
    server: &AuthorizationServerConfig,
    what: &str,
    reason: impl Into<String>,
    fix: &str,
) -> ConfigError {
    ConfigError::value(format!("authorization_server {}{what}", server.name), reason, fix)
}

fn server(config: &Config, s: &AuthorizationServerConfig) -> Checked {
    name(s)?;
    if s.issuer.as_str() == config.issuer.as_str() {
        return Err(wrong(
            s,
            ".issuer",
            "it is this server itself",
            "remove it; `self` stands for this server",
        ));
    }
    audience(config, s)?;
    scopes(config, s)?;
    if s.leeway > Span::minutes(2) {
        return Err(wrong(s, ".leeway", "it is too long to be safe", "use at most 2m, and mend the clock"));
    }
    if s.keys_max_age > Span::hours(24) {
        return Err(wrong(
            s,
            ".keys_max_age",
            "a withdrawn key would be used for too long",
            "use at most 24h",
        ));
    }
    if s.algorithms.as_ref().is_some_and(Vec::is_empty) || s.types.as_ref().is_some_and(Vec::is_empty) {
        return Err(wrong(
            s,
            "",
            "an empty list of algorithms or types lets nobody in",
            "name one, or remove it",
        ));
    }
    if s.introspection.as_ref().is_some_and(|i| i.cache > Span::minutes(5)) {
        let reason = "a token that was revoked there would be used for too long";
        return Err(wrong(s, ".introspection.cache", reason, "use at most 5m"));
    }
    claims(s)
}

fn name(s: &AuthorizationServerConfig) -> Checked {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let taken = [SELF, "http", "https"];
    if s.name.is_empty() || s.name.len() > 32 || !s.name.bytes().all(fine) || taken.contains(&s.name.as_str())
    {
        let fix =
            "use 1 to 32 lower-case letters, digits, `-` or `_`, and neither `self` nor `http` nor `https`";
        return Err(ConfigError::value(
            "authorization_server.name",
            format!("`{}` cannot be used", s.name),
            fix,
        ));
    }
    Ok(())
}

/// Without an audience, a token that was made for anybody at all would open the resource.
fn audience(config: &Config, s: &AuthorizationServerConfig) -> Checked {
    let fix = "name for each resource the `aud` of its tokens: `[authorization_server.audience]`, `sales = [\"…\"]`";
    if s.audience.is_empty() {
        return Err(wrong(s, ".audience", "no resource takes its tokens", fix));
    }
    for (resource, values) in &s.audience {
        let place = format!(".audience.{resource}");
        if config.resource(resource).is_none() {
            let reason = format!("there is no resource `{resource}`");
            return Err(wrong(s, &place, reason, "use the name of a `[[resource]]`"));
        }
        if values.is_empty() || values.iter().any(|v| v.trim().is_empty()) {
            return Err(wrong(
                s,
                &place,
                "without a value every token would be refused, and none may pass without",
                fix,
            ));
        }
        if values.iter().any(|v| v == "account") && s.profile == crate::ServerProfile::Keycloak {
            let reason = "`account` stands in nearly every token of a realm";
            let fix = "add an audience mapper for this resource in Keycloak, and name that audience";
            return Err(wrong(s, &place, reason, fix));
        }
    }
    Ok(())
}

fn scopes(config: &Config, s: &AuthorizationServerConfig) -> Checked {
    let served: BTreeSet<_> = config
        .resources
        .iter()
        .filter(|r| s.audience.contains_key(&r.name))
        .flat_map(|r| r.scopes.keys())
        .collect();
    for (scope, foreign) in &s.scopes {
        let place = format!(".scopes.{scope}");
        if !served.contains(scope) {
            let fix = "use a scope of a resource that takes its tokens";
            return Err(wrong(s, &place, format!("no such resource has a scope `{scope}`"), fix));
        }
        let names = foreign.names();
        if names.scopes.is_empty() && names.roles.is_empty() {
            return Err(wrong(s, &place, "nothing stands for it", "name one of `scopes` or `roles`"));
        }
        let word = names.scopes.iter().chain(&names.ask).find(|w| Scope::parse(w.as_str()).is_err());
        if let Some(word) = word {
            return Err(wrong(s, &place, format!("`{word}` is no scope"), "write one word for each"));
        }
    }
    Ok(())
}

fn claims(s: &AuthorizationServerConfig) -> Checked {
    let c = &s.claims;
    let paths = [&c.subject, &c.client, &c.scope].into_iter().flatten().chain(c.roles.iter().flatten());
    let bad = |p: &&String| !p.contains('/') && (p.split('.').any(str::is_empty) || p.split('.').count() > 4);
    match { paths }.find(bad) {
        Some(bad) => {
            let reason = format!("`{bad}` is no way to a claim");
            Err(wrong(s, ".claims", reason, "write the names on the way with dots: `realm_access.roles`"))
        }
        None => Ok(()),
    }
}

fn resource(config: &Config, r: &ResourceConfig) -> Checked {
    let key = || format!("resource {}.authorization_servers", r.name);
    for named in r.authorization_servers.iter().filter(|n| *n != SELF) {
        let Some(server) = config.authorization_server(named) else {
            let fix = "use `self` or the name of an `[[authorization_server]]`";
            return Err(ConfigError::value(
                key(),
                format!("there is no authorization server `{named}`"),
                fix,
            ));
        };
        if !server.audience.contains_key(&r.name) {
            let reason = format!("`{named}` names no audience for it");
            let fix = format!("add `{} = [\"…\"]` to its `[authorization_server.audience]`", r.name);
            return Err(ConfigError::value(key(), reason, fix));
        }
    }
    if r.public && !r.authorization_servers.is_empty() {
        return Err(ConfigError::value(
            key(),
            "it is public: nobody is asked for a token",
            "remove one of the two",
        ));
    }
    let asked = |n: &&String| config.authorization_server(n).is_some_and(|s| s.introspection.is_some());
    if r.authorization_servers.iter().filter(asked).count() > 1 {
        let reason = "an opaque token does not say whose it is, and would be shown to the wrong server";
        let fix = "let at most one of its servers have `introspection`";
        return Err(ConfigError::value(key(), reason, fix));
    }
    Ok(())
}

/// Authority that this server gives is worth nothing where its tokens are not taken.
fn own_grants(config: &Config) -> Checked {
    for client in &config.clients {
        for grant in &client.grants {
            if config.resource(&grant.resource).is_some_and(|r| !r.takes_own_tokens()) {
                return Err(ConfigError::value(
                    format!("client {}.grant.resource", client.id),
                    format!("`{}` takes no tokens of this server", grant.resource),
                    "add `self` to its `authorization_servers`, or remove the grant",
                ));
            }
        }
    }
    Ok(())
}

/// What else must hold where there is no authorization server: `prokura gateway`.
pub(crate) fn gateway_alone(config: &Config) -> Checked {
    // Whoever follows the feed of its issuer takes that issuer's tokens.
    let follows = config.gateway.feed.is_some();
    for r in config.resources.iter().filter(|r| !r.public && !follows) {
        let key = format!("resource {}.authorization_servers", r.name);
        if r.authorization_servers.is_empty() {
            let fix = "name an `[[authorization_server]]`, follow the issuer's feed by `[gateway.feed]`, or start `prokura serve`, which is one";
            return Err(ConfigError::value(key, "nobody issues tokens for it", fix));
        }
        if r.takes_own_tokens() {
            let fix = "remove `self`, follow the issuer's feed by `[gateway.feed]`, or start `prokura serve`";
            return Err(ConfigError::value(
                key,
                "`self` issues no tokens here: this is the gateway alone",
                fix,
            ));
        }
    }
    if !config.clients.is_empty() {
        let fix = "remove every `[[client]]`, or start `prokura serve`";
        return Err(ConfigError::value(
            "client",
            "there is no authorization server here that would know it",
            fix,
        ));
    }
    super::transaction::gateway_alone(config)
}
