//! An Open Policy Agent that is asked by its REST API (Data API, "Get a Document (with Input)").

use super::{Endpoint, InvalidEndpoint, Remote, Unanswered};
use async_trait::async_trait;
use prokura_engines::answer::Source;
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::{Finding, Question};
use std::sync::Arc;

/// A remote OPA.
///
/// It is posted `{"input": …}` with the question as [`Question::to_object`] writes it, at the address of a package:
/// `https://opa.example/v1/data/prokura`. Its answer is read as that of Rego here is ([`Source::finding`]); a package that
/// is `true` or `false` itself counts as its `allow`. An OPA that knows no such package answers nothing, which is a deny:
/// silence there is a bundle that was not loaded.
#[derive(Debug)]
pub struct Opa {
    endpoint: Endpoint,
    source: Source,
}

impl Opa {
    /// One at `endpoint`, whose path is that of a package below `/v1/data/`. `set` names it in the record.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] if the path is another.
    pub fn new(set: &str, endpoint: Endpoint) -> Result<Self, InvalidEndpoint> {
        let path = endpoint.url().path().trim_end_matches('/');
        let package = path.split_once("/v1/data/").map(|(_, package)| package).filter(|p| !p.is_empty());
        let package = package.ok_or_else(|| InvalidEndpoint::Package(endpoint.url().to_string()))?;
        let package = format!("data.{}", package.replace('/', "."));
        Ok(Self { source: Source { set: set.into(), package: package.into() }, endpoint })
    }

    fn read(&self, answer: &Object) -> Finding {
        let finding = match answer.get("result") {
            Some(Value::Object(package)) => self.source.finding(package),
            Some(allow @ Value::Bool(_)) => self.source.finding(&obj([("allow", allow.clone())])),
            Some(_) => self.failed("its result is neither a package nor true or false"),
            None => self.failed("it knows no such package; see that its bundle is loaded"),
        };
        self.with_decision(finding, answer.str("decision_id"))
    }

    /// OPA's own name of the decision, by which its log finds it again.
    fn with_decision(&self, mut finding: Finding, id: Option<&str>) -> Finding {
        let Some(id) = id.filter(|id| id.len() <= 64 && !id.chars().any(char::is_control)) else {
            return finding;
        };
        for rule in finding.rules.iter_mut().filter(|rule| rule.note.is_none()) {
            rule.note = Some(Arc::from(format!("OPA's decision {id}")));
        }
        finding
    }

    fn failed(&self, why: &str) -> Finding {
        Finding::failed(format!("{}: OPA at {}: {why}", self.source.set, self.endpoint.url()))
    }

    async fn asked(&self, question: &Question<'_>) -> Result<Object, Unanswered> {
        self.endpoint.post(&obj([("input", question.to_object().into())])).await
    }
}

#[async_trait]
impl Remote for Opa {
    fn name(&self) -> &'static str {
        "opa"
    }

    async fn ask(&self, question: &Question<'_>) -> Finding {
        match self.asked(question).await {
            Ok(answer) => self.read(&answer),
            Err(why) => self.failed(&why.to_string()),
        }
    }
}
