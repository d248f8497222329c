//! The attester door: evidence that is no token becomes a client attestation, bound to a key, by which the workload then
//! authenticates (draft-ietf-oauth-attestation-based-client-auth-10).
//!
//! `door.rs` gives challenges and takes evidence; `caller.rs` takes the attestation back at `/token`. What evidence is
//! worth is decided where all evidence of workloads is weighed ([`crate::workload`]), both times: the attestation carries
//! what was verified, so that a rule that was changed since counts at the next token.

mod caller;
mod door;
mod fault;
mod words;

pub(crate) use caller::{attested, is_shown};
pub(crate) use door::{attest, challenge};
pub use fault::AttesterFault;

use crate::admission::Admission;
use crate::server::AppState;
use http::HeaderValue;
use prokura_attest::{Documents, InvalidDocuments};
use prokura_config::Config;
use prokura_core::Timestamp;
use prokura_egress::Egress;
use prokura_oauth::client_attestation::Challenges;
use prokura_oauth::seal::{MasterKey, SealError};

/// What the door is made of.
pub(crate) struct Attester {
    documents: Documents,
    challenges: Challenges,
    asked: Admission,
}

impl Attester {
    pub(crate) fn documents(config: &Config, egress: &Egress) -> Result<Documents, InvalidDocuments> {
        Documents::new(&config.workload.providers, egress)
    }

    pub(crate) fn of(
        documents: Documents,
        config: &Config,
        master: &MasterKey,
        now: Timestamp,
    ) -> Result<Self, SealError> {
        let door = &config.workload.attester;
        let challenges = Challenges::new(master, door.challenge_life.get())?;
        Ok(Self { documents, challenges, asked: Admission::new(door.per_minute, now) })
    }

    /// Whether there is a provider whose evidence is no token.
    pub(crate) fn is_on(&self) -> bool {
        !self.documents.is_empty()
    }
}

impl AppState {
    /// A new challenge, for a header.
    pub(crate) fn next_challenge(&self) -> Option<HeaderValue> {
        let challenge = self.attester.challenges.issue(&*self.rng, self.clock.now());
        HeaderValue::try_from(challenge).ok()
    }
}
