//! What would become of a token of a workload, for whoever sets up rules: verified as at the door, and each rule with what
//! it expects and what it received. Nothing is spent and nothing is issued.

use super::rules::{InForce, RuleInForce, readable};
use prokura_attest::{AttestError, Door, Evidence, Mismatch, Providers};
use prokura_config::Config;
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::StoredRule;
use std::sync::Arc;

/// What became of a token that was tried.
#[derive(Debug)]
pub struct Examination {
    /// What it says, or why it is not believed.
    pub outcome: Result<Evidence, AttestError>,
    /// The rules of its provider, in order, up to the one that matched; none if it is not believed.
    pub rules: Vec<TriedRule>,
}

/// A rule that was tried.
#[derive(Debug)]
pub struct TriedRule {
    /// Its name.
    pub name: String,
    /// Whether it was stored by an administrator, and does not stand in the file.
    pub stored: bool,
    /// Whose workload it would be.
    pub agent: String,
    /// What it may do, resource by resource.
    pub grants: Vec<(String, String)>,
    /// What is not as it asks; nothing if it matched.
    pub mismatches: Vec<Mismatch>,
}

/// Tries a token, at the door where it would be a grant, or at that where a client authenticates.
pub async fn examine(
    config: &Config,
    providers: &Providers,
    stored: &[StoredRule],
    jwt: &str,
    as_client: bool,
) -> Examination {
    let door = if as_client { Door::ClientAuthentication } else { Door::Grant };
    let outcome = providers.verify_jwt(jwt.trim(), door).await;
    let stored: Vec<_> = stored.iter().filter_map(|s| readable(config, s)).collect();
    let in_force = InForce::new(config, &stored, None);
    let rules = outcome.as_ref().map_or_else(|_| Vec::new(), |evidence| tried(&in_force, evidence));
    Examination { outcome, rules }
}

fn tried(rules: &InForce, evidence: &Evidence) -> Vec<TriedRule> {
    let mut all = Vec::new();
    for rule in rules.iter().filter(|r| *r.rule.provider == *evidence.provider) {
        let one = of_rule(rule, evidence);
        let matched = one.mismatches.is_empty();
        all.push(one);
        if matched {
            break;
        }
    }
    all
}

fn of_rule(r: &Arc<RuleInForce>, evidence: &Evidence) -> TriedRule {
    TriedRule {
        name: r.rule.name.clone(),
        stored: r.stored,
        agent: r.rule.agent.to_string(),
        grants: r.rule.grants.iter().map(|(at, scopes)| (at.clone(), scopes.to_string())).collect(),
        mismatches: r.rule.mismatches(evidence),
    }
}

impl Examination {
    /// The rule that matched.
    pub fn matched(&self) -> Option<&TriedRule> {
        self.rules.last().filter(|r| r.mismatches.is_empty())
    }

    /// For machines.
    pub fn to_object(&self) -> Object {
        let mut o = obj([("believed", self.outcome.is_ok().into())]);
        match &self.outcome {
            Err(why) => {
                o.insert("why", why.to_string().into());
                o.insert("provider", why.provider().map_or(Value::Null, Value::from));
            }
            Ok(evidence) => {
                o.insert("provider", evidence.provider.as_ref().into());
                o.insert("platform", evidence.platform.as_str().into());
                o.insert("subject", evidence.subject.as_str().into());
                o.insert("instance", evidence.instance.as_str().into());
                o.insert("workload", evidence.workload().map_or(Value::Null, |w| w.as_str().into()));
                o.insert("expires_at", evidence.expires_at.seconds().into());
                let claims = evidence.claims.iter().fold(Object::default(), |mut all, (name, value)| {
                    all.insert(name.as_str(), claim(value));
                    all
                });
                o.insert("claims", Value::Object(claims));
            }
        }
        o.insert("rule", self.matched().map_or(Value::Null, |r| r.name.as_str().into()));
        o.insert("agent", self.matched().map_or(Value::Null, |r| r.agent.as_str().into()));
        o.insert("tried", self.rules.iter().map(TriedRule::to_value).collect());
        o
    }
}

impl TriedRule {
    fn to_value(&self) -> Value {
        let wrong = |m: &Mismatch| {
            Value::Object(obj([
                ("claim", m.claim.as_str().into()),
                ("expected", m.expected.to_string().into()),
                ("received", m.received.as_ref().map_or(Value::Null, |r| r.to_string().into())),
            ]))
        };
        Value::Object(obj([
            ("rule", self.name.as_str().into()),
            ("from", if self.stored { "store" } else { "file" }.into()),
            ("mismatches", self.mismatches.iter().map(wrong).collect()),
        ]))
    }
}

fn claim(value: &prokura_attest::ClaimValue) -> Value {
    use prokura_attest::ClaimValue as V;
    match value {
        V::Text(text) => text.as_str().into(),
        V::Number(number) => (*number).into(),
        V::Flag(flag) => (*flag).into(),
        V::List(all) => all.iter().map(String::as_str).collect(),
    }
}
