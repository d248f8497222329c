//! A gateway on loopback, an upstream that remembers what it saw and answers as it is told, and tokens.
#![allow(
    clippy::needless_pass_by_value,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]

mod client;
pub mod issuer;
pub mod rules;
mod upstream;

#[allow(unused_imports, reason = "each test binary uses its own part")]
pub use client::{Answer, Post, meta};
pub use upstream::{Reply, Seen, Upstream};

use prokura_access::Guard;
use prokura_config::{Config, Issuer, Span};
use prokura_core::{
    AgentId, Budget, ClientId, Clock, Details, Evidence, Grant, GrantId, GrantState, Grantor, ManualClock,
    PointId, Principal, ResourceUri, ScopeSet, SeededRng, Terms, Timestamp, TokenId, UserId,
};
use prokura_decider::Decider;
use prokura_decider::relations::{Facts, Kinds};
use prokura_egress::{AllowList, Egress, EgressConfig, UpstreamConfig};
use prokura_gateway::{Follower, ForeignServer, Gateway, GatewayOptions, Transactions};
use prokura_ledger::Entry;
use prokura_oauth::access_token::{AccessToken, GrantClaim, View};
use prokura_oauth::confirmation::Confirmation;
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::seal::MasterKey;
use prokura_policy::access::OwnSources;
use prokura_store::{DatabaseUrl, RevokedView, Store, StoreError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// When the tests happen.
pub const NOW: i64 = 1_800_000_000;

/// Scopes and bounds of the resources of every world.
pub const CONFIG: &str = r#"
issuer = "http://ADDRESS"
database = "sqlite::memory:"
[gateway]
max_request = "64KiB"
max_response = "256KiB"
upstream_timeout = "5s"
idle_timeout = "5s"
allowed_origins = ["https://app.example"]
[[resource]]
name = "crm"
upstream = "http://UPSTREAM/mcp"
default_scopes = ["read"]
[resource.scopes]
read  = { title = "Read", actions = ["tool:read_report", "resource:report/*", "prompt:summary"] }
write = { title = "Write", actions = ["tool:write_report", "resource:draft/*"] }
[[resource]]
name = "hr"
upstream = "http://UPSTREAM/mcp"
[resource.scopes]
people = { title = "See people", actions = ["tool:read_report", "tool:list"] }
[[resource]]
name = "open"
upstream = "http://UPSTREAM/mcp"
public = true
rate = { calls = 20, per = "1m" }
[resource.scopes]
all = { title = "All", actions = ["tool:read_report"] }
"#;

/// Everything a test needs.
pub struct World {
    pub address: SocketAddr,
    pub upstream: Upstream,
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub key: SigningKey,
    pub keys: watch::Sender<Arc<KeySet>>,
    pub issuer: Issuer,
    /// The policies; none until a test puts some in force.
    pub decider: Arc<Decider>,
    config: Config,
    database: DatabaseUrl,
    http: prokura_egress::Upstream,
}

/// A token before it is signed.
pub struct TokenFor {
    pub user: &'static str,
    pub client: &'static str,
    pub grant: &'static str,
    pub ancestors: Vec<&'static str>,
    pub resource: &'static str,
    pub scopes: &'static str,
    /// `authorization_details` without `type` and `locations`; empty for none.
    pub details: &'static str,
    pub life: i64,
}

impl TokenFor {
    fn details(&self, world: &World) -> Details {
        if self.details.is_empty() {
            return Details::default();
        }
        let text = self.details.replace("{\"", "{\"type\":\"mcp_tool\",\"");
        let resource = ResourceUri::parse_exact(&world.resource(self.resource)).unwrap();
        prokura_oauth::rich::parse(&text, &resource).unwrap()
    }
}

/// Alice, who may read at `crm`.
pub fn alice() -> TokenFor {
    TokenFor {
        user: "usr_alice",
        client: "cli_1",
        grant: "g_1",
        ancestors: vec![],
        resource: "crm",
        scopes: "read",
        details: "",
        life: 300,
    }
}

/// Mallory, who may do the same in her own right.
pub fn mallory() -> TokenFor {
    TokenFor { user: "usr_mallory", grant: "g_2", ..alice() }
}

/// The other authorization servers of a configuration, which may be on this machine.
fn servers(config: &Config, clock: &Arc<dyn Clock>) -> Vec<ForeignServer> {
    let host = |s: &prokura_config::AuthorizationServerConfig| {
        s.issuer.as_str().trim_start_matches("http://").split('/').next().unwrap().to_owned()
    };
    let lines: Vec<_> = config.authorization_servers.iter().map(host).collect();
    let allow = AllowList::parse(&lines).unwrap();
    let egress = Egress::system(EgressConfig { allow, ..EgressConfig::default() });
    let secret = |_: &prokura_config::SecretRef| Ok("a secret".to_owned());
    let server = |s| ForeignServer::new(s, secret, &egress, clock).unwrap();
    config.authorization_servers.iter().map(server).collect()
}

/// A machine that is busy for seconds has not lost its database.
const PATIENT: Span = Span::minutes(1);

impl World {
    /// A world whose upstream echoes.
    pub async fn new() -> Self {
        Self::with(Reply::echo).await
    }

    /// A world whose upstream answers like this.
    pub async fn with(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_config(reply, CONFIG).await
    }

    /// A world with its own configuration; `ADDRESS` and `UPSTREAM` are filled in.
    pub async fn with_config(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static, config: &str) -> Self {
        Self::with_database(reply, config, DatabaseUrl::memory(), None).await
    }

    /// A world that echoes, on a database in a file; `stale_after` is how old its view may be.
    pub async fn in_file(file: &std::path::Path, stale_after: Option<Span>) -> Self {
        let url = DatabaseUrl::parse(&format!("sqlite:{}", file.display())).unwrap();
        Self::with_database(Reply::echo, CONFIG, url, stale_after.or(Some(PATIENT))).await
    }

    /// A world with its own configuration, on a database in a file.
    pub async fn in_file_with(
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
        config: &str,
        file: &std::path::Path,
    ) -> Self {
        let url = DatabaseUrl::parse(&format!("sqlite:{}", file.display())).unwrap();
        Self::with_database(reply, config, url, Some(PATIENT)).await
    }

    async fn with_database(
        reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
        config: &str,
        database: DatabaseUrl,
        stale_after: Option<Span>,
    ) -> Self {
        let upstream = Upstream::start(reply).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let text = config
            .replace("ADDRESS", &address.to_string())
            .replace("UPSTREAM", &upstream.address.to_string());
        let mut config = Config::parse(&text).unwrap();
        config.gateway.stale_after = stale_after.unwrap_or(config.gateway.stale_after);
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOW)));
        let shared: Arc<dyn Clock> = clock.clone();
        let store =
            Store::open(&database, PointId::parse("pep_test").unwrap(), Arc::clone(&shared)).await.unwrap();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let (keys, receiver) = watch::channel(Arc::new(KeySet::of(vec![key.public()]).unwrap()));
        let follower = issuer::follower(&config, &shared);
        let followed = follower.as_ref().map(Follower::view);
        let receiver = follower.as_ref().map_or(receiver, Follower::keys);
        let decider = Arc::<Decider>::default();
        if let Some(view) = follower.as_ref().and_then(Follower::relations) {
            let parents = config.relations.parents.clone();
            decider.with_relations(Facts::new(view, Kinds { parents, ..Kinds::default() }));
        }
        let gateway = gateway(&config, &key, receiver, &store, shared, (&decider, followed));
        if let Some(follower) = follower {
            tokio::spawn(follower.run());
        }
        let service = gateway.router().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let http = prokura_egress::Upstream::new(UpstreamConfig::default());
        let issuer = config.issuer.clone();
        Self { address, upstream, store, clock, key, keys, issuer, decider, config, database, http }
    }

    /// Another process that serves the same addresses on the same database.
    pub async fn replica(&self) -> axum::Router {
        self.replica_with(&self.decider).await
    }

    /// The same, with policies of its own.
    pub async fn replica_with(&self, decider: &Arc<Decider>) -> axum::Router {
        let shared: Arc<dyn Clock> = self.clock.clone();
        let point = PointId::parse("pep_other").unwrap();
        let store = Store::open(&self.database, point, Arc::clone(&shared)).await.unwrap();
        gateway(&self.config, &self.key, self.keys.subscribe(), &store, shared, (decider, None)).router()
    }

    /// The URI of a resource.
    pub fn resource(&self, name: &str) -> String {
        format!("{}/mcp/{name}", self.issuer)
    }

    /// The claims of a token.
    pub fn claims(&self, of: &TokenFor) -> AccessToken {
        AccessToken {
            issuer: self.issuer.as_str().to_owned(),
            audience: ResourceUri::parse_exact(&self.resource(of.resource)).unwrap(),
            subject: Principal::User(UserId::parse(of.user).unwrap()),
            client: ClientId::parse(of.client).unwrap(),
            view: View::User,
            may_act: None,
            actors: vec![AgentId::parse("agt_planner").unwrap()],
            scopes: ScopeSet::parse(of.scopes).unwrap(),
            details: of.details(self),
            id: TokenId::parse("t_1").unwrap(),
            issued_at: self.clock.now(),
            expires_at: self.clock.now().after(Duration::from_secs(of.life.unsigned_abs())),
            grant: GrantClaim {
                ancestors: of.ancestors.iter().map(|g| GrantId::parse(*g).unwrap()).collect(),
                ..GrantClaim::of_root(GrantId::parse(of.grant).unwrap())
            },
            cnf: Confirmation::default(),
            authentication: None,
            workload: None,
            status: None,
        }
    }

    /// A signed token.
    pub fn token(&self, of: &TokenFor) -> String {
        self.claims(of).sign(&self.key).unwrap()
    }

    /// The record, oldest first.
    pub async fn record(&self) -> Vec<Entry> {
        let filter = prokura_ledger::Filter { limit: 100_000, ..Default::default() };
        let mut found = self
            .store
            .read(move |tx| tx.entries(&filter))
            .await
            .unwrap_or_else(|e: StoreError| panic!("{e}"))
            .into_iter()
            .map(|(_seq, entry)| entry)
            .collect::<Vec<_>>();
        found.reverse();
        found
    }

    /// `kind action outcome reason` of every entry.
    pub async fn record_lines(&self) -> Vec<String> {
        let line = |e: &Entry| {
            let ev = &e.event;
            format!("{} {} {} {}", ev.kind.as_str(), ev.action, ev.outcome.as_str(), ev.reasons.join(","))
                .trim_end()
                .to_owned()
        };
        self.record().await.iter().map(line).collect()
    }

    /// Stores a grant of Alice's, so that it can be revoked.
    pub async fn insert_grant(&self, id: &'static str) {
        self.insert_bounded(id, None).await;
    }

    /// Stores a grant of Alice's with details.
    pub async fn insert_detailed(&self, id: &'static str, details: Details) {
        self.insert(id, Terms::default(), details).await;
    }

    /// Stores a grant of Alice's with a budget.
    pub async fn insert_bounded(&self, id: &'static str, budget: Option<Budget>) {
        self.insert(id, Terms { budget, ..Terms::default() }, Details::default()).await;
    }

    async fn insert(&self, id: &'static str, terms: Terms, details: Details) {
        let now = self.clock.now();
        let grant = Grant {
            id: GrantId::parse(id).unwrap(),
            parents: vec![],
            subject: Principal::User(UserId::parse("usr_alice").unwrap()),
            grantor: Grantor::User(UserId::parse("usr_alice").unwrap()),
            grantee: AgentId::parse("agt_planner").unwrap(),
            resource: ResourceUri::parse_exact(&self.resource("crm")).unwrap(),
            actions: ScopeSet::parse("read").unwrap(),
            details,
            not_before: now,
            expires_at: now.after(Duration::from_secs(86_400)),
            depth_left: 1,
            terms,
            evidence: Evidence::Configuration,
            state: GrantState::Active,
            revision: 0,
        };
        self.store
            .transact(move |tx| tx.insert_grant(&grant))
            .await
            .unwrap_or_else(|e: StoreError| panic!("{e}"));
    }

    /// Revokes a grant.
    pub async fn revoke(&self, id: GrantId) {
        let now = self.clock.now();
        let revoked = self.store.transact(move |tx| tx.revoke_grant(&id, "usr_alice", "test", now)).await;
        assert!(revoked.unwrap_or_else(|e: StoreError| panic!("{e}")));
    }
}

/// Transaction tokens by the issuer's key, as where gateway and server are one process.
fn transactions(config: &Config, key: &SigningKey) -> Option<Transactions> {
    let said = &config.transaction_tokens;
    let key = SigningKey::from_pkcs8(key.algorithm(), key.kid(), &key.to_pkcs8().unwrap()).unwrap();
    let key = Arc::new(key);
    let keys = Arc::new(move |_| Some(Arc::clone(&key)));
    Some(Transactions { domain: said.trust_domain.clone()?, life: said.life.get(), keys })
}

fn gateway(
    config: &Config,
    key: &SigningKey,
    keys: watch::Receiver<Arc<KeySet>>,
    store: &Store,
    clock: Arc<dyn Clock>,
    (decider, followed): (&Arc<Decider>, Option<Arc<RevokedView>>),
) -> Gateway {
    Gateway::new(GatewayOptions {
        issuer: config.issuer.clone(),
        resources: config.resources.clone(),
        limits: config.gateway.clone(),
        dpop: config.dpop.clone(),
        certificates: config.tls.takes_certificates(),
        keys: Some(keys),
        servers: servers(config, &clock),
        followed,
        store: store.clone(),
        clock,
        rng: Arc::new(SeededRng::new(1)),
        master_key: Arc::new(MasterKey::new([7; 32])),
        access: Arc::new(Guard::new(config.access().unwrap(), Arc::new(OwnSources), store)),
        decider: Arc::clone(decider),
        transactions: transactions(config, key),
        approvals: config.approvals.clone(),
        upstream: prokura_egress::Upstream::new(UpstreamConfig::default()),
    })
    .unwrap()
}
