//! The names behind identifiers.

use super::plain;
use prokura_config::{ADMIN, ADMIN_PATH, Config};
use prokura_core::{GrantId, Principal, ResourceUri, Timestamp};
use prokura_ledger::Entry;
use prokura_store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the identifiers that are to be shown.
#[derive(Debug, Default)]
pub(crate) struct Names {
    principals: BTreeMap<String, String>,
    grants: BTreeMap<GrantId, Timestamp>,
    places: BTreeMap<String, String>,
}

impl Names {
    /// Looks up everybody and every grant that `entries` name.
    pub(crate) async fn read<'a>(
        store: &Store,
        config: &Config,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<Self, StoreError> {
        let (mut who, mut grants) = (BTreeSet::new(), BTreeSet::new());
        for event in entries.map(|e| &e.event) {
            who.extend(event.subject.clone());
            who.extend(event.actors.iter().cloned().map(Principal::Agent));
            grants.extend(event.grant.clone());
        }
        Self::look_up(store, config, who, grants).await
    }

    /// Looks up these.
    pub(crate) async fn look_up(
        store: &Store,
        config: &Config,
        who: BTreeSet<Principal>,
        ids: BTreeSet<GrantId>,
    ) -> Result<Self, StoreError> {
        let mut names = store
            .read::<_, StoreError>(move |tx| {
                let mut names = Self::default();
                for principal in &who {
                    let name = match principal {
                        Principal::User(id) => tx.user(id)?.map(|u| u.display_name),
                        Principal::Agent(id) => tx.agent(id)?.map(|a| a.name),
                    };
                    names.principals.extend(name.map(|n| (principal.to_string(), plain(&n))));
                }
                for id in &ids {
                    names.grants.extend(tx.grant(id)?.map(|g| (id.clone(), g.expires_at)));
                }
                Ok(names)
            })
            .await?;
        let places = config.resources.iter().map(|r| (config.resource_uri(r).to_string(), r.name.clone()));
        let admin = (format!("{}{ADMIN_PATH}", config.issuer), ADMIN.to_owned());
        names.places = places.chain([admin]).collect();
        Ok(names)
    }

    /// The name of somebody; the id if there is none.
    pub(crate) fn of(&self, who: &Principal) -> String {
        self.principals.get(who.as_str()).cloned().unwrap_or_else(|| who.to_string())
    }

    /// The name of a resource; the end of its address if the configuration does not know it.
    pub(crate) fn place(&self, at: &ResourceUri) -> String {
        let end = || plain(at.as_str().rsplit('/').next().unwrap_or_default());
        self.places.get(at.as_str()).cloned().unwrap_or_else(end)
    }

    /// Until when a grant may be used.
    pub(crate) fn expiry(&self, grant: &GrantId) -> Option<Timestamp> {
        self.grants.get(grant).copied()
    }

    #[cfg(test)]
    pub(crate) fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        let principals = pairs.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
        Self { principals, ..Self::default() }
    }
}
