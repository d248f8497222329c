//! Policy sets: names of their own, files or an address as their language wants it; roles that lead somewhere.

use super::{Checked, unique};
use crate::{Config, ConfigError, PolicyLanguage, PolicySet, Role, Span};
use prokura_core::{AgentId, UserId};

pub(super) fn check(config: &Config) -> Checked {
    let policy = &config.policy;
    unique("policy.set.name", policy.sets.iter().map(|s| s.name.as_str()))?;
    policy.sets.iter().try_for_each(set)?;
    if let Some(odd) =
        policy.entities.iter().position(|e| e.files.is_empty() || e.files.iter().any(String::is_empty))
    {
        let reason = format!("the entry number {} names no file", odd + 1);
        return Err(ConfigError::value("policy.entities.files", reason, "name at least one"));
    }
    if policy.reload > Span::hours(1) {
        let reason = "changed policies would wait too long";
        return Err(ConfigError::value("policy.reload", reason, "use at most 1h"));
    }
    unique("role.name", config.roles.iter().map(|r| r.name.as_str()))?;
    config.roles.iter().try_for_each(|r| role(config, r))
}

fn set(s: &PolicySet) -> Checked {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if s.name.is_empty() || s.name.len() > 64 || !s.name.bytes().all(fine) {
        let fix = "use 1 to 64 lower-case letters, digits, `-` or `_`";
        return Err(ConfigError::value("policy.set.name", format!("`{}` is no name", s.name), fix));
    }
    let wrong = |what: &str, reason: &str, fix: &str| {
        Err(ConfigError::value(format!("policy.set {}{what}", s.name), reason, fix))
    };
    let language = s.language.as_str();
    if s.language.is_remote() {
        if s.url.is_none() {
            return wrong(
                ".url",
                &format!("`{language}` is asked elsewhere"),
                "say where: `url = \"https://…\"`",
            );
        }
        if !s.files.is_empty() || s.schema.is_some() {
            return wrong(
                ".files",
                &format!("`{language}` has its policies elsewhere"),
                "remove `files` and `schema`",
            );
        }
        return Ok(());
    }
    if s.files.is_empty() || s.files.iter().any(String::is_empty) {
        return wrong(".files", "it has no policies", "name at least one file or folder");
    }
    if s.url.is_some() || s.token.is_some() || s.timeout.is_some() {
        let reason = format!("`{language}` is decided here");
        return wrong(".url", &reason, "remove `url`, `token` and `timeout`, or use `opa` or `authzen`");
    }
    if s.schema.is_some() && s.language != PolicyLanguage::Cedar {
        return wrong(".schema", &format!("`{language}` has no schema"), "remove it");
    }
    Ok(())
}

fn role(config: &Config, r: &Role) -> Checked {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if r.name.is_empty() || r.name.len() > 64 || r.name.chars().any(odd) {
        let fix = "use 1 to 64 characters without white space";
        return Err(ConfigError::value("role.name", format!("`{}` is no name of a role", r.name), fix));
    }
    r.members.iter().try_for_each(|m| member(config, r, m))
}

fn member(config: &Config, r: &Role, m: &str) -> Checked {
    let wrong =
        |reason: String, fix: &str| Err(ConfigError::value(format!("role {}.members", r.name), reason, fix));
    if let Some(group) = m.strip_prefix("group:") {
        let fix = "add it as a `[[group]]`, or to the `groups` of an `[[identity_provider]]`";
        return if config.has_group(group) {
            Ok(())
        } else {
            wrong(format!("there is no group `{group}`"), fix)
        };
    }
    if let Some(role) = m.strip_prefix("role:") {
        let known = role != r.name && config.roles.iter().any(|other| other.name == role);
        let fix = "add it as a `[[role]]`; a role is no member of itself";
        return if known { Ok(()) } else { wrong(format!("there is no other role `{role}`"), fix) };
    }
    let broken = (m.starts_with("usr_") && UserId::parse(m).is_err())
        || (m.starts_with("agt_") && AgentId::parse(m).is_err());
    if broken || m.is_empty() || m.len() > 128 || m.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let fix = "list user names, `usr_…`, `agt_…`, `group:NAME` or `role:NAME`";
        return wrong(format!("`{m}` is no member"), fix);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{Config, PolicyLanguage, PolicyMode};
    use std::time::Duration;

    const HEAD: &str = r#"
        issuer = "http://localhost:9400"
        database = "sqlite:x.db"
        [[group]]
        name = "hr"
        members = ["alice"]
    "#;
    const GOOD: &str = r#"
        [policy]
        mode = "report_only"
        [[policy.set]]
        name = "staff"
        language = "cedar"
        files = ["policies/staff.cedar"]
        schema = "policies/staff.cedarschema"
        [[policy.set]]
        name = "house"
        language = "opa"
        url = "http://127.0.0.1:8181/v1/data/prokura"
        timeout = "250ms"
        [[policy.entities]]
        files = ["staff.json"]
        [[role]]
        name = "manager"
        members = ["bob", "group:hr", "role:chief"]
        [[role]]
        name = "chief"
    "#;

    fn error(find: &str, replace: &str) -> String {
        assert!(GOOD.contains(find), "{find}");
        let text = format!("{HEAD}{}", GOOD.replace(find, replace));
        Config::parse(&text).map_or_else(|e| e.to_string(), |_| String::new())
    }

    #[test]
    fn sets_entities_and_roles_are_read() {
        let config = Config::parse(&format!("{HEAD}{GOOD}")).unwrap();
        assert_eq!(config.policy.mode, PolicyMode::ReportOnly);
        assert_eq!(config.policy.sets[0].mode, PolicyMode::On);
        assert_eq!(config.policy.sets[1].patience(), Duration::from_millis(250));
        assert_eq!(config.roles[0].members.len(), 3);
        assert!(Config::parse(HEAD).unwrap().policy.sets.is_empty());
    }

    #[test]
    fn policies_are_in_cedar_where_nothing_else_is_said() {
        let config = Config::parse(&format!("{HEAD}{}", GOOD.replace("language = \"cedar\"", ""))).unwrap();
        assert_eq!(config.policy.sets[0].language, PolicyLanguage::Cedar);
        assert!(error("language = \"opa\"", "").contains("name at least one file or folder"));
    }

    #[test]
    fn what_cannot_decide_is_refused_with_the_fix() {
        for (find, replace, says) in [
            ("\"staff\"", "\"Staff\"", "lower-case letters"),
            ("\"house\"", "\"staff\"", "stands there twice"),
            ("files = [\"policies/staff.cedar\"]", "", "name at least one file or folder"),
            ("url = \"http://127.0.0.1:8181/v1/data/prokura\"", "", "say where"),
            ("\"opa\"", "\"rego\"", "name at least one file or folder"),
            ("\"cedar\"", "\"rego\"", "has no schema"),
            ("timeout = \"250ms\"", "timeout = \"1m\"", "write `250ms` or `2s`"),
            ("timeout = \"250ms\"", "files = [\"a\"]", "has its policies elsewhere"),
            ("[\"staff.json\"]", "[]", "names no file"),
            ("\"group:hr\"", "\"group:hq\"", "no group `hq`"),
            ("\"role:chief\"", "\"role:manager\"", "no other role `manager`"),
            ("\"bob\"", "\"usr bob\"", "is no member"),
            ("mode = \"report_only\"", "mode = \"reportonly\"", "unknown variant"),
        ] {
            let said = error(find, replace);
            assert!(said.contains(says), "{find} -> {replace}: {said}");
        }
    }
}
