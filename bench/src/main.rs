//! What Prokura costs, beside its peers, in one run. See `run`.

mod access;
mod ancestors;
mod authzen;
mod cedar;
mod code;
mod disk;
mod exchange;
mod gateway;
mod idle;
mod issuance;
mod load;
mod process;
mod redact;
mod relations;
mod revoke;
mod ruled;
mod table;
mod upstream;
mod workload;

use anyhow::Result;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is done.
#[derive(Clone, Copy)]
pub struct Size {
    pub rounds: usize,
    /// Exchanges in a round, for what is quick.
    pub many: usize,
    /// Exchanges in a round, for what is slow.
    pub few: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let quick = asked.iter().any(|a| a == "--quick");
    let size = if quick {
        Size { rounds: 3, many: 3000, few: 200 }
    } else {
        Size { rounds: 7, many: 20_000, few: 1000 }
    };
    let named: Vec<_> = asked.iter().filter(|a| !a.starts_with("--")).collect();
    let wants = |name: &str| named.is_empty() || named.iter().any(|n| *n == name);
    println!("machine: {} cores; load {}", std::thread::available_parallelism()?, load());
    if wants("issuance") {
        issuance::measure(size).await?;
    }
    if wants("authzen") {
        authzen::measure(size).await?;
    }
    if wants("workload") {
        workload::measure(size).await?;
    }
    if wants("exchange") {
        exchange::measure(size).await?;
    }
    if wants("access") {
        access::measure(size).await?;
    }
    if wants("cedar") {
        cedar::measure(size)?;
    }
    if wants("ancestors") {
        ancestors::measure(size)?;
    }
    if wants("redact") {
        redact::measure(size)?;
    }
    if wants("relations") {
        relations::measure(size).await?;
    }
    if wants("revoke") {
        revoke::measure(size).await?;
    }
    if wants("code") {
        code::measure(size).await?;
    }
    if wants("gateway") {
        gateway::measure(size).await?;
    }
    if wants("ruled") {
        ruled::measure(size).await?;
    }
    if wants("idle") {
        idle::measure(size).await?;
    }
    Ok(())
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}
