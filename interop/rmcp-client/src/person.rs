//! A person with a browser that needs no hands: follows redirects, keeps cookies, comes back with a code.

use anyhow::{Context, Result, bail};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use rmcp::model::ProtocolVersion;
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService,
};
use rmcp::transport::auth::{
    AuthClient, AuthorizationCallback, AuthorizationManager, AuthorizationRequest, OAuthState,
};
use rmcp::transport::streamable_http_client::{
    InsufficientScopeError, StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use tokio::sync::Mutex;
use url::Url;

/// Who the client is where it is known by a document.
pub const CLIENT_METADATA_URL: &str = "https://conformance-test.local/client-metadata.json";
const HOPS: usize = 10;

/// How this run connects.
pub struct Person {
    /// 2026-07-28, or else the handshake of 2025-11-25.
    pub modern: bool,
    /// By a client metadata document, or else by dynamic registration.
    pub by_document: bool,
    /// The loopback port of the redirect URI. Nothing listens there.
    pub port: u16,
}

/// An open connection, and what made it.
pub struct Session {
    pub client: RunningService<RoleClient, ()>,
    pub manager: Arc<Mutex<AuthorizationManager>>,
    /// The address that the person was sent to first.
    pub visited: String,
}

impl Session {
    /// The access token at hand.
    pub async fn token(&self) -> Result<String> {
        Ok(self.manager.lock().await.get_access_token().await?)
    }
}

impl Person {
    /// `cimd` or `dcr`.
    pub fn registration(&self) -> &'static str {
        if self.by_document { "cimd" } else { "dcr" }
    }

    fn redirect(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    fn lifecycle(&self) -> ClientLifecycleMode {
        if self.modern {
            ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
        } else {
            ClientLifecycleMode::Initialize
        }
    }

    /// Tries without a token, is challenged, authorizes, and connects.
    pub async fn connect(&self, url: &str) -> Result<Session> {
        let (state, visited) = self.authorize(url).await?;
        let manager = state.into_authorization_manager().context("not authorized")?;
        let http = AuthClient::new(reqwest::Client::new(), manager);
        let manager = http.auth_manager.clone();
        let transport = StreamableHttpClientTransport::with_client(
            http,
            StreamableHttpClientTransportConfig::with_uri(url),
        );
        let client = ().serve_with_lifecycle(transport, self.lifecycle()).await?;
        Ok(Session { client, manager, visited })
    }

    async fn challenge(&self, url: &str) -> Result<String> {
        let config = StreamableHttpClientTransportConfig::with_uri(url);
        let transport = StreamableHttpClientTransport::with_client(reqwest::Client::new(), config);
        match ().serve_with_lifecycle(transport, self.lifecycle()).await {
            Ok(_) => bail!("connected without a token"),
            Err(error) => challenged(&error).with_context(|| format!("no challenge: {error}")),
        }
    }

    async fn authorize(&self, url: &str) -> Result<(OAuthState, String)> {
        let challenge = self.challenge(url).await?;
        let mut state = OAuthState::new(url, None).await?;
        let mut request = AuthorizationRequest::new(self.redirect())
            .with_client_name("Interop (Rust)")
            .with_application_type("native")
            .with_initial_scope_selection()
            .with_challenge(challenge);
        if self.by_document {
            request = request.with_client_metadata_url(CLIENT_METADATA_URL);
        }
        state.start_authorization(request).await?;
        let visited = state.get_authorization_url().await?;
        state.handle_callback_url(&browse(&visited, &self.redirect()).await?).await?;
        Ok((state, visited))
    }

    /// Asks for what is held and what is needed; returns the address that the person was sent to.
    pub async fn step_up(&self, session: &Session, required: &str) -> Result<String> {
        let manager = session.manager.lock().await;
        let visited = manager.request_scope_upgrade(required).await?;
        let callback = AuthorizationCallback::from_redirect_url(&browse(&visited, &self.redirect()).await?)?;
        manager
            .exchange_code_for_token_with_issuer(
                &callback.code,
                &callback.csrf_token,
                callback.issuer.as_deref(),
            )
            .await?;
        Ok(visited)
    }
}

fn challenged(error: &ClientInitializeError) -> Option<String> {
    error.auth_challenge().map(str::to_owned)
}

/// The scope of a 403 challenge, from wherever in the chain of causes it is.
pub fn required_scope(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(scope_of).or_else(|| {
        let service = error.downcast_ref::<rmcp::ServiceError>()?;
        let rmcp::ServiceError::TransportSend(transport) = service else { return None };
        let mut at: Option<&(dyn Error + 'static)> = Some(transport.error.as_ref());
        while let Some(cause) = at {
            if let Some(scope) = scope_of(cause) {
                return Some(scope);
            }
            at = cause.source();
        }
        None
    })
}

fn scope_of(cause: &(dyn Error + 'static)) -> Option<String> {
    cause.downcast_ref::<InsufficientScopeError>()?.get_required_scope().map(str::to_owned)
}

/// Follows redirects from `start` to the first address that begins with `redirect`.
async fn browse(start: &str, redirect: &str) -> Result<String> {
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let mut cookies = BTreeMap::new();
    let mut at = Url::parse(start)?;
    for _ in 0..HOPS {
        let held: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = browser
            .get(at.clone())
            .header("accept", "text/html")
            .header(COOKIE, held.join("; "))
            .send()
            .await?;
        for line in response.headers().get_all(SET_COOKIE) {
            if let Some((name, value)) =
                line.to_str()?.split(';').next().and_then(|pair| pair.split_once('='))
            {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let Some(location) = response.headers().get(LOCATION) else {
            bail!("{} answered {}: {}", at.path(), response.status(), response.text().await?);
        };
        at = at.join(location.to_str()?)?;
        if at.as_str().starts_with(redirect) {
            return Ok(at.into());
        }
    }
    bail!("no end of redirects")
}
