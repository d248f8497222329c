//! Agents without a person and without a secret: pods, which have what their cluster says of them.

use crate::agent::{Agent, Called};
use crate::cluster::{Cluster, Pod};
use crate::http::Broken;
use crate::narrator::Narrator;
use crate::story::{quoted, report};
use http::StatusCode;
use prokura_core::{Clock, Rng};

/// The grant by which evidence becomes a token (RFC 7523 §2.1; MCP workload identity federation, SEP-1933).
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The cluster and its pods, as they come to the authorization server.
pub(crate) struct Pods<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) agent: &'a Agent<'a>,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) rng: &'a dyn Rng,
}

impl Pods<'_> {
    /// The machine that they run on.
    pub(crate) const NODE: &'static str = "node-7";

    /// A pod that a rule names gets what the rule gives; one of another namespace gets nothing, nor does the right one
    /// with a token that is for somebody else. Gives the token of the first.
    pub(crate) async fn come(&self, tell: &mut Narrator<'_>) -> Result<String, Broken> {
        let night = self.pod("reports", "night-reporter");
        let issuer = self.agent.found.issuer.as_str();
        let token = self.ask(tell, &night, issuer, StatusCode::OK).await?;
        self.call(tell, &token, StatusCode::OK, quoted).await?;
        self.ask(tell, &self.pod("sandbox", "night-reporter"), issuer, StatusCode::BAD_REQUEST).await?;
        self.ask(tell, &night, "https://kubernetes.default.svc", StatusCode::BAD_REQUEST).await?;
        Ok(token)
    }

    fn pod(&self, namespace: &'static str, service_account: &'static str) -> Pod {
        Pod::new(namespace, service_account, Self::NODE, self.rng)
    }

    /// What the cluster says of the pod of Reporter.
    pub(crate) fn reporter(&self) -> Result<String, Broken> {
        self.mounted(&self.pod("reports", "reporter"))
    }

    /// What it says of one that only has the same name.
    pub(crate) fn stranger(&self) -> Result<String, Broken> {
        self.mounted(&self.pod("sandbox", "reporter"))
    }

    fn mounted(&self, pod: &Pod) -> Result<String, Broken> {
        self.cluster.mounted(pod, &self.agent.found.issuer, self.clock)
    }

    /// One more pod of the same sort, on the same machine.
    pub(crate) async fn ask_again(&self, tell: &mut Narrator<'_>, must: StatusCode) -> Result<(), Broken> {
        let issuer = self.agent.found.issuer.as_str();
        self.ask(tell, &self.pod("reports", "night-reporter"), issuer, must).await.map(drop)
    }

    async fn ask(
        &self,
        tell: &mut Narrator<'_>,
        pod: &Pod,
        audience: &str,
        must: StatusCode,
    ) -> Result<String, Broken> {
        let assertion = self.cluster.mounted(pod, audience, self.clock)?;
        let form =
            [("grant_type", GRANT), ("assertion", assertion.as_str()), ("resource", self.agent.resource())];
        Ok(self.agent.token(tell, "pod", &form, must).await?.access)
    }

    /// The pod reads a report.
    pub(crate) async fn call(
        &self,
        tell: &mut Narrator<'_>,
        token: &str,
        must: StatusCode,
        note: impl FnOnce(&Called) -> String,
    ) -> Result<(), Broken> {
        self.agent.call_with(tell, "pod", token, "tools/call", report(), must, note).await.map(drop)
    }
}
