//! What is said at start and at the end.

use super::service::Service;
use crate::failure::Failure;
use prokura_server::signin::first_user_link;

/// Says where everything is, what is only fit for one's own machine, and how the first person gets in.
pub(crate) async fn at_start(service: &Service) -> Result<(), Failure> {
    let config = &service.config;
    // In development mode every line at start says so.
    let mode = if config.dev.is_some() { "DEVELOPMENT MODE, not for anybody else's data: " } else { "" };
    for resource in &config.resources {
        let (at, to) = (config.resource_uri(resource), resource.upstream.url());
        tracing::info!("{mode}{} is protected at {at}, before {to}", resource.title());
    }
    if let Some(user) = config.dev.as_ref().and_then(|d| d.auto_approve_user.as_ref()) {
        tracing::warn!("{mode}`{user}` is signed in and agrees to everything by itself");
    } else if let Some(path) = first_user_link(&service.store, &*service.clock, &*service.rng).await? {
        // Not through the log: it is the key of the house, for whoever sits at this terminal.
        eprintln!(
            "\nThere is no user yet. Open this within the hour, once, to become the first:\n  {}{path}\n",
            config.issuer
        );
    }
    tracing::info!("{mode}ready at {}, listening on {}", config.issuer, config.listen);
    Ok(())
}

/// Says that nothing was lost.
pub(crate) fn at_end() {
    tracing::info!("stopped; everything that was answered is on record");
}
