//! Who asks the decision point, a directory, and an engine whose rules are a function.

use super::{Answer, ISSUER, SECRET, USUAL, World};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use prokura_decider::InForce;
use prokura_ledger::Event;
use prokura_oauth::json::{Limits, Object, Value, parse};
use prokura_policy::pdp::{Directory, Effect, Engine, Entity, EntityId, Finding, Question, RuleRef};
use std::fmt;
use std::sync::Arc;

/// The usual server, which `pep` may ask and tell everything, `reader` may ask everything, `gate` only single questions.
pub fn asked(more: &str) -> String {
    let client = |id: &str, scopes: &str| {
        format!(
            "[[client]]\nid = \"{id}\"\nsecret = {{ env = \"SECRET\" }}\ngrant_types = [\"client_credentials\"]\n\
             [[client.grant]]\nresource = \"authzen\"\nscopes = [{scopes}]\n"
        )
    };
    let pep = client("pep", r#""authzen:evaluate", "authzen:search", "authzen:assert""#);
    let reader = client("reader", r#""authzen:evaluate", "authzen:search""#);
    let gate = client("gate", r#""authzen:evaluate""#);
    format!("{USUAL}\n{pep}{reader}{gate}\n[authzen]\n{more}\n")
}

/// An engine whose rules are a function.
pub struct Says(pub fn(&Question<'_>) -> Finding);

impl fmt::Debug for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Says")
    }
}

impl Engine for Says {
    fn name(&self) -> &'static str {
        "says"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        (self.0)(question)
    }
}

/// Permitted by the rule `r1`, or nothing is said.
pub fn permit_if(permitted: bool) -> Finding {
    let rule = RuleRef { set: "test".into(), rule: "r1".into(), note: None };
    let effect = if permitted { Effect::Permit } else { Effect::Silent };
    Finding { effect, rules: permitted.then_some(rule).into_iter().collect(), ..Finding::silent() }
}

/// Entities that do not change.
pub struct Fixed(pub Vec<Arc<Entity>>);

impl Fixed {
    /// Of lines `Kind id {"attribute": …}`.
    pub fn of(lines: &str) -> Arc<dyn Directory> {
        let entity = |line: &str| {
            let mut words = line.trim().splitn(3, ' ');
            let id = EntityId::new(words.next().unwrap(), words.next().unwrap()).unwrap();
            let attributes = words.next().map(object).unwrap_or_default();
            Arc::new(Entity { id, attributes, parents: Vec::new() })
        };
        Arc::new(Self(lines.lines().filter(|l| !l.trim().is_empty()).map(entity).collect()))
    }
}

impl Directory for Fixed {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.iter().find(|e| e.id == *id).cloned()
    }

    fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
        Box::new(self.0.iter().cloned())
    }

    fn revision(&self) -> u64 {
        1
    }
}

pub fn object(text: &str) -> Object {
    parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap()
}

impl World {
    /// From now on these rules decide, about these entities.
    pub fn rules(&self, rules: fn(&Question<'_>) -> Finding, entities: &str) {
        self.decider.replace(InForce {
            set: Some("set-1".into()),
            engines: vec![Arc::new(Says(rules))],
            directory: Some(Fixed::of(entities)),
            ..InForce::default()
        });
    }

    /// A token of that client for the decision point.
    pub async fn authzen_token(&self, client: &str) -> String {
        let resource = format!("{ISSUER}/access/v1");
        let form = [("grant_type", "client_credentials"), ("resource", resource.as_str())];
        let answer = self.form("/token", Some(&format!("{client}:{SECRET}")), &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("access_token")
    }

    /// What the decision point answers at `path` below `/access/v1/`.
    pub async fn ask(&self, path: &str, token: &str, body: &str) -> Answer {
        self.json(Method::POST, &format!("/access/v1/{path}"), Some(token), body).await
    }

    /// As [`ask`](Self::ask), with further headers.
    pub async fn ask_with(&self, path: &str, token: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = http::Request::builder().method(Method::POST).uri(format!("/access/v1/{path}"));
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        if !headers.iter().any(|(name, _)| *name == CONTENT_TYPE.as_str()) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = headers.iter().fold(request, |r, (name, value)| r.header(*name, *value));
        self.send(request, body.to_owned()).await
    }

    /// What the decision point put on record, the oldest first.
    pub async fn decided(&self) -> Vec<Event> {
        let all = self.record().await.into_iter().filter(|e| e.action.starts_with("authzen"));
        let mut all: Vec<_> = all.collect();
        all.reverse();
        all
    }

    /// The decision on one question.
    pub async fn decision(&self, token: &str, body: &str) -> bool {
        let answer = self.ask("evaluation", token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json().get("decision").and_then(Value::as_bool).unwrap()
    }

    /// Every decision of a batch.
    pub async fn decisions(&self, token: &str, body: &str) -> Vec<bool> {
        let answer = self.ask("evaluations", token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = answer.json();
        let all = answer.get("evaluations").and_then(Value::as_array).unwrap();
        all.iter().map(|d| d.as_object().unwrap().get("decision").unwrap().as_bool().unwrap()).collect()
    }

    /// The ids or names that a search finds, with spaces between them, and the next place.
    pub async fn found(&self, what: &str, token: &str, body: &str) -> (String, String) {
        let answer = self.ask(&format!("search/{what}"), token, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = answer.json();
        let results = answer.get("results").and_then(Value::as_array).unwrap();
        let name = |r: &Value| {
            let r = r.as_object().unwrap();
            r.str("id").or_else(|| r.str("name")).unwrap().to_owned()
        };
        let next = answer.get("page").and_then(Value::as_object).and_then(|p| p.str("next_token"));
        (results.iter().map(name).collect::<Vec<_>>().join(" "), next.unwrap().to_owned())
    }
}
