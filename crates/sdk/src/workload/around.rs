//! What stands around the process: its environment and the files that a platform puts there.

use super::error::EvidenceError;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No token of a platform is longer.
const MAX_FILE: u64 = 64 << 10;

type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The environment of a process and the files at conventional places.
#[derive(Clone)]
pub struct Surroundings {
    variables: Variables,
    root: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn system() -> Self {
        Self { variables: Arc::new(|name| std::env::var(name).ok()), root: PathBuf::from("/") }
    }

    /// Others: with these variables, and with the conventional places below `root`. For tests, and for a process that
    /// speaks for another.
    pub fn of(
        variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        root: impl Into<PathBuf>,
    ) -> Self {
        Self { variables: Arc::new(variables), root: root.into() }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// The file at a conventional place.
    pub(super) fn at(&self, place: &str) -> PathBuf {
        self.root.join(place.trim_start_matches('/'))
    }

    /// What stands in a conventional file, in one line; nothing if it is not there.
    pub(super) fn line(&self, place: &str) -> String {
        self.read(&self.at(place)).unwrap_or_default()
    }

    /// What stands in a file now, without what surrounds it. It is opened each time: whoever keeps it fresh replaces it.
    pub(super) fn read(&self, path: &Path) -> Result<String, EvidenceError> {
        let unreadable =
            |cause: String| EvidenceError::Unreadable { file: path.display().to_string(), cause };
        let file = std::fs::File::open(path).map_err(|e| unreadable(e.to_string()))?;
        let mut text = String::new();
        file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|e| unreadable(e.to_string()))?;
        if text.len() as u64 > MAX_FILE {
            return Err(unreadable("it is longer than any token".to_owned()));
        }
        Ok(text.trim().to_owned())
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("root", &self.root).finish_non_exhaustive()
    }
}
