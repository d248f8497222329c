//! Ports for programs that are started, killed and started again where they were.

use anyhow::{Context, Result};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what the system gives to outgoing connections and to whoever asks it for any port.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 that nobody listens on. It is told to nobody else in this process, and the system gives it to nobody: so
/// it is still free when a program that was killed comes back to it.
///
/// # Errors
/// If none is free.
pub fn free_port() -> Result<u16> {
    // Far enough from where another process begins.
    let begin = std::process::id().wrapping_mul(61);
    (0..COUNT)
        .map(|_| FIRST + begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % COUNT)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no port is free")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_port_is_told_once() {
        let racers: Vec<_> = (0..8)
            .map(|_| std::thread::spawn(|| (0..50).map(|_| free_port().unwrap()).collect::<Vec<_>>()))
            .collect();
        let told: Vec<u16> = racers.into_iter().flat_map(|r| r.join().unwrap()).collect();
        assert!(told.iter().all(|p| (20_000..32_000).contains(p)));
        assert_eq!(told.iter().collect::<HashSet<_>>().len(), told.len());
    }
}
