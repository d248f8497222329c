//! Other authorization servers: from the configuration to what is used, and their names, which stay theirs.

use super::load::{Loaded, env, file};
use crate::failure::Failure;
use prokura_config::Config;
use prokura_core::{Clock, Rng, TraceId};
use prokura_egress::{AllowList, Egress, EgressConfig, FetchUrl, Trust};
use prokura_gateway::ForeignServer;
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_store::{Store, StoreError};
use std::sync::Arc;

/// Everything that the configuration says of other authorization servers, with their secrets.
pub(crate) fn servers(
    loaded: &Loaded,
    trust: &Trust,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<ForeignServer>, Failure> {
    let egress = as_named(&loaded.config, trust)?;
    let server = |config| {
        let read = |secret: &prokura_config::SecretRef| secret.read(env, file).map_err(|e| e.to_string());
        ForeignServer::new(config, read, &egress, clock).map_err(Failure::usage)
    };
    loaded.config.authorization_servers.iter().map(server).collect()
}

/// A way out of their own: an address that the operator wrote is trusted as it is written, wherever it is, and only
/// here. Strangers who make this server fetch something do not get there.
fn as_named(config: &Config, trust: &Trust) -> Result<Egress, Failure> {
    let mut allow =
        AllowList::parse(&config.egress.allow).map_err(|e| Failure::usage(format!("`egress.allow`: {e}")))?;
    for server in &config.authorization_servers {
        let endpoint = server.introspection.as_ref().and_then(|i| i.endpoint.as_ref());
        let more = [server.metadata_url.as_ref(), server.jwks_uri.as_ref(), endpoint].into_iter().flatten();
        for text in std::iter::once(server.issuer.as_str()).chain(more.map(String::as_str)) {
            let url = FetchUrl::parse(text).map_err(|e| {
                Failure::usage(format!("`authorization_server {}`: `{text}`: {e}", server.name))
            })?;
            allow = allow.and_named(&url);
        }
    }
    Ok(Egress::system(EgressConfig { allow, trust: trust.clone(), ..EgressConfig::default() }))
}

/// The setting that says whose a name is.
fn setting(name: &str) -> String {
    format!("authorization_server:{name}")
}

/// Makes sure that each name still means the issuer that it meant first: the record calls people by it.
pub(crate) async fn keep_names(
    loaded: &Loaded,
    store: &Store,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> Result<(), Failure> {
    for server in &loaded.config.authorization_servers {
        let (name, issuer) = (server.name.clone(), server.issuer.as_str().to_owned());
        let trace = TraceId::random(&**rng);
        let action = "authorization_server:trust";
        let mut event = Event::new(EventKind::Administration, action, Outcome::Permit, clock.now(), trace);
        event.details.insert("name", name.as_str().into());
        event.details.insert("issuer", issuer.as_str().into());
        let kept = store.transact::<_, StoreError>(move |tx| {
            let kept = tx.setting(&setting(&name))?;
            if kept.is_none() {
                tx.put_setting(&setting(&name), &issuer)?;
                tx.record(event.clone());
            }
            Ok(kept)
        });
        if let Some(kept) = kept.await?.filter(|kept| kept != server.issuer.as_str()) {
            return Err(Failure::usage(format!(
                "`authorization_server {}`: the record calls by this name whom `{kept}` knows, and now it would mean \
                 `{}`; give the new one another name",
                server.name, server.issuer
            )));
        }
    }
    Ok(())
}
