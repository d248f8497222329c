//! The decision point that others ask: who may, and about what.

use super::Checked;
use crate::{
    AUTHZEN, AUTHZEN_ASSERT, AUTHZEN_EVALUATE, AUTHZEN_SCOPES, AUTHZEN_SEARCH, Config, ConfigError,
    ConfiguredGrant, GrantType, PolicyLanguage, PolicySet,
};
use std::collections::BTreeSet;

/// Whether a grant is one on the decision point, not on a resource that has its name.
pub(crate) fn is_authzen(config: &Config, grant: &ConfiguredGrant) -> bool {
    grant.resource == AUTHZEN && config.resource(AUTHZEN).is_none()
}

pub(super) fn check(config: &Config) -> Checked {
    bounds(config)?;
    names(config)?;
    let grants = config.clients.iter().flat_map(|c| c.grants.iter().map(move |g| (c, g)));
    for (client, grant) in grants.filter(|(_, g)| is_authzen(config, g)) {
        let key = |what: &str| format!("client {}.{what}", client.id);
        let known = |s: &str| AUTHZEN_SCOPES.iter().any(|(scope, _)| *scope == s);
        if let Some(unknown) = grant.scopes.iter().find(|s| !known(s)) {
            let reason = format!("the decision point has no scope `{unknown}`");
            let fix = "use `authzen:evaluate`, `authzen:search`, `authzen:assert`";
            return Err(ConfigError::value(key("grant.scopes"), reason, fix));
        }
        let asks = |s: &String| s == AUTHZEN_EVALUATE || s == AUTHZEN_SEARCH;
        if !grant.scopes.iter().any(asks) {
            let reason = format!("with `{AUTHZEN_ASSERT}` alone nothing can be asked");
            return Err(ConfigError::value(key("grant.scopes"), reason, "add `authzen:evaluate`"));
        }
        if !client.grant_types.contains(&GrantType::ClientCredentials) {
            let reason = "the decision point takes tokens of a client's own authority only";
            let fix = "add \"client_credentials\" to `grant_types`";
            return Err(ConfigError::value(key("grant.resource"), reason, fix));
        }
    }
    itself(config)?;
    callers(config)
}

/// A decision point that asks itself never comes to an end.
fn itself(config: &Config) -> Checked {
    let issuer = config.issuer.as_str();
    let asks_us = |set: &&PolicySet| {
        let url = set.url.as_ref().map(|u| u.url().as_str()).unwrap_or_default();
        let rest = url.strip_prefix(issuer);
        set.language == PolicyLanguage::Authzen && rest.is_some_and(|r| r.is_empty() || r.starts_with('/'))
    };
    match config.policy.sets.iter().find(asks_us) {
        None => Ok(()),
        Some(set) => {
            let key = format!("policy.set {}.url", set.name);
            let reason = "it is the address of this server, which would ask itself";
            Err(ConfigError::value(key, reason, "name another decision point, or leave the set out"))
        }
    }
}

fn bounds(config: &Config) -> Checked {
    let authzen = &config.authzen;
    for (key, value, most) in
        [("authzen.page", authzen.page, 10_000), ("authzen.candidates", authzen.candidates, 100_000)]
    {
        if value == 0 || value > most {
            return Err(ConfigError::value(
                key,
                format!("{value} is out of bounds"),
                format!("use 1 to {most}"),
            ));
        }
    }
    Ok(())
}

/// The names of types and actions.
fn names(config: &Config) -> Checked {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    let mut ours = BTreeSet::new();
    for (theirs, kind) in config.authzen.kinds() {
        let key = format!("authzen.kinds.{theirs}");
        if kind.is_empty() || kind.len() > 128 || !kind.chars().all(plain) {
            let reason = format!("`{kind}` names no kind of entity");
            return Err(ConfigError::value(key, reason, "write a name as policies have it, such as `User`"));
        }
        if !ours.insert(kind) {
            let reason = format!("`{kind}` stands there for two types");
            return Err(ConfigError::value(key, reason, "give every type a kind of its own"));
        }
    }
    for (kind, actions) in &config.authzen.actions {
        let distinct: BTreeSet<_> = actions.iter().collect();
        if distinct.len() != actions.len() || actions.len() > 1000 || actions.iter().any(String::is_empty) {
            let reason = "an action is empty or stands there twice, or there are more than 1,000";
            return Err(ConfigError::value(
                format!("authzen.actions.{kind}"),
                reason,
                "name each action once",
            ));
        }
    }
    Ok(())
}

fn callers(config: &Config) -> Checked {
    let mut seen = BTreeSet::new();
    for caller in &config.authzen.callers {
        let key = format!("authzen.caller {}", caller.client);
        let client = config.clients.iter().find(|c| c.id == caller.client);
        if !client.is_some_and(|c| c.grants.iter().any(|g| is_authzen(config, g))) {
            let reason = "no client of this id may ask the decision point";
            let fix = "give the client a `[[client.grant]]` with `resource = \"authzen\"`";
            return Err(ConfigError::value(key, reason, fix));
        }
        if !seen.insert(&caller.client) {
            return Err(ConfigError::value(key, "this client stands there twice", "write one table for it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn refused(text: &str) -> String {
        let client = "[[client]]\nid = \"pep\"\nsecret = { env = \"S\" }\ngrant_types = [\"client_credentials\"]\n\
                      [[client.grant]]\nresource = \"authzen\"\n";
        let whole = format!(
            "issuer = \"https://as.example\"\ndatabase = \"sqlite:a.db\"\nmaster_key = {{ env = \"M\" }}\n{client}{text}"
        );
        Config::parse(&whole).map_or_else(|e| e.to_string(), |c| format!("fine {}", c.has_authzen()))
    }

    #[test]
    fn the_decision_point_is_for_whom_the_operator_named() {
        assert_eq!(refused("scopes = [\"authzen:evaluate\", \"authzen:assert\"]"), "fine true");
        assert!(refused("scopes = [\"read\"]").contains("no scope `read`"));
        assert!(refused("scopes = [\"authzen:assert\"]").contains("alone nothing can be asked"));
    }

    #[test]
    fn names_and_bounds_are_looked_at_before_the_start() {
        let with = |text: &str| refused(&format!("scopes = [\"authzen:search\"]\n[authzen]\n{text}"));
        for fine in [
            "kinds = { user = \"Person\", record = \"Record\" }",
            "actions = { \"*\" = [\"view\"] }",
            "page = 5",
        ] {
            assert_eq!(with(fine), "fine true", "{fine}");
        }
        for (bad, why) in [
            ("kinds = { user = \"Us er\" }", "names no kind"),
            ("kinds = { person = \"User\" }", "two types"),
            ("actions = { record = [\"view\", \"view\"] }", "twice"),
            ("page = 0", "authzen.page"),
            ("candidates = 1000000", "authzen.candidates"),
            ("[[authzen.caller]]\nclient = \"other\"", "no client of this id"),
            ("[[authzen.caller]]\nclient = \"pep\"\n[[authzen.caller]]\nclient = \"pep\"", "twice"),
            ("asserts = true", "asserts"),
            (
                "[[policy.set]]\nname = \"us\"\nlanguage = \"authzen\"\nurl = \"https://as.example/\"",
                "ask itself",
            ),
        ] {
            assert!(with(bad).contains(why), "{bad}: {}", with(bad));
        }
    }
}
