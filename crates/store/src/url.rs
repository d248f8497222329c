//! Where the database is.

use crate::StoreError;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where the database is: `sqlite:FILE`, `sqlite::memory:` or `postgres://…`. Neither `Debug` nor `Display` shows
/// a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(crate) Place);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Memory,
    File(PathBuf),
    Postgres(String),
}

impl DatabaseUrl {
    /// Reads the `database` setting.
    ///
    /// # Errors
    /// [`StoreError::Url`] if it names no database that is known here.
    pub fn parse(s: &str) -> Result<Self, StoreError> {
        if s == "sqlite::memory:" {
            return Ok(Self(Place::Memory));
        }
        if let Some(path) = s.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.starts_with(':') || path.contains('?') {
                return Err(StoreError::Url("names no file".into()));
            }
            return Ok(Self(Place::File(PathBuf::from(path))));
        }
        if s.starts_with("postgres://") || s.starts_with("postgresql://") {
            return Ok(Self(Place::Postgres(s.to_owned())));
        }
        Err(StoreError::Url("names no database that is known here".into()))
    }

    /// A database that lives and dies with the store: for tests and demonstrations.
    pub fn memory() -> Self {
        Self(Place::Memory)
    }

    /// The file of an SQLite database.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Memory | Place::Postgres(_) => None,
        }
    }

    /// Whether several processes on several machines may share it.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Place::Postgres(_))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Memory => f.write_str("sqlite::memory:"),
            Place::File(path) => write!(f, "sqlite:{}", path.display()),
            Place::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Scheme, host and name only: user, password and parameters (one of which may be a password) are left out.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms_and_no_other() {
        for good in ["sqlite::memory:", "sqlite:prokura.db", "sqlite:/var/lib/p.db", "postgres://u:p@h/n"] {
            assert!(DatabaseUrl::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "prokura.db", "sqlite:", "sqlite::memory", "sqlite:a?mode=ro", "mysql://h/n"] {
            assert!(matches!(DatabaseUrl::parse(bad), Err(StoreError::Url(_))), "{bad}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for url in ["postgres://u:s3cret@h/n", "postgres://u:s3@cret@h/n", "postgres://h/n?password=s3cret"] {
            let url = DatabaseUrl::parse(url).unwrap();
            assert!(!format!("{url} {url:?}").contains("cret"), "{url}");
            assert_eq!(url.to_string(), "postgres://h/n");
        }
    }
}
