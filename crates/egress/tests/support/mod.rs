//! A network of paper: names answer from a script, and every connection, wherever it should go, ends at one server
//! on loopback, which answers from a script too.

use prokura_egress::{AllowList, BoxFuture, Egress, EgressConfig, FetchUrl, Resolver, Trust};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A public address; nothing is ever sent to it.
pub(crate) const PUBLIC: &str = "93.184.215.14";
/// The host whose certificate the server has.
pub(crate) const HOST: &str = "client.example";

/// What the server does with each connection once it has read the head of a request.
#[derive(Clone)]
pub(crate) enum Script {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends the first bytes, then the second again and again, this far apart, until nobody listens.
    Endless(Vec<u8>, Vec<u8>, Duration),
}

/// `200` with JSON and further header lines.
pub(crate) fn json(headers: &str, body: &str) -> Script {
    let length = body.len();
    Script::Bytes(
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        )
        .into_bytes(),
    )
}

/// The whole answer as it is.
pub(crate) fn raw(answer: &str) -> Script {
    Script::Bytes(answer.as_bytes().to_vec())
}

/// A server on loopback.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) certificate: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Speaks TLS as [`HOST`].
    pub(crate) async fn tls(script: Script) -> Self {
        Self::tls_as(HOST, script).await
    }

    /// Speaks TLS as `name`.
    pub(crate) async fn tls_as(name: &str, script: Script) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        Self::start(script, Some(TlsAcceptor::from(Arc::new(config))), made.cert.pem()).await
    }

    /// Speaks plain HTTP.
    pub(crate) async fn plain(script: Script) -> Self {
        Self::start(script, None, String::new()).await
    }

    async fn start(script: Script, tls: Option<TlsAcceptor>, certificate: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen, tls) = (script.clone(), seen.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => answer(stream, &script, &seen).await,
                        Some(tls) => answer(tls.accept(stream).await?, &script, &seen).await,
                    }
                });
            }
        });
        Self { addr, certificate, requests }
    }

    /// The requests that came, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Whether head and content of a request are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, content)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|l| l.split("\r\n").next());
    content.len() >= length.map_or(0, |l| l.parse().unwrap())
}

async fn answer<S>(mut stream: S, script: &Script, seen: &Mutex<Vec<String>>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !is_whole(&head) {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    seen.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    match script {
        Script::Bytes(bytes) => stream.write_all(bytes).await?,
        Script::Endless(first, again, apart) => {
            stream.write_all(first).await?;
            loop {
                stream.write_all(again).await?;
                stream.flush().await?;
                tokio::time::sleep(*apart).await;
            }
        }
    }
    stream.flush().await?;
    stream.shutdown().await
}

/// The network of paper.
#[derive(Default)]
pub(crate) struct Paper {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    server: Option<SocketAddr>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) dialled: Mutex<Vec<SocketAddr>>,
}

impl Paper {
    /// Connections end at `server`; without one they are refused.
    pub(crate) fn to(server: Option<SocketAddr>) -> Self {
        Self { server, ..Self::default() }
    }

    /// `name` answers with each of `answers` in turn, then with the last for ever.
    pub(crate) fn name(self, name: &str, answers: &[&[&str]]) -> Self {
        let parse = |set: &&[&str]| set.iter().map(|a| a.parse().unwrap()).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers.iter().map(parse).collect());
        self
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn dialled(&self) -> Vec<SocketAddr> {
        self.dialled.lock().unwrap().clone()
    }
}

impl Resolver for Paper {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let answer = match self.answers.lock().unwrap().get_mut(host) {
            None => Err(io::Error::other("no such name")),
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
        };
        Box::pin(async move { answer })
    }

    #[allow(clippy::disallowed_methods, reason = "the server of this test, on loopback")]
    fn connect(&self, to: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        self.dialled.lock().unwrap().push(to);
        let server = self.server;
        Box::pin(async move {
            match server {
                Some(server) => TcpStream::connect(server).await,
                None => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }
}

/// A client on the network of paper that trusts the server's certificate.
pub(crate) fn egress(paper: &Arc<Paper>, certificate: &str, allow: &[&str]) -> Egress {
    let trust = if certificate.is_empty() { Trust::default() } else { Trust::only(&[certificate]).unwrap() };
    let allow = AllowList::parse(allow).unwrap();
    Egress::new(EgressConfig { allow, trust, ..EgressConfig::default() }, paper.clone())
}

/// A TLS server behind [`HOST`] at a public address, and a client that reaches it.
pub(crate) async fn behind_public_name(script: Script) -> (Server, Arc<Paper>, Egress) {
    let server = Server::tls(script).await;
    let paper = Arc::new(Paper::to(Some(server.addr)).name(HOST, &[&[PUBLIC]]));
    let egress = egress(&paper, &server.certificate, &[]);
    (server, paper, egress)
}

pub(crate) fn url(s: &str) -> FetchUrl {
    FetchUrl::parse(s).unwrap()
}

/// A listener that counts who comes.
pub(crate) fn counting() -> (SocketAddr, Arc<Mutex<usize>>, impl Future<Output = ()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let count = Arc::new(Mutex::new(0));
    let counter = count.clone();
    let accept = async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while listener.accept().await.is_ok() {
            *counter.lock().unwrap() += 1;
        }
    };
    (addr, count, accept)
}
