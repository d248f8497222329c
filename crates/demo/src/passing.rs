//! Two agents: the one that the user allowed passes a part on to another, which runs in a pod.

use crate::agent::{ASSERTION, Agent, Called, Tokens};
use crate::http::Broken;
use crate::narrator::Narrator;
use crate::pods::Pods;
use crate::story::{SUMMARY, quoted, report, summary};
use http::StatusCode;

/// Token exchange (RFC 8693 §2.1).
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// The agent that gets a part, by its id in the register.
pub(crate) const REPORTER: &str = "agt_reporter";

/// Planner, who passes on, and the pod of Reporter, who takes.
pub(crate) struct Passing<'a> {
    pub(crate) agent: &'a Agent<'a>,
    pub(crate) pods: &'a Pods<'a>,
}

impl Passing<'_> {
    /// Planner makes its own token smaller, for Reporter (§2.1 without an actor; `may_act`, §4.4).
    pub(crate) async fn part(&self, tell: &mut Narrator<'_>) -> Result<String, Broken> {
        let form = [
            ("grant_type", GRANT),
            ("client_id", self.agent.client_id()),
            ("subject_token", self.agent.tokens.access.as_str()),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_actor", REPORTER),
            ("resource", self.agent.resource()),
            ("scope", SUMMARY),
        ];
        Ok(self.agent.proved(tell, &form, StatusCode::OK).await?.access)
    }

    /// Reporter takes it: what Planner passed on says whose authority it is, what the cluster says of the pod who acts.
    pub(crate) async fn take(
        &self,
        tell: &mut Narrator<'_>,
        part: &str,
        scope: &str,
        must: StatusCode,
    ) -> Result<String, Broken> {
        let evidence = self.pods.reporter()?;
        let shown = [("actor_token", evidence.as_str()), ("actor_token_type", JWT)];
        Ok(self.exchange(tell, "Reporter", part, scope, (&evidence, &shown), must).await?.access)
    }

    /// Two attacks on chains: to leave out who acts, so that the user alone seems to (act laundering), and to show
    /// somebody else as who acts.
    pub(crate) async fn attacks(&self, tell: &mut Narrator<'_>, part: &str) -> Result<(), Broken> {
        let must = StatusCode::BAD_REQUEST;
        let evidence = self.pods.reporter()?;
        self.exchange(tell, "thief", part, SUMMARY, (&evidence, &[]), must).await?;
        let stranger = self.pods.stranger()?;
        let shown = [("actor_token", stranger.as_str()), ("actor_token_type", JWT)];
        self.exchange(tell, "thief", part, SUMMARY, (&evidence, &shown), must).await.map(drop)
    }

    async fn exchange(
        &self,
        tell: &mut Narrator<'_>,
        from: &'static str,
        subject: &str,
        scope: &str,
        (client, actor): (&str, &[(&str, &str)]),
        must: StatusCode,
    ) -> Result<Tokens, Broken> {
        let mut form = vec![
            ("grant_type", GRANT),
            ("client_id", "reporter"),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", client),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", self.agent.resource()),
            ("scope", scope),
        ];
        form.extend(actor);
        self.agent.token(tell, from, &form, must).await
    }

    /// Reporter sums up, for Alice, through Planner.
    pub(crate) async fn sum_up(
        &self,
        tell: &mut Narrator<'_>,
        token: &str,
        must: StatusCode,
    ) -> Result<(), Broken> {
        let note = if must == StatusCode::OK { quoted } else { Called::refusal };
        self.agent.call_with(tell, "Reporter", token, "tools/call", summary(), must, note).await.map(drop)
    }

    /// Reporter tries what Planner may, but did not pass on.
    pub(crate) async fn read(&self, tell: &mut Narrator<'_>, token: &str) -> Result<(), Broken> {
        let must = StatusCode::FORBIDDEN;
        let called =
            self.agent.call_with(tell, "Reporter", token, "tools/call", report(), must, Called::refusal);
        called.await.map(drop)
    }
}
