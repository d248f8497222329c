//! The server as a whole: what it is made of, its addresses, and what it does from time to time.

use crate::access::{Judge, check_agents, check_delegations};
use crate::admission::Admission;
use crate::attester::Attester;
use crate::authzen::Authzen;
use crate::certificates::Certificates;
use crate::clients::{ClientKeySets, Clients, DocumentError, DocumentPolicy, Documents, SecretDigest};
use crate::consent;
use crate::endpoints;
use crate::fault::Fault;
use crate::feed;
use crate::grants::{CodeMaker, Exchanges, OwnGrants};
use crate::keyring::{KeyRing, KeyRingError, algorithm};
use crate::notices::Notices;
use crate::people::{People, PeopleError, router as people_router};
use crate::places::{InvalidPlace, Places};
use crate::possession::Proofs;
use crate::record::{About, Refusals};
use crate::signals::{self, Signals};
use crate::signin::{ProviderError, Providers};
use crate::wire::refusal;
use crate::workload::{WorkloadFault, Workloads};
use axum::Router;
use axum::response::Response;
use prokura_access::Guard;
use prokura_attest::Providers as Attesters;
use prokura_config::{Config, SecretError};
use prokura_core::{Clock, Passages, Rng, Timestamp, TraceId};
use prokura_decider::Decider;
use prokura_decider::relations::{Relations, Vouching};
use prokura_egress::Egress;
use prokura_oauth::client_attestation::CHALLENGE_HEADER;
use prokura_oauth::dpop::NONCE_HEADER;
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{self, Limits, Value};
use prokura_oauth::metadata::ServerMetadata;
use prokura_oauth::seal::{MacKey, MasterKey, SealError};
use prokura_store::{Agent, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The secrets and files that the configuration refers to, read.
#[derive(Default)]
pub struct Secrets {
    /// Secrets of configured clients, by client id.
    pub clients: HashMap<String, String>,
    /// Key sets of configured clients (`jwks_file`), by client id.
    pub client_keys: HashMap<String, Vec<u8>>,
    /// Key sets of issuers of postures (`jwks_file`), by issuer.
    pub fact_keys: HashMap<String, Vec<u8>>,
    /// The initial access token of registration (RFC 7591 §3.1).
    pub initial_access_token: Option<String>,
    /// The authorities by whose certificates clients may authenticate, PEM.
    pub client_authorities: Vec<Vec<u8>>,
    /// Metadata documents that are pinned for development, by address.
    pub documents: HashMap<String, Vec<u8>>,
    /// Our secrets or private keys at identity providers, by their names.
    pub providers: HashMap<String, String>,
    /// What notes to the webhook of approvals are signed with.
    pub webhook: Option<String>,
    /// Secrets of transmitters of signals, by their names and `secret`, `token` or `client`.
    pub signals: HashMap<String, String>,
}

impl Secrets {
    /// Reads everything that `config` refers to with the two functions given.
    ///
    /// # Errors
    /// [`SecretError`] names what is missing.
    pub fn read(
        config: &Config,
        env: impl Fn(&str) -> Option<String>,
        file: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Self, SecretError> {
        let mut secrets = Self::default();
        let text = |path: &String| file(path).map_err(|e| SecretError::File(path.clone(), e));
        for client in &config.clients {
            if let Some(secret) = &client.secret {
                secrets.clients.insert(client.id.clone(), secret.read(&env, &file)?);
            }
            if let Some(path) = &client.jwks_file {
                secrets.client_keys.insert(client.id.clone(), text(path)?.into_bytes());
            }
        }
        for provider in &config.identity_providers {
            if let Some(secret) = provider.client_secret.as_ref().or(provider.private_key.as_ref()) {
                secrets.providers.insert(provider.name.clone(), secret.read(&env, &file)?);
            }
        }
        for t in &config.signals.transmitters {
            let client = t.client.as_ref().map(|c| &c.secret);
            for (what, secret) in
                [("secret", t.secret.as_ref()), ("token", t.token.as_ref()), ("client", client)]
            {
                if let Some(secret) = secret {
                    secrets.signals.insert(format!("{}.{what}", t.name), secret.read(&env, &file)?);
                }
            }
        }
        for issuer in &config.facts.issuers {
            if let Some(path) = &issuer.jwks_file {
                secrets.fact_keys.insert(issuer.issuer.clone(), text(path)?.into_bytes());
            }
        }
        let webhook = config.approvals.webhook.as_ref();
        secrets.webhook = webhook.map(|w| w.secret.read(&env, &file)).transpose()?;
        let token = config.registration.initial_access_token.as_ref();
        secrets.initial_access_token = token.map(|t| t.read(&env, &file)).transpose()?;
        for path in &config.tls.client_authorities {
            secrets.client_authorities.push(text(path)?.into_bytes());
        }
        for (address, path) in config.dev.iter().flat_map(|d| &d.client_metadata) {
            secrets.documents.insert(address.clone(), text(path)?.into_bytes());
        }
        Ok(secrets)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// What a server is made of.
pub struct ServerOptions {
    /// The configuration, checked.
    pub config: Arc<Config>,
    /// What the configuration refers to.
    pub secrets: Secrets,
    /// Where everything is kept.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// The key that protects stored keys.
    pub master_key: Arc<MasterKey>,
    /// The way out, for metadata documents and key sets.
    pub egress: Egress,
    /// Conditional access.
    pub access: Arc<Guard>,
    /// The organisation's policies.
    pub decider: Arc<Decider>,
}

/// What keeps a server from starting.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A configured client cannot be used.
    #[error("client `{id}`: {reason}")]
    Client {
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// A scope or a resource of the configuration cannot be used.
    #[error(transparent)]
    Place(#[from] InvalidPlace),
    /// A policy or a rule is about an agent that nobody knows.
    #[error("`{key}`: there is no agent `{agent}`; use an id that `prokura agent list` shows")]
    UnknownAgent {
        /// Where it stands.
        key: String,
        /// The agent.
        agent: String,
    },
    /// What an administrator allows for a group cannot be read.
    #[error("{0}")]
    Consent(String),
    /// The keys of an issuer of postures cannot be used.
    #[error("`facts.issuer.jwks_file` of `{0}`: it holds no key set that can be used")]
    FactKeys(String),
    /// The authorities of clients' certificates cannot be used.
    #[error("`tls.client_authorities`: {0}")]
    Authorities(String),
    /// The webhook of approvals cannot be used.
    #[error("`approvals.webhook`: {0}")]
    Webhook(String),
    /// A pinned document is not valid.
    #[error("`dev.client_metadata`: {0}")]
    Document(#[from] DocumentError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pages cannot be served.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// An identity provider cannot be used.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A provider of evidence that is no token cannot be used.
    #[error(transparent)]
    Documents(#[from] prokura_attest::InvalidDocuments),
    /// A provider of workloads cannot be used.
    #[error(transparent)]
    Workload(#[from] prokura_attest::InvalidProvider),
    /// A key could not be derived.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What all requests share.
pub(crate) struct AppState {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) keys: KeyRing,
    pub(crate) places: Places,
    pub(crate) judge: Arc<Judge>,
    pub(crate) proofs: Proofs,
    pub(crate) certificates: Certificates,
    pub(crate) clients: Clients,
    pub(crate) people: Arc<People>,
    pub(crate) own: OwnGrants,
    /// What authority at one resource is worth at another, by the operator's rules.
    pub(crate) passages: Arc<dyn Passages + Send + Sync>,
    pub(crate) exchanges: Exchanges,
    pub(crate) workloads: Workloads,
    pub(crate) attester: Attester,
    pub(crate) successors: MacKey,
    pub(crate) refusals: Refusals,
    pub(crate) registrations: Admission,
    pub(crate) devices: Admission,
    pub(crate) backchannel: Admission,
    pub(crate) notices: Notices,
    pub(crate) initial_token: Option<SecretDigest>,
    pub(crate) metadata: ServerMetadata,
    pub(crate) signals: Signals,
    pub(crate) feed: feed::Hub,
    pub(crate) status: crate::status::Statuses,
    pub(crate) posture_keys: HashMap<String, Arc<KeySet>>,
    pub(crate) upkeep: consent::Upkeep,
    pub(crate) decider: Arc<Decider>,
    pub(crate) authzen: Authzen,
    pub(crate) relations: Relations,
}

impl AppState {
    pub(crate) fn trace(&self) -> TraceId {
        TraceId::random(&*self.rng)
    }

    /// Puts a refusal on record and in the log.
    pub(crate) async fn note(&self, fault: &Fault, about: &About, trace: &TraceId) {
        if let Some(cause) = fault.own_cause() {
            tracing::error!(%trace, %cause, "a request failed by our own fault");
        }
        use WorkloadFault::OtherKey;
        if let (Fault::Workload(OtherKey) | Fault::WorkloadClient(OtherKey), Some(agent)) =
            (fault, &about.agent)
        {
            self.judge.note_reused(agent, self.clock.now());
        }
        let mut about = about.clone();
        about.detail = fault.detail();
        if let Some(detail) = &about.detail {
            tracing::info!(%trace, %detail, "evidence of a workload was refused");
        }
        match fault {
            Fault::Access(refused) => self.refusals.put_access(&about, refused, trace).await,
            _ => self.refusals.put(&about, fault.verdict().reason, trace).await,
        }
    }

    /// Puts a nonce for the next proof into an answer, where nonces are asked for (RFC 9449 §8).
    pub(crate) fn offer_nonce(&self, response: &mut Response) {
        if let Some(nonce) = self.proofs.next_nonce(self.clock.now()) {
            response.headers_mut().insert(NONCE_HEADER, nonce);
        }
    }

    /// Puts a challenge for the next proof of possession into an answer
    /// (draft-ietf-oauth-attestation-based-client-auth §6.2).
    pub(crate) fn offer_challenge(&self, response: &mut Response) {
        if let Some(challenge) = self.next_challenge() {
            response.headers_mut().insert(CHALLENGE_HEADER, challenge);
        }
    }

    /// The answer to a refused request, on record.
    pub(crate) async fn refuse(&self, fault: &Fault, about: &About, trace: &TraceId) -> Response {
        self.note(fault, about, trace).await;
        let mut response = refusal(fault, trace, about.by_header);
        if matches!(fault, Fault::ProofNonce(_)) {
            self.offer_nonce(&mut response);
        }
        if matches!(fault, Fault::Attester(why) if why.wants_challenge()) {
            self.offer_challenge(&mut response);
        }
        response
    }
}

/// The authorization server.
#[derive(Clone)]
pub struct Server(Arc<AppState>);

impl Server {
    /// Puts a server together: reads or makes the keys, and gives every configured client its agent.
    ///
    /// # Errors
    /// [`ServerError`] says what is wrong and with which client.
    pub async fn new(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions { config, secrets, store, clock, rng, master_key, egress, access, decider } =
            options;
        let keys =
            KeyRing::open(&config, store.clone(), Arc::clone(&clock), Arc::clone(&rng), &master_key).await?;
        let places = Places::new(&config)?;
        let documents = documents(&config, &secrets, &egress, &store, &clock)?;
        let providers = Providers::new(&config, &secrets, egress.clone(), Arc::clone(&clock))?;
        let documents_of_workloads = Attester::documents(&config, &egress)?;
        let workloads = Attesters::new(&config, &egress, Arc::clone(&clock))?;
        let signals = Signals::new(&config, &secrets, &egress, &master_key)?;
        let notices = Notices::new(&config, &secrets, &egress, &master_key)?;
        let key_sets = ClientKeySets::new(egress, Arc::clone(&clock));
        let clients =
            Clients::new(&config, &places, &secrets, documents, key_sets, store.clone(), Arc::clone(&clock))?;
        settle_agents(&store, &clients, &clock).await?;
        consent::check(&config).map_err(ServerError::Consent)?;
        let codes =
            CodeMaker { clock: Arc::clone(&clock), rng: Arc::clone(&rng), life: config.tokens.code.get() };
        let people = People::new(
            Arc::clone(&config),
            store.clone(),
            Arc::clone(&clock),
            Arc::clone(&rng),
            &master_key,
            Arc::new(codes),
        )?
        .with_providers(providers);
        check_agents(&config, &access, &store).await?;
        check_delegations(&config, &store).await?;
        let exchanges = Exchanges::new(&config, &places)?;
        let certificates = Certificates::new(&config, &secrets)?;
        let state = AppState {
            metadata: endpoints::described(
                &config,
                &places,
                algorithm(config.tokens.algorithm),
                certificates.offered(),
            ),
            certificates,
            registrations: Admission::new(config.registration.per_minute, clock.now()),
            backchannel: Admission::new(config.ciba.per_minute, clock.now()),
            notices,
            devices: Admission::new(config.device.per_minute, clock.now()),
            posture_keys: posture_keys(&secrets)?,
            upkeep: consent::Upkeep::default(),
            decider,
            authzen: Authzen::new(&config, &master_key)?,
            relations: Relations::new(store.clone(), Arc::clone(&clock)).with_vouching(Vouching::of(&config)),
            initial_token: secrets.initial_access_token.as_deref().map(SecretDigest::of),
            refusals: Refusals::new(store.clone(), Arc::clone(&clock)),
            successors: master_key.mac_key("successors of refresh tokens")?,
            judge: Arc::new(Judge::new(access, &places)),
            own: OwnGrants::default(),
            passages: exchanges.rules.clone(),
            exchanges,
            attester: Attester::of(documents_of_workloads, &config, &master_key, clock.now())?,
            workloads: Workloads::new(&config, workloads),
            people: Arc::new(people),
            proofs: Proofs::new(&config, &master_key)?,
            signals,
            feed: feed::Hub::default(),
            status: crate::status::Statuses::default(),
            config,
            store,
            clock,
            rng,
            keys,
            places,
            clients,
        };
        let server = Self(Arc::new(state));
        consent::upkeep(&server.0).await?;
        Ok(server)
    }

    /// The addresses, to be served at the root of the issuer's origin. The listener should put
    /// [`axum::extract::ConnectInfo`] of a socket address into its requests, and behind proxies a
    /// [`prokura_facts::Address`], for limits and facts.
    pub fn router(&self) -> Router {
        let below = endpoints::routes(&self.0).merge(people_router(Arc::clone(&self.0.people)));
        let path = self.0.config.issuer.path();
        let below = if path.is_empty() { below } else { Router::new().nest(path, below) };
        below.merge(endpoints::well_known(&self.0))
    }

    /// The keys that verify what this server signs; whoever waits hears of changes.
    pub fn keys(&self) -> watch::Receiver<Arc<KeySet>> {
        self.0.keys.watch()
    }

    /// Who has which relation to what, as the administration API asks and changes it.
    pub fn relations(&self) -> &Relations {
        &self.0.relations
    }

    /// The keys that sign transaction tokens, for a gateway in the same process.
    pub fn transaction_keys(&self) -> Arc<dyn Fn(Timestamp) -> Option<Arc<SigningKey>> + Send + Sync> {
        let app = Arc::clone(&self.0);
        Arc::new(move |now| app.keys.transactions(now))
    }

    /// The pages for people.
    pub fn people(&self) -> Arc<People> {
        Arc::clone(&self.0.people)
    }

    /// Fetches, verifies and sends signals, until it is dropped.
    pub async fn signals(&self) {
        signals::for_ever(Arc::clone(&self.0)).await;
    }

    /// Does once what [`signals`](Self::signals) does for ever, without waiting for anything; says what failed.
    pub async fn signals_once(&self) -> Vec<String> {
        signals::round(&self.0).await
    }

    /// Rotates keys and forgets what is over. To be called every minute.
    ///
    /// # Errors
    /// [`ServerError::Keys`] or [`ServerError::Store`]; the next call tries again.
    pub async fn maintain(&self) -> Result<(), ServerError> {
        /// So many rows of each sort go at once, so that nobody waits long.
        const AT_ONCE: u32 = 500;
        self.0.keys.maintain().await?;
        consent::upkeep(&self.0).await?;
        crate::standing::sweep(&self.0).await?;
        crate::upkeep::relations(&self.0).await;
        loop {
            let now = self.0.clock.now();
            let pruned = self.0.store.transact::<_, StoreError>(move |tx| tx.prune(now, AT_ONCE)).await?;
            if !pruned.more {
                return Ok(());
            }
        }
    }
}

fn posture_keys(secrets: &Secrets) -> Result<HashMap<String, Arc<KeySet>>, ServerError> {
    let read = |(issuer, bytes): (&String, &Vec<u8>)| {
        let jwks = json::parse(bytes, &Limits::DOCUMENT).ok().and_then(Value::into_object);
        let keys = jwks.and_then(|jwks| KeySet::from_jwks(&jwks, &Algorithm::PUBLIC).ok());
        let keys =
            keys.filter(|keys| !keys.is_empty()).ok_or_else(|| ServerError::FactKeys(issuer.clone()))?;
        Ok((issuer.clone(), Arc::new(keys)))
    };
    secrets.fact_keys.iter().map(read).collect()
}

fn documents(
    config: &Config,
    secrets: &Secrets,
    egress: &Egress,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> Result<Documents, DocumentError> {
    let policy = DocumentPolicy {
        enabled: config.client_metadata.enabled,
        trusted_hosts: config.client_metadata.trusted_hosts.iter().cloned().collect(),
    };
    let mut documents = Documents::new(egress.clone(), store.clone(), Arc::clone(clock), policy);
    for (address, bytes) in &secrets.documents {
        documents.pin(address, bytes.clone())?;
    }
    Ok(documents)
}

/// Gives every configured client the agent that the configuration names.
async fn settle_agents(store: &Store, clients: &Clients, clock: &Arc<dyn Clock>) -> Result<(), StoreError> {
    let now = clock.now();
    let wanted: Vec<_> = clients
        .configured()
        .filter_map(|c| Some((c.id.clone(), c.agent.clone()?, c.name().to_owned())))
        .collect();
    store
        .transact(move |tx| {
            wanted.iter().try_for_each(|(client, agent, name)| {
                let agent = Agent { id: agent.clone(), name: name.clone(), disabled: false, created_at: now };
                tx.agent_for_client(client, &agent).map(drop)
            })
        })
        .await
}
