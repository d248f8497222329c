//! The key of an instance whose evidence binds no key: an attester takes the first that comes with it and no other. So it
//! is made once and kept, unlike the keys of other platforms, which end with the process.

use super::dpop::ProofKey;
use super::error::ClientError;
use super::inner::Inner;
use super::kept::{Kept, name_of};
use super::store::{Store, StoreError};
use super::token::TokenError;
use super::way::Way;
use crate::workload::Workload;
use std::sync::Arc;

impl Inner {
    /// The key to bind to at `issuer`: of an instance, the one that it has there for good; else that of the credentials
    /// which are renewed, or a new one.
    pub(super) async fn own_key(
        &self,
        issuer: &str,
        same: Option<&Kept>,
    ) -> Result<Arc<ProofKey>, ClientError> {
        if let Way::Attested(workload) = &self.way
            && workload.keeps_key()
        {
            return self.instance_key(issuer, workload).await;
        }
        match same.and_then(|k| k.key.clone()) {
            Some(key) => Ok(key),
            None => Ok(Arc::new(generated()?)),
        }
    }

    async fn instance_key(&self, issuer: &str, workload: &Workload) -> Result<Arc<ProofKey>, ClientError> {
        let store: &dyn Store = workload.kept_keys().map_or(&*self.store, |keys| &**keys);
        let name = name_of("instance", &[workload.platform().as_str(), issuer]);
        // Of several processes that begin at once, one makes it and the others find it.
        let mut held = store.lock(&name).await?;
        if let Some(document) = held.read().await? {
            return Ok(Arc::new(read(&document).ok_or(StoreError::Damaged(name))?));
        }
        let key = generated()?;
        let text = key.to_text().ok_or(TokenError::Unwritable)?;
        // Kept before it is shown to anybody: a key that was bound and then lost would lock the instance out.
        held.write(Some(text.reveal().as_bytes())).await?;
        Ok(Arc::new(key))
    }
}

fn generated() -> Result<ProofKey, TokenError> {
    ProofKey::generate().ok_or(TokenError::Unwritable)
}

fn read(document: &[u8]) -> Option<ProofKey> {
    ProofKey::from_text(std::str::from_utf8(document).ok()?)
}
