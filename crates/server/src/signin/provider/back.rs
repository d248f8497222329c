//! The way back: the answer of a provider, which counts once, in the browser that left, from the provider it went to.

use super::flow::{Flow, For, LIFE};
use super::policy::Person;
use super::{Provider, ProviderFault};
use crate::people::{PageFault, People, Visit};
use crate::signin::pages::refused_at;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use prokura_core::Timestamp;
use prokura_oauth::form::Form;
use prokura_store::{ArtifactKind, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// How far the provider's clock may differ.
const LEEWAY: Duration = Duration::from_secs(30);

/// A person whom a provider vouches for, and when they proved it.
pub(super) struct Arrived {
    pub(super) person: Person,
    pub(super) auth_at: Timestamp,
}

/// `GET /signin/from/{name}`.
pub(crate) async fn come_back(
    State(people): State<Arc<People>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let result = answer(&people, &visit, &name, query.as_deref().unwrap_or_default()).await;
    people.answer(&visit, result)
}

async fn answer(people: &People, visit: &Visit, name: &str, query: &str) -> Result<Response, PageFault> {
    let provider = people.providers.find(name).ok_or(PageFault::Missing)?;
    let form = Form::parse(query.as_bytes()).map_err(|_| PageFault::Missing)?;
    let state = form.value("state").ok_or(PageFault::Missing)?.to_owned();
    let flow = people.flow_of(visit, &state).ok_or(PageFault::Elsewhere)?;
    if !people.claim_state(&state).await? {
        return Err(PageFault::Expired);
    }
    let arrived = match people.arrived(&provider, &flow, &form, &state).await {
        Ok(arrived) => arrived,
        Err(fault) => return people.turned_away(visit, &provider, &flow, fault).await,
    };
    let done = match &flow.purpose {
        For::SignIn(goal) => people.admit(visit, &provider, goal, &arrived).await?,
        For::Connect(session) => people.connected(visit, &provider, session, &arrived).await?,
    };
    match done {
        Ok(response) => Ok(response),
        Err(fault) => people.turned_away(visit, &provider, &flow, fault).await,
    }
}

impl People {
    /// Spends a state, before anything is asked for it.
    async fn claim_state(&self, state: &str) -> Result<bool, StoreError> {
        let (state, now) = (state.to_owned(), self.now());
        let until = now.after(LIFE).after(LEEWAY);
        self.store.transact(move |tx| tx.claim(ArtifactKind::UpstreamState, &state, now, until)).await
    }

    async fn arrived(
        &self,
        provider: &Arc<Provider>,
        flow: &Flow,
        form: &Form,
        state: &str,
    ) -> Result<Arrived, ProviderFault> {
        if flow.provider != provider.config.name {
            return Err(ProviderFault::Mixed);
        }
        self.check_issuer(provider, form).await?;
        if form.has("error") {
            return Err(ProviderFault::Denied);
        }
        let code = form.value("code").ok_or(ProviderFault::Denied)?;
        let derived = self.derived(state).map_err(|_| ProviderFault::Token)?;
        let vouched = self.exchange(provider, code, &derived).await?;
        let person = provider.weigh(&vouched)?;
        let auth_at = proved_at(vouched.auth_time(self.now()), flow, self.now())?;
        Ok(Arrived { person, auth_at })
    }

    /// RFC 9207 §2.4: `iss` is the provider's, to the byte, in errors too; and it is there if the provider says that
    /// it always is.
    async fn check_issuer(&self, provider: &Provider, form: &Form) -> Result<(), ProviderFault> {
        let metadata = self.providers.inner()?.documents.of(provider).await?;
        match form.value("iss") {
            Some(iss) if iss == provider.config.issuer() => Ok(()),
            None if !metadata.names_itself => Ok(()),
            _ => Err(ProviderFault::Mixed),
        }
    }

    /// On record, and said where the person came from.
    async fn turned_away(
        &self,
        visit: &Visit,
        provider: &Arc<Provider>,
        flow: &Flow,
        fault: ProviderFault,
    ) -> Result<Response, PageFault> {
        match &flow.purpose {
            For::SignIn(goal) => refused_at(self, visit, provider, goal, fault).await,
            For::Connect(_) => self.not_connected(visit, provider, fault).await,
        }
    }
}

/// When the person proved who they are: what the provider says; if it says nothing, now. Where it matters how long ago
/// that was, saying nothing does not do.
fn proved_at(said: Option<Timestamp>, flow: &Flow, now: Timestamp) -> Result<Timestamp, ProviderFault> {
    let Some(most) = flow.max_age else { return Ok(said.unwrap_or(now)) };
    let said = said.ok_or(ProviderFault::Stale)?;
    if said.after(LEEWAY).after(Duration::from_secs(most)) < flow.began {
        return Err(ProviderFault::Stale);
    }
    // Asked again just now: clocks that differ by seconds must not lead to asking without end.
    Ok(if most == 0 { now } else { said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_did_not_ask_again_is_not_believed_to_have() {
        let at = Timestamp::from_seconds;
        let flow = |max_age| Flow {
            provider: "corp".into(),
            purpose: For::SignIn(crate::signin::goal::Goal::Account),
            began: at(1000),
            max_age,
        };
        let proved = |said: Option<i64>, max_age| proved_at(said.map(at), &flow(max_age), at(1005));
        assert_eq!(proved(None, None), Ok(at(1005)));
        assert_eq!(proved(Some(7), None), Ok(at(7)));
        assert_eq!(proved(None, Some(60)), Err(ProviderFault::Stale));
        assert_eq!(proved(Some(900), Some(60)), Err(ProviderFault::Stale));
        assert_eq!(proved(Some(950), Some(60)), Ok(at(950)));
        assert_eq!(proved(Some(969), Some(0)), Err(ProviderFault::Stale));
        assert_eq!(proved(Some(1001), Some(0)), Ok(at(1005)));
    }
}
