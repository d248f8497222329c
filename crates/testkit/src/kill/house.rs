//! The program, its configuration and its data: started and killed, never mended.

use super::http::Http;
use super::postgres::Cluster;
use super::{Database, Options};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use prokura_store::DatabaseUrl;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a refresh may be repeated, as it is configured.
pub(crate) const RETRY: Duration = Duration::from_secs(5);
/// Who has not come up after so long does not come up.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const ROBOT_SECRET: &str = "kill-test-0123456789abcdef0123456789abcdef";
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(crate) struct House {
    binary: PathBuf,
    folder: TempDir,
    port: u16,
    database: String,
    /// The cluster ends with the house.
    _cluster: Option<Cluster>,
}

impl House {
    pub(crate) fn build(options: &Options, upstream: u16) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("prokura-kill-").tempdir()?;
        let cluster = match options.database {
            Database::Sqlite => None,
            Database::Postgres => Some(Cluster::start()?),
        };
        let database = match &cluster {
            None => format!("sqlite:{}", folder.path().join("prokura.db").display()),
            Some(cluster) => cluster.url.clone(),
        };
        let house = Self {
            binary: options.binary.clone(),
            folder,
            port: crate::free_port()?,
            database,
            _cluster: cluster,
        };
        std::fs::write(house.file("prokura.toml"), house.config(upstream))?;
        Ok(house)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn resource(&self) -> String {
        format!("{}/mcp/works", self.issuer())
    }

    pub(crate) fn database(&self) -> Result<DatabaseUrl> {
        Ok(DatabaseUrl::parse(&self.database)?)
    }

    /// Leaves everything where it is, for whoever has to find out why.
    pub(crate) fn keep(&self) -> PathBuf {
        let kept = self.folder.path().with_extension("kept");
        match copy(self.folder.path(), &kept) {
            Ok(()) => kept,
            Err(_) => self.folder.path().to_owned(),
        }
    }

    fn config(&self, upstream: u16) -> String {
        let key = if self.database.starts_with("sqlite:") {
            ""
        } else {
            "master_key = { env = \"KILL_MASTER_KEY\" }"
        };
        format!(
            r#"
issuer = "{issuer}"
listen = "127.0.0.1:{port}"
database = "{database}"
{key}

[[resource]]
name = "works"
upstream = "http://127.0.0.1:{upstream}/mcp"
default_scopes = ["work"]
rate = {{ calls = 1000000, per = "1s" }}
[resource.scopes]
work = {{ title = "Work", actions = ["tool:call_*"] }}
hide = {{ title = "Hide", actions = ["tool:hidden_*"] }}

[[client]]
id = "walker"
redirect_uris = ["http://127.0.0.1/back"]

[[client]]
id = "robot"
secret = {{ env = "KILL_ROBOT_SECRET" }}
auth = "client_secret_post"
grant_types = ["client_credentials"]
[[client.grant]]
resource = "works"
scopes = ["work"]

[tokens]
access = "1h"
code = "10m"
refresh_retry = "{retry}s"

[dev]
auto_approve_user = "alice"
"#,
            issuer = self.issuer(),
            port = self.port,
            database = self.database,
            retry = RETRY.as_secs(),
        )
    }

    pub(crate) fn start(&self) -> Result<Victim> {
        let log = File::options().append(true).create(true).open(self.file("log"))?;
        let from = log.metadata()?.len();
        let begun = Instant::now();
        let child = Command::new(&self.binary)
            .arg("serve")
            .arg("--config")
            .arg(self.file("prokura.toml"))
            .arg("--dev")
            .env("KILL_ROBOT_SECRET", ROBOT_SECRET)
            .env("KILL_MASTER_KEY", MASTER_KEY)
            .env("PROKURA_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} does not start", self.binary.display()))?;
        Ok(Victim { child, begun, log: self.file("log"), from })
    }
}

/// A process that will be killed.
pub(crate) struct Victim {
    child: Child,
    begun: Instant,
    log: PathBuf,
    from: u64,
}

impl Victim {
    /// How long it took until it could serve; `None` if it ended or takes too long.
    pub(crate) async fn ready(&mut self, house: &House) -> Result<Option<Duration>> {
        let (http, url) = (Http::new(), format!("{}/readyz", house.issuer()));
        while self.begun.elapsed() < PATIENCE {
            let request = Request::get(&url).body(Full::<Bytes>::default())?;
            if http.send(request).await.is_some_and(|a| a.status == StatusCode::OK) {
                return Ok(Some(self.begun.elapsed()));
            }
            if self.child.try_wait()?.is_some() {
                return Ok(None);
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok(None)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it ended by itself ({status}): {}", self.said());
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// What it said since its start.
    pub(crate) fn said(&self) -> String {
        let mut said = String::new();
        let read = File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.from))?;
            file.read_to_string(&mut said)
        });
        read.map_or_else(|e| e.to_string(), |_| said)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It may be gone already; nothing of ours may stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}
