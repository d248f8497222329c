//! A real PostgreSQL for the tests: the one named by `PROKURA_TEST_POSTGRES`, or one of our own that lives as
//! long as this process.

use postgres::{Client, NoTls};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) struct Server {
    /// Everything before the name of the database.
    base: String,
    /// Everything after it.
    query: String,
    next: AtomicU32,
    /// When it is closed, which the system does when this process ends in whatever way, the server goes too.
    _life: Option<ChildStdin>,
}

/// Makes a cluster in `$1`, runs a server on a socket there until standard input ends, and cleans up.
const KEEPER: &str = r#"
bin=$2
"$bin/initdb" -D "$1/data" -U prokura --auth=trust -E UTF8 --locale=C >"$1/log" 2>&1 || exit 1
"$bin/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c max_connections=400 >>"$1/log" 2>&1 &
server=$!
read -r _
kill -INT $server
wait $server
rm -rf "$1"
"#;

impl Server {
    /// The server of this process; `None`, said loudly, if there is no PostgreSQL here.
    pub(crate) fn get() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| match std::env::var("PROKURA_TEST_POSTGRES") {
            Ok(url) => Some(Self::at(&url, None)),
            Err(_) => binaries().map(|bin| Self::start(&bin)),
        });
        if server.is_none() {
            eprintln!("SKIPPED: no PostgreSQL: install it or set PROKURA_TEST_POSTGRES");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must test PostgreSQL");
        }
        server.as_ref()
    }

    /// An empty database; its URL.
    pub(crate) fn new_database(&self) -> String {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("prokura_test_{}_{n}", std::process::id());
        let admin = self.url("postgres");
        // The synchronous client brings its own runtime, which may not stand inside ours.
        std::thread::scope(|s| {
            s.spawn(|| {
                let mut client = Client::connect(&admin, NoTls).unwrap();
                client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
            });
        });
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.base, self.query)
    }

    fn at(url: &str, life: Option<ChildStdin>) -> Self {
        let (rest, query) = url.split_once('?').map_or((url, String::new()), |(u, q)| (u, format!("?{q}")));
        let authority = rest.find("://").map_or(0, |i| i + 3);
        let end = rest[authority..].find('/').map_or(rest.len(), |i| authority + i);
        Self { base: rest[..end].to_owned(), query, next: AtomicU32::new(0), _life: life }
    }

    #[allow(clippy::zombie_processes, reason = "it outlives every test and ends after this process")]
    fn start(bin: &Path) -> Self {
        let dir = tempfile::Builder::new().prefix("prokura-pg-").tempdir().unwrap().keep();
        let mut keeper = if is_root(&dir) {
            // PostgreSQL refuses to run as root.
            chown(&dir, Some(65534), Some(65534)).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        keeper.args(["-c", KEEPER, "sh"]).arg(&dir).arg(bin).current_dir("/").stdin(Stdio::piped());
        let mut child = keeper.spawn().unwrap();
        let host = dir.display().to_string().replace('/', "%2F");
        let server = Self::at(&format!("postgres://prokura@{host}"), child.stdin.take());
        server.wait_until_ready(&dir);
        server
    }

    fn wait_until_ready(&self, dir: &Path) {
        let url = self.url("postgres");
        std::thread::scope(|s| {
            s.spawn(|| {
                for _ in 0..600 {
                    if Client::connect(&url, NoTls).is_ok() {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                panic!("PostgreSQL did not start: {:?}", std::fs::read_to_string(dir.join("log")));
            });
        });
    }
}

fn is_root(mine: &Path) -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(mine).unwrap()) == 0
}

/// The newest directory with `initdb` and `postgres` in it.
fn binaries() -> Option<PathBuf> {
    let on_path = std::env::split_paths(&std::env::var_os("PATH")?).collect::<Vec<_>>();
    let mut debian: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("bin"))
        .collect();
    debian.sort();
    let has_both = |d: &PathBuf| d.join("initdb").exists() && d.join("postgres").exists();
    debian.into_iter().rev().chain(on_path).find(has_both)
}
