//! What every page for people needs: who visits, from which browser, what may be posted, how a page leaves.
//!
//! Invariants: nothing is posted without the mark of the form it came from; a browser that did not start
//! something cannot finish it; no page leaves without its headers.

mod cookie;
mod fault;
mod fields;
mod page;
mod seal;
mod visit;

pub(crate) use cookie::{Cookie, set_cookie};
pub(crate) use fault::PageFault;
pub(crate) use fields::Fields;
pub(crate) use page::{add_cookie, see_other};
pub(crate) use seal::Seal;
pub(crate) use visit::{Address, Posted, SignedIn, Visit};

use crate::identity;
use crate::interaction::Codes;
use crate::record::Refusals;
use crate::signin::{Hasher, Passkeys, Providers};
use prokura_access::ApprovalSeal;
use prokura_config::{Config, Issuer, ResourceConfig};
use prokura_core::{Clock, InvalidResource, ResourceUri, Rng, Timestamp};
use prokura_oauth::seal::{MasterKey, SealError, SealKey};
use prokura_store::Store;
use std::sync::Arc;

/// Everything that the pages work with.
pub struct People {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) seal: Seal,
    pub(crate) second_factors: SealKey,
    /// What opens the calls that wait for somebody to agree.
    pub(crate) approvals: Arc<ApprovalSeal>,
    pub(crate) hasher: Hasher,
    pub(crate) passkeys: Option<Passkeys>,
    pub(crate) codes: Arc<dyn Codes>,
    pub(crate) providers: Providers,
    pub(crate) refusals: Refusals,
    /// The address of `/userinfo`.
    identity: ResourceUri,
}

/// What keeps the pages from being served.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The issuer cannot be a relying party (WebAuthn §5.1.3).
    #[error("passkeys cannot be set up for `{issuer}`: {why}")]
    Passkeys {
        /// The issuer.
        issuer: String,
        /// Why not.
        why: String,
    },
    /// The parameters of the password hash were refused.
    #[error("passwords cannot be hashed: {0}")]
    Hashing(String),
    /// The issuer makes no address.
    #[error(transparent)]
    Address(#[from] InvalidResource),
    /// The key for marks could not be derived.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl People {
    /// Sets the pages up. `master` is the key that protects stored keys; marks are made with a key derived
    /// from it.
    ///
    /// # Errors
    /// [`PeopleError`].
    pub fn new(
        config: Arc<Config>,
        store: Store,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        master: &MasterKey,
        codes: Arc<dyn Codes>,
    ) -> Result<Self, PeopleError> {
        Ok(Self {
            hasher: Hasher::new(config.sign_in.hash_workers)
                .map_err(|e| PeopleError::Hashing(e.to_string()))?,
            passkeys: Passkeys::new(&config.issuer)?,
            seal: Seal::new(master)?,
            second_factors: master.seal_key("second factors")?,
            approvals: Arc::new(ApprovalSeal::new(master)?),
            refusals: Refusals::new(store.clone(), Arc::clone(&clock)),
            identity: identity::place(&config.issuer)?.uri.clone(),
            config,
            store,
            clock,
            rng,
            codes,
            providers: Providers::default(),
        })
    }

    /// The same pages, with providers at which people may sign in.
    #[must_use]
    pub fn with_providers(self, providers: Providers) -> Self {
        Self { providers, ..self }
    }

    /// How many passwords were checked since the start; known users or not.
    pub fn passwords_checked(&self) -> u64 {
        self.hasher.checked()
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        &self.config.issuer
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether the server runs in development mode, which every page says.
    pub(crate) fn is_dev(&self) -> bool {
        self.config.dev.is_some()
    }

    /// A path below the issuer, as a browser sees it.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("{}{below}", self.issuer().path())
    }

    /// The configured resource at `uri`.
    pub(crate) fn place(&self, uri: &ResourceUri) -> Option<&ResourceConfig> {
        self.config.resources.iter().find(|r| self.config.resource_uri(r) == *uri)
    }

    /// What people call the resource at `uri`.
    pub(crate) fn title<'a>(&'a self, uri: &'a ResourceUri) -> &'a str {
        match self.place(uri) {
            Some(place) => place.title(),
            None if *uri == self.identity => identity::TITLE,
            None => uri.as_str(),
        }
    }
}

/// The pages for people: sign-in, account, set-up and their assets. Paths are below the issuer's own path.
pub fn router(people: Arc<People>) -> axum::Router {
    axum::Router::new()
        .route("/assets/{file}", axum::routing::get(page::asset))
        .merge(crate::signin::routes())
        .merge(crate::account::routes())
        .merge(crate::approvals::routes())
        .merge(crate::interaction::routes())
        .merge(crate::device::routes())
        .merge(crate::ciba::routes())
        .with_state(people)
}
