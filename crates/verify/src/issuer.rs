//! One issuer that is believed.

use crate::Unavailable;
use crate::introspect::{Introspection, IntrospectionOptions};
use crate::keys::{KeyPlace, Keys};
use crate::metadata::{Line, Metadata};
use prokura_core::{Clock, Timestamp};
use prokura_egress::{Egress, FetchUrl};
use prokura_oauth::foreign::Rules;
use prokura_oauth::jose::KeySet;
use prokura_oauth::json::Object;
use std::sync::Arc;
use std::time::Duration;

/// What is known of an issuer from the start.
pub struct IssuerOptions {
    /// How its tokens are read.
    pub rules: Rules,
    /// Where its metadata are, if not where they are looked for.
    pub metadata: Option<FetchUrl>,
    /// Where its keys are, if not where its metadata say.
    pub keys: Option<FetchUrl>,
    /// For how long keys are used that cannot be confirmed.
    pub keys_max_age: Duration,
    /// How it is asked about opaque tokens; if it is not, there are none.
    pub introspection: Option<IntrospectionOptions>,
}

impl IssuerOptions {
    /// For how long unconfirmed keys are used if nothing is said.
    pub const KEYS_MAX_AGE: Duration = Duration::from_secs(3600);

    /// An issuer that is found by discovery, and not asked about tokens.
    pub fn new(rules: Rules) -> Self {
        Self { rules, metadata: None, keys: None, keys_max_age: Self::KEYS_MAX_AGE, introspection: None }
    }
}

/// An issuer that is believed. One value for all resources that believe it, so that its keys are fetched once.
pub struct TrustedIssuer {
    rules: Rules,
    metadata: Metadata,
    keys: Keys,
    introspection: Option<Introspection>,
}

impl TrustedIssuer {
    /// An issuer; nothing is fetched before the first token.
    pub fn new(options: IssuerOptions, egress: Egress, clock: Arc<dyn Clock>) -> Self {
        let line = Line { issuer: options.rules.issuer.clone(), egress, clock, token: None };
        Self {
            keys: Keys::new(
                line.clone(),
                options.keys.map_or(KeyPlace::Metadata, KeyPlace::At),
                options.rules.algorithms.clone(),
                options.keys_max_age,
            ),
            metadata: Metadata::new(line.clone(), options.metadata),
            introspection: options.introspection.map(|i| Introspection::new(line, i)),
            rules: options.rules,
        }
    }

    /// The issuer, to the byte.
    pub fn issuer(&self) -> &str {
        &self.rules.issuer
    }

    /// How its tokens are read.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether it is asked about opaque tokens.
    pub fn introspects(&self) -> bool {
        self.introspection.is_some()
    }

    /// Its keys, for a token with this `kid`: those that are held, or fetched anew if that may help.
    ///
    /// # Errors
    /// [`Unavailable`] if no keys are held that may still be used.
    pub async fn keys(&self, kid: Option<&str>) -> Result<Arc<KeySet>, Unavailable> {
        self.keys.find(kid, &self.metadata).await
    }

    /// The keys that may be used now, without asking. Keys that are no longer fresh are fetched anew beside that.
    pub(crate) fn current_keys(self: &Arc<Self>, now: Timestamp) -> Option<Arc<KeySet>> {
        let (keys, old) = self.keys.current(now)?;
        if old && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let this = Arc::clone(self);
            runtime.spawn(async move { this.keys.renew(&this.metadata).await });
        }
        Some(keys)
    }

    /// For how long an answer of introspection is believed; `None` if there is none.
    pub(crate) fn keeps_answers(&self) -> Option<Duration> {
        self.introspection.as_ref().map(|i| i.options.keep)
    }

    /// What the issuer says of `token` (RFC 7662).
    pub(crate) async fn introspect(&self, token: &str) -> Result<Object, Unavailable> {
        self.introspection()?.ask(token, None, &self.metadata).await
    }

    /// What the issuer says of a user's token and the token of whoever acts for them, with one call. Nothing is remembered.
    ///
    /// # Errors
    /// [`Unavailable`] if it cannot be asked, or is not to be.
    pub async fn introspect_both(&self, token: &str, actor: &str) -> Result<Object, Unavailable> {
        self.introspection()?.ask(token, Some(actor), &self.metadata).await
    }

    fn introspection(&self) -> Result<&Introspection, Unavailable> {
        let missing =
            || Unavailable::Missing { issuer: self.issuer().to_owned(), member: "introspection_endpoint" };
        self.introspection.as_ref().ok_or_else(missing)
    }
}
