//! `/.well-known/…` and `/jwks`: what may be kept.

use crate::places::Places;
use crate::server::AppState;
use crate::wire::public_json;
use axum::extract::State;
use axum::response::Response;
use prokura_config::{Config, DeviceClients};
use prokura_oauth::jose::Algorithm;
use prokura_oauth::metadata::ServerMetadata;
use std::sync::Arc;

/// Authorization server metadata (RFC 8414).
pub(super) async fn server(State(app): State<Arc<AppState>>) -> Response {
    public_json(&app.metadata.to_object())
}

/// OpenID provider metadata, the same.
pub(super) async fn openid(State(app): State<Arc<AppState>>) -> Response {
    public_json(&app.metadata.to_openid_object())
}

/// The keys, those that will sign soon among them (RFC 7517 §5).
pub(super) async fn jwks(State(app): State<Arc<AppState>>) -> Response {
    public_json(&app.keys.published().to_jwks())
}

/// What the metadata say of a server with this configuration.
pub(crate) fn described(
    config: &Config,
    places: &Places,
    algorithm: Algorithm,
    certificates: prokura_oauth::metadata::Certificates,
) -> ServerMetadata {
    ServerMetadata {
        issuer: config.issuer.as_str().to_owned(),
        scopes: places.iter().fold(crate::identity::scopes(), |all, p| all.union(&p.scopes)),
        resources: places.iter().map(|p| p.uri.clone()).collect(),
        registration: config.registration.dynamic != prokura_config::Dynamic::Off,
        client_documents: config.client_metadata.enabled,
        takes_id_jag: !config.id_jag.issuers.is_empty(),
        takes_workloads: !config.workload.providers.is_empty(),
        attests: config.workload.providers.iter().any(prokura_config::WorkloadProvider::is_no_token),
        svid_clients: svid_clients(config),
        x509_svid_clients: config.tls.takes_certificates() && believes_a_trust_domain(config),
        exchanges: config.exchanges(),
        backchannel: config.ciba.clients != DeviceClients::Off,
        device: config.device.clients != DeviceClients::Off,
        feed: config.has_feed(),
        status_lists: config.status_list.enabled,
        algorithm,
        certificates,
    }
}

/// Whether the word of some SPIFFE trust domain counts.
fn believes_a_trust_domain(config: &Config) -> bool {
    config.workload.providers.iter().any(|p| p.platform() == prokura_core::Platform::Spiffe)
}

/// Whether some client authenticates by a JWT-SVID.
fn svid_clients(config: &Config) -> bool {
    let of_a_trust_domain = |name: &str| {
        config.workload.provider(name).is_some_and(|p| p.platform() == prokura_core::Platform::Spiffe)
    };
    config.clients.iter().filter_map(|c| c.workload.as_ref()).any(|w| {
        let by_rule = w.rule.as_deref().and_then(|rule| config.workload.rule(rule));
        by_rule.map(|r| r.provider.as_str()).or(w.provider.as_deref()).is_some_and(of_a_trust_domain)
    })
}
