//! The listener: HTTP/1.1 and HTTP/2, in the clear behind a proxy or by TLS that ends here, with bounds on what a peer
//! may hold open.

use super::door::Door;
use super::patience::Patient;
use crate::failure::Failure;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use prokura_oauth::certificate::Certificate;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;

/// The head of a request must have arrived after so long (a slow peer holds no place).
const HEAD: Duration = Duration::from_secs(10);
/// The largest head, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// Connections at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 8192;
/// Requests at once on one HTTP/2 connection (RFC 9113 §5.1.2).
const MAX_STREAMS: u32 = 128;
/// Streams that a peer may reset before they are looked at; more ends the connection.
const MAX_RESETS: usize = 32;
/// An HTTP/2 peer is asked whether it is there after so long without a frame.
const PING: Duration = Duration::from_secs(30);
/// How long what is under way may take after a stop.
const GRACE: Duration = Duration::from_secs(10);
/// After a failure to accept (no file descriptors), others get time to end.
const BREATH: Duration = Duration::from_millis(50);

/// A bound address.
pub(crate) struct Listener {
    socket: TcpListener,
    door: Door,
}

impl Listener {
    /// Takes the address.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address).await.map_err(|e| {
            Failure::usage(format!(
                "`listen`: {address} cannot be used: {e}. Stop what listens there, or choose another"
            ))
        })?;
        Ok(Self { socket: listener, door: Door::default() })
    }

    /// Lets connections in by this door.
    pub(crate) fn behind(self, door: Door) -> Self {
        Self { door, ..self }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`, then finishes what is under way.
    pub(crate) async fn run(self, router: Router, stop: impl Future<Output = ()>) {
        let (under_way, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
        let builder = builder();
        let mut stop = std::pin::pin!(stop);
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let (stream, peer) = tokio::select! {
                accepted = self.accept() => accepted,
                () = &mut stop => break,
            };
            let answering =
                Answering { router: router.clone(), peer, door: self.door.clone(), certificate: None };
            let (builder, watcher) = (builder.clone(), under_way.watcher());
            tokio::spawn(async move {
                // A peer that breaks off or speaks something else concerns nobody.
                if let Err(error) = converse(stream, &builder, answering, watcher).await {
                    tracing::debug!(%error, %peer, "a connection ended early");
                }
                drop(place);
            });
        }
        drop(self.socket);
        if tokio::time::timeout(GRACE, under_way.shutdown()).await.is_err() {
            tracing::warn!("some connections were still open after {} s and were closed", GRACE.as_secs());
        }
    }

    async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    // Answers are small and whole; waiting to join them would only delay.
                    let _ = stream.set_nodelay(true);
                    return (stream, peer);
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Ends TLS, if that is done here, and serves one connection.
async fn converse(
    stream: TcpStream,
    builder: &Builder<TokioExecutor>,
    mut answering: Answering,
    watcher: Watcher,
) -> Result<(), Failed> {
    let Some(tls) = answering.door.tls() else {
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), answering);
        return watcher.watch(connection.into_owned()).await;
    };
    let stream = tokio::time::timeout(HEAD, tls.accept(stream)).await??;
    answering.certificate = shown(&stream).map(Arc::new);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), answering);
    watcher.watch(connection.into_owned()).await
}

/// The certificate that the client showed, whose key it has.
fn shown(stream: &TlsStream<TcpStream>) -> Option<Certificate> {
    let (first, above) = stream.get_ref().1.peer_certificates()?.split_first()?;
    Certificate::new(first.to_vec(), above.iter().map(|c| c.to_vec()).collect())
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD * 2);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(PING);
    builder
}

/// The router as hyper wants it, with the peer's address and certificate in every request.
#[derive(Clone)]
struct Answering {
    router: Router,
    peer: SocketAddr,
    door: Door,
    /// What the client showed on this connection.
    certificate: Option<Arc<Certificate>>,
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(|incoming| Body::new(Patient::new(incoming)));
        let shown = self.door.certificate(self.peer.ip(), self.certificate.as_ref(), request.headers_mut());
        if let Some(certificate) = shown {
            request.extensions_mut().insert(certificate);
        }
        let address = self.door.address(self.peer.ip(), request.headers());
        request.extensions_mut().insert(address);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        tower::Service::call(&mut self.router.clone(), request)
    }
}
