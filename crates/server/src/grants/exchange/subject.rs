//! Whose authority a subject token is: an access token of ours carries it, an ID token of ours or a token of an issuer that
//! the configuration names says only who the user is.

use crate::clients::Client;
use crate::fault::{ExchangeFault, Fault};
use crate::server::AppState;
use prokura_config::SubjectIssuer;
use prokura_core::{Principal, Timestamp, UserId};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::authentication::Authentication;
use prokura_oauth::exchange::{Given, TokenType};
use prokura_oauth::id_token;
use prokura_oauth::subject_token::{SubjectToken, Trusted, peek};
use prokura_oauth::transaction_token::TransactionToken;
use prokura_store::StoreError;
use std::sync::Arc;

const INVALID: Fault = Fault::Exchange(ExchangeFault::Subject);

/// What a subject token is.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    /// An access token of ours, or the call that was made with one: of one grant, at one resource.
    Token(Arc<AccessToken>),
    /// Who the user is.
    Person(Box<Person>),
}

/// A user, by the word of a token that carries no authority.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) user: UserId,
    /// Until when the word counts: nothing that comes of it lasts longer.
    pub(super) until: Timestamp,
    pub(super) authentication: Option<Authentication>,
    /// The issuer whose word it is, where it is another.
    pub(super) issuer: Option<String>,
    /// The name of that issuer, or `id_token`; for the record.
    pub(super) by: String,
    /// Its `jti`.
    pub(super) id: Option<String>,
}

impl Subject {
    /// Whose authority it is.
    pub(super) fn principal(&self) -> Principal {
        match self {
            Self::Token(token) => token.subject.clone(),
            Self::Person(person) => Principal::User(person.user.clone()),
        }
    }
}

/// Reads a subject token. One that was made for another client is refused like one that was never made.
pub(super) async fn subject(app: &AppState, client: &Client, given: &Given) -> Result<Subject, Fault> {
    if given.kind == TokenType::Access
        && let Some(token) = app.exchanges.remembered.verified(app, &given.token)
    {
        return Ok(Subject::Token(token));
    }
    if given.kind == TokenType::Transaction {
        return of_transaction(app, client, &given.token);
    }
    if !matches!(given.kind, TokenType::Access | TokenType::Id | TokenType::Jwt) {
        return Err(Fault::Exchange(ExchangeFault::SubjectType));
    }
    let (issuer, kid) = peek(&given.token).ok_or(INVALID)?;
    if issuer == app.config.issuer.as_str() {
        return if given.kind == TokenType::Id {
            of_id_token(app, client, &given.token)
        } else {
            Err(INVALID)
        };
    }
    let trusted = app.config.exchange.issuers.iter().find(|i| i.issuer == issuer).ok_or(INVALID)?;
    of_issuer(app, client, trusted, kid.as_deref(), &given.token).await
}

/// What the gateway told the server behind a call. Everything inside the trust domain may see it, so it leads further in the
/// hands of that server alone: whoever else acts was not called.
fn of_transaction(app: &AppState, client: &Client, token: &str) -> Result<Subject, Fault> {
    let (keys, issuer, now) = (app.keys.published(), app.config.issuer.as_str(), app.clock.now());
    let domain = app.config.transaction_tokens.trust_domain.as_ref();
    let domain = domain.ok_or(Fault::Exchange(ExchangeFault::SubjectType))?;
    let said = TransactionToken::verify(token, &keys, issuer, domain, now).map_err(|_| INVALID)?;
    if said.expires_at <= now || !client.introspects.contains(&said.resource) || is_of(client, &said) {
        return Err(INVALID);
    }
    said.call().map(|call| Subject::Token(Arc::new(call))).ok_or(INVALID)
}

/// Whether it is the server's own agent that called: what that holds already says its access token.
fn is_of(client: &Client, said: &TransactionToken) -> bool {
    let agent = client.agent.as_ref();
    agent.is_some_and(|agent| {
        said.actors.first() == Some(agent) || said.subject == Principal::Agent(agent.clone())
    })
}

/// The user of an ID token of ours, which counts only in the hands of the client that it is for.
fn of_id_token(app: &AppState, client: &Client, token: &str) -> Result<Subject, Fault> {
    let (keys, issuer, now) = (app.keys.published(), app.config.issuer.as_str(), app.clock.now());
    let said = id_token::read(token, &keys, issuer, now).map_err(|_| INVALID)?;
    if said.audience != client.id || said.expires_at <= now {
        return Err(INVALID);
    }
    Ok(Subject::Person(Box::new(Person {
        user: said.subject,
        until: said.expires_at,
        authentication: said.authentication,
        issuer: None,
        by: "id_token".to_owned(),
        id: None,
    })))
}

/// The user whom another issuer knows, verified by the keys of exactly that issuer, for exactly this client.
async fn of_issuer(
    app: &AppState,
    client: &Client,
    trusted: &SubjectIssuer,
    kid: Option<&str>,
    token: &str,
) -> Result<Subject, Fault> {
    let audiences = trusted.clients.get(client.id.as_str()).ok_or(INVALID)?;
    if app.store.revoked().issuer_disabled(&trusted.issuer) {
        return Err(Fault::Disabled);
    }
    let keys = app.clients.keys_at(&trusted.jwks_uri, kid).await;
    let keys = keys.map_err(|_| Fault::Exchange(ExchangeFault::SubjectKeys))?;
    let expected = Trusted {
        issuer: &trusted.issuer,
        audiences,
        types: &trusted.types,
        max_life: trusted.max_life.get(),
    };
    let now = app.clock.now();
    let said = SubjectToken::verify(token, &keys, &expected, now).map_err(|_| INVALID)?;
    if said.expires_at <= now {
        return Err(INVALID);
    }
    let (issuer, subject) = (trusted.issuer.clone(), said.subject.clone());
    let known = app.store.read::<_, StoreError>(move |tx| tx.identity(&issuer, &subject)).await?;
    let user = known.ok_or(Fault::Exchange(ExchangeFault::Person))?.user;
    Ok(Subject::Person(Box::new(Person {
        user,
        until: said.expires_at,
        authentication: None,
        issuer: Some(trusted.issuer.clone()),
        by: trusted.name.clone(),
        id: said.id,
    })))
}
