//! SPIFFE: JWT-SVIDs of the Workload API, from the agent beside this process, over its socket. The agent looks at who asks
//! and needs no secret.

use super::SOCKET;
use super::around::Surroundings;
use super::error::EvidenceError;
use super::evidence::Evidence;
use super::options::Options;
use crate::client::Secret;
use prokura_core::Platform;
use prokura_spiffe::SpiffeId;
use prokura_spiffe::workload_api::{Endpoint, WorkloadApiError};

/// What asking an agent needs.
pub(super) struct Spiffe<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) options: &'a Options,
}

impl Spiffe<'_> {
    /// A JWT-SVID for `audience` alone. Of several identities the one that a person named, else the agent's first, which
    /// is its default (SPIFFE Workload API §4.4).
    pub(super) async fn token(&self, audience: &str) -> Result<Evidence, EvidenceError> {
        let socket = self.socket()?;
        let named = self.options.spiffe_id.as_deref().map(SpiffeId::parse).transpose();
        let named = named.map_err(|e| EvidenceError::Option(format!("`spiffe_id`: {e}")))?;
        let place = format!("the Workload API at {socket}");
        let svids = socket.jwt_svids(audience, named.as_ref()).await.map_err(|e| refused(&place, e))?;
        let wanted = |id: &SpiffeId| named.as_ref().is_none_or(|named| named == id);
        let svid = svids.into_iter().find(|svid| wanted(&svid.id));
        let svid = svid
            .ok_or(EvidenceError::Malformed { place: place.clone(), wanted: "JWT-SVID of that identity" })?;
        Ok(Evidence { platform: Platform::Spiffe, place, token: Secret::new(svid.token) })
    }

    fn socket(&self) -> Result<Endpoint, EvidenceError> {
        let named = self.options.socket.clone().or_else(|| self.around.variable(SOCKET));
        let absent = || EvidenceError::Absent {
            missing: format!("the variable `{SOCKET}`"),
            remedy: "mount the socket of the agent and name it, like `unix:///run/spire/sockets/agent.sock`"
                .to_owned(),
        };
        Endpoint::parse(&named.ok_or_else(absent)?).map_err(|e| EvidenceError::Option(e.to_string()))
    }
}

fn refused(place: &str, error: WorkloadApiError) -> EvidenceError {
    let place = place.to_owned();
    match error {
        WorkloadApiError::Unreachable { cause, .. } => EvidenceError::Unreachable { place, cause },
        WorkloadApiError::Malformed => EvidenceError::Malformed { place, wanted: "answer of a Workload API" },
        other => EvidenceError::Unreachable { place, cause: other.to_string() },
    }
}
