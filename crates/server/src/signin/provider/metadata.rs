//! What a provider says of itself, kept for a while.

use super::{Provider, ProviderFault};
use prokura_core::{Clock, Timestamp};
use prokura_egress::{Egress, FetchLimits, FetchUrl};
use prokura_oauth::json::{self, Limits};
use prokura_oauth::relying::ProviderMetadata;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Metadata is kept at least so long, and at most so long.
const KEEP_LEAST: Duration = Duration::from_secs(5 * 60);
const KEEP_MOST: Duration = Duration::from_secs(3600);

/// The metadata documents of the configured providers, fetched when they are needed.
pub(super) struct Documents {
    egress: Egress,
    clock: Arc<dyn Clock>,
    held: Mutex<HashMap<String, (Arc<ProviderMetadata>, Timestamp)>>,
}

impl Documents {
    pub(super) fn new(egress: Egress, clock: Arc<dyn Clock>) -> Self {
        Self { egress, clock, held: Mutex::default() }
    }

    /// The metadata of a provider; an old document is never used in the place of one that cannot be fetched.
    pub(super) async fn of(&self, provider: &Provider) -> Result<Arc<ProviderMetadata>, ProviderFault> {
        let issuer = provider.config.issuer();
        let now = self.clock.now();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned();
        if let Some((metadata, until)) = held
            && now < until
        {
            return Ok(metadata);
        }
        let (metadata, keep) = self.fetch(issuer).await.map_err(|why| {
            tracing::warn!(provider = provider.config.name, %why, "an identity provider's metadata cannot be used");
            ProviderFault::Unreachable
        })?;
        let (metadata, until) = (Arc::new(metadata), self.clock.now().after(keep));
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(issuer.to_owned(), (Arc::clone(&metadata), until));
        Ok(metadata)
    }

    /// OpenID Connect Discovery §4: below the issuer, whatever path it has.
    async fn fetch(&self, issuer: &str) -> Result<(ProviderMetadata, Duration), String> {
        let url = address(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
        let fetched = self.egress.get(&url, &FetchLimits::DOCUMENT).await.map_err(|e| e.to_string())?;
        let document = json::parse(&fetched.body, &Limits::DOCUMENT).map_err(|e| e.to_string())?;
        let document = document.into_object().ok_or("the document is no JSON object")?;
        let metadata = ProviderMetadata::read(&document, issuer).map_err(|e| e.to_string())?;
        Ok((metadata, fetched.cache.keep_for(KEEP_LEAST, KEEP_MOST)))
    }
}

/// An address of a provider, as egress takes it.
pub(super) fn address(text: &str) -> Result<FetchUrl, String> {
    let url = Url::parse(text).map_err(|e| e.to_string())?;
    FetchUrl::try_from(url).map_err(|e| e.to_string())
}
