//! `prokura gateway`: the gateway alone, before authorization servers of others. Nothing is issued here.

use crate::failure::Failure;
use crate::serve::door::Door;
use crate::serve::listen::Listener;
use crate::serve::load::{Loaded, env, file};
use crate::serve::{access, foreign, master, policies, ready, relations, service, stop};
use axum::Router;
use clap::Args;
use prokura_config::Config;
use prokura_core::{Clock, Rng, SystemClock, SystemRng};
use prokura_decider::relations::{Relations, Vouching};
use prokura_egress::{FetchUrl, Trust, Upstream, UpstreamConfig};
use prokura_gateway::{Follower, FollowerOptions, Gateway, GatewayOptions};
use prokura_store::{Store, StoreError};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// The configuration file
    #[arg(long, env = "PROKURA_CONFIG", default_value = "prokura.toml")]
    config: PathBuf,
}

/// Runs until a signal says stop; then finishes what is under way.
pub(crate) async fn gateway(asked: GatewayArgs) -> Result<(), Failure> {
    let loaded = Loaded::read(&asked.config)?.for_serving(false)?;
    loaded.config.check_gateway_alone().map_err(Failure::usage)?;
    // The listener first: if the address is taken, nothing was touched.
    let listener = Listener::bind(loaded.config.listen).await?.behind(Door::of(&loaded.config)?);
    let router = put_together(&loaded).await?;
    let config = &loaded.config;
    for resource in &config.resources {
        let (at, to) = (config.resource_uri(resource), resource.upstream.url());
        let own = config.gateway.feed.is_some() && resource.authorization_servers.is_empty();
        let by = if own { config.issuer.to_string() } else { resource.authorization_servers.join(", ") };
        tracing::info!("{} is protected at {at}, before {to}, with tokens of: {by}", resource.title());
    }
    tracing::info!("ready at {}, listening on {}", config.issuer, config.listen);
    listener.run(router, stop::signal()).await;
    tracing::info!("stopped; everything that was answered is on record");
    Ok(())
}

async fn put_together(loaded: &Loaded) -> Result<Router, Failure> {
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let config = &loaded.config;
    let trust = service::trust(config)?;
    let servers = foreign::servers(loaded, &trust, &clock)?;
    master::given(loaded)?;
    let point = Store::local_point(&loaded.database, Arc::clone(&rng)).await?;
    let store = Store::open(&loaded.database, point, Arc::clone(&clock)).await?;
    let master_key = Arc::new(master::key(loaded, &store, &*rng).await?);
    foreign::keep_names(loaded, &store, &clock, &rng).await?;
    let access = access::guard(config, &store, &clock, &*rng).await?;
    members_are_known(config, &store).await?;
    let decider = policies::decider(config, &store, &clock, &rng, &trust).await?;
    let follower = follower(loaded, &trust, &clock, &rng)?;
    match follower.as_ref().and_then(Follower::relations) {
        Some(issuers) => relations::ask(config, issuers, &decider),
        None => {
            let own = Relations::new(store.clone(), Arc::clone(&clock)).with_vouching(Vouching::of(config));
            relations::begin(config, &own, &decider, relations::event(&clock, &rng)).await?;
            if config.relations.is_asked() {
                tokio::spawn(relations::follow(own));
            }
        }
    }
    let followed = follower.as_ref().map(Follower::view);
    let gateway = Gateway::new(GatewayOptions {
        issuer: config.issuer.clone(),
        resources: config.resources.clone(),
        limits: config.gateway.clone(),
        dpop: config.dpop.clone(),
        certificates: config.tls.takes_certificates(),
        keys: follower.as_ref().map(Follower::keys),
        servers,
        followed: followed.clone(),
        store: store.clone(),
        clock,
        rng,
        master_key,
        access,
        decider,
        transactions: None,
        approvals: config.approvals.clone(),
        upstream: Upstream::new(UpstreamConfig { trust, ..UpstreamConfig::default() }),
    });
    let gateway = gateway.map_err(Failure::usage)?;
    if let Some(follower) = follower {
        tokio::spawn(follower.run());
    }
    Ok(gateway.router().merge(ready::routes(store, followed)))
}

/// Where there are no users, nobody is known by a name to sign in with: a role that names its members so would be nobody's,
/// and what a policy forbids those who have it would be forbidden to nobody.
async fn members_are_known(config: &Config, store: &Store) -> Result<(), Failure> {
    let users = store.read::<_, StoreError>(|tx| tx.users(None, 1)).await?;
    if !users.is_empty() || config.policy.sets.is_empty() {
        return Ok(());
    }
    let roles = config.roles.iter().map(|r| ("role", &r.name, &r.members));
    let groups = config.groups.iter().map(|g| ("group", &g.name, &g.members));
    let by_id = |m: &&String| ["usr_", "agt_", "group:", "role:"].iter().any(|w| m.starts_with(w));
    for (what, name, members) in roles.chain(groups) {
        if let Some(login) = members.iter().find(|m| !by_id(m)) {
            return Err(Failure::usage(format!(
                "`{what} {name}.members`: `{login}` is a name to sign in with, and this gateway alone knows no users: write \
                 the id that tokens have (`usr_…`; `prokura user list` at the issuer says it)"
            )));
        }
    }
    Ok(())
}

/// Who follows the feed of the issuer, where one is named. Its address is the operator's word, so it may be anywhere.
fn follower(
    loaded: &Loaded,
    trust: &Trust,
    clock: &Arc<dyn Clock>,
    rng: &Arc<dyn Rng>,
) -> Result<Option<Follower>, Failure> {
    let config = &loaded.config;
    let Some(feed) = &config.gateway.feed else { return Ok(None) };
    let wrong = |e: String| Failure::usage(format!("`gateway.feed`: {e}"));
    let secret = feed.secret.read(env, file).map_err(|e| wrong(e.to_string()))?;
    let at = feed.at.as_deref().unwrap_or(config.issuer.as_str());
    let at = FetchUrl::parse(at).map_err(|e| wrong(e.to_string()))?;
    let options = FollowerOptions {
        feed: feed.clone(),
        secret: secret.into(),
        egress: service::egress(config, trust)?.for_named(&[at], None),
        upstream: Upstream::new(UpstreamConfig { trust: trust.clone(), ..UpstreamConfig::default() }),
        clock: Arc::clone(clock),
        rng: Arc::clone(rng),
    };
    Follower::new(config, options).map(Some).map_err(Failure::usage)
}
