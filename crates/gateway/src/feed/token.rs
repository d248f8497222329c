//! The gateway's own token for the feed.

use super::Ended;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prokura_core::{Clock, Timestamp};
use prokura_egress::{Egress, FetchLimits, FetchUrl};
use prokura_oauth::json::{self, Limits, Value};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// A token that ends so soon is not used any more.
const SPARE: Duration = Duration::from_secs(20);

/// Asks for tokens by client credentials (RFC 6749 §4.4), and remembers the last.
pub(super) struct Tokens {
    endpoint: FetchUrl,
    resource: String,
    basic: Zeroizing<String>,
    egress: Egress,
    clock: Arc<dyn Clock>,
    held: Mutex<Option<(Arc<Zeroizing<String>>, Timestamp)>>,
}

impl Tokens {
    pub(super) fn new(
        endpoint: FetchUrl,
        resource: String,
        client: &str,
        secret: &Zeroizing<String>,
        egress: Egress,
        clock: Arc<dyn Clock>,
    ) -> Self {
        // Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
        let encoded = |text: &str| Zeroizing::new(byte_serialize(text.as_bytes()).collect::<String>());
        let pair = Zeroizing::new(format!("{}:{}", *encoded(client), *encoded(secret)));
        let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        Self { endpoint, resource, basic, egress, clock, held: Mutex::default() }
    }

    /// A token that can still be used.
    pub(super) async fn get(&self) -> Result<Arc<Zeroizing<String>>, Ended> {
        let now = self.clock.now();
        if let Some((token, until)) = self.held.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && now < *until
        {
            return Ok(Arc::clone(token));
        }
        let form = [("grant_type", "client_credentials"), ("resource", self.resource.as_str())];
        let answer =
            self.egress.post_form(&self.endpoint, &form, Some(&self.basic), &FetchLimits::DOCUMENT).await;
        let answer = answer.map_err(|e| Ended::Token(e.to_string()))?;
        let body = json::parse(&answer.body, &Limits::DOCUMENT).ok().and_then(Value::into_object);
        let body = body.ok_or_else(|| Ended::Token(format!("status {}", answer.status)))?;
        let Some(token) = body.str("access_token").filter(|_| answer.status == 200) else {
            let why = body.str("error_description").or(body.str("error")).unwrap_or("no token");
            return Err(Ended::Token(format!("status {}: {why}", answer.status)));
        };
        let life = Duration::from_secs(body.get("expires_in").and_then(Value::as_u64).unwrap_or(60));
        let token = Arc::new(Zeroizing::new(token.to_owned()));
        let until = now.after(life.saturating_sub(SPARE));
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&token), until));
        Ok(token)
    }

    /// The issuer did not take it.
    pub(super) fn forget(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
