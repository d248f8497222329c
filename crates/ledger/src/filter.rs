//! Which entries are asked for.

use crate::{EventKind, Outcome};
use prokura_core::{AgentId, ClientId, GrantId, Principal, ResourceUri, Timestamp, TraceId};

/// Which entries are asked for; an empty filter asks for all. Conditions are joined by *and*.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whose authority was used.
    pub subject: Option<Principal>,
    /// Who acted, anywhere in the chain's first place.
    pub actor: Option<AgentId>,
    /// The OAuth client.
    pub client: Option<ClientId>,
    /// The grant.
    pub grant: Option<GrantId>,
    /// Where.
    pub resource: Option<ResourceUri>,
    /// The exact action.
    pub action: Option<String>,
    /// What sort of event.
    pub kind: Option<EventKind>,
    /// How it came out.
    pub outcome: Option<Outcome>,
    /// The flow.
    pub trace: Option<TraceId>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Only entries with a smaller sequence number: the next page.
    pub before_seq: Option<u64>,
    /// At most so many, newest first; 0 stands for 100.
    pub limit: u32,
}
