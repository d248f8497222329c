//! What happened, before the record gives it its place.

use prokura_core::{AgentId, ClientId, GrantId, Principal, ResourceUri, Timestamp, TraceId};
use prokura_oauth::json::Object;

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A token left, or was refused.
    Issuance,
    /// A user agreed to something, or refused it.
    Consent,
    /// A grant was made, changed or ended.
    Grant,
    /// A call was permitted, challenged or denied, before it was forwarded.
    Decision,
    /// What became of a permitted call.
    Outcome,
    /// A person signed in, or failed to.
    SignIn,
    /// A client was registered, changed or removed.
    Registration,
    /// An administrator changed something.
    Administration,
    /// The system itself: a key was rotated, an enforcement point started.
    System,
}

impl EventKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Issuance,
        Self::Consent,
        Self::Grant,
        Self::Decision,
        Self::Outcome,
        Self::SignIn,
        Self::Registration,
        Self::Administration,
        Self::System,
    ];

    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issuance => "issuance",
            Self::Consent => "consent",
            Self::Grant => "grant",
            Self::Decision => "decision",
            Self::Outcome => "outcome",
            Self::SignIn => "sign_in",
            Self::Registration => "registration",
            Self::Administration => "administration",
            Self::System => "system",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

/// How it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Allowed, issued, done.
    Permit,
    /// Refused, but more authority would help.
    Challenge,
    /// Refused.
    Deny,
    /// Permitted, and then it failed.
    Error,
}

impl Outcome {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Challenge => "challenge",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }

    /// The outcome of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Permit, Self::Challenge, Self::Deny, Self::Error].into_iter().find(|o| o.as_str() == word)
    }
}

/// One thing that happened. No secret, token, password or argument value ever stands in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What sort of thing.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The flow it belongs to.
    pub trace: TraceId,
    /// Whose authority was used, where it is known.
    pub subject: Option<Principal>,
    /// Who used it: the current actor first, then those before it.
    pub actors: Vec<AgentId>,
    /// The OAuth client.
    pub client: Option<ClientId>,
    /// The grant.
    pub grant: Option<GrantId>,
    /// Where.
    pub resource: Option<ResourceUri>,
    /// What: `tool:read_report`, `token:authorization_code`, `grant:revoke`.
    pub action: String,
    /// How it came out.
    pub outcome: Outcome,
    /// Why: stable codes.
    pub reasons: Vec<String>,
    /// Anything else worth keeping, by name.
    pub details: Object,
}

impl Event {
    /// An event with nothing but the necessary; the other fields are empty and public.
    pub fn new(
        kind: EventKind,
        action: impl Into<String>,
        outcome: Outcome,
        at: Timestamp,
        trace: TraceId,
    ) -> Self {
        Self {
            kind,
            at,
            trace,
            subject: None,
            actors: Vec::new(),
            client: None,
            grant: None,
            resource: None,
            action: action.into(),
            outcome,
            reasons: Vec::new(),
            details: Object::default(),
        }
    }

    /// Adds a reason.
    #[must_use]
    pub fn because(mut self, code: impl Into<String>) -> Self {
        self.reasons.push(code.into());
        self
    }
}
