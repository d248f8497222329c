//! Asking a Kubernetes API server about a token (`authentication.k8s.io/v1`, TokenReview): signature and time say that the
//! pod was there when the token was made, the review says that it still is.

use crate::error::{Refused, shortened};
use crate::evidence::{ClaimValue, Evidence};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use prokura_core::Clock;
use prokura_egress::{Ask, Egress, FetchUrl, Reading};
use prokura_oauth::jose;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

const READING: Reading =
    Reading { max_bytes: 64 * 1024, deadline: Duration::from_secs(5), enough: |_, _| false };

/// An API server that is asked about each token. Nothing it says is remembered: a pod may be gone the next moment.
pub(crate) struct Review {
    egress: Egress,
    url: FetchUrl,
    token_file: PathBuf,
    clock: Arc<dyn Clock>,
    asked: AtomicU64,
}

impl Review {
    pub(crate) fn new(egress: Egress, url: FetchUrl, token_file: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { egress, url, token_file, clock, asked: AtomicU64::new(0) }
    }

    /// Asks whether the token still holds, for the audience that it was accepted for, and of the same account and pod.
    ///
    /// # Errors
    /// [`Refused::Review`] if it does not, [`Refused::NotReviewed`] if nobody says.
    pub(crate) async fn ask(&self, jwt: &str, evidence: &Evidence) -> Result<(), Refused> {
        let audiences = audiences(jwt);
        let status = self.status(jwt, &audiences).await.map_err(Refused::NotReviewed)?;
        if status.get("authenticated").and_then(Value::as_bool) != Some(true) {
            let why = status.str("error").unwrap_or("the token is not authenticated");
            return Err(Refused::Review(shortened(why)));
        }
        // A server that knows nothing of audiences answers without them, and has not looked at ours.
        let seen = list(&status, "audiences");
        if !audiences.iter().all(|a| seen.contains(&a.as_str())) {
            return Err(Refused::Review(format!("it is for {seen:?}, expected {audiences:?}")));
        }
        same_workload(&status, evidence)
    }

    async fn status(&self, jwt: &str, audiences: &[String]) -> Result<Object, String> {
        let once = self.never_asked_before();
        let audiences = audiences.iter().chain([&once]);
        let body = obj([
            ("apiVersion", "authentication.k8s.io/v1".into()),
            ("kind", "TokenReview".into()),
            ("spec", obj([("token", jwt.into()), ("audiences", audiences.collect())]).into()),
        ]);
        let ask =
            Ask { method: Method::POST, headers: self.headers().await?, body: Bytes::from(body.to_vec()) };
        let answer = self.egress.ask(&self.url, ask, &READING).await.map_err(|e| e.to_string())?;
        if !answer.status.is_success() || !answer.whole {
            return Err(format!(
                "the API server answers with status {}; check that the service account of `token_file` may create `tokenreviews` (`system:auth-delegator`)",
                answer.status.as_u16()
            ));
        }
        let read = json::parse(&answer.body, &Limits::DOCUMENT).map_err(|e| e.to_string())?;
        let status = read.into_object().and_then(|mut o| o.remove("status")).and_then(Value::into_object);
        status.ok_or_else(|| "the answer has no `status`".to_owned())
    }

    /// An audience that nothing is for. An API server remembers for ten seconds what it said of a token and the audiences
    /// it was asked about, so that a pod which is gone would still be there; with this among them it has to look.
    fn never_asked_before(&self) -> String {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        format!("urn:prokura:review:{}-{number}", self.clock.now().micros())
    }

    /// The token of our own service account is renewed in its file, so it is read each time.
    async fn headers(&self) -> Result<HeaderMap, String> {
        let unreadable = |e: std::io::Error| format!("`{}`: {e}", self.token_file.display());
        let token = Zeroizing::new(tokio::fs::read_to_string(&self.token_file).await.map_err(unreadable)?);
        let bearer = Zeroizing::new(format!("Bearer {}", token.trim()));
        let mut authorization = HeaderValue::from_str(&bearer)
            .map_err(|_| format!("`{}` holds no token", self.token_file.display()))?;
        authorization.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        Ok(HeaderMap::from_iter([
            (AUTHORIZATION, authorization),
            (CONTENT_TYPE, json.clone()),
            (ACCEPT, json),
        ]))
    }
}

/// What the token is for: it was verified, and one of these is accepted here.
fn audiences(jwt: &str) -> Vec<String> {
    jose::peek(jwt).map(|seen| seen.audiences).unwrap_or_default()
}

fn list<'a>(o: &'a Object, name: &str) -> Vec<&'a str> {
    o.get(name).and_then(Value::as_array).unwrap_or_default().iter().filter_map(Value::as_str).collect()
}

/// The review is of the same account, and of the same pod where both say.
fn same_workload(status: &Object, evidence: &Evidence) -> Result<(), Refused> {
    let user = status.get("user").and_then(Value::as_object);
    let name = user.and_then(|u| u.str("username")).unwrap_or_default();
    if name != evidence.subject {
        return Err(Refused::Review(format!("it is of `{}`", shortened(name))));
    }
    let extra = user.and_then(|u| u.get("extra")).and_then(Value::as_object);
    let pods = extra.map(|e| list(e, "authentication.kubernetes.io/pod-uid")).unwrap_or_default();
    match evidence.claims.get("pod_uid") {
        Some(ClaimValue::Text(pod)) if pods.iter().any(|p| p != pod) => {
            Err(Refused::Review("it is of another pod".to_owned()))
        }
        _ => Ok(()),
    }
}
