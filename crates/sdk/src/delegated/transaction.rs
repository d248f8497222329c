//! What a transaction token says.

use prokura_core::{
    AgentId, ClientId, Details, GrantId, Principal, ResourceUri, ScopeSet, Timestamp, TraceId, UserId,
};
use prokura_oauth::json::{Object, Value};
use prokura_oauth::secret::{constant_time_eq, sha256_base64url};
use prokura_oauth::transaction_token::TransactionToken;

/// A call, and who makes it for whom, as the gateway or the issuer says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transaction(pub(super) TransactionToken);

impl Transaction {
    /// The flow: the same word stands in the record of the gateway and of the issuer.
    pub fn id(&self) -> &TraceId {
        &self.0.txn
    }

    /// Whose authority is used.
    pub fn subject(&self) -> &Principal {
        &self.0.subject
    }

    /// The user, if it is a user's.
    pub fn user(&self) -> Option<&UserId> {
        match &self.0.subject {
            Principal::User(user) => Some(user),
            Principal::Agent(_) => None,
        }
    }

    /// Who acts now: the first of the chain, or the subject where an agent acts for itself.
    pub fn agent(&self) -> Option<&AgentId> {
        match (&self.0.subject, self.0.actors.first()) {
            (_, Some(agent)) | (Principal::Agent(agent), None) => Some(agent),
            (Principal::User(_), None) => None,
        }
    }

    /// Everybody who acts, the current agent first. For the record; never a reason to allow more.
    pub fn chain(&self) -> &[AgentId] {
        &self.0.actors
    }

    /// The client that made the call.
    pub fn client(&self) -> &ClientId {
        &self.0.client
    }

    /// The resource at which the call was made.
    pub fn resource(&self) -> &ResourceUri {
        &self.0.resource
    }

    /// What the transaction is for.
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// Which tools, and with which arguments.
    pub fn details(&self) -> &Details {
        &self.0.details
    }

    /// What is called, as the gateway decided on it: `tool:read_report`.
    pub fn action(&self) -> Option<&str> {
        self.0.context.str("action")
    }

    /// Whether these are the arguments that the gateway saw, compared as RFC 8785 writes them. `false` where it saw none.
    pub fn is_about(&self, arguments: &Value) -> bool {
        let said = self.0.context.str("arguments_sha256");
        said.is_some_and(|hash| {
            constant_time_eq(hash.as_bytes(), sha256_base64url(&arguments.to_jcs()).as_bytes())
        })
    }

    /// `tctx`: what stays the same on the whole way.
    pub fn context(&self) -> &Object {
        &self.0.context
    }

    /// `rctx`: from where it was asked.
    pub fn request(&self) -> &Object {
        &self.0.request
    }

    /// The workloads that asked for this token and for those that it replaces, the first one first.
    pub fn requesters(&self) -> impl Iterator<Item = &str> {
        self.0.requesters()
    }

    /// The grant behind the call.
    pub fn grant(&self) -> &GrantId {
        &self.0.grant.id
    }

    /// The grants above it, roots first.
    pub fn ancestors(&self) -> &[GrantId] {
        &self.0.grant.ancestors
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }
}
