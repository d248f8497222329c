//! Programs under measurement: started, waited for, looked at from outside, killed.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program; it is killed when this is dropped.
pub struct Program {
    child: Child,
    pub port: u16,
    /// From the start to the first good answer.
    pub ready_after: Duration,
}

/// Clock ticks a second in `/proc/PID/stat`; 100 on every Linux that matters.
const TICKS: f64 = 100.0;

impl Program {
    /// Starts `command` and waits until `path` answers with a status below 500.
    pub async fn start(mut command: Command, port: u16, path: &str) -> Result<Self> {
        let begun = Instant::now();
        let log = if std::env::var_os("BENCH_VERBOSE").is_some() { Stdio::inherit() } else { Stdio::null() };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        let mut program = Self { child, port, ready_after: Duration::ZERO };
        loop {
            if crate::load::get(port, path).await.is_ok_and(|status| status < 500) {
                program.ready_after = begun.elapsed();
                return Ok(program);
            }
            if let Some(status) = program.child.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            if begun.elapsed() > Duration::from_secs(30) {
                bail!("{command:?} is not ready after 30 s");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Processor time that it has used so far, in all its threads, in microseconds.
    pub fn cpu_micros(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after = stat.rsplit_once(')').context("stat")?.1;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).context("stat");
        Ok((ticks(11)? + ticks(12)?) / TICKS * 1e6)
    }

    /// Memory that it holds, in MiB.
    pub fn resident_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).context("VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("VmRSS")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on now.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// `prokura serve` in `folder`, on a free port, with the configuration `more` added; `PORT` in it is the port.
pub async fn prokura(folder: &Path, database: &str, more: &str, dev: bool) -> Result<Program> {
    let port = free_port()?;
    let text = format!(
        "issuer = \"http://localhost:{port}\"\nlisten = \"127.0.0.1:{port}\"\ndatabase = \"{database}\"\n{}",
        more.replace("PORT", &port.to_string())
    );
    let config = folder.join(format!("prokura-{port}.toml"));
    std::fs::write(&config, text)?;
    let mut command = Command::new(std::env::var("PROKURA_BIN").context("PROKURA_BIN")?);
    command.arg("serve").arg("--config").arg(config).current_dir(folder).env("BATCH_SECRET", SECRET);
    if dev {
        command.arg("--dev");
    }
    command.env("PROKURA_LOG", "warn");
    Program::start(command, port, "/readyz").await
}

/// `prokura gateway` in `folder`, at the address of the issuer at `issuer` but on a port of its own, following its feed.
pub async fn gateway(folder: &Path, issuer: u16, resources: &str) -> Result<Program> {
    let port = free_port()?;
    let text = format!(
        "address = \"http://localhost:{issuer}\"\nlisten = \"127.0.0.1:{port}\"\ndatabase = \"sqlite:gateway.db\"\n\
         [gateway.feed]\nat = \"http://127.0.0.1:{issuer}\"\nclient_id = \"gw\"\nsecret = {{ env = \"BATCH_SECRET\" }}\n{resources}"
    );
    let config = folder.join("gateway.toml");
    std::fs::write(&config, text)?;
    let mut command = Command::new(std::env::var("PROKURA_BIN").context("PROKURA_BIN")?);
    command.arg("gateway").arg("--config").arg(config).current_dir(folder).env("BATCH_SECRET", SECRET);
    command.env("PROKURA_LOG", "warn");
    Program::start(command, port, "/readyz").await
}

/// The secret of the client that asks on its own authority.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
