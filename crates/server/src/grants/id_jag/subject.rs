//! Whose authority a subject token is, if it is one of ours, of this client, and in force.

use super::super::mint::{chain, in_force, nobody_is_disabled};
use super::super::payload::RefreshPayload;
use crate::clients::Client;
use crate::fault::{ExchangeFault, Fault};
use crate::possession::Possession;
use crate::server::AppState;
use prokura_core::{AgentId, ClientId, GrantId, Principal, Timestamp, UserId};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::authentication::Authentication;
use prokura_oauth::exchange::{Exchange, TokenType};
use prokura_oauth::id_token;
use prokura_store::{ArtifactKind, Party, RevokedView, StoreError, Tx, User};
use std::sync::Arc;

/// A user, and who acts for them.
pub(super) struct Subject {
    pub(super) user: User,
    pub(super) actors: Vec<AgentId>,
    pub(super) grant: Option<GrantId>,
    pub(super) authentication: Option<Authentication>,
}

/// What a token says, before the user is looked up.
struct Said {
    user: UserId,
    actors: Vec<AgentId>,
    grant: Option<GrantId>,
    authentication: Option<Authentication>,
}

/// What an assertion rests on: the user, and the grant of a token that carries authority.
#[derive(Debug, Clone)]
pub(super) struct RestsOn {
    user: UserId,
    grant: Option<GrantId>,
}

impl Subject {
    pub(super) fn rests_on(&self) -> RestsOn {
        RestsOn { user: self.user.id.clone(), grant: self.grant.clone() }
    }
}

impl RestsOn {
    /// Asks it anew, in the transaction that puts the assertion on record: what ended in the meantime yields nothing.
    pub(super) fn stands(
        &self,
        tx: &mut Tx<'_>,
        view: &RevokedView,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        if !tx.may_all(&[Party::User(&self.user), Party::Client(client)])? {
            return Err(Fault::Disabled);
        }
        let Some(grant) = &self.grant else { return Ok(()) };
        let chain = chain(tx, grant)?;
        in_force(view, &chain, client, now)?;
        nobody_is_disabled(tx, &chain, client)
    }
}

const INVALID: Fault = Fault::Exchange(ExchangeFault::Subject);

/// Reads a subject token. One that was made for another client is refused like one that was never made.
pub(super) async fn subject(
    app: &AppState,
    client: &Client,
    asked: &Exchange,
    possession: &Possession,
) -> Result<Subject, Fault> {
    let view = app.store.revoked_view();
    if !view.fresh() {
        return Err(Fault::Stale);
    }
    let token = &asked.subject.token;
    let said = match asked.subject.kind {
        TokenType::Id => of_id_token(app, client, token)?,
        TokenType::Access => of_access_token(app, client, token, possession, &view)?,
        TokenType::Refresh => of_refresh_token(app, client, token, possession, view.clone()).await?,
        TokenType::Jwt | TokenType::IdJag | TokenType::Transaction => return Err(INVALID),
    };
    let id = said.user.clone();
    let user = app.store.read::<_, StoreError>(move |tx| tx.user(&id)).await?.ok_or(INVALID)?;
    if user.disabled || view.user_disabled(&user.id) {
        return Err(Fault::Disabled);
    }
    let Said { actors, grant, authentication, .. } = said;
    Ok(Subject { user, actors, grant, authentication })
}

fn of_id_token(app: &AppState, client: &Client, token: &str) -> Result<Said, Fault> {
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let said = id_token::read(token, &keys, issuer, app.clock.now()).map_err(|_| INVALID)?;
    if said.audience != client.id {
        return Err(INVALID);
    }
    Ok(Said { user: said.subject, actors: Vec::new(), grant: None, authentication: None })
}

fn of_access_token(
    app: &AppState,
    client: &Client,
    token: &str,
    possession: &Possession,
    view: &RevokedView,
) -> Result<Said, Fault> {
    let (keys, issuer) = (app.keys.published(), app.config.issuer.as_str());
    let token =
        AccessToken::verify_any_resource(token, &keys, issuer, app.clock.now()).map_err(|_| INVALID)?;
    let Principal::User(user) = token.subject.clone() else { return Err(INVALID) };
    if token.client != client.id || !possession.covers(&token.cnf) {
        return Err(INVALID);
    }
    if !view.stands(token.grant.standing()) || token.actors.iter().any(|a| view.agent_disabled(a)) {
        return Err(Fault::GrantOver);
    }
    let grant = Some(token.grant.id.clone());
    Ok(Said { user, actors: token.actors, grant, authentication: token.authentication })
}

/// A refresh token is looked at and not spent.
async fn of_refresh_token(
    app: &AppState,
    client: &Client,
    token: &str,
    possession: &Possession,
    view: Arc<RevokedView>,
) -> Result<Said, Fault> {
    let (token, now, id, possession) =
        (token.to_owned(), app.clock.now(), client.id.clone(), possession.clone());
    app.store
        .read(move |tx| {
            let payload = unspent(tx, &token, now)?.ok_or(INVALID)?;
            if payload.0.client != id || !possession.covers(&payload.0.cnf) {
                return Err(INVALID);
            }
            let chain = chain(tx, &payload.1)?;
            in_force(&view, &chain, &id, now)?;
            let grant = chain.leaf();
            let user = grant.user().cloned().ok_or(INVALID)?;
            Ok(Said {
                user,
                actors: chain.actors(),
                grant: Some(grant.id.clone()),
                authentication: payload.0.authentication,
            })
        })
        .await
}

fn unspent(
    tx: &mut Tx<'_>,
    token: &str,
    now: Timestamp,
) -> Result<Option<(RefreshPayload, GrantId)>, StoreError> {
    let found = tx.artifact(ArtifactKind::RefreshToken, token)?;
    let found = found.filter(|a| a.consumed_at.is_none() && a.expires_at > now);
    let Some((payload, grant)) = found.and_then(|a| Some((a.payload, a.grant?))) else { return Ok(None) };
    Ok(Some((RefreshPayload::read(&payload)?, grant)))
}
