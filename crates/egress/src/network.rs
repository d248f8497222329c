//! The two doors to the network, passed in so that a test can stand behind them: names to addresses, and
//! addresses to connections.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use tokio::net::TcpStream;

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

/// The resolver of the operating system. No proxy is used, whatever `HTTPS_PROXY` says: a proxy would resolve
/// the name again, behind the check.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 443)).await?.map(|a| a.ip()).collect()) })
    }
}
