//! "Sign-in and security": passkeys, and where the owner is signed in.

use super::{poster, sign_in_first};
use crate::people::{PageFault, People, Posted, SignedIn, Visit, see_other};
use crate::signin::{ProviderFault, connect_links, identity_rows};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use prokura_config::Totp;
use prokura_core::{Principal, Timestamp};
use prokura_ledger::{EventKind, Outcome};
use prokura_store::{Passkey, SecondFactor, SecretHash, Session, StoreError};
use prokura_ui::{
    ENGLISH, Meaning, Notice, PasskeyForm, PasskeyRow, Security, SessionRow, Shown, Text, TotpRow, When,
};
use std::sync::Arc;

/// `GET /account/security`.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let Some(owner) = visit.signed_in.clone() else { return sign_in_first(&people) };
    let result = page(&people, &visit, &owner, query.as_deref().unwrap_or_default()).await;
    people.answer(&visit, result)
}

async fn page(people: &People, visit: &Visit, owner: &SignedIn, query: &str) -> Result<Response, PageFault> {
    let (user, now) = (owner.user.id.clone(), people.now());
    let (passkeys, identities, sessions, factor) = people
        .store
        .read(move |tx| {
            let ways = (tx.passkeys_of(&user)?, tx.identities_of(&user)?);
            Ok::<_, StoreError>((ways.0, ways.1, tx.sessions_of(&user, now)?, tx.second_factor(&user)?))
        })
        .await?;
    let add = people.offer_passkey(visit, &owner.user, &passkeys)?.map(|c| PasskeyForm {
        form: people.form(visit, "/account/passkeys"),
        options: c.options,
        state: c.state,
    });
    let view = Security {
        frame: people.frame(visit),
        notice: notice(people, query),
        passkeys: passkeys.iter().map(|p| passkey_row(people, visit, p)).collect(),
        add,
        password: people.config.sign_in.password.then_some(owner.user.password_hash.is_some()),
        totp: factor.map(|f| totp_row(people, visit, &f)),
        totp_offered: people.config.sign_in.totp != Totp::Off && owner.user.password_hash.is_some(),
        identities: identity_rows(people, visit, &identities),
        connect: connect_links(people, visit, &identities),
        sessions: sessions.iter().map(|s| session_row(people, visit, owner, s)).collect(),
        end_others: people.form(visit, "/account/end-others"),
        sign_out: people.form(visit, "/account/sign-out"),
    };
    people.show(visit, StatusCode::OK, &view)
}

/// What has just been done. The address names a sentence of the catalogue; it cannot bring its own.
fn notice(people: &People, query: &str) -> Option<Notice> {
    let done = query.strip_prefix("done=")?;
    if let Some(fault) = ProviderFault::ALL.into_iter().find(|f| f.word() == done) {
        let title = people.providers.only_title();
        let sentence = fault.text().with("provider", title).to_string();
        return Some(Notice { meaning: Meaning::Refused, sentence });
    }
    done_notice(done)
}

fn done_notice(done: &str) -> Option<Notice> {
    let (meaning, text): (Meaning, Text) = match done {
        "added" => (Meaning::Permitted, ENGLISH.passkey_added),
        "removed" => (Meaning::Permitted, ENGLISH.passkey_removed),
        "others" => (Meaning::Permitted, ENGLISH.sessions_ended),
        "password" => (Meaning::Permitted, ENGLISH.new_password_done),
        "totp-removed" => (Meaning::Permitted, ENGLISH.totp_removed),
        "totp-required" => (Meaning::Attention, ENGLISH.totp_required),
        "connected" => (Meaning::Permitted, ENGLISH.identity_connected),
        "disconnected" => (Meaning::Permitted, ENGLISH.identity_disconnected),
        "ended" => (Meaning::Permitted, ENGLISH.session_ended),
        "refused" => (Meaning::Refused, ENGLISH.passkey_refused),
        "last" => (Meaning::Attention, ENGLISH.passkey_last),
        _ => return None,
    };
    Some(Notice { meaning, sentence: text.to_string() })
}

fn passkey_row(people: &People, visit: &Visit, passkey: &Passkey) -> PasskeyRow {
    let when = |t: Timestamp| When::at(t.seconds(), people.now().seconds(), &ENGLISH);
    let id = URL_SAFE_NO_PAD.encode(&passkey.id);
    PasskeyRow {
        label: Shown::name(&passkey.label),
        added: when(passkey.created_at),
        last_used: passkey.last_used_at.map(when),
        remove: people.form(visit, &format!("/account/passkeys/{id}/remove")),
    }
}

fn session_row(people: &People, visit: &Visit, owner: &SignedIn, session: &Session) -> SessionRow {
    SessionRow {
        browser: Shown::name(&browser(&session.user_agent)),
        address: session.address.clone(),
        way: way(people, session),
        since: When::at(session.created_at.seconds(), people.now().seconds(), &ENGLISH),
        last_used: When::at(session.last_used_at.seconds(), people.now().seconds(), &ENGLISH),
        this: session.hash == owner.session.hash,
        end: people.form(visit, &format!("/account/sessions/{}/end", session.hash)),
    }
}

fn totp_row(people: &People, visit: &Visit, factor: &SecondFactor) -> TotpRow {
    let when = |t: Timestamp| When::at(t.seconds(), people.now().seconds(), &ENGLISH);
    TotpRow {
        added: when(factor.created_at),
        last_used: factor.last_used_at.map(when),
        codes_left: factor.codes_left,
        codes: people.form(visit, "/account/totp/codes"),
        remove: people.form(visit, "/account/totp/remove"),
    }
}

/// How somebody signed in, in words.
fn way(people: &People, session: &Session) -> String {
    match (session.way.as_str(), &session.provider) {
        ("password", _) => ENGLISH.way_password.to_string(),
        ("code", _) => ENGLISH.way_code.to_string(),
        ("recovery", _) => ENGLISH.way_recovery.to_string(),
        ("link", _) => ENGLISH.way_link.to_string(),
        ("dev", _) => ENGLISH.way_dev.to_string(),
        ("provider", Some(name)) => {
            let provider = people.providers.find(name);
            let title = provider.as_ref().map_or(name.as_str(), |p| p.config.title());
            ENGLISH.way_provider.with("provider", Shown::name(title)).to_string()
        }
        _ => ENGLISH.way_passkey.to_string(),
    }
}

/// A browser's account of itself in words. It is shown and decides nothing.
fn browser(agent: &str) -> String {
    let pick =
        |names: &[(&str, &'static str)]| names.iter().find(|(n, _)| agent.contains(n)).map(|(_, s)| *s);
    let browser =
        pick(&[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = pick(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => ENGLISH.browser_unknown.to_string(),
    }
}

/// `POST /account/passkeys`.
pub(super) async fn add_passkey(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = add(&people, &posted).await;
    people.answer(&posted.visit, result)
}

async fn add(people: &People, posted: &Posted) -> Result<Response, PageFault> {
    let (owner, fields) = (poster(posted)?, &posted.fields);
    let enrolled = people.enrolled(&posted.visit, fields.one("state"), fields.one("credential"))?;
    let Some((id, data)) = enrolled else { return Ok(done(people, "refused")) };
    let label = Shown::name(fields.one("label"));
    let row = Passkey {
        id,
        user: owner.user.id.clone(),
        label: if label.is_empty() { browser(&posted.visit.agent) } else { label.as_str().to_owned() },
        data,
        created_at: people.now(),
        last_used_at: None,
    };
    let event = event(people, &posted.visit, &owner, "passkey:add");
    let added = people
        .store
        .transact(move |tx| {
            let added = tx.insert_passkey(&row)?;
            if added {
                crate::signals::credential_changed(tx, &row.user, "fido2-roaming:create", event.at)?;
                tx.record(event.clone());
            }
            Ok::<_, StoreError>(added)
        })
        .await?;
    Ok(done(people, if added { "added" } else { "refused" }))
}

pub(super) fn done(people: &People, what: &str) -> Response {
    see_other(&people.path(&format!("/account/security?done={what}")))
}

fn event(people: &People, visit: &Visit, owner: &SignedIn, action: &str) -> prokura_ledger::Event {
    let mut event = visit.event(EventKind::SignIn, action, Outcome::Permit, people.now());
    event.subject = Some(Principal::User(owner.user.id.clone()));
    event
}

/// `POST /account/passkeys/{id}/remove`.
pub(super) async fn remove_passkey(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = remove(&people, &posted, &id).await;
    people.answer(&posted.visit, result)
}

async fn remove(people: &People, posted: &Posted, id: &str) -> Result<Response, PageFault> {
    let owner = poster(posted)?;
    let id = URL_SAFE_NO_PAD.decode(id).map_err(|_| PageFault::Missing)?;
    let event = event(people, &posted.visit, &owner, "passkey:remove");
    let by_password = people.config.sign_in.password && owner.user.password_hash.is_some();
    let user = owner.user.id;
    let removed = people
        .store
        .transact(move |tx| {
            let others = tx.passkeys_of(&user)?.len() + tx.identities_of(&user)?.len();
            if !by_password && others < 2 {
                return Ok(None);
            }
            let removed = tx.delete_passkey(&user, &id)?;
            if removed {
                crate::signals::credential_changed(tx, &user, "fido2-roaming:delete", event.at)?;
                tx.record(event.clone());
            }
            Ok::<_, StoreError>(Some(removed))
        })
        .await?;
    match removed {
        None => Ok(done(people, "last")),
        Some(true) => Ok(done(people, "removed")),
        Some(false) => Err(PageFault::Missing),
    }
}

/// `POST /account/end-others`.
pub(super) async fn end_others(State(people): State<Arc<People>>, posted: Posted) -> Response {
    let result = async {
        let owner = poster(&posted)?;
        let event = event(&people, &posted.visit, &owner, "session:end_others");
        people
            .store
            .transact(move |tx| {
                tx.record(event.clone());
                let by = (owner.user.id.as_str(), "the user signed out everywhere else");
                crate::signals::signed_out(tx, &owner.user.id, by, event.at)?;
                tx.end_other_sessions(&owner.user.id, &owner.session.hash)
            })
            .await
            .map_err(|e: StoreError| PageFault::from(e))?;
        Ok(done(&people, "others"))
    };
    let result = result.await;
    people.answer(&posted.visit, result)
}

/// `POST /account/sessions/{id}/end`.
pub(super) async fn end_session(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = end(&people, &posted, &id).await;
    people.answer(&posted.visit, result)
}

async fn end(people: &People, posted: &Posted, id: &str) -> Result<Response, PageFault> {
    let owner = poster(posted)?;
    let hash = SecretHash::from_hex(id).ok_or(PageFault::Missing)?;
    let event = event(people, &posted.visit, &owner, "session:end");
    let user = owner.user.id;
    let ended = people
        .store
        .transact(move |tx| {
            let ended = tx.end_session(&user, &hash)?;
            if ended {
                tx.record(event.clone());
            }
            Ok::<_, StoreError>(ended)
        })
        .await?;
    if ended { Ok(done(people, "ended")) } else { Err(PageFault::Missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_in_words() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome, Linux");
        assert_eq!(browser("<script>"), "A browser");
    }

    #[test]
    fn an_address_brings_no_sentence_of_its_own() {
        assert!(done_notice("You+won").is_none());
        assert!(done_notice("added").is_some());
    }
}
