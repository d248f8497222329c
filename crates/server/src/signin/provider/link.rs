//! Connecting and disconnecting accounts at providers, by who is signed in here.

use super::admit::{identity, linked_event};
use super::back::Arrived;
use super::flow::{Flow, For};
use super::{Provider, ProviderFault};
use crate::account::{poster, sign_in_first};
use crate::consent;
use crate::people::{PageFault, People, Posted, Visit, see_other};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use prokura_core::{Principal, Timestamp};
use prokura_decider::relations;
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{Identity, SecretHash, StoreError};
use prokura_ui::{ENGLISH, IdentityRow, ProviderLink, Shown, When};
use std::sync::Arc;

fn path(provider: &Provider) -> String {
    format!("/account/identities/{}/connect", provider.config.name)
}

/// The links that connect an account at a provider where the user has none yet.
pub(crate) fn connect_links(people: &People, visit: &Visit, known: &[Identity]) -> Vec<ProviderLink> {
    let is_new = |p: &&Arc<Provider>| !known.iter().any(|i| i.issuer == p.config.issuer());
    let link = |provider: &Arc<Provider>| {
        let path = path(provider);
        let mark = people.link_mark(visit, &path, visit.signed_in.as_ref());
        ProviderLink {
            title: Shown::name(provider.config.title()),
            href: people.path(&format!("{path}?m={mark}")),
        }
    };
    people.providers.all().filter(is_new).map(link).collect()
}

/// The user's accounts at providers.
pub(crate) fn identity_rows(people: &People, visit: &Visit, known: &[Identity]) -> Vec<IdentityRow> {
    let when = |t: Timestamp| When::at(t.seconds(), people.now().seconds(), &ENGLISH);
    let row = |identity: &Identity| {
        let id = Identity::id(&identity.issuer, &identity.subject);
        let provider = people.providers.all().find(|p| p.config.issuer() == identity.issuer);
        IdentityRow {
            provider: Shown::name(provider.map_or(&identity.provider, |p| p.config.title())),
            label: Shown::name(&identity.label),
            added: when(identity.created_at),
            last_used: identity.last_used_at.map(when),
            remove: people.form(visit, &format!("/account/identities/{id}/remove")),
        }
    };
    known.iter().map(row).collect()
}

/// `GET /account/identities/{name}/connect`.
pub(crate) async fn connect(
    State(people): State<Arc<People>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let result = begin(&people, &visit, &name, query.as_deref().unwrap_or_default()).await;
    people.answer(&visit, result)
}

async fn begin(people: &People, visit: &Visit, name: &str, query: &str) -> Result<Response, PageFault> {
    let Some(owner) = visit.signed_in.clone() else { return Ok(sign_in_first(people)) };
    let provider = people.providers.find(name).ok_or(PageFault::Missing)?;
    let mark = query.strip_prefix("m=").ok_or(PageFault::Missing)?;
    if !people.is_link_marked(visit, &path(&provider), Some(&owner), mark) {
        return Err(PageFault::Crossed);
    }
    if !people.is_fresh(&owner) {
        return Ok(people.again());
    }
    let purpose = For::Connect(owner.session.hash);
    let flow = Flow { provider: name.to_owned(), purpose, began: people.now(), max_age: None };
    match people.way_there(visit, &provider, &flow).await {
        Ok(to) => Ok(see_other(&to)),
        Err(fault) => people.not_connected(visit, &provider, fault).await,
    }
}

impl People {
    /// Connects what came back to the user of the session that began it, if that session is still this browser's.
    pub(super) async fn connected(
        &self,
        visit: &Visit,
        provider: &Arc<Provider>,
        session: &SecretHash,
        arrived: &Arrived,
    ) -> Result<Result<Response, ProviderFault>, PageFault> {
        let owner = visit.signed_in.clone().filter(|s| s.session.hash == *session);
        let owner = owner.ok_or(PageFault::Elsewhere)?;
        let row = identity(provider, &arrived.person, &owner.user.id, self.now());
        let event = visit.event(EventKind::SignIn, "identity:link", Outcome::Permit, self.now());
        let event = linked_event(&event, provider, &owner.user.id);
        let linked = self
            .store
            .transact(move |tx| {
                if tx.insert_identity(&row)? {
                    tx.record(event.clone());
                    return Ok(true);
                }
                let known = tx.identity(&row.issuer, &row.subject)?;
                Ok::<_, StoreError>(known.is_some_and(|k| k.user == row.user))
            })
            .await?;
        let to = self.path("/account/security?done=connected");
        Ok(if linked { Ok(see_other(&to)) } else { Err(ProviderFault::Taken) })
    }

    /// Back to the account page, which says why nothing was connected.
    pub(super) async fn not_connected(
        &self,
        visit: &Visit,
        provider: &Provider,
        fault: ProviderFault,
    ) -> Result<Response, PageFault> {
        let event = visit.event(EventKind::SignIn, "identity:link", Outcome::Deny, self.now());
        self.refusals.put_event(refused(event, visit, provider, fault)).await;
        Ok(see_other(&self.path(&format!("/account/security?done={}", fault.word()))))
    }
}

fn refused(event: Event, visit: &Visit, provider: &Provider, fault: ProviderFault) -> Event {
    let mut event = event.because(fault.word());
    event.subject = visit.signed_in.as_ref().map(|s| Principal::User(s.user.id.clone()));
    event.details.insert("provider", provider.config.name.as_str().into());
    event
}

/// `POST /account/identities/{id}/remove`.
pub(crate) async fn disconnect(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let result = remove(&people, &posted, &id).await;
    people.answer(&posted.visit, result)
}

async fn remove(people: &People, posted: &Posted, id: &str) -> Result<Response, PageFault> {
    let owner = poster(posted)?;
    let id = SecretHash::from_hex(id).ok_or(PageFault::Missing)?;
    let mut event = posted.visit.event(EventKind::SignIn, "identity:unlink", Outcome::Permit, people.now());
    event.subject = Some(Principal::User(owner.user.id.clone()));
    let password = people.config.sign_in.password && owner.user.password_hash.is_some();
    let user = owner.user.id;
    let (config, now, trace) = (Arc::clone(&people.config), people.now(), posted.visit.trace.clone());
    let removed = people
        .store
        .transact(move |tx| {
            let others = tx.passkeys_of(&user)?.len() + tx.identities_of(&user)?.len();
            if !password && others < 2 {
                return Ok(None);
            }
            let known = tx.identities_of(&user)?;
            let provider = known.into_iter().find(|i| Identity::id(&i.issuer, &i.subject) == id);
            let removed = tx.delete_identity(&user, &id)?;
            if let Some(identity) = provider.filter(|_| removed) {
                tx.record(event.clone());
                // What that account vouched for is vouched for no more.
                let event = Event { action: "relation:groups".to_owned(), ..event.clone() };
                relations::groups(tx, (&identity.provider, user.as_str()), &[], now, &event)?;
                consent::review(tx, &config, (Some(&user), None), now, &trace)?;
            }
            Ok::<_, StoreError>(Some(removed))
        })
        .await?;
    let done = match removed {
        None => "last",
        Some(true) => "disconnected",
        Some(false) => return Err(PageFault::Missing),
    };
    Ok(see_other(&people.path(&format!("/account/security?done={done}"))))
}
