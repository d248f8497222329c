//! Groups and enterprise consents: names that lead somewhere, and nothing that would be for everybody by mistake.

use super::{Checked, unique};
use crate::delegation::agent;
use crate::{Config, ConfigError, EnterpriseConsent};
use prokura_core::{ClientId, OPERATOR, SUBJECT, Scope};

pub(super) fn check(config: &Config) -> Checked {
    unique("group.name", config.groups.iter().map(|g| g.name.as_str()))?;
    unique("enterprise_consent.name", config.enterprise_consents.iter().map(|c| c.name.as_str()))?;
    config.groups.iter().try_for_each(|g| group(&g.name, &g.members))?;
    config.enterprise_consents.iter().try_for_each(|c| consent(config, c))
}

fn group(name: &str, members: &[String]) -> Checked {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if name.is_empty() || name.len() > 64 || name.chars().any(odd) {
        let fix = "use 1 to 64 characters without white space";
        return Err(ConfigError::value("group.name", format!("`{name}` is no name of a group"), fix));
    }
    if name == SUBJECT || name == OPERATOR {
        let reason = format!("`{name}` means somebody else where people are asked to agree");
        return Err(ConfigError::value("group.name", reason, "choose another name"));
    }
    if members.iter().any(|m| m.is_empty() || m.len() > 128 || m.chars().any(odd)) {
        let fix = "list user names, or ids like `usr_…`";
        return Err(ConfigError::value(format!("group {name}.members"), "one of them is no user", fix));
    }
    Ok(())
}

/// Checks an enterprise consent, of the file or of the administration API.
pub(crate) fn consent(config: &Config, c: &EnterpriseConsent) -> Checked {
    let wrong = |what: &str, reason: String, fix: &str| {
        Err(ConfigError::value(format!("enterprise_consent {}{what}", c.name), reason, fix))
    };
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if c.name.is_empty() || c.name.len() > 64 || !c.name.bytes().all(fine) {
        let fix = "use 1 to 64 lower-case letters, digits, `-` or `_`";
        return Err(ConfigError::value("enterprise_consent.name", format!("`{}` is no name", c.name), fix));
    }
    if let Some(unknown) = c.groups.iter().find(|g| !config.has_group(g)) {
        let fix = "add it as a `[[group]]`, or to the `groups` of an `[[identity_provider]]`";
        return wrong(".groups", format!("there is no group `{unknown}`"), fix);
    }
    if c.scopes.is_empty() && c.users_may_allow.is_empty() && c.details.is_none() {
        return wrong("", "it allows nothing".to_owned(), "add `scopes`, `details` or `users_may_allow`");
    }
    let gives = c.gives();
    if gives && c.groups.is_empty() {
        return wrong(".groups", "it would be for everybody".to_owned(), "name at least one group");
    }
    if gives && c.clients.is_empty() && c.agents.is_empty() {
        let reason = "any software would get it without a question".to_owned();
        return wrong(".clients", reason, "name the `clients` or `agents` that get it");
    }
    names(c)?;
    scopes(config, c)
}

fn names(c: &EnterpriseConsent) -> Checked {
    let key = |what: &str| format!("enterprise_consent {}{what}", c.name);
    if let Some(odd) = c.clients.iter().find(|id| ClientId::parse(id.as_str()).is_err()) {
        return Err(ConfigError::value(
            key(".clients"),
            format!("`{odd}` is no client id"),
            "write it as the client does",
        ));
    }
    if let Some(odd) = c.agents.iter().chain(c.may_act.iter().flatten()).find(|a| agent(a).is_none()) {
        return Err(ConfigError::value(
            key(".agents"),
            format!("`{odd}` is no agent"),
            "use an id that `prokura agent list` shows",
        ));
    }
    Ok(())
}

fn scopes(config: &Config, c: &EnterpriseConsent) -> Checked {
    let key = |what: &str| format!("enterprise_consent {}{what}", c.name);
    let Some(resource) = config.resource(&c.resource) else {
        let reason = format!("there is no resource `{}`", c.resource);
        return Err(ConfigError::value(key(".resource"), reason, "use the name of a `[[resource]]`"));
    };
    let identity = |s: &str| Scope::parse(s).is_ok_and(|s| s.is_of_identity());
    let unknown = |s: &&String| !resource.scopes.contains_key(*s) && !identity(s);
    match c.scopes.iter().chain(&c.users_may_allow).find(unknown) {
        Some(odd) => {
            let reason = format!("resource `{}` has no scope `{odd}`", c.resource);
            Err(ConfigError::value(key(".scopes"), reason, "use some of its scopes"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Config;

    const HEAD: &str = r#"
        issuer = "http://localhost:9400"
        database = "sqlite:x.db"
        [[resource]]
        name = "sales"
        upstream = "http://127.0.0.1:9500/mcp"
        [resource.scopes]
        "read:report" = { title = "Read", actions = ["tool:read"] }
        [[group]]
        name = "staff"
        members = ["alice", "usr_bob"]
        [[enterprise_consent]]
        name = "planner"
    "#;
    const GOOD: &str =
        "groups = [\"staff\"]\nclients = [\"planner\"]\nresource = \"sales\"\nscopes = [\"read:report\"]";

    fn error(rest: &str) -> String {
        Config::parse(&format!("{HEAD}\n{rest}")).map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn a_right_one_is_read_and_is_the_same_as_json() {
        assert_eq!(error(GOOD), "");
        let config = Config::parse(&format!("{HEAD}\n{GOOD}\nlasts = \"7d\"")).unwrap();
        let one = &config.enterprise_consents[0];
        assert!(one.users_may_end && one.gives());
        assert_eq!(crate::EnterpriseConsent::from_json(&one.to_json().unwrap()).unwrap(), *one);
    }

    #[test]
    fn what_would_be_for_everybody_or_leads_nowhere_is_refused_with_the_fix() {
        for (find, replace, says) in [
            ("groups = [\"staff\"]\n", "", "name at least one group"),
            ("clients = [\"planner\"]\n", "", "name the `clients`"),
            ("[\"staff\"]", "[\"stuff\"]", "no group `stuff`"),
            ("\"sales\"", "\"crm\"", "no resource `crm`"),
            ("[\"read:report\"]", "[\"read\"]", "no scope `read`"),
            ("[\"read:report\"]", "[]", "it allows nothing"),
        ] {
            assert!(GOOD.contains(find), "{find}");
            let said = error(&GOOD.replace(find, replace));
            assert!(said.contains(says), "{find}: {said}");
        }
        // What users may allow themselves may be for everybody and any software.
        assert_eq!(error("resource = \"sales\"\nusers_may_allow = [\"read:report\", \"openid\"]"), "");
    }
}
