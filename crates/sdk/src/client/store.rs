//! Where credentials are kept.

use async_trait::async_trait;

/// What a store could not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Reading, writing or locking failed.
    #[error("the credentials cannot be {did} ({place}): {cause}")]
    Failed {
        /// What was tried: `read`, `written`, `locked`.
        did: &'static str,
        /// Where: a file, a keyring.
        place: String,
        /// What the system said.
        cause: String,
    },
    /// What is there is not what was written.
    #[error("the credentials at {0} cannot be read: remove them and sign in again")]
    Damaged(String),
}

/// Keeps one small secret document per name. Names are made by this crate: 1 to 80 characters of `a-z`, `0-9`, `-`.
///
/// A refresh token is often good for one use only. So whoever refreshes holds the lock of that name from reading to
/// writing, in this process and in every other: see [`Store::lock`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What is kept under `name`, without waiting for a lock; the document that was last written whole.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read. That nothing is there is no error.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Waits until nobody else holds `name`, in any process. The lock ends when the guard is dropped, and when its
    /// process ends, however it ends.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be locked.
    async fn lock(&self, name: &str) -> Result<Box<dyn Held>, StoreError>;
}

/// A name that nobody else holds. What is read through it cannot change before it is written or let go.
#[async_trait]
pub trait Held: Send + Sync {
    /// What is kept under the name.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    async fn read(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces what is kept, whole or not at all; `None` removes it. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be written; then the old document is still there.
    async fn write(&mut self, document: Option<&[u8]>) -> Result<(), StoreError>;
}
