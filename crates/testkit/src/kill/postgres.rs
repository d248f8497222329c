//! A PostgreSQL for the test: the one that `PROKURA_TEST_POSTGRES` names (its database is filled), or one of our
//! own.

use anyhow::{Context, Result, bail};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// Makes a cluster in `$1` and serves on a socket there until standard input ends, in whatever way.
const KEEPER: &str = r#"
"$2/initdb" -D "$1/data" -U prokura --auth=trust -E UTF8 --locale=C >"$1/log" 2>&1 || exit 1
"$2/postgres" -D "$1/data" -k "$1" -c listen_addresses= >>"$1/log" 2>&1 &
read -r _
kill -INT $!
wait $!
rm -rf "$1"
"#;

/// PostgreSQL refuses to run as root; this is nobody.
const NOBODY: u32 = 65534;

/// Whether there is a PostgreSQL to test with.
pub fn is_here() -> bool {
    std::env::var_os("PROKURA_TEST_POSTGRES").is_some() || binaries().is_some()
}

pub(crate) struct Cluster {
    pub(crate) url: String,
    keeper: Option<(Child, Option<ChildStdin>)>,
}

impl Cluster {
    pub(crate) fn start() -> Result<Self> {
        match std::env::var("PROKURA_TEST_POSTGRES") {
            Ok(url) => Ok(Self { url, keeper: None }),
            Err(_) => {
                Self::own(&binaries().context("no PostgreSQL: install it or set PROKURA_TEST_POSTGRES")?)
            }
        }
    }

    fn own(bin: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("prokura-pg-").tempdir()?.keep();
        let mut keeper = if std::fs::metadata(&folder)?.uid() == 0 {
            chown(&folder, Some(NOBODY), Some(NOBODY))?;
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
            command.args(["--clear-groups", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        keeper.args(["-c", KEEPER, "sh"]).arg(&folder).arg(bin).current_dir("/").stdin(Stdio::piped());
        let mut keeper = keeper.spawn()?;
        let life = keeper.stdin.take();
        let url = format!("postgres://prokura@{}/postgres", folder.display().to_string().replace('/', "%2F"));
        let cluster = Self { url, keeper: Some((keeper, life)) };
        wait_for(&folder)?;
        Ok(cluster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some((mut keeper, life)) = self.keeper.take() {
            drop(life);
            let _ = keeper.wait();
        }
    }
}

fn wait_for(folder: &Path) -> Result<()> {
    for _ in 0..3000 {
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        if log.contains("ready to accept connections") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("PostgreSQL does not come up: {}", std::fs::read_to_string(folder.join("log")).unwrap_or_default())
}

/// The newest folder with `initdb` and `postgres` in it.
fn binaries() -> Option<PathBuf> {
    let mut packaged: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("bin"))
        .collect();
    packaged.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let whole = |d: &PathBuf| d.join("initdb").exists() && d.join("postgres").exists();
    packaged.into_iter().rev().chain(on_path).find(whole)
}
