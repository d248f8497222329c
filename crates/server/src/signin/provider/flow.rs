//! The way there: a state that belongs to this browser and to one provider, and the address that the browser is sent to.

use super::{Provider, ProviderFault};
use crate::people::{PageFault, People, SignedIn, Visit, see_other};
use crate::signin::goal::Goal;
use crate::signin::pages::refused_at;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use prokura_core::{Timestamp, random_id};
use prokura_oauth::json::{self, Limits, Value, obj};
use prokura_oauth::pkce::CodeVerifier;
use prokura_oauth::redirect::with_query;
use prokura_store::SecretHash;
use prokura_ui::{ProviderLink, Shown};
use std::sync::Arc;
use std::time::Duration;

/// How long somebody may take at the provider.
pub(super) const LIFE: Duration = Duration::from_secs(10 * 60);
/// What a state is marked for.
const PURPOSE: &str = "upstream sign-in";

/// What a sign-in is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum For {
    /// Signing in.
    SignIn(Goal),
    /// Connecting the provider's account to the user of this session.
    Connect(SecretHash),
}

/// A sign-in under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) provider: String,
    pub(super) purpose: For,
    pub(super) began: Timestamp,
    /// How old, in seconds, the provider's own sign-in may be, if that matters.
    pub(super) max_age: Option<u64>,
}

impl Flow {
    fn to_vec(&self, unique: &str) -> Vec<u8> {
        let mut o = obj([
            ("p", self.provider.as_str().into()),
            ("b", self.began.micros().into()),
            ("r", unique.into()),
        ]);
        match &self.purpose {
            For::SignIn(goal) => o.insert("g", goal.query().into()),
            For::Connect(session) => o.insert("s", session.to_string().into()),
        }
        if let Some(age) = self.max_age {
            o.insert("a", age.into());
        }
        o.to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let o = json::parse(bytes, &Limits::DOCUMENT).ok()?.into_object()?;
        let purpose = match (o.str("g"), o.str("s")) {
            (Some(goal), None) => For::SignIn(Goal::parse(Some(goal)).ok()?),
            (None, Some(session)) => For::Connect(SecretHash::from_hex(session)?),
            _ => return None,
        };
        Some(Self {
            provider: o.str("p")?.to_owned(),
            purpose,
            began: Timestamp::from_micros(o.get("b")?.as_i64()?),
            max_age: o.get("a").and_then(Value::as_u64),
        })
    }
}

/// What is derived from a state: only this server can, so nothing has to be kept.
pub(super) struct Derived {
    pub(super) nonce: String,
    pub(super) verifier: CodeVerifier,
}

impl People {
    /// The secrets of a state. The verifier never goes through the browser; the nonce does.
    pub(super) fn derived(&self, state: &str) -> Result<Derived, PageFault> {
        let verifier = CodeVerifier::parse(self.seal.mark(&["upstream verifier", state]));
        let verifier = verifier.map_err(|e| PageFault::Ours(e.into()))?;
        Ok(Derived { nonce: self.seal.mark(&["upstream nonce", state]), verifier })
    }

    /// The flow of a state that came back, if it left from this browser and is not too old.
    pub(super) fn flow_of(&self, visit: &Visit, state: &str) -> Option<Flow> {
        let bytes = self.seal.unwrap(PURPOSE, &visit.browser, state, self.now()).filter(|_| !visit.is_new)?;
        Flow::read(&bytes)
    }

    /// Where the provider sends browsers back to: an address of its own for each (RFC 9700 §4.4.2).
    pub(super) fn redirect_uri(&self, provider: &Provider) -> String {
        format!("{}/signin/from/{}", self.issuer(), provider.config.name)
    }

    /// The address of a provider's sign-in.
    pub(super) async fn way_there(
        &self,
        visit: &Visit,
        provider: &Provider,
        flow: &Flow,
    ) -> Result<String, ProviderFault> {
        let metadata = self.providers.inner()?.documents.of(provider).await?;
        let payload = flow.to_vec(&random_id("u_", &*self.rng));
        let state = self.seal.wrap(PURPOSE, &visit.browser, &payload, self.now().after(LIFE));
        let derived = self.derived(&state).map_err(|_| ProviderFault::Unreachable)?;
        let (config, redirect) = (&provider.config, self.redirect_uri(provider));
        let challenge = derived.verifier.challenge();
        let (scope, age) = (scope(&config.scopes), flow.max_age.map(|a| a.to_string()));
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", config.client_id.as_str()),
            ("redirect_uri", redirect.as_str()),
            ("scope", scope.as_str()),
            ("state", state.as_str()),
            ("nonce", derived.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", prokura_oauth::pkce::METHOD),
        ];
        // With `max_age` the provider must say when the person last signed in there (Core §3.1.2.1).
        if let Some(age) = &age {
            query.push(("max_age", age));
        }
        if flow.max_age == Some(0) {
            query.push(("prompt", "login"));
        }
        if let [domain] = config.allowed_domains.as_slice()
            && config.preset == prokura_config::Preset::Google
        {
            query.push(("hd", domain));
        }
        Ok(with_query(&metadata.authorization_endpoint, &query))
    }

    /// The mark of a link that begins a sign-in elsewhere, so that no other page can begin one.
    pub(super) fn link_mark(&self, visit: &Visit, path: &str, session: Option<&SignedIn>) -> String {
        self.seal.mark(&["link", &visit.browser, session.map_or("", |s| s.secret.as_str()), path])
    }

    pub(super) fn is_link_marked(
        &self,
        visit: &Visit,
        path: &str,
        session: Option<&SignedIn>,
        mark: &str,
    ) -> bool {
        let session = session.map_or("", |s| s.secret.as_str());
        !visit.is_new && self.seal.is_marked(&["link", &visit.browser, session, path], mark)
    }
}

fn scope(scopes: &[String]) -> String {
    let mut all = vec!["openid"];
    all.extend(scopes.iter().map(String::as_str).filter(|s| *s != "openid"));
    all.join(" ")
}

/// The path that begins a sign-in at a provider.
fn path(provider: &Provider, goal: &Goal) -> String {
    goal.at(&format!("/signin/with/{}", provider.config.name))
}

/// The buttons of the sign-in page. They are links, for browsers hold what a form leads to to the page's policy, and
/// where a provider leads is its own affair.
pub(crate) fn links(people: &People, visit: &Visit, goal: &Goal) -> Vec<ProviderLink> {
    let link = |provider: &Arc<Provider>| {
        let path = path(provider, goal);
        let mark = people.link_mark(visit, &path, None);
        let joint = if *goal == Goal::Account { '?' } else { '&' };
        ProviderLink {
            title: Shown::name(provider.config.title()),
            href: people.path(&format!("{path}{joint}m={mark}")),
        }
    };
    people.providers.all().map(link).collect()
}

/// `GET /signin/with/{name}`. A link that did not come from our page leads to the page that has one.
pub(crate) async fn go(
    State(people): State<Arc<People>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    visit: Visit,
) -> Response {
    let result = begin(&people, &visit, &name, query.as_deref().unwrap_or_default()).await;
    people.answer(&visit, result)
}

async fn begin(people: &People, visit: &Visit, name: &str, query: &str) -> Result<Response, PageFault> {
    let provider = people.providers.find(name).ok_or(PageFault::Missing)?;
    let (rest, mark) = query.rsplit_once("m=").ok_or(PageFault::Missing)?;
    let goal = Goal::parse(Some(rest.trim_end_matches('&')))?;
    if !people.is_link_marked(visit, &path(&provider, &goal), None, mark) {
        return Ok(see_other(&people.path(&goal.at("/signin"))));
    }
    let max_age = goal.max_age(people, visit).await?;
    let flow =
        Flow { provider: name.to_owned(), purpose: For::SignIn(goal.clone()), began: people.now(), max_age };
    match people.way_there(visit, &provider, &flow).await {
        Ok(to) => Ok(see_other(&to)),
        Err(fault) => refused_at(people, visit, &provider, &goal, fault).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_comes_back_as_it_left() {
        for purpose in [
            For::SignIn(Goal::Account),
            For::SignIn(Goal::Interaction(prokura_core::InteractionId::parse("i_1").unwrap())),
            For::Connect(SecretHash::of("s")),
        ] {
            for max_age in [None, Some(0)] {
                let began = Timestamp::from_seconds(7);
                let flow = Flow { provider: "corp".into(), purpose: purpose.clone(), began, max_age };
                assert_eq!(Flow::read(&flow.to_vec("u_1")), Some(flow));
            }
        }
    }

    #[test]
    fn openid_is_always_asked_for_and_once() {
        assert_eq!(scope(&["email".into(), "openid".into()]), "openid email");
        assert_eq!(scope(&[]), "openid");
    }
}
