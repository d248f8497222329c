//! The way of an exchange: which of those that are served it is, what the request shows, and the answer.

use super::actor::{Actor, actor};
use super::job::{Asked, Job};
use super::rules::view_of;
use super::subject::{Subject, subject};
use crate::clients::Client;
use crate::fault::{ExchangeFault, Fault};
use crate::grants::{Issued, Minting, id_jag};
use crate::places::{Place, without_offline};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use axum::response::Response;
use prokura_core::{AgentId, Attested, GrantId, ResourceUri, TraceId};
use prokura_oauth::access_token::View;
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::exchange::{Exchange, TokenType};
use prokura_store::StoreError;
use std::sync::Arc;

/// Exchanges a token, for what is asked for.
pub(crate) async fn exchange(
    app: &AppState,
    client: &Arc<Client>,
    asked: Exchange,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    match asked.requested {
        TokenType::Access => {
            let issued = access_token(app, client, asked, possession, trace, about).await?;
            issued.respond_exchanged(app, TokenType::Access).await
        }
        TokenType::IdJag if !app.config.id_jag.audiences.is_empty() => {
            id_jag::exchange(app, client, &asked, possession, trace, about).await
        }
        _ => Err(Fault::Exchange(ExchangeFault::NotServed)),
    }
}

async fn access_token(
    app: &AppState,
    client: &Arc<Client>,
    asked: Exchange,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    if !app.store.revoked().fresh() {
        return Err(Fault::Stale);
    }
    let agent = agent(app, client).await?;
    let subject = subject(app, client, &asked.subject).await?;
    about.subject = Some(subject.principal());
    if let Subject::Token(token) = &subject {
        about.grant = Some(token.grant.id.clone());
    }
    let asked_for = wanted(app, &subject, &asked)?;
    about.resource = Some(asked_for.place.uri.clone());
    let actor = match &asked.actor {
        Some(given) => Some(actor(app, &agent, given, &possession, about).await?),
        None => None,
    };
    let possession = match actor.as_ref().and_then(|a| a.workload()) {
        Some(shown) => possession.of_workload(Some(Arc::clone(shown))),
        None => possession,
    };
    let mut minting = Minting::new(app, &client.id, possession, GrantType::TokenExchange, trace);
    minting.authentication = match &subject {
        Subject::Token(token) => token.authentication.clone(),
        Subject::Person(person) => person.authentication.clone(),
    };
    minting.workload = minting.workload.take().or_else(|| vouched_for(&subject, actor.as_ref(), &agent));
    if minting.life.is_zero() {
        return Err(Fault::Exchange(ExchangeFault::Actor));
    }
    let job = Job {
        minting,
        client: Arc::clone(client),
        agent,
        subject,
        actor: actor.clone(),
        asked: asked_for,
        config: Arc::clone(&app.config),
        rules: Arc::clone(&app.exchanges.rules),
        impersonations: Arc::clone(&app.exchanges.impersonations),
        chains: Arc::clone(&app.exchanges.chains),
        view: app.store.revoked_view(),
        fresh: GrantId::random(&*app.rng),
    };
    let issued = app.store.transact(move |tx| job.run(tx)).await?;
    if let Some(actor) = &actor {
        actor.was_seen(app);
    }
    Ok(issued)
}

/// The workload that asks, by the token that it got as one: its own as actor, or the one of which it wants less. What comes
/// of it names the workload too, or who stops that would not stop what it got.
fn vouched_for(subject: &Subject, actor: Option<&Actor>, agent: &AgentId) -> Option<Attested> {
    let token = match (actor, subject) {
        (Some(actor), _) => actor.token(),
        (None, Subject::Token(token)) => Some(&**token).filter(|token| token.actor() == Some(agent)),
        (None, Subject::Person(_)) => None,
    };
    token?.workload.clone()
}

/// The agent that the client belongs to. One that nobody ever let in has none, and acts for nobody.
async fn agent(app: &AppState, client: &Client) -> Result<AgentId, Fault> {
    if let Some(agent) = &client.agent {
        return Ok(agent.clone());
    }
    let id = client.id.clone();
    let known = app.store.read::<_, StoreError>(move |tx| tx.agent_of_client(&id)).await?;
    known.map(|agent| agent.id).ok_or(Fault::Exchange(ExchangeFault::NotYours))
}

/// What is asked for: where, with what, and how it is told.
fn wanted(app: &AppState, subject: &Subject, asked: &Exchange) -> Result<Asked, Fault> {
    let place = place(app, subject, asked)?;
    let scopes = asked.scope.as_ref().map(without_offline).filter(|s| !s.is_empty());
    if let Some(unknown) = scopes.as_ref().filter(|s| !s.is_within(&place.scopes)) {
        return Err(Fault::ScopeTooWide(unknown.difference(&place.scopes)));
    }
    let within = scopes.as_ref().unwrap_or(&place.scopes);
    Ok(Asked {
        details: place.details_asked(asked.details.as_deref(), within)?,
        usual: app.config.resource(&place.name).map_or(View::User, |r| view_of(r.token_view)),
        place,
        scopes,
        view: asked.view,
        requested_actor: asked.requested_actor.clone(),
    })
}

/// The one resource that `resource` and `audience` name, by its address or by its name; if they name none, that of the
/// subject token.
fn place(app: &AppState, subject: &Subject, asked: &Exchange) -> Result<Arc<Place>, Fault> {
    let at = |uri: &ResourceUri| app.places.iter().find(|p| p.uri == *uri).cloned();
    let by_address = |text: &str| at(&ResourceUri::parse(text).ok()?);
    let named =
        |text: &String| by_address(text).or_else(|| app.places.iter().find(|p| p.name == *text).cloned());
    let resource = match &asked.resource {
        Some(text) => Some(at(&ResourceUri::parse(text)?).ok_or(Fault::ResourceUnknown)?),
        None => None,
    };
    let audience = match &asked.audience {
        Some(text) => Some(named(text).ok_or(Fault::ResourceUnknown)?),
        None => None,
    };
    match (resource, audience, subject) {
        (Some(one), Some(other), _) if one.uri != other.uri => Err(Fault::Exchange(ExchangeFault::Several)),
        (Some(one), _, _) | (None, Some(one), _) => Ok(one),
        (None, None, Subject::Token(token)) => at(&token.audience).ok_or(Fault::ResourceNeeded),
        (None, None, Subject::Person(_)) => app.places.asked(None),
    }
}
