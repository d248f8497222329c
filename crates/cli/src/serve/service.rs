//! Everything that serves, put together.

use super::load::Loaded;
use super::{access, foreign, master, policies, ready, relations};
use crate::failure::Failure;
use axum::Router;
use prokura_config::Config;
use prokura_core::{Clock, Rng, SystemClock, SystemRng};
use prokura_decider::relations::Relations;
use prokura_egress::{AllowList, Egress, EgressConfig, Trust, Upstream, UpstreamConfig};
use prokura_gateway::{Gateway, GatewayOptions, Transactions};
use prokura_server::{Server, ServerOptions};
use prokura_store::Store;
use std::sync::Arc;
use std::time::Duration;

/// How often keys are looked after and what is over is forgotten.
const MAINTENANCE: Duration = Duration::from_secs(60);

/// The authorization server and the gateway on one store.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    server: Server,
    gateway: Arc<Gateway>,
}

impl Service {
    /// Opens the store and puts everything together.
    pub(crate) async fn start(loaded: Loaded) -> Result<Self, Failure> {
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let secrets = loaded.secrets()?;
        let trust = trust(&loaded.config)?;
        let egress = egress(&loaded.config, &trust)?;
        let servers = foreign::servers(&loaded, &trust, &clock)?;
        master::given(&loaded)?;
        let point = Store::local_point(&loaded.database, Arc::clone(&rng)).await?;
        let store = Store::open(&loaded.database, point, Arc::clone(&clock)).await?;
        let master_key = Arc::new(master::key(&loaded, &store, &*rng).await?);
        foreign::keep_names(&loaded, &store, &clock, &rng).await?;
        let config = loaded.config;
        let access = access::guard(&config, &store, &clock, &*rng).await?;
        let decider = policies::decider(&config, &store, &clock, &rng, &trust).await?;
        let server = Server::new(ServerOptions {
            config: Arc::clone(&config),
            secrets,
            store: store.clone(),
            clock: Arc::clone(&clock),
            rng: Arc::clone(&rng),
            master_key: Arc::clone(&master_key),
            egress,
            access: Arc::clone(&access),
            decider: Arc::clone(&decider),
        });
        let server = server.await.map_err(Failure::usage)?;
        relations::begin(&config, server.relations(), &decider, relations::event(&clock, &rng)).await?;
        let gateway = Gateway::new(GatewayOptions {
            issuer: config.issuer.clone(),
            resources: config.resources.clone(),
            limits: config.gateway.clone(),
            dpop: config.dpop.clone(),
            certificates: config.tls.takes_certificates(),
            keys: Some(server.keys()),
            servers,
            followed: None,
            store: store.clone(),
            clock: Arc::clone(&clock),
            rng: Arc::clone(&rng),
            master_key,
            access,
            decider,
            transactions: transactions(&config, &server),
            approvals: config.approvals.clone(),
            upstream: Upstream::new(UpstreamConfig { trust, ..UpstreamConfig::default() }),
        });
        let gateway = Arc::new(gateway.map_err(Failure::usage)?);
        Ok(Self { config, store, clock, rng, server, gateway })
    }

    /// All addresses.
    pub(crate) fn router(&self) -> Router {
        self.server.router().merge(self.gateway.router()).merge(ready::routes(self.store.clone(), None))
    }

    /// Who has which relation to what.
    pub(crate) fn relations(&self) -> Relations {
        self.server.relations().clone()
    }

    /// Fetches, verifies and sends signals, for ever.
    pub(crate) async fn signals(self) {
        self.server.signals().await;
    }

    /// Rotates keys and prunes, for ever. What fails is tried again a minute later.
    pub(crate) async fn maintain(self) {
        loop {
            tokio::time::sleep(MAINTENANCE).await;
            if let Err(error) = self.server.maintain().await {
                tracing::error!(%error, "maintenance failed; it is tried again in a minute");
            }
        }
    }
}

/// How the gateway makes transaction tokens, if some resource wants them: by the keys of the issuer in this process.
fn transactions(config: &Config, server: &Server) -> Option<Transactions> {
    let said = &config.transaction_tokens;
    let domain = said.trust_domain.clone()?;
    Some(Transactions { domain, life: said.life.get(), keys: server.transaction_keys() })
}

pub(crate) fn trust(config: &Config) -> Result<Trust, Failure> {
    let read = |path: &String| {
        std::fs::read(path).map_err(|e| Failure::usage(format!("`egress.extra_roots`: `{path}`: {e}")))
    };
    let roots: Vec<_> = config.egress.extra_roots.iter().map(read).collect::<Result<_, _>>()?;
    if roots.is_empty() {
        return Ok(Trust::default());
    }
    Trust::with_extra(&roots).map_err(|e| Failure::usage(format!("`egress.extra_roots`: {e}")))
}

pub(crate) fn egress(config: &Config, trust: &Trust) -> Result<Egress, Failure> {
    let allow =
        AllowList::parse(&config.egress.allow).map_err(|e| Failure::usage(format!("`egress.allow`: {e}")))?;
    Ok(Egress::system(EgressConfig { allow, trust: trust.clone(), ..EgressConfig::default() }))
}
