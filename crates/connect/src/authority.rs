//! Authority for the wire, by the client of the SDK. It signs in, renews, binds and steps up; here is only what a bridge
//! adds: requests are sent from here, so that nothing is sent for a host that has stopped waiting, and a person who takes
//! long does not keep the host waiting in silence.

use crate::person::Shown;
use crate::wire::{Boxed, Flow, Wire, WireError};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use prokura_egress::{Upstream, UpstreamError};
use prokura_sdk::client::{
    AuthorizationError, Blame, Call, Client, ClientError, Heeded, KeepFresh, Token, TokenError,
};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// A server, and how authority for it is had.
pub struct Authority {
    /// The ways, the preferred one first; the next is taken where a server does not offer the one before.
    clients: Vec<Client>,
    at: AtomicUsize,
    upstream: Upstream,
    shown: Shown,
    patience: Duration,
    _fresh: Option<KeepFresh>,
}

impl Authority {
    /// Authority by the first of these clients that the server can do with. They share a login. A host is kept waiting
    /// for a person no longer than `patience`; the sign-in goes on.
    pub fn new(clients: Vec<Client>, upstream: Upstream, shown: Shown, patience: Duration) -> Self {
        let fresh = clients.first().map(Client::keep_fresh);
        Self { clients, at: AtomicUsize::new(0), upstream, shown, patience, _fresh: fresh }
    }

    async fn go(&self, request: Request<Bytes>) -> Result<Response<Flow>, WireError> {
        let (head, content) = request.into_parts();
        let url = Url::parse(&head.uri.to_string());
        let url = url.map_err(|_| WireError::Refused("the address of the server is none".to_owned()))?;
        let mut at = self.at.load(Ordering::Relaxed);
        let mut call = self.call(at, &head, &url)?;
        loop {
            let added = match self.wait(call.headers()).await {
                Err(Waited::NotOffered(why)) => {
                    (at, call) = self.next(at, &head, &url, why)?;
                    continue;
                }
                other => other.map_err(Waited::into_error)?,
            };
            let response = self.send(&head, added, content.clone()).await?;
            match self.wait(call.heed(response.status(), response.headers())).await {
                Ok(Heeded::Done) => return Ok(response.map(flow)),
                Ok(Heeded::Again) => {}
                Err(Waited::NotOffered(why)) => (at, call) = self.next(at, &head, &url, why)?,
                Err(other) => return Err(other.into_error()),
            }
        }
    }

    fn call(&self, at: usize, head: &http::request::Parts, url: &Url) -> Result<Call, WireError> {
        let client = self.clients.get(at);
        let client = client.ok_or_else(|| WireError::Refused("there is no way to sign in".to_owned()))?;
        Ok(client.call(head.method.clone(), url.clone()))
    }

    /// Goes on by the next way, if there is one; from now on all do.
    fn next(
        &self,
        at: usize,
        head: &http::request::Parts,
        url: &Url,
        why: String,
    ) -> Result<(usize, Call), WireError> {
        let call = self.call(at + 1, head, url).map_err(|_| WireError::Refused(why))?;
        self.at.fetch_max(at + 1, Ordering::Relaxed);
        Ok((at + 1, call))
    }

    async fn send(
        &self,
        head: &http::request::Parts,
        added: HeaderMap,
        content: Bytes,
    ) -> Result<Response<prokura_egress::UpstreamBody>, WireError> {
        let mut request = Request::new(Full::new(content));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = head.uri.clone();
        *request.headers_mut() = head.headers.clone();
        request.headers_mut().extend(added);
        self.upstream.send(request).await.map_err(|e| unreachable(&e))
    }

    /// Waits for the SDK, as long as a host may be kept waiting. What was begun goes on by itself.
    async fn wait<T>(&self, work: impl Future<Output = Result<T, ClientError>>) -> Result<T, Waited> {
        match timeout(self.patience, work).await {
            Ok(Ok(done)) => {
                self.shown.set(None);
                Ok(done)
            }
            Ok(Err(error)) => Err(Waited::of(&error)),
            Err(_) => Err(Waited::Still(self.shown.address())),
        }
    }
}

impl Wire for Authority {
    fn send(&self, request: Request<Bytes>) -> Boxed<'_, Result<Response<Flow>, WireError>> {
        Box::pin(self.go(request))
    }
}

/// Why the SDK has not done what it was asked.
#[derive(Debug)]
enum Waited {
    /// A person still signs in, here or in another program that shares the login.
    Still(Option<String>),
    /// The server does not offer this way.
    NotOffered(String),
    /// It failed.
    Failed(WireError),
}

impl Waited {
    fn of(error: &ClientError) -> Self {
        let sentence = error.to_string();
        match error {
            ClientError::Authorization(AuthorizationError::NoEndpoint { member, .. })
                if *member == "device_authorization_endpoint" =>
            {
                Self::NotOffered(sentence)
            }
            // Not to this client: RFC 6749 section 5.2, RFC 8628 section 3.2.
            ClientError::Token(TokenError::Refused { error, .. }) if error == "unauthorized_client" => {
                Self::NotOffered(sentence)
            }
            ClientError::Unreachable { .. } => Self::Failed(WireError::Unreachable { sentence, sent: false }),
            ClientError::SignInNeeded(_) => Self::Failed(WireError::SignIn { address: None, sentence }),
            ClientError::Authorization(_) if error.blame() == Blame::Person => {
                let sentence = format!("{sentence}. Nobody is signed in; the next request asks again.");
                Self::Failed(WireError::SignIn { address: None, sentence })
            }
            _ => Self::Failed(WireError::Refused(sentence)),
        }
    }

    fn into_error(self) -> WireError {
        match self {
            Self::Still(Some(address)) => WireError::SignIn {
                sentence: format!("Sign in first, then try again: open {address}"),
                address: Some(address),
            },
            Self::Still(None) => WireError::SignIn {
                address: None,
                sentence:
                    "Another program that shares this login is waiting for a person to sign in, or the \
                           authorization server is slow. Try again in a moment."
                        .to_owned(),
            },
            Self::NotOffered(sentence) => WireError::Refused(sentence),
            Self::Failed(error) => error,
        }
    }
}

fn unreachable(error: &UpstreamError) -> WireError {
    let sentence = match error {
        UpstreamError::Connect(cause) => format!("the MCP server cannot be reached: {cause}"),
        other => other.to_string(),
    };
    WireError::Unreachable { sentence, sent: !error.nothing_was_sent() }
}

fn flow(body: prokura_egress::UpstreamBody) -> Flow {
    body.map_err(|e| Box::new(e) as Box<dyn std::error::Error + Send + Sync>).boxed_unsync()
}

/// A token in force, by the first of these clients that the server can do with.
///
/// # Errors
/// [`ClientError`] of the last way that was tried.
pub async fn token(clients: &[Client]) -> Result<Token, ClientError> {
    let mut last = ClientError::Interrupted;
    for client in clients {
        match client.token().await {
            Err(error) if matches!(Waited::of(&error), Waited::NotOffered(_)) => last = error,
            other => return other,
        }
    }
    Err(last)
}
