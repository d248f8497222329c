//! What a client wants of a user who is elsewhere: whom it means, for how long, and how it hears of the answer.

use super::CibaFault;
use crate::clients::Client;
use crate::fault::Fault;
use crate::server::AppState;
use prokura_core::{Principal, Timestamp, UserId};
use prokura_oauth::authorize::ParameterError;
use prokura_oauth::ciba::{
    self, BindingMessage, DeliveryMode, NotificationToken, UserHint, approval, requested_expiry,
};
use prokura_oauth::form::Form;
use prokura_oauth::id_token::read_hint;
use prokura_oauth::token_request::DETAILS;
use prokura_store::{Attempt, StoreError, StoredTask, Tx};
use std::time::Duration;
use url::Url;

/// So many wrong hints of one client are free; then it waits, up to so long.
const FREE: u32 = 20;
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Whom or what a client means.
pub(crate) enum Meant {
    /// A user, who is to be asked.
    User(UserId),
    /// An approval, which waits already.
    Task(Box<StoredTask>),
}

/// What a client wants.
pub(crate) struct Wanted {
    pub(crate) meant: Meant,
    /// What is to be compared.
    pub(crate) message: Option<BindingMessage>,
    /// How long the client waits, if it says so.
    pub(crate) expiry: Option<Duration>,
    /// Where the client is told, and how it knows us.
    pub(crate) ping: Option<(Url, NotificationToken)>,
}

/// What a client wants of a user.
pub(crate) async fn wanted(app: &AppState, client: &Client, form: &Form) -> Result<Wanted, Fault> {
    let (message, expiry, ping) = said(client, form)?;
    let hint = ciba::hint(form)?.ok_or(Fault::Ciba(CibaFault::NoHint))?;
    let user = user(app, client, hint).await?.ok_or(Fault::Ciba(CibaFault::UserUnknown))?;
    Ok(Wanted { meant: Meant::User(user), message, expiry, ping })
}

/// What a client wants to hear of an approval, if it means one. Whom it names must be the user in whose name the call is
/// made; it need name nobody.
pub(crate) async fn of_approval(
    app: &AppState,
    client: &Client,
    form: &Form,
) -> Result<Option<Wanted>, Fault> {
    let Some(details) = form.value(DETAILS) else { return Ok(None) };
    let Some(id) = approval(details).map_err(|e| Fault::Ciba(CibaFault::Approval(e)))? else {
        return Ok(None);
    };
    let (message, expiry, ping) = said(client, form)?;
    let (now, by) = (app.clock.now(), client.id.clone());
    let found = app.store.read::<_, StoreError>(move |tx| tx.task(&id)).await?;
    let theirs = found.filter(|t| t.task.call.client == by && t.task.state_at(now).is_open());
    let task = theirs.ok_or(Fault::Ciba(CibaFault::ApprovalUnknown))?;
    if let Some(hint) = ciba::hint(form)? {
        let named = user(app, client, hint).await?;
        let whose = match &task.task.call.subject {
            Principal::User(user) => Some(user.clone()),
            Principal::Agent(_) => None,
        };
        if named.is_none() || named != whose {
            return Err(Fault::Ciba(CibaFault::UserUnknown));
        }
    }
    Ok(Some(Wanted { meant: Meant::Task(Box::new(task)), message, expiry, ping }))
}

type Said = (Option<BindingMessage>, Option<Duration>, Option<(Url, NotificationToken)>);

fn said(client: &Client, form: &Form) -> Result<Said, Fault> {
    let message = form.value("binding_message").map(BindingMessage::parse).transpose();
    let message = message.map_err(|e| Fault::Ciba(CibaFault::BindingMessage(e)))?;
    let told = client.metadata.backchannel.as_ref().filter(|b| b.mode == DeliveryMode::Ping);
    let ping = match told.and_then(|b| b.endpoint.clone()) {
        None => None,
        Some(endpoint) => {
            const TOKEN: &str = "client_notification_token";
            let token = form.value(TOKEN).ok_or(ParameterError::Missing(TOKEN))?;
            Some((endpoint, NotificationToken::parse(token)?))
        }
    };
    Ok((message, requested_expiry(form)?, ping))
}

/// Whom a hint means. Wrong ones are counted before they are looked at, for whoever may ask could else find out who is known
/// here; who is disabled is like nobody.
async fn user(app: &AppState, client: &Client, hint: UserHint) -> Result<Option<UserId>, Fault> {
    let now = app.clock.now();
    let named = match hint {
        UserHint::Login(login) => Named::Login(login),
        UserHint::IdToken(token) => {
            let read = read_hint(&token, &app.keys.published(), app.config.issuer.as_str(), now).ok();
            Named::Subject(read.filter(|h| h.audience == client.id).map(|h| h.subject))
        }
    };
    let counted = format!("ciba hint {}", client.id);
    let found = app.store.transact::<_, Fault>(move |tx| named.find(tx, &counted, now)).await?;
    Ok(found)
}

/// Who is named.
enum Named {
    /// By what they sign in with, by their e-mail address, or by their id.
    Login(String),
    /// By an ID token.
    Subject(Option<UserId>),
}

impl Named {
    fn find(&self, tx: &mut Tx<'_>, counted: &str, now: Timestamp) -> Result<Option<UserId>, Fault> {
        let pause = |n: u32| match n.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(20)).min(LONGEST),
        };
        if let Attempt::Blocked { .. } = tx.begin_attempt(&[counted], now, LONGEST, pause)? {
            return Err(Fault::Ciba(CibaFault::TooMuch));
        }
        let user = match self {
            Self::Login(login) => by_login(tx, login)?,
            Self::Subject(None) => None,
            Self::Subject(Some(id)) => tx.user(id)?,
        };
        let user = user.filter(|u| !u.disabled).map(|u| u.id);
        if user.is_some() {
            tx.take_back_attempt(counted, now)?;
        }
        Ok(user)
    }
}

fn by_login(tx: &mut Tx<'_>, login: &str) -> Result<Option<prokura_store::User>, StoreError> {
    if let Some(user) = tx.user_by_name(login)? {
        return Ok(Some(user));
    }
    if let Some(id) = login.starts_with(UserId::PREFIX).then(|| UserId::parse(login).ok()).flatten() {
        return tx.user(&id);
    }
    match login.contains('@') {
        true => tx.user_by_email(login),
        false => Ok(None),
    }
}
