//! The walk down the table.

use super::{Endpoint, Step, TABLE, signed};
use crate::authenticate;
use crate::ciba::{CibaFault, Wanted, of_approval, wanted};
use crate::clients::Client;
use crate::consent::{ConsentFault, likeness_of};
use crate::fault::Fault;
use crate::grants::{CHALLENGE, KEY, NONCE};
use crate::interaction::{Asked, Prompt};
use crate::named::{self, Management};
use crate::places::Place;
use crate::possession::{At, Possession};
use crate::record::About;
use crate::server::AppState;
use http::request::Parts;
use prokura_core::{Acr, AgentId, Budget, ClientId, Details, ScopeSet, TraceId, random_id};
use prokura_oauth::authentication::requested_acr;
use prokura_oauth::authorize::{self, ParameterError, Prompts};
use prokura_oauth::client_metadata::{AuthMethod, GrantType};
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::form::Form;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_oauth::pkce::CodeChallenge;
use prokura_oauth::rich::{Bounded, RichError};
use prokura_oauth::token_request::DETAILS;
use prokura_store::{ArtifactKind, Consumed, StoreError, Tx};
use prokura_ui::Standing;
use std::sync::Arc;
use std::time::Duration;

/// How long a pushed request waits for the browser.
const PUSHED_LIFE: Duration = Duration::from_secs(90);
/// What is kept of a pushed request: parameters of the request, never credentials.
const PUSHABLE: [&str; 19] = [
    "acr_values",
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    KEY,
    "resource",
    "scope",
    "authorization_details",
    "grant_management_action",
    "grant_id",
    "requested_actor",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
];

/// How a walk ended.
pub(crate) enum Stop {
    /// The request was kept; its reference.
    Pushed(String),
    /// The user is asked.
    Ask(Box<Asked>),
    /// A device waits for its user to be asked.
    Wait(Box<Asked>),
    /// A client asks a user who is elsewhere, or about an approval.
    Call(Box<Call>),
}

/// What a client asks of a user who is elsewhere.
pub(crate) struct Call {
    pub(crate) client: Arc<Client>,
    /// The question; none if it is about an approval.
    pub(crate) asked: Option<Asked>,
    pub(crate) wanted: Wanted,
}

/// A request on its way down the table. What a step found out is there for those below it.
pub(crate) struct Walk<'a> {
    app: &'a AppState,
    parts: &'a Parts,
    endpoint: Endpoint,
    trace: TraceId,
    form: Form,
    /// Whether the parameters were pushed before.
    pushed: bool,
    client: Option<Arc<Client>>,
    redirect: Option<String>,
    challenge: Option<CodeChallenge>,
    key: Option<Thumbprint>,
    possession: Possession,
    place: Option<Arc<Place>>,
    scope: ScopeSet,
    details: Details,
    budget: Option<Budget>,
    management: Option<Management>,
    through: Vec<AgentId>,
    prompts: Prompts,
    max_age: Option<u64>,
    acr: Option<Acr>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        app: &'a AppState,
        parts: &'a Parts,
        endpoint: Endpoint,
        trace: &TraceId,
        form: Form,
    ) -> Self {
        Self {
            app,
            parts,
            endpoint,
            trace: trace.clone(),
            form,
            pushed: false,
            client: None,
            redirect: None,
            challenge: None,
            key: None,
            possession: Possession::default(),
            place: None,
            scope: ScopeSet::default(),
            details: Details::default(),
            budget: None,
            management: None,
            through: Vec::new(),
            prompts: Prompts::default(),
            max_age: None,
            acr: None,
        }
    }

    /// Walks down the table.
    pub(crate) async fn walk(&mut self, about: &mut About) -> Result<Stop, Fault> {
        let endpoint = self.endpoint;
        for row in TABLE.iter().filter(|row| row.is_taken_by(endpoint)) {
            if let Some(stop) = self.step(row.step, about).await? {
                return Ok(stop);
            }
        }
        Err(Fault::Broken("the table of steps has no end".to_owned()))
    }

    async fn step(&mut self, step: Step, about: &mut About) -> Result<Option<Stop>, Fault> {
        match step {
            Step::Pushed => self.pushed().await?,
            Step::Client => self.find_client(about).await?,
            Step::Authenticate => {
                let at = (self.endpoint == Endpoint::Par).then_some(At::Par);
                let found = authenticate::client(self.app, self.parts, &self.form, at, about).await?;
                self.client = Some(found.client);
            }
            Step::Signed => self.signed().await?,
            Step::Device => self.check_device()?,
            Step::Elsewhere => return self.check_elsewhere().await,
            Step::Redirect => self.check_redirect()?,
            Step::Response => self.check_response()?,
            Step::Pkce => self.check_pkce()?,
            Step::Key => self.check_key()?,
            Step::Resource => {
                let place = self.place_asked()?;
                about.resource = Some(place.uri.clone());
                self.place = Some(place);
            }
            Step::Scope => self.check_scope()?,
            Step::Details => self.check_details()?,
            Step::Management => self.check_management().await?,
            Step::Actors => self.check_actors().await?,
            Step::Conversation => self.check_conversation()?,
            Step::Call => return self.call().await.map(Some),
            Step::Push => return self.push().await.map(Some),
            Step::Interaction => return self.ask().map(Some),
            Step::Wait => {
                let asked = self.asked(String::new(), None, Prompt::Consent, Object::default())?;
                return Ok(Some(Stop::Wait(Box::new(asked))));
            }
        }
        Ok(None)
    }

    /// Where an error may be sent, once that is known to be the client's own address. A client that only says who it
    /// is itself could use this server to lead people anywhere, so its errors stay here unless they go to the
    /// reader's own machine (RFC 9700 §4.11.2, attack A8).
    pub(crate) fn error_redirect(&self) -> Option<(&str, Option<&str>)> {
        let redirect = self.redirect.as_deref()?;
        let client = self.client.as_ref()?;
        let trusted = client.standing() != Standing::Unverified || redirect.starts_with("http://");
        trusted.then(|| (redirect, authorize::state(&self.form).ok().flatten()))
    }

    /// A pushed request is spent only by the client that pushed it (RFC 9126 §4).
    async fn pushed(&mut self) -> Result<(), Fault> {
        let Some(uri) = self.form.value("request_uri") else { return Ok(()) };
        if self.form.has("request") {
            // They exclude each other (RFC 9101 §5), and which of them was meant is not guessed.
            return Err(Fault::Parameter(ParameterError::Value("request")));
        }
        let reference = authorize::pushed_reference(uri).ok_or(Fault::RequestUri)?.to_owned();
        let client = self.form.value("client_id").ok_or(ParameterError::Missing("client_id"))?.to_owned();
        let now = self.app.clock.now();
        let taken = self
            .app
            .store
            .transact(move |tx| {
                let found = tx.artifact(ArtifactKind::Par, &reference)?;
                let Some(form) = found.and_then(|a| read_pushed(&a.payload)) else { return Ok(None) };
                if form.value("client_id") != Some(&client) {
                    return Ok(None);
                }
                let spent = tx.consume(ArtifactKind::Par, &reference, now)?;
                Ok::<_, StoreError>(matches!(spent, Consumed::Won(_)).then_some(form))
            })
            .await?;
        self.form = taken.ok_or(Fault::RequestUri)?;
        self.pushed = true;
        Ok(())
    }

    async fn find_client(&mut self, about: &mut About) -> Result<(), Fault> {
        let id = self.form.value("client_id").ok_or(ParameterError::Missing("client_id"))?;
        let id = ClientId::parse(id).map_err(|_| Fault::UnknownClient)?;
        about.client = Some(id.clone());
        self.client = Some(self.app.clients.find(&id).await?);
        Ok(())
    }

    fn client(&self) -> Result<&Arc<Client>, Fault> {
        self.client.as_ref().ok_or_else(|| Fault::Broken("a step came before the client".to_owned()))
    }

    /// Whoever asks about an approval asks for nothing more.
    async fn check_elsewhere(&self) -> Result<Option<Stop>, Fault> {
        let client = self.client()?;
        if client.metadata.auth_method == AuthMethod::None {
            return Err(Fault::Ciba(CibaFault::Public));
        }
        if !client.may_ask_elsewhere(self.app.config.ciba.clients) {
            return Err(Fault::GrantType(GrantType::Ciba));
        }
        let wanted = of_approval(self.app, client, &self.form).await?;
        Ok(wanted
            .map(|wanted| Stop::Call(Box::new(Call { client: Arc::clone(client), asked: None, wanted }))))
    }

    /// Whom the client names is looked for last, when everything else holds.
    async fn call(&mut self) -> Result<Stop, Fault> {
        self.acr = requested_acr(self.form.value("acr_values").unwrap_or_default())?;
        let client = Arc::clone(self.client()?);
        let asked = self.asked(String::new(), None, Prompt::Consent, Object::default())?;
        let wanted = wanted(self.app, &client, &self.form).await?;
        Ok(Stop::Call(Box::new(Call { client, asked: Some(asked), wanted })))
    }

    /// Of a signed request nothing counts but what is in it (RFC 9101 §6.3). What was pushed was signed then.
    async fn signed(&mut self) -> Result<(), Fault> {
        let client = Arc::clone(self.client()?);
        let elsewhere =
            client.metadata.backchannel.as_ref().filter(|_| self.endpoint == Endpoint::Backchannel);
        let (algorithm, needed) = match elsewhere {
            Some(backchannel) => (backchannel.algorithm, backchannel.algorithm.is_some()),
            None => (client.metadata.request_algorithm, false),
        };
        let needed = needed || client.metadata.signs_requests;
        match signed::parameters(self.app, &client, &self.form, algorithm).await? {
            Some(parameters) => self.form = parameters,
            None if needed && !self.pushed => return Err(Fault::RequestObjectNeeded),
            None => {}
        }
        Ok(())
    }

    fn check_device(&self) -> Result<(), Fault> {
        let allowed = self.app.config.device.clients;
        if self.client()?.may_use_devices(allowed) {
            Ok(())
        } else {
            Err(Fault::GrantType(GrantType::DeviceCode))
        }
    }

    fn check_redirect(&mut self) -> Result<(), Fault> {
        let asked = self.form.value("redirect_uri");
        let fault = if asked.is_none() { Fault::RedirectMissing } else { Fault::RedirectUnknown };
        self.redirect = Some(self.client()?.redirect(asked).ok_or(fault)?);
        Ok(())
    }

    fn check_response(&self) -> Result<(), Fault> {
        if !self.client()?.may(GrantType::AuthorizationCode) {
            return Err(Fault::GrantType(GrantType::AuthorizationCode));
        }
        if self.endpoint == Endpoint::Par && self.form.has("request_uri") {
            return Err(Fault::Parameter(ParameterError::Value("request_uri")));
        }
        Ok(authorize::check_response(&self.form)?)
    }

    fn check_pkce(&mut self) -> Result<(), Fault> {
        let (challenge, method) =
            (self.form.value("code_challenge"), self.form.value("code_challenge_method"));
        self.challenge = Some(CodeChallenge::from_request(challenge, method)?);
        Ok(())
    }

    /// The key that the code is bound to. A pushed request names it, or shows it by a proof; not two.
    fn check_key(&mut self) -> Result<(), Fault> {
        self.key = authorize::dpop_key(&self.form)?;
        if self.endpoint == Endpoint::Par {
            self.possession = Possession::shown(self.app, self.parts, At::Par, self.client()?)?;
            let shown = self.possession.key();
            if shown.is_some() && self.key.is_some() && shown != self.key {
                return Err(Fault::ProofOtherKey);
            }
            self.key = self.key.or(shown);
        }
        Ok(())
    }

    fn place(&self) -> Result<&Arc<Place>, Fault> {
        self.place.as_ref().ok_or_else(|| Fault::Broken("a step came before the resource".to_owned()))
    }

    fn check_scope(&mut self) -> Result<(), Fault> {
        let asked = self.form.value("scope").map(ScopeSet::parse).transpose()?;
        self.scope = self.place()?.scopes_of_a_user(asked.as_ref(), self.form.has(DETAILS))?;
        Ok(())
    }

    /// The resource that is named, or the one that all details name.
    fn place_asked(&self) -> Result<Arc<Place>, Fault> {
        let named = self.form.value("resource");
        if self.form.has(DETAILS) {
            let located = self.app.places.located(self.form.value(DETAILS));
            return self.app.places.asked(named.or(located.as_deref()));
        }
        let scope = self.form.value("scope").map(ScopeSet::parse).transpose()?;
        self.app.places.asked_of_a_user(named, scope.as_ref())
    }

    fn check_details(&mut self) -> Result<(), Fault> {
        let text = self.form.value(DETAILS);
        if text.is_some() && !self.client()?.metadata.may_detail() {
            return Err(Fault::DetailType);
        }
        let Bounded { details, budget } = self.place()?.bounded_asked(text, &self.scope)?;
        (self.details, self.budget) = (details, budget);
        Ok(())
    }

    async fn check_management(&mut self) -> Result<(), Fault> {
        let Some(action) = authorize::grant_action(&self.form)? else { return Ok(()) };
        if self.budget.is_some() {
            return Err(RichError::Budget(
                "what is left of it would be lost where a grant is replaced or merged",
            )
            .into());
        }
        let (client, place) = (Arc::clone(self.client()?), Arc::clone(self.place()?));
        let (management, offered) =
            named::checked(self.app, &client, action, &place, (&self.scope, &self.details)).await?;
        self.management = Some(management);
        (self.scope, self.details) = (offered.actions, offered.details);
        Ok(())
    }

    /// The agents that the user is asked about besides. One that nobody knows could be made later by anybody.
    async fn check_actors(&mut self) -> Result<(), Fault> {
        let named = authorize::requested_actors(&self.form)?;
        if named.is_empty() {
            return Ok(());
        }
        let view = self.app.store.revoked();
        let wanted = named.clone();
        let known = move |tx: &mut Tx<'_>| {
            let mut all = true;
            for agent in &wanted {
                all &= tx.agent(agent)?.is_some_and(|a| !a.disabled);
            }
            Ok::<_, StoreError>(all)
        };
        if !self.app.store.read(known).await? || named.iter().any(|a| view.agent_disabled(a)) {
            return Err(Fault::Consent(ConsentFault::Actor));
        }
        self.through = named;
        Ok(())
    }

    fn check_conversation(&mut self) -> Result<(), Fault> {
        authorize::state(&self.form)?;
        authorize::nonce(&self.form)?;
        self.prompts = authorize::prompt(&self.form)?;
        self.max_age = authorize::max_age(&self.form)?;
        self.acr = requested_acr(self.form.value("acr_values").unwrap_or_default())?;
        Ok(())
    }

    async fn push(&self) -> Result<Stop, Fault> {
        let reference = random_id("par_", &*self.app.rng);
        let kept = PUSHABLE.iter().filter_map(|n| Some((*n, Value::from(self.form.value(n)?))));
        let mut kept: Object = kept.collect();
        kept.insert("client_id", self.client()?.id.as_str().into());
        if let Some(key) = self.key {
            kept.insert(KEY, Value::from(key.to_string()));
        }
        let (secret, payload, now) = (reference.clone(), kept.to_vec(), self.app.clock.now());
        let possession = self.possession.clone();
        self.app
            .store
            .transact(move |tx| {
                possession.spend(tx, now)?;
                let until = now.after(PUSHED_LIFE);
                Ok::<_, Fault>(tx.put_artifact(ArtifactKind::Par, &secret, None, &payload, until)?)
            })
            .await?;
        Ok(Stop::Pushed(reference))
    }

    /// What the code has to remember besides what is asked of the user.
    fn remembered(&self, challenge: &CodeChallenge) -> Result<Object, Fault> {
        let mut kept = obj([(CHALLENGE, challenge.as_str().into())]);
        if let Some(key) = self.key {
            kept.insert(KEY, Value::from(key.to_string()));
        }
        if let Some(nonce) = authorize::nonce(&self.form)? {
            kept.insert(NONCE, nonce.into());
        }
        Ok(kept)
    }

    fn ask(&mut self) -> Result<Stop, Fault> {
        let broken = || Fault::Broken("a step is missing from the table".to_owned());
        let challenge = self.challenge.as_ref().ok_or_else(broken)?;
        let redirect = self.redirect.clone().ok_or_else(broken)?;
        let state = authorize::state(&self.form)?.map(str::to_owned);
        let request = self.remembered(challenge)?;
        self.asked(redirect, state, prompt(self.prompts), request).map(|asked| Stop::Ask(Box::new(asked)))
    }

    fn asked(
        &self,
        redirect: String,
        state: Option<String>,
        prompt: Prompt,
        request: Object,
    ) -> Result<Asked, Fault> {
        let client = self.client()?;
        Ok(Asked {
            trace: self.trace.clone(),
            client: client.id.clone(),
            name: client.name().to_owned(),
            standing: client.standing(),
            redirect,
            state,
            resource: self.place()?.uri.clone(),
            scope: self.scope.clone(),
            details: self.details.clone(),
            budget: self.budget.clone(),
            prompt,
            max_age: self.max_age,
            acr: self.acr,
            device: None,
            called: None,
            management: self.management.clone(),
            through: self.through.clone(),
            likeness: likeness_of(client),
            request,
        })
    }
}

impl Stop {
    /// How long a pushed request waits, in seconds.
    pub(crate) const PUSHED_SECONDS: u64 = PUSHED_LIFE.as_secs();
}

fn prompt(prompts: Prompts) -> Prompt {
    match prompts {
        Prompts { none: true, .. } => Prompt::None,
        Prompts { login: true, .. } => Prompt::Login,
        Prompts { consent: true, .. } => Prompt::Consent,
        _ => Prompt::Needed,
    }
}

fn read_pushed(payload: &[u8]) -> Option<Form> {
    let object = json::parse(payload, &Limits::DOCUMENT).ok()?.into_object()?;
    let pairs = object.iter().map(|(name, value)| Some((name.to_owned(), value.as_str()?.to_owned())));
    pairs.collect::<Option<Vec<_>>>().map(Form::from_iter)
}
