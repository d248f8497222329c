//! What can go wrong between the program and its database.

/// A failure of storage. The text is for operators and logs; nothing in it may be shown to a stranger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The `database` setting cannot be read.
    #[error("`database` {0}; write `sqlite:FILE`, `sqlite::memory:` or `postgres://USER@HOST/NAME`")]
    Url(String),
    /// The database cannot be opened or reached.
    #[error("the database {database} cannot be reached: {detail}")]
    Unreachable {
        /// Which, without its password.
        database: String,
        /// What the driver said.
        detail: String,
    },
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Database(String),
    /// A row with that name or id exists already, or a row that is referred to does not.
    #[error("the database holds something that contradicts this: {0}")]
    Conflict(String),
    /// The database asks for the whole transaction again (SQLSTATE 40001, 40P01); the store does so a few times
    /// before it says this.
    #[error("the database was too busy with other writers: {0}")]
    Contended(String),
    /// Another process has kept all writers waiting for too long.
    #[error("another process has kept the database locked for too long: {0}")]
    Busy(String),
    /// The connection broke while a commit was under way: it may have happened or not.
    #[error("the connection broke during a commit, so its outcome is not known: {0}")]
    OutcomeUnknown(String),
    /// A stored value cannot be what it should be.
    #[error("the database is damaged or was changed by hand: {column}: {detail}")]
    Corrupt {
        /// Where.
        column: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The database was written by a newer program.
    #[error(
        "the database has schema version {found}, but this program knows versions up to {known}: run the newer program, or restore a backup"
    )]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// A text holds a NUL character, which PostgreSQL cannot store; both drivers refuse it.
    #[error("a text holds a NUL character, which cannot be stored")]
    Nul,
    /// A reading transaction tried to write.
    #[error("a reading transaction tried to write")]
    ReadOnly,
    /// The closure panicked; its transaction was rolled back.
    #[error("a transaction panicked and was rolled back")]
    Panicked,
    /// The store's threads have ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether running the whole transaction again may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Contended(_) | Self::Unreachable { .. })
    }

    /// Whether it is what was to be written that failed, and not the way to the database.
    pub(crate) fn is_about_content(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Conflict(_) | Self::Nul | Self::Corrupt { .. })
    }
}
