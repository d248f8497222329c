//! Where the bundle of a trust domain comes from.

use super::server::ServerSvid;
use prokura_config::{EndpointProfile, SpiffeBundle, WorkloadProvider};
use prokura_core::Clock;
use prokura_egress::{Accept, Egress, FetchLimits, FetchUrl, InvalidUrl, Trust};
use prokura_spiffe::workload_api::{Endpoint, WorkloadApiError};
use prokura_spiffe::{Bundle, InvalidSpiffeId, SpiffeId, TrustDomain};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The largest bundle, in bytes.
const MAX_BYTES: usize = 512 << 10;
/// A bundle endpoint: half a megabyte in 5 seconds, by whatever name a web server gives to JSON.
const LIMITS: FetchLimits =
    FetchLimits { max_bytes: MAX_BYTES, deadline: Duration::from_secs(5), accept: Accept::Any };

/// Where the bundle of a trust domain comes from.
pub struct BundlePlace(Kind);

enum Kind {
    /// An endpoint that proves its host name (`https_web`).
    Web(FetchUrl, Egress),
    /// An endpoint that proves a SPIFFE ID (`https_spiffe`), and the file with the bundle that it is believed by.
    Spiffe { url: FetchUrl, egress: Egress, server: Arc<ServerSvid>, first: PathBuf },
    /// A file.
    File(PathBuf),
    /// The Workload API of an agent beside us.
    Agent(Endpoint),
}

/// A place that a bundle cannot come from.
#[derive(Debug, thiserror::Error)]
pub enum InvalidBundle {
    /// The address of the endpoint.
    #[error("`bundle.endpoint`: {0}")]
    Address(#[from] InvalidUrl),
    /// The SPIFFE ID of the endpoint.
    #[error("`bundle.endpoint_id`: {0}")]
    Id(#[from] InvalidSpiffeId),
    /// The socket.
    #[error("`bundle.workload_api`: {0}")]
    Socket(#[from] WorkloadApiError),
    /// There is none.
    #[error("`bundle` says no place")]
    Nowhere,
}

impl BundlePlace {
    /// What the configuration says. `trust` is whom an endpoint of the web is believed by, if not those of this machine.
    ///
    /// # Errors
    /// [`InvalidBundle`].
    pub fn of(
        provider: &WorkloadProvider,
        egress: &Egress,
        trust: Option<Trust>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, InvalidBundle> {
        let of = provider.bundle.as_ref().ok_or(InvalidBundle::Nowhere)?;
        Ok(Self(match of {
            SpiffeBundle { endpoint: Some(endpoint), profile, .. } => {
                let url = FetchUrl::parse(endpoint)?;
                match (profile, &of.endpoint_id, &of.file) {
                    (Some(EndpointProfile::HttpsSpiffe), Some(id), Some(first)) => {
                        let server = Arc::new(ServerSvid::new(SpiffeId::parse(id)?, Arc::clone(clock)));
                        let egress =
                            egress.for_named(std::slice::from_ref(&url), Some(Trust::by(server.clone())));
                        Kind::Spiffe { url, egress, server, first: first.into() }
                    }
                    _ => Kind::Web(url.clone(), egress.for_named(&[url], trust)),
                }
            }
            SpiffeBundle { file: Some(file), .. } => Kind::File(file.into()),
            SpiffeBundle { workload_api: Some(socket), .. } => Kind::Agent(Endpoint::parse(socket)?),
            _ => return Err(InvalidBundle::Nowhere),
        }))
    }

    /// Whether it is on this machine.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.0, Kind::File(_) | Kind::Agent(_))
    }

    /// Fetches the bundle of `domain`; `held` is the one before, if it may still be used.
    pub(super) async fn fetch(
        &self,
        domain: &TrustDomain,
        held: Option<Arc<Bundle>>,
    ) -> Result<Bundle, String> {
        match &self.0 {
            Kind::Web(url, egress) => endpoint(url, egress).await,
            Kind::Spiffe { url, egress, server, first } => {
                // An endpoint of the trust domain itself is believed by what it said last; any other, and the first
                // time, by the file.
                let own = held.filter(|_| server.id().trust_domain() == domain);
                server.believe(match own {
                    Some(held) => held,
                    None => Arc::new(file(first).await?),
                });
                endpoint(url, egress).await
            }
            Kind::File(path) => file(path).await,
            Kind::Agent(socket) => agent(socket, domain).await,
        }
    }
}

async fn endpoint(url: &FetchUrl, egress: &Egress) -> Result<Bundle, String> {
    let fetched = egress.get(url, &LIMITS).await.map_err(|e| e.to_string())?;
    Bundle::parse(&fetched.body).map_err(|e| e.to_string())
}

async fn file(path: &Path) -> Result<Bundle, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("`{}`: {e}", path.display());
    let text = tokio::fs::read(path).await.map_err(|e| wrong(&e))?;
    Bundle::parse(&text).map_err(|e| wrong(&e))
}

/// Of what the agent has, only the bundle of this trust domain: those of others are somebody else's business.
async fn agent(socket: &Endpoint, domain: &TrustDomain) -> Result<Bundle, String> {
    let (x509, jwt) = (socket.x509_bundles().await, socket.jwt_bundles().await);
    let (x509, jwt) = (x509.map_err(|e| e.to_string())?, jwt.map_err(|e| e.to_string())?);
    let of = |all: &prokura_spiffe::workload_api::Bundles| all.get(domain).cloned();
    let (x509, jwt) = (of(&x509), of(&jwt));
    if x509.is_none() && jwt.is_none() {
        return Err(format!("the agent at `{socket}` has no bundle of this trust domain"));
    }
    Bundle::of_parts(x509.as_deref(), jwt.as_deref()).map_err(|e| e.to_string())
}
