//! The gateway as a whole: what it is made of, and its addresses.

use crate::caller::Authenticator;
use crate::elicited::Elicited;
use crate::foreign::ForeignServer;
use crate::handle::Sealer;
use crate::limit::Limiter;
use crate::oblige::Approvals;
use crate::oblige::Origins;
use crate::possession::Proofs;
use crate::route::{Doors, GatewayError, Route};
use crate::standing::Standing;
use crate::tools::Pins;
use crate::transaction::Transactions;
use crate::{metadata, walk};
use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get};
use prokura_access::Guard;
use prokura_config::{Dpop, GatewayLimits, Issuer, ResourceConfig};
use prokura_core::{Clock, Rng};
use prokura_decider::Decider;
use prokura_egress::Upstream;
use prokura_oauth::jose::KeySet;
use prokura_oauth::seal::MasterKey;
use prokura_store::{RevokedView, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// What a gateway is made of.
pub struct GatewayOptions {
    /// Whose tokens are believed, and below which address the resources are.
    pub issuer: Issuer,
    /// The MCP servers.
    pub resources: Vec<ResourceConfig>,
    /// The bounds.
    pub limits: GatewayLimits,
    /// Proofs of possession.
    pub dpop: Dpop,
    /// Whether certificates of clients can arrive (RFC 8705).
    pub certificates: bool,
    /// The issuer's keys; when they change, every remembered token is verified again. None if nothing is issued here:
    /// then no token of our own is believed.
    pub keys: Option<watch::Receiver<Arc<KeySet>>>,
    /// Other authorization servers, which resources may name.
    pub servers: Vec<ForeignServer>,
    /// What the issuer says is revoked, where its database is not shared but its feed is followed.
    pub followed: Option<Arc<RevokedView>>,
    /// Where is recorded, and what is revoked.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for trace ids.
    pub rng: Arc<dyn Rng>,
    /// The installation's key, of which the keys of the handles are derived.
    pub master_key: Arc<MasterKey>,
    /// The client for the MCP servers.
    pub upstream: Upstream,
    /// Conditional access.
    pub access: Arc<Guard>,
    /// The organisation's policies.
    pub decider: Arc<Decider>,
    /// Transaction tokens for the resources that want them.
    pub transactions: Option<Transactions>,
    /// Approvals of single calls.
    pub approvals: prokura_config::Approvals,
}

/// The bounds, as they are used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_request: usize,
    pub(crate) max_response: usize,
    pub(crate) upstream_timeout: Duration,
    pub(crate) idle_timeout: Duration,
}

/// What all requests share.
pub(crate) struct Inner {
    pub(crate) doors: Doors,
    pub(crate) bounds: Bounds,
    pub(crate) authenticator: Authenticator,
    pub(crate) proofs: Arc<Proofs>,
    pub(crate) certificates: bool,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) limiter: Limiter,
    /// Counts what obligations bound.
    pub(crate) rates: Limiter,
    /// Where values came from.
    pub(crate) origins: Origins,
    /// Of which the keys of hashes in results are made.
    pub(crate) result_secret: Zeroizing<[u8; 32]>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) upstream: Upstream,
    pub(crate) access: Arc<Guard>,
    pub(crate) decider: Arc<Decider>,
    pub(crate) pins: Pins,
    pub(crate) transactions: Option<Transactions>,
    pub(crate) approvals: Approvals,
    /// Who was sent to a page.
    pub(crate) elicited: Elicited,
}

/// The gateway.
pub struct Gateway {
    inner: Arc<Inner>,
    routes: Vec<Arc<Route>>,
}

impl Gateway {
    /// Puts a gateway together.
    ///
    /// # Errors
    /// [`GatewayError`] if a resource cannot be served; a configuration that was checked has none such.
    pub fn new(options: GatewayOptions) -> Result<Self, GatewayError> {
        let GatewayOptions {
            issuer,
            resources,
            limits,
            dpop,
            certificates,
            keys,
            servers,
            followed,
            store,
            clock,
            rng,
            master_key,
            upstream,
            access,
            decider,
            transactions,
            approvals,
        } = options;
        let approvals = Approvals::new(approvals, &resources, &master_key).map_err(|_| GatewayError::Key)?;
        let route = |r| Route::new(&issuer, r, &servers, &clock).map(Arc::new);
        let routes = resources.iter().map(route).collect::<Result<Vec<_>, _>>()?;
        let pins = Pins::new(store.clone(), routes.iter().map(|r| r.name.as_str()));
        let proofs = Arc::new(Proofs::new(&dpop, &master_key).map_err(|_| GatewayError::Key)?);
        let authenticator = Authenticator::new(
            issuer.as_str().to_owned(),
            keys,
            Standing::new(issuer.as_str().to_owned(), store.clone(), followed),
            Arc::clone(&clock),
            Arc::clone(&proofs),
        );
        store.revoked().believe_for(limits.stale_after.get());
        let bounds = Bounds {
            max_request: limits.max_request.bytes(),
            max_response: limits.max_response.bytes(),
            upstream_timeout: limits.upstream_timeout.get(),
            idle_timeout: limits.idle_timeout.get(),
        };
        let inner = Inner {
            doors: Doors::new(&issuer, &limits.allowed_origins),
            bounds,
            authenticator,
            proofs,
            certificates,
            sealer: Arc::new(Sealer::new(&master_key).map_err(|_| GatewayError::Key)?),
            limiter: Limiter::default(),
            rates: Limiter::default(),
            origins: Origins::new(
                master_key.derive_bytes("gateway origins").map_err(|_| GatewayError::Key)?.as_slice(),
            ),
            result_secret: master_key.derive_bytes("gateway result hash").map_err(|_| GatewayError::Key)?,
            store,
            clock,
            rng,
            upstream,
            access,
            decider,
            pins,
            transactions,
            approvals,
            elicited: Elicited::default(),
        };
        Ok(Self { inner: Arc::new(inner), routes })
    }

    /// The addresses: `/mcp/{name}` for each resource, and its metadata. To be merged with the server's own; the
    /// listener should put [`axum::extract::ConnectInfo`] of a socket address into its requests, for the limits
    /// on callers without a token.
    pub fn router(&self) -> Router {
        let mut router = Router::new();
        for route in &self.routes {
            let (inner, served) = (Arc::clone(&self.inner), Arc::clone(route));
            let serve = move |request: Request| walk::serve(Arc::clone(&inner), Arc::clone(&served), request);
            router = router.route(&route.path, any(serve));
        }
        let certificates = self.inner.certificates;
        for (path, route) in metadata::addresses(&self.routes) {
            let show = move || {
                let response = metadata::response(&route, certificates);
                async move { response }
            };
            router = router.route(&path, get(show));
        }
        router
    }
}
