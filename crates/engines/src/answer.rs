//! What Rego answers, here or at an OPA elsewhere: `allow`, `deny` and `obligations` of one package.

use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{Effect, Finding, RuleRef, from_object};
use std::sync::Arc;

/// Names whose answer it is, for the record.
#[derive(Debug, Clone)]
pub struct Source {
    /// The policy set.
    pub set: Arc<str>,
    /// The rules' common beginning, such as `data.prokura`.
    pub package: Arc<str>,
}

impl Source {
    fn rule(&self, name: &str, note: Option<&str>) -> RuleRef {
        let rule = format!("{}.{name}", self.package).into();
        RuleRef { set: Arc::clone(&self.set), rule, note: note.map(Into::into) }
    }

    /// Reads an answer.
    ///
    /// | Member | If it is | Then |
    /// |-|-|-|
    /// | `allow` | `true` | it is permitted |
    /// | | not there, `false` | nothing is said |
    /// | `deny` | `true`, a list with anything in it (why), an object with members | it is denied |
    /// | | not there, `false`, empty | nothing is said |
    /// | `obligations` | a list of `{"type", "with"}` | they hold where it is permitted |
    ///
    /// Whatever else any of them is, is a deny with a problem. Other members are the policy's own.
    pub fn finding(&self, answer: &Object) -> Finding {
        let mut finding = Finding::silent();
        match answer.get("allow") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => {
                finding.effect = Effect::Permit;
                finding.rules.push(self.rule("allow", None));
            }
            Some(_) => self.broken(&mut finding, "allow", "must be true, false or undefined"),
        }
        self.take_obligations(answer.get("obligations"), &mut finding);
        self.take_denials(answer.get("deny"), &mut finding);
        finding
    }

    fn take_obligations(&self, said: Option<&Value>, finding: &mut Finding) {
        let said = match said {
            None => return,
            Some(Value::Array(said)) => said,
            Some(_) => return self.broken(finding, "obligations", "must be a set or an array of objects"),
        };
        for obligation in said {
            match obligation.as_object().map(from_object) {
                Some(Ok(obligation)) => finding.obligations.push(obligation),
                Some(Err(why)) => self.broken(finding, "obligations", &why.to_string()),
                None => self.broken(finding, "obligations", "each must be an object with `type` and `with`"),
            }
        }
    }

    fn take_denials(&self, said: Option<&Value>, finding: &mut Finding) {
        let whys: Vec<Option<String>> = match said {
            None | Some(Value::Bool(false)) => return,
            Some(Value::Bool(true)) => vec![None],
            Some(Value::Array(whys)) => whys.iter().map(|why| Some(said_as(why))).collect(),
            Some(Value::Object(whys)) => whys.keys().map(|why| Some(why.to_owned())).collect(),
            Some(_) => {
                return self.broken(finding, "deny", "must be a set of texts, true, false or undefined");
            }
        };
        if whys.is_empty() {
            return;
        }
        if finding.effect == Effect::Permit {
            finding.rules.clear();
        }
        finding.effect = Effect::Deny;
        finding.rules.extend(whys.iter().map(|why| self.rule("deny", why.as_deref())));
    }

    fn broken(&self, finding: &mut Finding, name: &str, why: &str) {
        finding.effect = Effect::Deny;
        finding.rules.clear();
        finding.problems.push(format!("{}: {}.{name}: {why}", self.set, self.package));
    }
}

fn said_as(why: &Value) -> String {
    let text = why.as_object().and_then(|o| o.str("message").or_else(|| o.str("msg")));
    text.or_else(|| why.as_str()).map_or_else(|| why.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::Obligation;
    use prokura_oauth::json::{Limits, parse};

    fn said(answer: &str) -> Finding {
        let source = Source { set: "hr".into(), package: "data.prokura".into() };
        source.finding(parse(answer.as_bytes(), &Limits::MESSAGE).unwrap().as_object().unwrap())
    }

    #[test]
    fn a_deny_wins_and_nothing_is_silence() {
        use Effect::{Deny, Permit, Silent};
        for (answer, effect) in [
            ("{}", Silent),
            (r#"{"allow":false,"deny":[],"obligations":[]}"#, Silent),
            (r#"{"allow":true}"#, Permit),
            (r#"{"allow":true,"deny":[]}"#, Permit),
            (r#"{"allow":true,"deny":{}}"#, Permit),
            (r#"{"allow":true,"deny":false}"#, Permit),
            (r#"{"allow":true,"deny":["no"]}"#, Deny),
            (r#"{"allow":true,"deny":[{"msg":"no"}]}"#, Deny),
            (r#"{"allow":true,"deny":{"no":true}}"#, Deny),
            (r#"{"allow":true,"deny":true}"#, Deny),
            (r#"{"deny":[false]}"#, Deny),
        ] {
            let finding = said(answer);
            assert_eq!(finding.effect, effect, "{answer}");
            assert!(finding.problems.is_empty(), "{answer}");
            assert_eq!(finding.rules.is_empty(), effect == Silent, "{answer}");
        }
        let finding = said(r#"{"allow":true,"deny":["never on Sundays"]}"#);
        let [rule] = &finding.rules[..] else { panic!("{finding:?}") };
        assert_eq!((&*rule.rule, rule.note.as_deref()), ("data.prokura.deny", Some("never on Sundays")));
    }

    #[test]
    fn what_cannot_be_read_is_a_deny_with_its_reason() {
        for answer in [
            r#"{"allow":"true"}"#,
            r#"{"allow":1}"#,
            r#"{"allow":null}"#,
            r#"{"allow":[true]}"#,
            r#"{"allow":true,"deny":"no"}"#,
            r#"{"allow":true,"deny":null}"#,
            r#"{"allow":true,"obligations":{"type":"redact","with":"$.ssn"}}"#,
            r#"{"allow":true,"obligations":["redact"]}"#,
            r#"{"allow":true,"obligations":[{"type":"redact","with":"ssn"}]}"#,
            r#"{"allow":true,"obligations":[{"type":"forget","with":"$.ssn"}]}"#,
        ] {
            let finding = said(answer);
            assert_eq!(finding.effect, Effect::Deny, "{answer}");
            assert_eq!(finding.problems.len(), 1, "{answer}");
        }
    }

    #[test]
    fn obligations_hold_whoever_permits() {
        for allow in ["true", "false"] {
            let finding =
                said(&format!(r#"{{"allow":{allow},"obligations":[{{"type":"size","with":"7"}}]}}"#));
            assert_eq!(finding.obligations, [Obligation::SizeAtMost(7)]);
        }
    }
}
