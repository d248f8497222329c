//! Why evidence of a workload is refused.

use http::StatusCode;
use prokura_attest::{AttestError, NoRule};
use prokura_oauth::error::OAuthError;

/// Why evidence of a workload is refused. The sentence is for whoever showed it; what was expected and what was received
/// is for administrators ([`detail`](Self::detail)).
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorkloadFault {
    /// It does not verify.
    #[error("the evidence of this workload is not accepted here")]
    Evidence(AttestError),
    /// Its provider cannot be asked for now.
    #[error("the evidence of this workload cannot be verified at the moment: try again later")]
    Unavailable(AttestError),
    /// It verifies and has just ended.
    #[error("the evidence of this workload has expired: fetch a new one")]
    Over,
    /// No rule leads from it to an agent.
    #[error("no rule here is for this workload")]
    NoRule(NoRule),
    /// The rule gives nothing at that resource.
    #[error("this workload may do nothing at that resource")]
    NotHere,
    /// It was shown before, and may be shown once.
    #[error("this evidence was used before: fetch a new one for each request")]
    Replayed,
    /// It was first shown with another key.
    #[error("this evidence belongs to another key")]
    OtherKey,
    /// The client that brings it is another agent's.
    #[error("this workload is not one of the client that brings it")]
    OtherAgent,
    /// The evidence is not of the workload that the client was set up with.
    #[error("the evidence is not that of this client")]
    NotTheClient,
}

impl WorkloadFault {
    /// What an administrator wants to know: what was expected, and what was received.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Evidence(why) | Self::Unavailable(why) => Some(why.to_string()),
            Self::NoRule(none) => Some(tried(none)),
            _ => None,
        }
    }

    /// The stable word in the record.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Evidence(_) => "evidence_invalid",
            Self::Unavailable(_) => "evidence_unavailable",
            Self::Over => "evidence_expired",
            Self::NoRule(_) => "evidence_no_rule",
            Self::NotHere => "evidence_not_here",
            Self::Replayed => "evidence_replayed",
            Self::OtherKey => "evidence_other_key",
            Self::OtherAgent | Self::NotTheClient => "evidence_other_client",
        }
    }

    /// As an answer at the jwt-bearer grant (RFC 7521 §4.1.1).
    pub(crate) fn as_grant(&self) -> (StatusCode, OAuthError, &'static str) {
        self.verdict(StatusCode::BAD_REQUEST, OAuthError::InvalidGrant)
    }

    /// As an answer to a client that authenticates (RFC 7521 §4.2.1).
    pub(crate) fn as_client(&self) -> (StatusCode, OAuthError, &'static str) {
        self.verdict(StatusCode::UNAUTHORIZED, OAuthError::InvalidClient)
    }

    fn verdict(&self, status: StatusCode, error: OAuthError) -> (StatusCode, OAuthError, &'static str) {
        match self {
            Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, OAuthError::TemporarilyUnavailable, self.word())
            }
            _ => (status, error, self.word()),
        }
    }
}

impl From<AttestError> for WorkloadFault {
    fn from(why: AttestError) -> Self {
        if why.is_unavailable() { Self::Unavailable(why) } else { Self::Evidence(why) }
    }
}

/// The longest account of rules that did not match, in bytes.
const MAX_DETAIL: usize = 2048;

/// Each rule with what it expected and what it received.
fn tried(none: &NoRule) -> String {
    if none.tried.is_empty() {
        return "no rule is for that provider".to_owned();
    }
    let mut said = String::new();
    for rule in &none.tried {
        for wrong in &rule.mismatches {
            let received = wrong.received.as_ref().map_or("nothing".to_owned(), ToString::to_string);
            let line =
                format!("rule `{}`: {} is {received}, expected {}; ", rule.rule, wrong.claim, wrong.expected);
            if said.len() + line.len() > MAX_DETAIL {
                return format!("{said}and more");
            }
            said.push_str(&line);
        }
    }
    said.trim_end_matches("; ").to_owned()
}
