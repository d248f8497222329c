//! The client's half: from the address of an MCP server to requests that it answers.
//!
//! A [`Client`] stands for one MCP server and one login at it. It finds out who grants access
//! ([`discovery`](crate::discovery)), becomes known there ([`Software`]), gets a token by the [`Way`] that it was given,
//! keeps it in a [`Store`] that other processes may share, renews it before it ends, binds it to a key ([`Dpop`]), and
//! asks for more scopes when the server wants them.
//!
//! ```no_run
//! use prokura_sdk::client::{Client, FileStore, Loopback, Software, Way};
//! use std::sync::Arc;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::to("https://mcp.example.com/mcp")?
//!     .software(Software::named("My agent").document("https://agent.example.com/client.json"))
//!     .way(Way::Browser(Arc::new(Loopback::default())))
//!     .store(Arc::new(FileStore::at("/home/alice/.config/my-agent")?))
//!     .build()?;
//! let request = http::Request::post("https://mcp.example.com/mcp")
//!     .header("content-type", "application/json")
//!     .header("accept", "application/json, text/event-stream")
//!     .body(bytes::Bytes::from_static(b"{}"))?;
//! let response = client.send(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Another HTTP client sends the same by a [`Call`]; `rmcp` does by the feature `rmcp`.

mod alone;
mod attested;
mod auth;
mod builder;
mod call;
mod code;
mod device;
mod dpop;
mod error;
mod file;
mod fresh;
mod handed;
mod inner;
mod instance;
mod kept;
mod loopback;
mod means;
mod memory;
mod obtain;
mod refresh;
mod registration;
#[cfg(feature = "rmcp")]
mod rmcp;
mod scope;
mod secret;
mod server;
mod software;
mod store;
mod token;
mod visit;
mod way;

pub(crate) use auth::ASSERTION_TYPE as JWT_BEARER_ASSERTION;
pub use auth::{ClientAuth, ClientKey, InvalidKey};
pub use builder::Builder;
pub use call::{Call, Heeded};
pub use code::AuthorizationError;
pub use device::{DeviceCode, DeviceError, DeviceScreen};
pub use dpop::Dpop;
pub use error::{Blame, ClientError};
pub use file::FileStore;
pub use fresh::KeepFresh;
pub use handed::OnlyTo;
pub use loopback::Loopback;
pub use memory::MemoryStore;
pub use obtain::Discovered;
pub use registration::RegistrationError;
pub use secret::Secret;
pub use server::{InvalidServer, ServerUrl};
pub use software::{KnownClient, Software};
pub use store::{Held, Store, StoreError};
pub use token::TokenError;
pub(crate) use token::printable;
pub use visit::{Opener, SystemBrowser, UserAgent, Visit, VisitError};
pub use way::{Enterprise, Exchange, Provider, TokenFile, TokenSource, Way};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use inner::{Inner, Need};
use obtain::Challenged;
use prokura_core::{ScopeSet, Timestamp};
use prokura_egress::UpstreamBody;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// A client of one MCP server. Cheap to clone; clones share the login.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

/// A token in force.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token itself.
    pub value: Secret,
    /// Whether it is bound to the client's key (`DPoP`), and so of no use without proofs; see [`Call::headers`].
    pub bound: bool,
    /// When it ends, if the server said.
    pub expires_at: Option<Timestamp>,
    /// What was granted.
    pub scope: ScopeSet,
    /// Who gave it.
    pub issuer: String,
}

impl Client {
    /// Begins a client of the MCP server at `address`, which a person named: it is trusted as it is named, on this
    /// machine too.
    ///
    /// # Errors
    /// [`InvalidServer`] unless it is an `http` or `https` URL.
    pub fn to(address: &str) -> Result<Builder, InvalidServer> {
        ServerUrl::parse(address).map(Builder::new)
    }

    /// The server.
    pub fn server(&self) -> &ServerUrl {
        &self.0.server
    }

    /// Sends a request to the server with what authorizes it, as often as its answers demand: after signing in, after
    /// renewing, with more scopes. The content of the answer streams; there is no deadline but the caller's.
    ///
    /// # Errors
    /// [`ClientError`]. A refusal that cannot be mended here (a 403 for another reason than scopes) is no error but the
    /// answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<UpstreamBody>, ClientError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|_| ClientError::Unwritable)?;
        let mut call = self.call(head.method.clone(), url);
        loop {
            let mut again = Request::builder().method(head.method.clone()).uri(head.uri.clone());
            if let Some(headers) = again.headers_mut() {
                headers.clone_from(&head.headers);
                headers.extend(call.headers().await?);
            }
            let again = again.body(Full::new(body.clone())).map_err(|_| ClientError::Unwritable)?;
            let response = self.0.upstream.send(again).await.map_err(|e| ClientError::Unreachable {
                server: self.0.server.to_string(),
                cause: e.to_string(),
            })?;
            if call.heed(response.status(), response.headers()).await? == Heeded::Done {
                return Ok(response);
            }
        }
    }

    /// One request, for another HTTP client:
    ///
    /// ```no_run
    /// # use prokura_sdk::client::{Client, Heeded};
    /// # async fn send(client: &Client, web: &reqwest::Client) -> Result<reqwest::Response, Box<dyn std::error::Error>> {
    /// let url = client.server().as_url().clone();
    /// let mut call = client.call(http::Method::POST, url.clone());
    /// let response = loop {
    ///     let response = web.post(url.as_str()).headers(call.headers().await?).send().await?;
    ///     if call.heed(response.status(), response.headers()).await? == Heeded::Done {
    ///         break response;
    ///     }
    /// };
    /// # Ok(response)
    /// # }
    /// ```
    pub fn call(&self, method: Method, url: Url) -> Call {
        Call::new(self.0.clone(), method, url)
    }

    /// A token in force: the one that is held, renewed if it ended, or a new one by this client's way.
    ///
    /// # Errors
    /// [`ClientError`] if there is none to be had.
    pub async fn token(&self) -> Result<Token, ClientError> {
        let kept = match self.0.working().await? {
            Some(kept) => kept,
            None => self.0.renew(None, Need::Fresh).await?,
        };
        Ok(Token {
            value: kept.access_token.clone(),
            bound: kept.bound,
            expires_at: kept.expires_at,
            scope: kept.granted.clone(),
            issuer: kept.issuer.clone(),
        })
    }

    /// Whether a login is kept, without asking any server. It may have ended.
    ///
    /// # Errors
    /// [`ClientError::Store`] if the store cannot be read.
    pub async fn is_signed_in(&self) -> Result<bool, ClientError> {
        Ok(self.0.held().await?.is_some())
    }

    /// Finds out who grants access, without signing in.
    ///
    /// # Errors
    /// [`ClientError::Discovery`].
    pub async fn discover(&self) -> Result<Discovered, ClientError> {
        let kept = self.0.held().await?;
        self.0.discover(&Challenged::default(), kept.as_deref()).await
    }

    /// Ends the login: tells the authorization server and forgets it here. It is forgotten also if the server cannot be
    /// told.
    ///
    /// # Errors
    /// [`ClientError`] if the server could not be told, or the store not written.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        match self.0.forget().await? {
            Some(kept) => self.0.revoke(&kept).await,
            None => Ok(()),
        }
    }

    /// Renews the token before it ends for as long as the guard lives, also while no request is sent: what runs for
    /// days finds a fresh one.
    #[must_use = "it stops when the guard is dropped"]
    pub fn keep_fresh(&self) -> KeepFresh {
        KeepFresh::of(&self.0)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.0.server).finish_non_exhaustive()
    }
}
