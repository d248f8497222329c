//! Both stores keep what the trait promises; the file one across processes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use prokura_sdk::client::{FileStore, MemoryStore, Store, StoreError};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::task::JoinSet;

const NAME: &str = "server-00";
const CHILD: &str = "PROKURA_SDK_TEST_STORE";
const EACH: u32 = 50;

/// Adds one to the number that is kept, which is lost if two do it at once.
async fn add_one(store: &dyn Store) {
    let mut held = store.lock(NAME).await.unwrap();
    let number = held.read().await.unwrap().map_or(0, |d| number(&d));
    tokio::task::yield_now().await;
    held.write(Some((number + 1).to_string().as_bytes())).await.unwrap();
}

fn number(document: &[u8]) -> u32 {
    std::str::from_utf8(document).unwrap().parse().unwrap()
}

async fn race(store: Arc<dyn Store>) {
    let mut all = JoinSet::new();
    for _ in 0..EACH {
        let store = store.clone();
        all.spawn(async move { add_one(&*store).await });
    }
    all.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] =
        [Arc::new(MemoryStore::default()), Arc::new(FileStore::at(folder.path()).unwrap())];
    for store in stores {
        race(store.clone()).await;
        assert_eq!(number(&store.read(NAME).await.unwrap().unwrap()), EACH);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_wait_for_each_other() {
    if let Ok(folder) = std::env::var(CHILD) {
        return race(Arc::new(FileStore::at(folder).unwrap())).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let child = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes_wait_for_each_other"]).env(CHILD, folder.path());
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| child()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = FileStore::at(folder.path()).unwrap();
    assert_eq!(number(&store.read(NAME).await.unwrap().unwrap()), 4 * EACH);
}

#[tokio::test]
async fn a_write_is_whole_and_leaves_nothing_beside() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::at(folder.path().join("deep/er")).unwrap();
    assert_eq!(store.read(NAME).await.unwrap(), None);
    let at = folder.path().join("deep/er");
    // Whoever died while writing left this.
    std::fs::write(at.join(format!("{NAME}.new")), "half").unwrap();
    let mut held = store.lock(NAME).await.unwrap();
    held.write(Some(b"one")).await.unwrap();
    assert_eq!(store.read(NAME).await.unwrap().as_deref(), Some(&b"one"[..]));
    assert!(!at.join(format!("{NAME}.new")).exists());
    held.write(None).await.unwrap();
    held.write(None).await.unwrap();
    assert_eq!(held.read().await.unwrap(), None);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("credentials");
    let store = FileStore::at(&at).unwrap();
    store.lock(NAME).await.unwrap().write(Some(b"secret")).await.unwrap();
    let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&at), mode(&at.join(format!("{NAME}.json")))), (0o700, 0o600));
    std::fs::set_permissions(at.join(format!("{NAME}.json")), PermissionsExt::from_mode(0o644)).unwrap();
    let error = store.read(NAME).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }) && error.to_string().contains("chmod 600"), "{error}");
}
