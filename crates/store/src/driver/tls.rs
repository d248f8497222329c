//! TLS to PostgreSQL, always verified.
//!
//! `sslmode` has two meanings here: `disable`, and everything else, which is `verify-full`. libpq's `prefer` and
//! `require` take any certificate and so protect from nobody who can change the traffic. Without `sslmode`, a
//! connection that stays on this machine is plain and any other is verified.

use crate::StoreError;
use postgres::Config;
use postgres::config::{Host, SslMode};
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads the URL: what the client understands, and how to encrypt.
pub(super) fn read(url: &str) -> Result<(Config, Option<Connector>), StoreError> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => roots = Some(value),
            _ => rest.push(pair),
        }
    }
    let plain = format!("{address}?{}", rest.join("&"));
    let mut config: Config = plain.parse().map_err(|e| StoreError::Url(format!("cannot be read: {e}")))?;
    let encrypt = match mode {
        Some("disable") => false,
        Some("allow" | "prefer" | "require" | "verify-ca" | "verify-full") => true,
        Some(other) => return Err(StoreError::Url(format!("has the unknown sslmode `{other}`"))),
        None => !config.get_hosts().iter().all(stays_here),
    };
    if !encrypt {
        config.ssl_mode(SslMode::Disable);
        return Ok((config, None));
    }
    config.ssl_mode(SslMode::Require);
    Ok((config, Some(Connector::new(roots)?)))
}

fn stays_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Makes verified connections.
#[derive(Clone)]
pub(super) struct Connector(Arc<ClientConfig>);

impl Connector {
    fn new(roots: Option<&str>) -> Result<Self, StoreError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| StoreError::Url(format!("cannot use TLS: {e}")))?
            .with_root_certificates(trusted(roots)?)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// The certificates in `sslrootcert`, or those of the machine.
fn trusted(file: Option<&str>) -> Result<RootCertStore, StoreError> {
    let mut store = RootCertStore::empty();
    let bad = |e: &dyn std::fmt::Display| StoreError::Url(format!("has an unusable sslrootcert: {e}"));
    let Some(file) = file else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(store);
    };
    for certificate in CertificateDer::pem_file_iter(file).map_err(|e| bad(&e))? {
        store.add(certificate.map_err(|e| bad(&e))?).map_err(|e| bad(&e))?;
    }
    Ok(store)
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Connector {
    type Stream = Stream<S>;
    type TlsConnect = Handshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, InvalidDnsNameError> {
        let name = ServerName::try_from(host)?.to_owned();
        Ok(Handshake { config: Arc::clone(&self.0), name })
    }
}

/// A handshake about to begin.
pub(super) struct Handshake {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let connector = tokio_rustls::TlsConnector::from(self.config);
        Box::pin(async move { connector.connect(self.name, stream).await.map(Stream) })
    }
}

/// An encrypted stream.
pub(super) struct Stream<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypts(url: &str) -> bool {
        read(url).unwrap().1.is_some()
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_and_verified() {
        assert!(encrypts("postgres://u@db.example/n"));
        assert!(encrypts("postgres://u@localhost,db.example/n"));
        assert!(encrypts("postgres://u@db.example/n?sslmode=prefer"));
        assert!(encrypts("postgres://u@127.0.0.1/n?sslmode=require"));
    }

    #[test]
    fn what_stays_here_or_is_told_so_is_plain() {
        assert!(!encrypts("postgres://u@localhost/n"));
        assert!(!encrypts("postgres://u@[::1]/n"));
        assert!(!encrypts("postgres://u@%2Frun%2Fpg/n"));
        assert!(!encrypts("postgres://u@db.example/n?sslmode=disable"));
    }

    #[test]
    fn an_unknown_mode_is_refused() {
        assert!(matches!(read("postgres://h/n?sslmode=maybe"), Err(StoreError::Url(_))));
    }
}
