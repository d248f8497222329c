//! What watches over the machines, and tells the authorization server how they are.

use crate::agent::{Agent, finish};
use crate::http::{Broken, Http};
use crate::narrator::{Did, Narrator};
use http::{Method, Request, StatusCode, header};
use prokura_oauth::json::{Value, obj};

/// The credentials of what watches.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its `client_id`.
    pub id: String,
    /// Its secret, which only this run knows.
    pub secret: String,
}

/// What watches, with a token for the administration API.
pub(crate) struct Watch {
    http: Http,
    facts: String,
    token: String,
}

impl Watch {
    /// For how long a report counts, in seconds.
    const LASTS: i64 = 300;

    /// Gets its token with its own credentials (RFC 6749 §4.4).
    pub(crate) async fn begin(
        tell: &mut Narrator<'_>,
        http: Http,
        agent: &Agent<'_>,
        own: &Credentials,
    ) -> Result<Self, Broken> {
        let api = format!("{}/api/admin/v1", agent.found.issuer);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", own.id.as_str()),
            ("client_secret", own.secret.as_str()),
            ("resource", api.as_str()),
        ];
        let token = agent.token(tell, "watch", &form, StatusCode::OK).await?.access;
        Ok(Self { http, facts: format!("{api}/facts"), token })
    }

    /// Says of a node of the cluster whether it is as it should be.
    pub(crate) async fn report(
        &self,
        tell: &mut Narrator<'_>,
        node: &str,
        compliant: bool,
    ) -> Result<(), Broken> {
        let subject = obj([("kind", "host".into()), ("id", format!("cluster/node:{node}").into())]);
        let fact = obj([
            ("subject", Value::Object(subject)),
            ("name", "posture.compliant".into()),
            ("value", Value::Bool(compliant)),
            ("max_age", Self::LASTS.into()),
        ]);
        let body = obj([("facts", Value::Array(vec![Value::Object(fact)]))]).to_vec();
        let request = Request::put(&self.facts)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let answer = self.http.send(finish(request, body)?).await?;
        let word = if compliant { "is as it should be" } else { "is not as it should be" };
        let did = Did::new("watch", "server", &Method::PUT, &self.facts).of(&answer);
        tell.step(did.noting(format!("{node} {word}"))).await
    }
}
