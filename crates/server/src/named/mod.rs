//! Grants that clients know by a name (*Grant Management for OAuth 2.0*, draft 03): asked for, replaced and merged by
//! an authorization request, read and ended at `/grants/{id}`.
//!
//! Invariants: a name is its client's alone, and another's looks like none; nothing changes that the user did not see
//! and agree to as it will be; what is dropped ends at once, because the grant that held it ends.

use crate::clients::Client;
use crate::consent::join;
use crate::fault::Fault;
use crate::places::Place;
use crate::server::AppState;
use http::StatusCode;
use prokura_config::Issuer;
use prokura_core::{
    Details, Grant, GrantName, GrantState, Held, InvalidResource, Principal, ResourceUri, Scope, ScopeSet,
    UserId,
};
use prokura_oauth::authorize::GrantAction;
use prokura_oauth::client_metadata::AuthMethod;
use prokura_oauth::error::OAuthError;
use prokura_oauth::json::{Object, Value, obj};
use std::sync::Arc;

/// The scope of a token that reads grants (§6.1).
pub(crate) const QUERY: &str = "grant_management_query";
/// The scope of a token that ends grants (§6.1).
pub(crate) const REVOKE: &str = "grant_management_revoke";

/// What keeps a client from its grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NamedFault {
    /// A client without credentials cannot show whose a name is (§5.1).
    #[error("grants can be named only for clients that authenticate")]
    Public,
    /// The request names none of the client's grants, or one that has ended.
    #[error("`grant_id` names no grant of this client that is in force")]
    Unknown,
    /// Whole scopes beside bounded tools: no one grant says both.
    #[error(
        "what is asked for and what the grant holds cannot be one: only one of them has `authorization_details`; replace it"
    )]
    Details,
    /// The address names none of the client's grants, or one that has ended.
    #[error("there is no such grant")]
    Missing,
    /// Neither credentials nor a token that is good here.
    #[error("authenticate as the client, or show an access token for this address")]
    Token,
    /// The token lacks the scope.
    #[error("the token lacks the scope for this")]
    Scope,
}

impl NamedFault {
    /// Its status, the protocol's word, and the one for the record.
    pub(crate) fn words(self) -> (StatusCode, OAuthError, &'static str) {
        match self {
            Self::Public => (StatusCode::BAD_REQUEST, OAuthError::UnauthorizedClient, "grant_id_public"),
            Self::Unknown => (StatusCode::BAD_REQUEST, OAuthError::InvalidGrantId, "grant_id_unknown"),
            Self::Details => (StatusCode::BAD_REQUEST, OAuthError::InvalidRequest, "grant_merge_details"),
            Self::Missing => (StatusCode::NOT_FOUND, OAuthError::InvalidGrantId, "grant_missing"),
            Self::Token => (StatusCode::UNAUTHORIZED, OAuthError::InvalidToken, "grants_token"),
            Self::Scope => (StatusCode::FORBIDDEN, OAuthError::InsufficientScope, "grants_scope"),
        }
    }
}

/// The place of `/grants`, for which clients get tokens by their own credentials.
pub(crate) fn place(issuer: &Issuer) -> Result<Arc<Place>, InvalidResource> {
    let scopes: ScopeSet = [QUERY, REVOKE].into_iter().filter_map(|s| Scope::parse(s).ok()).collect();
    let uri = ResourceUri::parse(&format!("{issuer}/grants"))?;
    Ok(Arc::new(Place {
        uri,
        name: "grants".to_owned(),
        first: scopes.clone(),
        scopes,
        needs_proof: false,
        bundled: Vec::new(),
    }))
}

/// What a request wants to happen to a grant, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Management {
    /// The named grant as the user is shown it; `None` if a fresh one is asked for.
    pub named: Option<Named>,
}

/// A named grant as it was when it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: GrantName,
    /// What it holds.
    pub held: ScopeSet,
    /// Whose authority it is.
    pub subject: Principal,
    /// It has not changed while it has this.
    pub revision: u64,
}

impl Management {
    /// Whether the named grant is of another user's authority.
    pub(crate) fn is_anothers(&self, user: &UserId) -> bool {
        let named = self.named.as_ref();
        named.is_some_and(|n| !matches!(&n.subject, Principal::User(owner) if owner == user))
    }

    pub(crate) fn to_object(&self) -> Object {
        match &self.named {
            None => Object::default(),
            Some(n) => obj([
                ("name", n.name.as_str().into()),
                ("held", n.held.to_string().into()),
                ("subject", n.subject.as_str().into()),
                ("revision", n.revision.into()),
            ]),
        }
    }

    pub(crate) fn read(o: &Object) -> Option<Self> {
        let Some(name) = o.str("name") else { return Some(Self { named: None }) };
        let named = Named {
            name: GrantName::parse(name).ok()?,
            held: ScopeSet::parse(o.str("held")?).ok()?,
            subject: Principal::parse(o.str("subject")?).ok()?,
            revision: o.get("revision").and_then(Value::as_u64)?,
        };
        Some(Self { named: Some(named) })
    }
}

/// Whether a client can show that a name is its own.
pub(crate) fn may_manage(client: &Client) -> bool {
    client.metadata.auth_method != AuthMethod::None
}

/// Checks what a request for `place` wants to happen to a grant, and what is offered to the user then: with a merge,
/// what the grant holds besides what is asked for.
pub(crate) async fn checked(
    app: &AppState,
    client: &Client,
    action: GrantAction,
    place: &Place,
    (scope, details): (&ScopeSet, &Details),
) -> Result<(Management, Held), Fault> {
    if !may_manage(client) {
        return Err(Fault::Named(NamedFault::Public));
    }
    let asked = Held { actions: scope.clone(), details: details.clone() };
    let (name, merged) = match action {
        GrantAction::Create => return Ok((Management { named: None }, asked)),
        GrantAction::Replace(name) => (name, false),
        GrantAction::Merge(name) => (name, true),
    };
    let grant = find(app, client, name.clone()).await?.ok_or(Fault::Named(NamedFault::Unknown))?;
    if grant.resource != place.uri {
        return Err(Fault::ResourceOther);
    }
    let offered = if merged {
        let held = Held { actions: grant.actions.clone(), details: grant.details.clone() };
        join(&held, &asked).ok_or(Fault::Named(NamedFault::Details))?
    } else {
        asked
    };
    let named = Named { name, held: grant.actions, subject: grant.subject, revision: grant.revision };
    Ok((Management { named: Some(named) }, offered))
}

/// The grant that `client` calls so, while it is in force.
pub(crate) async fn find(app: &AppState, client: &Client, name: GrantName) -> Result<Option<Grant>, Fault> {
    let now = app.clock.now();
    Ok(find_living(app, client, name).await?.filter(|g| g.usable_at(now).is_ok()))
}

/// The same, also while it is paused: who may end what is in force may end what will be in force again.
pub(crate) async fn find_living(
    app: &AppState,
    client: &Client,
    name: GrantName,
) -> Result<Option<Grant>, Fault> {
    let (id, now) = (client.id.clone(), app.clock.now());
    let found = app.store.read(move |tx| tx.named_grant(&name, &id)).await?;
    Ok(found.filter(|g| !matches!(g.state, GrantState::Revoked(_)) && now < g.expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        let named = Named {
            name: GrantName::parse("gid_1").unwrap(),
            held: ScopeSet::parse("a b").unwrap(),
            subject: Principal::parse("usr_alice").unwrap(),
            revision: 3,
        };
        for management in [Management { named: None }, Management { named: Some(named) }] {
            assert_eq!(Management::read(&management.to_object()), Some(management.clone()));
        }
        let (alice, bob) = (UserId::parse("usr_alice").unwrap(), UserId::parse("usr_bob").unwrap());
        let of_alice = Management::read(&obj([
            ("name", "gid_1".into()),
            ("held", "a".into()),
            ("subject", "usr_alice".into()),
            ("revision", 0_u64.into()),
        ]))
        .unwrap();
        assert!(of_alice.is_anothers(&bob) && !of_alice.is_anothers(&alice));
    }
}
