//! What two tokens say together.

use super::Refused;
use prokura_core::{
    AgentId, Attested, ClientId, Details, Duty, GrantId, Principal, ResourceUri, ScopeSet, Timestamp, UserId,
};
use prokura_oauth::access_token::{AccessToken, View};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::confirmation::Confirmation;
use prokura_oauth::json::Value;
use std::collections::BTreeSet;

/// Who acts for whom, and what they may do here: what both tokens allow, never more.
#[derive(Debug, Clone, PartialEq)]
pub struct Delegated {
    /// Whose authority is used.
    pub user: UserId,
    /// Who uses it.
    pub agent: AgentId,
    /// Everybody who acts, the current agent first, those before it after it. For the record; never a reason to allow more
    /// (RFC 8693 §4.1). Of a token of plain impersonation the issuer alone knows more than the first.
    pub chain: Vec<AgentId>,
    /// The client that the agent's token was made for.
    pub client: ClientId,
    /// Where.
    pub resource: ResourceUri,
    /// What it may be used for.
    pub scopes: ScopeSet,
    /// Which tools, and with which arguments; see [`allows`](Self::allows).
    pub details: Details,
    /// The grant behind the agent's token.
    pub grant: GrantId,
    /// The grants above it, roots first. If one of them is revoked, all of it has ended.
    pub ancestors: Vec<GrantId>,
    /// Those of them whose use is counted by the issuer.
    pub budgets: Vec<GrantId>,
    /// What the user's sign-in has to be like; it was, when this was made.
    pub duties: BTreeSet<Duty>,
    /// Which view of the grant the agent's token was.
    pub view: View,
    /// How the user signed in.
    pub authentication: Option<Authentication>,
    /// The instance that acts, where its infrastructure vouched for it.
    pub workload: Option<Attested>,
    /// What the agent's token is bound to. [`Presented`](super::Presented) was checked against it.
    pub cnf: Confirmation,
    /// When the first of the two ends.
    pub expires_at: Timestamp,
}

impl Delegated {
    /// Whether it has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|s| s.as_str() == scope)
    }

    /// Whether the authorization details let `tool` be used with these arguments. Without details there is no such bound,
    /// and the scopes alone decide.
    pub fn allows(&self, tool: &str, arguments: &Value) -> bool {
        self.details.is_empty() || self.details.check(tool, Some(arguments)).is_ok()
    }

    /// `usr_alice → agt_front → agt_planner`: for logs.
    pub fn path(&self) -> String {
        let actors = self.chain.iter().rev().map(AgentId::as_str);
        std::iter::once(self.user.as_str()).chain(actors).collect::<Vec<_>>().join(" → ")
    }

    /// Of an actor token that was verified and cut. Duties are kept here: a token whose sign-in does not meet them says
    /// nothing.
    pub(super) fn of(token: AccessToken, now: Timestamp) -> Result<Self, Refused> {
        let Principal::User(user) = token.subject else { return Err(Refused::NoUser) };
        let agent = token.actors.first().cloned().ok_or(Refused::NoAgent)?;
        let signed_in = token.authentication.as_ref().map(Authentication::sign_in);
        for Duty::SignIn(demand) in &token.grant.duties {
            if !demand.is_met_by(signed_in, now) {
                return Err(Refused::SignIn(*demand));
            }
        }
        Ok(Self {
            user,
            agent,
            chain: token.actors,
            client: token.client,
            resource: token.audience,
            scopes: token.scopes,
            details: token.details,
            grant: token.grant.id,
            ancestors: token.grant.ancestors,
            budgets: token.grant.budgets,
            duties: token.grant.duties,
            view: token.view,
            authentication: token.authentication,
            workload: token.workload,
            cnf: token.cnf,
            expires_at: token.expires_at,
        })
    }
}
