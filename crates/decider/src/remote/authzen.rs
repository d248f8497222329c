//! Another decision point that is asked by AuthZEN (Authorization API 1.0).

use super::{Endpoint, InvalidEndpoint, Remote, Unanswered};
use async_trait::async_trait;
use prokura_oauth::json::{Object, Value};
use prokura_policy::authzen::{
    AccessRequest, Decision, DecisionError, Evaluation, Kinds, Malformed, Metadata, SUPPORTED, WELL_KNOWN,
    obligations_from,
};
use prokura_policy::pdp::{Effect, Finding, InvalidObligation, Question, RuleRef};
use std::sync::{Arc, PoisonError, RwLock};

/// The longest sentence of another decision point that is kept, in characters.
const LONGEST: usize = 256;

/// A remote decision point.
///
/// Its address is that of its evaluation endpoint (`…/evaluation`), or its identifier: then its metadata are fetched when
/// it is first asked (§9.2), must name that identifier, and must name an endpoint of the same origin, since the secret that
/// is shown there is for nobody else.
///
/// What it permits is permitted with the obligations that it sends, all of which must be such as are known here; what it
/// does not permit is denied.
#[derive(Debug)]
pub struct Authzen {
    set: Arc<str>,
    endpoint: Endpoint,
    kinds: Kinds,
    /// Where it is asked; none until its metadata were read.
    evaluation: RwLock<Option<Arc<Endpoint>>>,
}

/// Why another decision point has not permitted anything.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("its metadata: {0}")]
    Metadata(Unanswered),
    #[error("its metadata: {0}")]
    Described(Malformed),
    #[error("its metadata name an endpoint of another origin: {0}")]
    Elsewhere(String),
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("its answer cannot be read: {0}")]
    Decision(#[from] DecisionError),
    #[error(transparent)]
    Obligation(#[from] InvalidObligation),
}

impl Authzen {
    /// One at `endpoint`. `set` names it in the record.
    pub fn new(set: &str, endpoint: Endpoint, kinds: Kinds) -> Self {
        let said = endpoint.url().path().ends_with("/evaluation");
        let evaluation = said.then(|| Arc::new(endpoint.clone()));
        Self { set: set.into(), endpoint, kinds, evaluation: RwLock::new(evaluation) }
    }

    /// Where it is asked.
    async fn evaluation(&self) -> Result<Arc<Endpoint>, Failed> {
        let known = self.evaluation.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = Arc::new(self.discover().await?);
        *self.evaluation.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(found)
    }

    /// Reads its metadata.
    async fn discover(&self) -> Result<Endpoint, Failed> {
        let url = self.endpoint.url();
        let path = url.path().trim_end_matches('/');
        let metadata =
            self.endpoint.at(&format!("{WELL_KNOWN}{path}"))?.get().await.map_err(Failed::Metadata)?;
        let origin = format!("{}://{}", url.scheme_str().unwrap_or_default(), authority(url.authority()));
        let metadata = Metadata::read(&metadata, &format!("{origin}{path}")).map_err(Failed::Described)?;
        let below = metadata.evaluation.strip_prefix(&origin).filter(|path| path.starts_with('/'));
        let below =
            below.ok_or_else(|| Failed::Elsewhere(metadata.evaluation.chars().take(LONGEST).collect()))?;
        Ok(self.endpoint.at(below)?)
    }

    async fn asked(&self, question: &Question<'_>) -> Result<Finding, Failed> {
        let request = request(question, &self.kinds);
        let answer = self.evaluation().await?.post(&request).await?;
        self.read(&Decision::read(answer)?)
    }

    fn read(&self, decision: &Decision) -> Result<Finding, Failed> {
        let note = reason(&decision.context).map(|why| why.chars().take(LONGEST).collect::<String>().into());
        let rule = RuleRef { set: Arc::clone(&self.set), rule: "evaluation".into(), note };
        let (effect, obligations) = match decision.permitted {
            // Who is asked to do what it cannot must deny; what a deny asks for besides is not for who only decides.
            true => (Effect::Permit, obligations_from(&decision.context)?),
            false => (Effect::Deny, Vec::new()),
        };
        let mut problems = Vec::new();
        if let Ok(true) = AccessRequest::offered(&decision.context) {
            problems.push(format!("{}: an approval that is asked for there could change this", self.set));
        }
        Ok(Finding { effect, rules: vec![rule], obligations, problems })
    }
}

fn authority(authority: Option<&http::uri::Authority>) -> &str {
    authority.map(http::uri::Authority::as_str).unwrap_or_default()
}

/// The question, with the obligations that are known here.
fn request(question: &Question<'_>, kinds: &Kinds) -> Object {
    let mut request = Evaluation::of(question, kinds);
    let mut context = request.remove("context").and_then(Value::into_object).unwrap_or_default();
    context.insert("supported_obligations", SUPPORTED.into_iter().collect());
    request.insert("context", context.into());
    request
}

/// What an answer says for people, in one of the usual ways (§5.5.2).
fn reason(context: &Object) -> Option<&str> {
    let first = |o: &'_ Object| o.keys().next().map(str::to_owned);
    match context.get("reason_user").or_else(|| context.get("reason"))? {
        Value::String(text) => Some(text),
        Value::Object(by_code) => by_code.str(&first(by_code)?),
        _ => None,
    }
}

#[async_trait]
impl Remote for Authzen {
    fn name(&self) -> &'static str {
        "authzen"
    }

    async fn ask(&self, question: &Question<'_>) -> Finding {
        let asked = tokio::time::timeout(self.endpoint.bounds().timeout, self.asked(question));
        match asked.await {
            Ok(Ok(finding)) => finding,
            Ok(Err(why)) => {
                if matches!(why, Failed::Unanswered(Unanswered::Status(404 | 405))) {
                    self.forget();
                }
                self.failed(&why.to_string())
            }
            Err(_) => self.failed(&format!("it did not answer within {:?}", self.endpoint.bounds().timeout)),
        }
    }
}

impl Authzen {
    fn failed(&self, why: &str) -> Finding {
        Finding::failed(format!("{}: the decision point at {}: {why}", self.set, self.endpoint.url()))
    }

    /// It may have moved: its metadata are read again, if it was found by them.
    fn forget(&self) {
        if !self.endpoint.url().path().ends_with("/evaluation") {
            *self.evaluation.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}
