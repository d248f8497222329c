//! The key that protects stored keys, handles and cookies: given, or made beside the database.

use super::load::{Loaded, env, file};
use crate::failure::Failure;
use prokura_core::{Rng, Timestamp};
use prokura_oauth::seal::MasterKey;
use prokura_store::{Store, StoreError};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The master key of this installation, whose database is open.
pub(crate) async fn key(loaded: &Loaded, store: &Store, rng: &dyn Rng) -> Result<MasterKey, Failure> {
    if let Some(key) = given(loaded)? {
        return Ok(key);
    }
    let Some(database) = loaded.database.file() else { return Ok(MasterKey::generate(rng)) };
    let sealed = !store.read::<_, StoreError>(|tx| tx.keys(Timestamp::from_seconds(0))).await?.is_empty();
    beside(database, sealed, rng)
}

/// The master key that the configuration refers to, if it does.
pub(crate) fn given(loaded: &Loaded) -> Result<Option<MasterKey>, Failure> {
    let Some(secret) = &loaded.config.master_key else {
        if loaded.database.is_shared() {
            return Err(Failure::usage(
                "with PostgreSQL every server needs the same `master_key`: set `master_key = { env = \"PROKURA_MASTER_KEY\" }` \
                 or `{ file = \"…\" }`, 64 hexadecimal digits",
            ));
        }
        return Ok(None);
    };
    let text = secret.read(env, file).map_err(|e| Failure::usage(format!("`master_key`: {e}")))?;
    parse(&Zeroizing::new(text)).map(Some).ok_or_else(|| {
        Failure::usage(
            "`master_key` is not 64 hexadecimal digits: make one with `openssl rand -hex 32` and keep it, \
             for without it the stored keys are lost",
        )
    })
}

/// Reads the key file beside an SQLite database, or makes it, for the owner alone. If there is something `sealed`
/// in the database, another key would be of no use and would only hide that the right one is gone.
fn beside(database: &Path, sealed: bool, rng: &dyn Rng) -> Result<MasterKey, Failure> {
    let path = path_beside(database);
    let failed = |e: std::io::Error| Failure::refused(format!("the master key `{}`: {e}", path.display()));
    match read(&path) {
        Ok(text) => parse(&text).ok_or_else(|| {
            Failure::refused(format!(
                "the master key `{}` is damaged (it is not 64 hexadecimal digits): put its backup there",
                path.display()
            ))
        }),
        Err(e) if e.kind() == ErrorKind::NotFound && sealed => Err(Failure::refused(format!(
            "the master key `{}` is missing, and the database holds keys that only it opens: put its backup there",
            path.display()
        ))),
        Err(e) if e.kind() == ErrorKind::NotFound => make(&path, rng).map_err(failed),
        Err(e) => Err(failed(e)),
    }
}

fn path_beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

fn read(path: &Path) -> std::io::Result<Zeroizing<String>> {
    let mut file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(std::io::Error::other(
            "others can read it; run `chmod 600` on it, and make a new one if they did",
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Durable before it is used, and whole or not there: what is sealed with it must be opened after a crash.
fn make(path: &Path, rng: &dyn Rng) -> std::io::Result<MasterKey> {
    let key = MasterKey::generate(rng);
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let hex: Zeroizing<String> = Zeroizing::new(key.bytes().iter().map(|b| format!("{b:02x}")).collect());
    file.write_all(hex.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    // A link fails where a rename would replace: of two that start at once, one makes the key.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => sync_folder(path).map(|()| key),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            parse(&read(path)?).ok_or_else(|| std::io::Error::other("another start made it, damaged"))
        }
        Err(e) => Err(e),
    }
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn parse(text: &str) -> Option<MasterKey> {
    let text = text.trim().as_bytes();
    let mut bytes = Zeroizing::new([0_u8; 32]);
    if text.len() != 64 {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let nibble = |d: u8| char::from(d).to_digit(16).and_then(|n| u8::try_from(n).ok());
        *byte = nibble(digits[0])? << 4 | nibble(digits[1])?;
    }
    Some(MasterKey::new(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::SystemRng;

    #[test]
    fn the_first_start_makes_the_key_for_the_owner_alone_and_later_ones_find_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("prokura.db");
        let first = beside(&database, false, &SystemRng).unwrap();
        let path = path_beside(&database);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(beside(&database, false, &SystemRng).unwrap().bytes(), first.bytes());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("prokura.db");
        beside(&database, false, &SystemRng).unwrap();
        std::fs::set_permissions(path_beside(&database), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(beside(&database, false, &SystemRng).is_err());
    }

    #[test]
    fn a_key_that_is_gone_is_asked_for_and_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("prokura.db");
        let said = format!("{:?}", beside(&database, true, &SystemRng).map(|_| ()).unwrap_err());
        assert!(said.contains("prokura.db.key") && said.contains("backup"), "{said}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("prokura.db");
        beside(&database, false, &SystemRng).unwrap();
        std::fs::write(path_beside(&database), "abc").unwrap();
        assert!(beside(&database, false, &SystemRng).is_err());
        assert_eq!(std::fs::read(path_beside(&database)).unwrap(), b"abc");
    }

    #[test]
    fn sixty_four_digits_are_a_key() {
        assert!(parse(&format!("{}\n", "0f".repeat(32))).is_some_and(|k| k.bytes() == &[15; 32]));
        assert!(parse(&"0f".repeat(31)).is_none() && parse(&"0g".repeat(32)).is_none());
    }
}
