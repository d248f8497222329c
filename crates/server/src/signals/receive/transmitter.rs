//! Somebody whose events are taken: what is known of it, and how it is asked.

use crate::clients::SecretDigest;
use crate::server::{AppState, Secrets};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use prokura_config::{Config, SignalTransmitter};
use prokura_core::Timestamp;
use prokura_egress::{Answer, Ask, Egress, FetchLimits, FetchUrl, Reading};
use prokura_oauth::jose::{Algorithm, KeySet};
use prokura_oauth::json::{self, Limits, Object, Value};
use prokura_oauth::signals::{TransmitterMetadata, well_known};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// What a transmitter says of itself is kept for so long.
const KEEP: Duration = Duration::from_secs(3600);
/// A token is got anew so long before it ends.
const EARLY: Duration = Duration::from_secs(30);
/// No more of an answer is read: tokens of 32 KiB, so that a few dozen come at once.
const MOST: usize = 2 << 20;

/// Somebody whose events are taken.
pub(in crate::signals) struct Transmitter {
    pub(in crate::signals) config: SignalTransmitter,
    /// What it calls this server.
    pub(super) audience: String,
    pub(super) algorithms: Vec<Algorithm>,
    /// What it shows here.
    secret: Option<SecretDigest>,
    /// What it is told to show here.
    pub(super) given: Option<String>,
    token: Option<String>,
    client_secret: Option<String>,
    egress: Egress,
    metadata: Mutex<Option<(Arc<TransmitterMetadata>, Timestamp)>>,
    access: Mutex<Option<(String, Timestamp)>>,
}

impl Transmitter {
    pub(in crate::signals) fn new(
        config: &Config,
        t: &SignalTransmitter,
        secrets: &Secrets,
        egress: &Egress,
    ) -> Self {
        let secret = |what: &str| secrets.signals.get(&format!("{}.{what}", t.name)).cloned();
        let given = secret("secret");
        Self {
            audience: t.audience.clone().unwrap_or_else(|| config.issuer.as_str().to_owned()),
            algorithms: t.algorithms.iter().filter_map(|a| Algorithm::parse(a.as_str())).collect(),
            secret: given.as_deref().map(SecretDigest::of),
            given: given.filter(|_| t.create_stream),
            token: secret("token"),
            client_secret: secret("client"),
            config: t.clone(),
            egress: egress.clone(),
            metadata: Mutex::new(None),
            access: Mutex::new(None),
        }
    }

    /// Its name.
    pub(in crate::signals) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether this is what it has to show here.
    pub(super) fn shows(&self, bearer: Option<&str>) -> bool {
        self.secret.as_ref().zip(bearer).is_some_and(|(secret, shown)| secret.is_of(shown))
    }

    /// The cause for which something is stopped because of an event of this sort.
    pub(super) fn cause(&self, word: &str) -> String {
        format!("signal:{}:{word}", self.config.name)
    }

    /// Its keys, for a token with this `kid`.
    pub(super) async fn keys(&self, app: &AppState, kid: Option<&str>) -> Result<Arc<KeySet>, String> {
        let address = match &self.config.jwks_uri {
            Some(address) => address.clone(),
            None => self.metadata(app).await?.jwks_uri.clone().ok_or("its metadata name no `jwks_uri`")?,
        };
        app.clients.keys_at(&address, kid).await.map_err(|e| e.to_string())
    }

    /// The members of a subject that must be understood.
    pub(super) async fn critical(&self, app: &AppState) -> Result<Vec<String>, String> {
        match self.config.jwks_uri {
            Some(_) => Ok(Vec::new()),
            None => Ok(self.metadata(app).await?.critical_members.clone()),
        }
    }

    /// What it says of itself; what it said before if it cannot be asked, for that names addresses only.
    pub(super) async fn metadata(&self, app: &AppState) -> Result<Arc<TransmitterMetadata>, String> {
        let now = app.clock.now();
        let mut held = self.metadata.lock().await;
        if let Some((metadata, at)) = &*held
            && now.since(*at) < KEEP
        {
            return Ok(Arc::clone(metadata));
        }
        match (self.fetch_metadata().await, &*held) {
            (Ok(metadata), _) => {
                let metadata = Arc::new(metadata);
                *held = Some((Arc::clone(&metadata), now));
                Ok(metadata)
            }
            (Err(_), Some((metadata, _))) => Ok(Arc::clone(metadata)),
            (Err(why), None) => Err(why),
        }
    }

    async fn fetch_metadata(&self) -> Result<TransmitterMetadata, String> {
        let address = well_known(&self.config.issuer).ok_or("its issuer is no address")?;
        let url = FetchUrl::parse(&address).map_err(|e| e.to_string())?;
        let fetched = self.egress.get(&url, &FetchLimits::DOCUMENT).await.map_err(|e| e.to_string())?;
        let read = TransmitterMetadata::read(&object(&fetched.body)?, &self.config.issuer);
        read.map_err(|e| format!("its metadata are refused: {e}"))
    }

    /// Posts an object with a token, and answers with whatever comes back within `patience`.
    pub(super) async fn post(
        &self,
        app: &AppState,
        address: &str,
        body: &Object,
        patience: Duration,
    ) -> Result<Answer, String> {
        let url = FetchUrl::parse(address).map_err(|e| format!("`{address}`: {e}"))?;
        let token = self.access_token(app).await?;
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
        let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
        headers.insert(AUTHORIZATION, bearer.map_err(|_| "its token cannot stand in a header")?);
        let ask = Ask { method: Method::POST, headers, body: Bytes::from(body.to_vec()) };
        let reading = Reading { max_bytes: MOST, deadline: patience, enough: |_, _| false };
        let answer = self.egress.ask(&url, ask, &reading).await.map_err(|e| e.to_string())?;
        if answer.status == http::StatusCode::UNAUTHORIZED {
            *self.access.lock().await = None;
        }
        if answer.whole { Ok(answer) } else { Err("its answer is too long, or broke off".to_owned()) }
    }

    async fn access_token(&self, app: &AppState) -> Result<String, String> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let mut held = self.access.lock().await;
        let now = app.clock.now();
        if let Some((token, until)) = &*held
            && now < *until
        {
            return Ok(token.clone());
        }
        let (token, life) = self.get_token().await?;
        *held = Some((token.clone(), now.after(life.saturating_sub(EARLY))));
        Ok(token)
    }

    /// A token by client credentials (RFC 6749 §4.4).
    async fn get_token(&self) -> Result<(String, Duration), String> {
        let (Some(client), Some(secret)) = (&self.config.client, &self.client_secret) else {
            return Err("no `token` and no `client` is configured".to_owned());
        };
        let url = FetchUrl::parse(&client.token_endpoint).map_err(|e| e.to_string())?;
        let mut form = vec![("grant_type", "client_credentials"), ("scope", client.scope.as_str())];
        form.extend(client.resource.as_deref().map(|r| ("resource", r)));
        let basic = crate::signin::basic(&client.id, secret);
        let asked = self.egress.post_form(&url, &form, Some(&basic), &FetchLimits::DOCUMENT).await;
        let answer = object(&asked.map_err(|e| e.to_string())?.body)?;
        let token = answer.str("access_token").map(str::to_owned);
        let life = answer.get("expires_in").and_then(Value::as_u64).unwrap_or(60);
        let refused = || format!("no token: {}", answer.str("error").unwrap_or("no `access_token`"));
        Ok((token.ok_or_else(refused)?, Duration::from_secs(life)))
    }
}

/// The object of an answer.
pub(super) fn object(bytes: &[u8]) -> Result<Object, String> {
    let limits = Limits { max_bytes: MOST, ..Limits::DOCUMENT };
    let value = json::parse(bytes, &limits).map_err(|e| format!("no valid JSON: {e}"))?;
    value.into_object().ok_or_else(|| "no JSON object".to_owned())
}
