//! Workloads: rules that bind, that lead somewhere, and that nothing widens by accident.

use super::{Checked, unique};
use crate::{
    ClaimKind, ClaimMatcher, ClaimTable, ClaimWord, ClientConfig, Config, ConfigError, Span,
    WorkloadProvider, WorkloadRule, known_claims,
};
use prokura_core::AgentId;

/// What every token of a provider has alike, or what says nothing of who it is: no rule may rest on it.
const SAYS_NOTHING: [&str; 8] = ["iss", "issuer", "aud", "audience", "exp", "iat", "nbf", "jti"];
/// The longest name of a claim, and the longest value, in bytes.
const MAX_NAME: usize = 128;
const MAX_VALUE: usize = 1024;

pub(super) fn check(config: &Config) -> Checked {
    let all = &config.workload;
    super::workload_provider::check(config)?;
    super::workload_document::check(config)?;
    unique("workload.rule.name", all.rules.iter().map(|r| r.name.as_str()))?;
    all.rules.iter().try_for_each(|r| rule(config, r))?;
    config.clients.iter().try_for_each(|c| client(config, c))
}

/// Checks one rule; those that are kept in the store are checked by the same.
pub(crate) fn rule(config: &Config, r: &WorkloadRule) -> Checked {
    let key = |what: &str| format!("workload.rule {}{what}", r.name);
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if r.name.is_empty() || r.name.len() > 64 || !r.name.bytes().all(fine) {
        let fix = "use 1 to 64 lower-case letters, digits, `-` or `_`";
        return Err(ConfigError::value("workload.rule.name", format!("`{}` is no name", r.name), fix));
    }
    let Some(provider) = config.workload.provider(&r.provider) else {
        let reason = format!("there is no provider `{}`", r.provider);
        return Err(ConfigError::value(
            key(".provider"),
            reason,
            "use the name of a `[[workload.provider]]`",
        ));
    };
    agent(&r.agent).map_err(|reason| {
        ConfigError::value(key(".agent"), reason, "use letters, digits and `-._:`, at most 120 of them")
    })?;
    binds(r)?;
    fits(provider, r)?;
    if r.life.is_some_and(|life| life > Span::minutes(10)) {
        let reason = "a workload asks again whenever it likes";
        return Err(ConfigError::value(key(".life"), reason, "use at most 10m"));
    }
    grants(config, r)
}

/// A client that authenticates as a workload names it in one way, and is not another agent's.
fn client(config: &Config, c: &ClientConfig) -> Checked {
    let Some(w) = &c.workload else { return Ok(()) };
    let key = |what: &str| format!("client {}.workload{what}", c.id);
    let no_provider = |name: &str| {
        let reason = format!("there is no provider `{name}`");
        ConfigError::value(key(".provider"), reason, "use the name of a `[[workload.provider]]`")
    };
    match (&w.rule, &w.provider, &w.subject) {
        (Some(name), None, None) => {
            let Some(rule) = config.workload.rule(name) else {
                let reason = format!("there is no rule `{name}`");
                return Err(ConfigError::value(
                    key(".rule"),
                    reason,
                    "use the name of a `[[workload.rule]]`",
                ));
            };
            let bare = |name: &str| name.strip_prefix(AgentId::PREFIX).unwrap_or(name).to_owned();
            let own = bare(c.agent.as_deref().unwrap_or(&c.id));
            if bare(&rule.agent) != own {
                let reason =
                    format!("the rule is of the agent `{}`, and the client is `{own}`'s", rule.agent);
                return Err(ConfigError::value(key(".rule"), reason, "give both the same `agent`"));
            }
            Ok(())
        }
        (None, Some(name), Some(subject)) if !subject.is_empty() && !subject.contains('*') => {
            config.workload.provider(name).map(drop).ok_or_else(|| no_provider(name))
        }
        _ => Err(ConfigError::value(
            key(""),
            "it does not say one workload",
            "give `rule`, or `provider` and the exact `subject`",
        )),
    }
}

/// A rule without a claim that tells workloads apart would let everybody in whom the provider knows.
fn binds(r: &WorkloadRule) -> Checked {
    let key = |claim: &str| format!("workload.rule {}.when.{claim}", r.name);
    if r.when.is_empty() {
        let reason = "without a claim, every workload of the provider would be this agent";
        let fix = "name at least one claim that tells them apart, such as `subject`";
        return Err(ConfigError::value(format!("workload.rule {}.when", r.name), reason, fix));
    }
    for (claim, matcher) in &r.when {
        if SAYS_NOTHING.contains(&claim.as_str()) {
            let reason = "it does not tell one workload from another";
            return Err(ConfigError::value(key(claim), reason, "name a claim that does, such as `subject`"));
        }
        if claim.is_empty() || claim.len() > MAX_NAME || claim.chars().any(char::is_control) {
            return Err(ConfigError::value(
                key(claim),
                "it is no name of a claim",
                "use the provider's names",
            ));
        }
        if let Err((reason, fix)) = matcher_is_sound(matcher) {
            return Err(ConfigError::value(key(claim), reason, fix));
        }
    }
    Ok(())
}

/// Every claim is one of the provider's, is asked for as what it is, and one of them tells the workloads of strangers
/// apart: a name that anybody can take does not.
fn fits(provider: &WorkloadProvider, r: &WorkloadRule) -> Checked {
    let known = known_claims(provider.platform());
    if known.is_empty() {
        return Ok(());
    }
    let names = || {
        let own = provider.claims.keys().map(String::as_str);
        known.iter().map(|k| k.name).chain(own).collect::<Vec<_>>().join(", ")
    };
    for (claim, matcher) in &r.when {
        let key = format!("workload.rule {}.when.{claim}", r.name);
        let Some(kind) = provider.claim_kind(claim) else {
            let reason = format!("`{}` says nothing of that name", provider.name);
            return Err(ConfigError::value(key, reason, format!("use one of {}", names())));
        };
        if !asks_for(matcher, kind) {
            let reason = format!("this claim is a {}", kind.as_str());
            return Err(ConfigError::value(key, reason, "write the value as what it is: `\"1\"` is not `1`"));
        }
    }
    if r.when.keys().any(|claim| provider.claim_binds(claim)) {
        return Ok(());
    }
    let binding: Vec<_> = known.iter().filter(|k| k.binds).map(|k| k.name).collect();
    let fix = format!("add one of {}", binding.join(", "));
    let reason = "strangers can have workloads of which all of this is true";
    Err(ConfigError::value(format!("workload.rule {}.when", r.name), reason, fix))
}

fn asks_for(matcher: &ClaimMatcher, kind: ClaimKind) -> bool {
    let word = |word: &ClaimWord| match word {
        ClaimWord::Flag(_) => kind == ClaimKind::Flag,
        ClaimWord::Number(_) => kind == ClaimKind::Number,
        ClaimWord::Text(_) => kind == ClaimKind::Text,
    };
    match matcher {
        ClaimMatcher::Is(one) => word(one),
        ClaimMatcher::Table(ClaimTable::OneOf(several)) => several.iter().all(word),
        ClaimMatcher::Table(ClaimTable::Under(_)) => kind == ClaimKind::Text,
        ClaimMatcher::Table(ClaimTable::Has(_)) => kind == ClaimKind::List,
    }
}

type Unsound = (&'static str, &'static str);

fn matcher_is_sound(matcher: &ClaimMatcher) -> Result<(), Unsound> {
    match matcher {
        ClaimMatcher::Is(word) => word_is_sound(word),
        ClaimMatcher::Table(ClaimTable::OneOf(words)) if words.is_empty() => {
            Err(("it lists no value, so nothing could match", "list at least one"))
        }
        ClaimMatcher::Table(ClaimTable::OneOf(words)) => words.iter().try_for_each(word_is_sound),
        ClaimMatcher::Table(ClaimTable::Under(start)) if !start.ends_with(['/', ':']) || start.len() < 2 => {
            Err(("a beginning that ends within a word matches other words too", "let it end with `/` or `:`"))
        }
        ClaimMatcher::Table(ClaimTable::Under(text) | ClaimTable::Has(text)) => text_is_sound(text),
    }
}

fn word_is_sound(word: &ClaimWord) -> Result<(), Unsound> {
    match word {
        ClaimWord::Text(text) => text_is_sound(text),
        ClaimWord::Flag(_) | ClaimWord::Number(_) => Ok(()),
    }
}

/// Nothing is a pattern; whoever writes a `*` believes that something is.
fn text_is_sound(text: &str) -> Result<(), Unsound> {
    if text.is_empty() || text.len() > MAX_VALUE {
        return Err(("it is empty or too long", "write the exact value, at most 1024 bytes"));
    }
    if text.contains('*') {
        return Err(("`*` stands for nothing here", "list the values by `one_of`, or use `under`"));
    }
    Ok(())
}

fn agent(name: &str) -> Result<(), String> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if name.is_empty() || name.len() > 120 || !name.bytes().all(fine) {
        return Err(format!("`{name}` is no name of an agent"));
    }
    Ok(())
}

fn grants(config: &Config, r: &WorkloadRule) -> Checked {
    let key = |what: &str| format!("workload.rule {}.grant{what}", r.name);
    unique(&key(".resource"), r.grants.iter().map(|g| g.resource.as_str()))?;
    for g in &r.grants {
        let Some(resource) = config.resource(&g.resource) else {
            let reason = format!("there is no resource `{}`", g.resource);
            return Err(ConfigError::value(key(".resource"), reason, "use the name of a `[[resource]]`"));
        };
        if g.scopes.is_empty() {
            return Err(ConfigError::value(key(".scopes"), "it gives nothing", "list scopes, or remove it"));
        }
        if let Some(unknown) = g.scopes.iter().find(|s| !resource.scopes.contains_key(*s)) {
            let reason = format!("resource `{}` has no scope `{unknown}`", resource.name);
            return Err(ConfigError::value(key(".scopes"), reason, "use one of its scopes"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Config;

    const BEFORE: &str = r#"
        issuer = "http://localhost:9400"
        database = "sqlite:prokura.db"
        [[resource]]
        name = "sales"
        upstream = "http://127.0.0.1:9500/mcp"
        [resource.scopes]
        read = { title = "Read", actions = ["tool:read"] }
    "#;
    const PROVIDER: &str = r#"
        [[workload.provider]]
        name = "prod"
        platform = "oidc"
        issuer = "https://ci.example"
        [workload.provider.claims]
        namespace = { required = true }
        ref = {}
        run = { type = "number" }
        on = { type = "flag" }
    "#;
    const RULE: &str = r#"
        [[workload.rule]]
        name = "planner"
        provider = "prod"
        agent = "planner"
        when = { namespace = "agents", ref = { under = "refs/heads/" }, run = { one_of = [1, 2] }, on = true }
        life = "5m"
        [[workload.rule.grant]]
        resource = "sales"
        scopes = ["read"]
    "#;

    fn checked(rule: &str) -> Result<(), String> {
        Config::parse(&format!("{BEFORE}{PROVIDER}{rule}")).map(drop).map_err(|e| e.to_string())
    }

    #[test]
    fn d07_a_rule_binds_or_the_start_is_refused() {
        checked(RULE).unwrap();
        let when = RULE.lines().find(|l| l.contains("when =")).unwrap().trim();
        for (find, replace, says) in [
            (when, "when = {}", "every workload of the provider"),
            (when, "when = { iss = \"https://a\", aud = \"https://b\" }", "does not tell one workload"),
            (when, "when = { namespace = \"*\" }", "`*` stands for nothing"),
            (when, "when = { namespace = \"\" }", "empty"),
            (when, "when = { ref = { under = \"refs/heads/m\" } }", "ends within a word"),
            (when, "when = { ref = { under = \"/\" } }", "ends within a word"),
            (when, "when = { ref = { one_of = [] } }", "lists no value"),
            (when, "when = { ref = { one_of = [\"a*\"] } }", "`*` stands for nothing"),
            (when, "when = { ref = { matches = \"x\" } }", "did not match"),
            (when, "when = { run = \"1\" }", "this claim is a number"),
            (when, "when = { run = { one_of = [1, \"x\"] } }", "this claim is a number"),
            (when, "when = { namespace = { has = \"x\" } }", "this claim is a text"),
            (when, "when = { name_space = \"agents\" }", "says nothing of that name"),
            (when, "", "missing field `when`"),
            ("\"prod\"", "\"stage\"", "no provider `stage`"),
            ("agent = \"planner\"", "agent = \"the planner\"", "no name of an agent"),
            ("\"5m\"", "\"11m\"", "at most 10m"),
            ("\"sales\"", "\"hr\"", "no resource `hr`"),
            ("[\"read\"]", "[\"write\"]", "no scope `write`"),
            ("[\"read\"]", "[]", "gives nothing"),
            ("name = \"planner\"", "name = \"The Planner\"", "no name"),
            ("life", "live", "unknown field `live`"),
        ] {
            assert!(RULE.contains(find), "{find}");
            let error = checked(&RULE.replace(find, replace)).unwrap_err();
            assert!(error.contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn d07_what_strangers_can_have_too_does_not_bind() {
        let provider = "[[workload.provider]]\nname = \"prod\"\nplatform = \"github\"\n";
        let rule = |when: &str| {
            let text = format!(
                "{BEFORE}{provider}[[workload.rule]]\nname = \"r\"\nprovider = \"prod\"\nagent = \"a\"\nwhen = {when}"
            );
            Config::parse(&text).map(drop).map_err(|e| e.to_string())
        };
        rule("{ repository_id = \"424242\", environment = \"production\" }").unwrap();
        let error =
            rule("{ runner_environment = \"github-hosted\", ref = \"refs/heads/main\" }").unwrap_err();
        assert!(error.contains("strangers can have") && error.contains("repository_id"), "{error}");
        assert!(rule("{ repository = \"octo/demo\" }").is_err(), "names are given to others later");
    }

    #[test]
    fn a_client_is_one_workload_of_its_own_agent() {
        let with = |client: &str, workload: &str| {
            checked(&format!(
                "{RULE}\n[[client]]\nid = \"{client}\"\nauth = \"workload\"\ngrant_types = [\"client_credentials\"]\n{workload}"
            ))
        };
        with("planner", "workload = { rule = \"planner\" }").unwrap();
        with("batch", "agent = \"agt_planner\"\nworkload = { rule = \"planner\" }").unwrap();
        with("batch", "workload = { provider = \"prod\", subject = \"job:1\" }").unwrap();
        for (workload, says) in [
            ("workload = { rule = \"planner\" }", "give both the same `agent`"),
            ("workload = { rule = \"other\" }", "no rule `other`"),
            ("workload = { provider = \"other\", subject = \"job:1\" }", "no provider `other`"),
            ("workload = { provider = \"prod\", subject = \"job:*\" }", "does not say one workload"),
            ("workload = { provider = \"prod\" }", "does not say one workload"),
            ("workload = {}", "does not say one workload"),
            ("", "do not fit"),
            ("workload = { rule = \"planner\" }\nsecret = { env = \"S\" }", "do not fit"),
        ] {
            let error = with("batch", workload).unwrap_err();
            assert!(error.contains(says), "{says}: {error}");
        }
        let secret = "[[client]]\nid = \"c\"\nsecret = { env = \"S\" }\ngrant_types = [\"client_credentials\"]\nworkload = { rule = \"planner\" }";
        assert!(checked(&format!("{RULE}\n{secret}")).unwrap_err().contains("do not fit"));
    }

    #[test]
    fn a_rule_is_written_as_it_was_read() {
        let config = Config::parse(&format!("{BEFORE}{PROVIDER}{RULE}")).unwrap();
        let rule = &config.workload.rules[0];
        let json = rule.to_json().unwrap();
        assert_eq!(crate::WorkloadRule::from_json(&json).as_ref(), Ok(rule), "{json}");
        assert!(crate::WorkloadRule::from_json("{}").unwrap_err().to_string().contains("missing field"));
    }
}
