//! Why the attester door stays shut.

use http::StatusCode;
use prokura_attest::DocumentError;
use prokura_oauth::client_attestation::{AttestationError, BadChallenge};
use prokura_oauth::error::OAuthError;

/// Why evidence that is no token, or an attestation, is refused. The sentence is for whoever showed it; what was expected
/// and what was received is for administrators ([`detail`](Self::detail)).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttesterFault {
    /// The body is not what is read here.
    #[error(
        "the body must be an object with `platform`, `evidence` and, where several are meant, `provider`"
    )]
    Body,
    /// The challenge is missing, strange, or too old.
    #[error("{0}")]
    Challenge(#[from] BadChallenge),
    /// The challenge was used before.
    #[error("the challenge was used before: take the one of the header `OAuth-Client-Attestation-Challenge`")]
    ChallengeUsed,
    /// The evidence is not believed.
    #[error("the evidence of this workload is not accepted here")]
    Evidence(DocumentError),
    /// The evidence cannot be looked at for now.
    #[error("the evidence of this workload cannot be verified at the moment: try again later")]
    Unavailable(DocumentError),
    /// The attestation or its proof is refused.
    #[error("{0}")]
    Attestation(AttestationError),
    /// The attestation is over, or what it rests on counts no more.
    #[error("the client attestation is not fresh enough: show evidence again at the attester")]
    Stale,
    /// The proof was used before.
    #[error("the proof of possession was used before: make one for each request")]
    Replayed,
    /// The request names another client than the attestation.
    #[error("`client_id` is not the client of the attestation")]
    Client,
    /// Too many attestations were asked for.
    #[error("too many attestations were asked for: try again later")]
    TooMany,
}

impl AttesterFault {
    /// What an administrator wants to know.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Evidence(why) | Self::Unavailable(why) => Some(why.to_string()),
            _ => None,
        }
    }

    /// Whether a new challenge belongs into the answer (§7.4).
    pub(crate) fn wants_challenge(&self) -> bool {
        matches!(self, Self::Challenge(_) | Self::ChallengeUsed)
    }

    pub(crate) fn verdict(&self) -> (StatusCode, OAuthError, &'static str) {
        use OAuthError as E;
        use StatusCode as S;
        match self {
            Self::Body => (S::BAD_REQUEST, E::InvalidRequest, "attest_body"),
            Self::Challenge(_) => (S::BAD_REQUEST, E::UseAttestationChallenge, "attestation_challenge"),
            Self::ChallengeUsed => (S::BAD_REQUEST, E::UseAttestationChallenge, "attestation_challenge_used"),
            Self::Evidence(_) => (S::BAD_REQUEST, E::InvalidGrant, "evidence_invalid"),
            Self::Unavailable(_) => {
                (S::SERVICE_UNAVAILABLE, E::TemporarilyUnavailable, "evidence_unavailable")
            }
            Self::Attestation(_) => (S::UNAUTHORIZED, E::InvalidClient, "attestation_invalid"),
            Self::Stale => (S::BAD_REQUEST, E::UseFreshAttestation, "attestation_stale"),
            Self::Replayed => (S::UNAUTHORIZED, E::InvalidClient, "attestation_replayed"),
            Self::Client => (S::UNAUTHORIZED, E::InvalidClient, "attestation_client"),
            Self::TooMany => (S::TOO_MANY_REQUESTS, E::TemporarilyUnavailable, "too_many_attestations"),
        }
    }
}

impl From<DocumentError> for AttesterFault {
    fn from(why: DocumentError) -> Self {
        if why.is_temporary() { Self::Unavailable(why) } else { Self::Evidence(why) }
    }
}

impl From<AttestationError> for AttesterFault {
    fn from(why: AttestationError) -> Self {
        if why == AttestationError::Stale { Self::Stale } else { Self::Attestation(why) }
    }
}
