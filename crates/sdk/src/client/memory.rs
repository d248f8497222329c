//! A store that ends with the process.

use super::store::{Held, Store, StoreError};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Keeps credentials in memory, for as long as the process runs. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    documents: Mutex<HashMap<String, Vec<u8>>>,
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Inner {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

struct HeldHere {
    inner: Arc<Inner>,
    name: String,
    _guard: OwnedMutexGuard<()>,
}

#[async_trait]
impl Store for MemoryStore {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.read(name))
    }

    async fn lock(&self, name: &str) -> Result<Box<dyn Held>, StoreError> {
        let lock = {
            let mut locks = self.0.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.entry(name.to_owned()).or_default().clone()
        };
        let guard = lock.lock_owned().await;
        Ok(Box::new(HeldHere { inner: self.0.clone(), name: name.to_owned(), _guard: guard }))
    }
}

#[async_trait]
impl Held for HeldHere {
    async fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner.read(&self.name))
    }

    async fn write(&mut self, document: Option<&[u8]>) -> Result<(), StoreError> {
        let mut documents = self.inner.documents.lock().unwrap_or_else(PoisonError::into_inner);
        match document {
            Some(document) => documents.insert(self.name.clone(), document.to_vec()),
            None => documents.remove(&self.name),
        };
        Ok(())
    }
}
