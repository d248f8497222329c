//! A store in a folder: one file per credential, which only its owner can read, replaced whole, and locked across
//! processes.

use super::store::{Held, Store, StoreError};
use async_trait::async_trait;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// How often a lock that somebody else holds is asked for again. The system would wait better, but by taking a thread.
const AGAIN: Duration = Duration::from_millis(20);
/// No document is larger.
const MAX: u64 = 64 * 1024;

/// Keeps credentials in a folder of its owner's. Several processes may use one folder: the system's advisory locks see
/// to it that one refreshes and the others find its result, and a process that dies lets go by dying.
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: Arc<PathBuf>,
}

impl FileStore {
    /// A store in `folder`, which is made, readable by its owner alone, if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it cannot be made.
    pub fn at(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        make_private_folder(&folder).map_err(|e| failed("kept", &folder, &e))?;
        Ok(Self { folder: Arc::new(folder) })
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ending}"))
    }
}

#[async_trait]
impl Store for FileStore {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        read(self.path(name, "json")).await
    }

    async fn lock(&self, name: &str) -> Result<Box<dyn Held>, StoreError> {
        let path = self.path(name, "lock");
        // The lock has a file of its own that stays: the document's is replaced, and a lock on what was replaced
        // would keep nobody out.
        let file = private().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|e| failed("locked", &path, &e))?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => tokio::time::sleep(AGAIN).await,
                Err(TryLockError::Error(e)) => return Err(failed("locked", &path, &e)),
            }
        }
        let (document, fresh) = (self.path(name, "json"), self.path(name, "new"));
        Ok(Box::new(HeldFile { document, fresh, _lock: file }))
    }
}

struct HeldFile {
    document: PathBuf,
    fresh: PathBuf,
    /// Let go when it is closed.
    _lock: File,
}

#[async_trait]
impl Held for HeldFile {
    async fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        read(self.document.clone()).await
    }

    async fn write(&mut self, document: Option<&[u8]>) -> Result<(), StoreError> {
        let (to, fresh, text) = (self.document.clone(), self.fresh.clone(), document.map(<[u8]>::to_vec));
        let written = blocking(move || match text {
            Some(text) => replace(&to, &fresh, &text),
            None => remove(&to),
        });
        written.await.map_err(|e| failed("written", &self.document, &e))
    }
}

async fn read(path: PathBuf) -> Result<Option<Vec<u8>>, StoreError> {
    let from = path.clone();
    blocking(move || read_private(&from)).await.map_err(|e| failed("read", &path, &e))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e)))
}

fn read_private(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    check_private(&file)?;
    let mut document = Vec::new();
    file.take(MAX).read_to_end(&mut document)?;
    Ok(Some(document))
}

/// Whole or not at all: written beside, made durable, and put in its place by one step.
fn replace(to: &Path, fresh: &Path, text: &[u8]) -> io::Result<()> {
    // Whoever died here left its half; the lock says that nobody else is writing it.
    remove(fresh)?;
    let mut file = private().write(true).create_new(true).open(fresh)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(fresh, to)?;
    sync_folder(to)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn failed(did: &'static str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Failed { did, place: path.display().to_string(), cause: error.to_string() }
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn check_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::other("others can read it: `chmod 600` it, or remove it and sign in again"))
}

#[cfg(unix)]
fn sync_folder(of: &Path) -> io::Result<()> {
    of.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

// On Windows a person's folders are private to that person by inheritance, and a rename is durable by itself.
#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn check_private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
