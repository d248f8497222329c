//! The two doors to the network, passed in so that a test can stand behind them: names to addresses, and
//! addresses to connections.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// A boxed future, so that [`Resolver`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where addresses and connections come from.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of a host name. Called once per request; the answer is checked whole and then used, and
    /// never asked for again.
    ///
    /// # Errors
    /// Whatever the resolver says.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;

    /// A connection to exactly this address, which was checked.
    ///
    /// # Errors
    /// Whatever the system says.
    #[allow(clippy::disallowed_methods, reason = "the one door out: every address comes here checked")]
    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(to))
    }
}

/// How many names are looked up at once. The system's resolver blocks a thread, and goes on after nobody waits any
/// more: without a bound, names that are slow on purpose would take every thread there is.
const LOOKUPS: usize = 32;

/// The resolver of the operating system. No proxy is used, whatever `HTTPS_PROXY` says: a proxy would resolve
/// the name again, behind the check.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let place = self.lookups.clone().acquire_owned().await;
            let host = host.to_owned();
            // A task of its own, so that the place is held for as long as the thread is.
            let lookup = tokio::spawn(async move {
                let _place = place;
                tokio::net::lookup_host((host, 443)).await.map(|found| found.map(|a| a.ip()).collect())
            });
            lookup.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_system_knows_localhost_and_gives_its_places_back() {
        let resolver = SystemResolver::default();
        let found = resolver.resolve("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
        assert!(resolver.resolve("no such name").await.is_err());
        assert_eq!(resolver.lookups.available_permits(), LOOKUPS);
    }
}
