//! Tokens of ours whose signature was checked, so that it is checked once: everything that can change is asked on every
//! use.

use crate::server::AppState;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::jose::KeySet;
use prokura_oauth::secret::sha256_base64url;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// So many are remembered at most; then all are forgotten, for the newest come again soonest.
const MOST: usize = 10_000;

/// A token, and the keys it was verified with.
struct Known {
    token: Arc<AccessToken>,
    keys: Arc<KeySet>,
}

/// The tokens that were verified, by their hash.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<HashMap<String, Known>>);

impl Remembered {
    /// The access token of ours that this is, in time. Of keys that changed it is verified again.
    pub(super) fn verified(&self, app: &AppState, compact: &str) -> Option<Arc<AccessToken>> {
        let (keys, now) = (app.keys.published(), app.clock.now());
        let hash = sha256_base64url(compact.as_bytes());
        let token = match self.known(&hash, &keys) {
            Some(token) => token,
            None => {
                let issuer = app.config.issuer.as_str();
                let token = AccessToken::verify_any_resource(compact, &keys, issuer, now).ok()?;
                self.keep(hash, Arc::new(token), keys)
            }
        };
        // The clock is the one that it was made by: there is nothing to be lenient about.
        (token.expires_at > now).then_some(token)
    }

    fn known(&self, hash: &str, keys: &Arc<KeySet>) -> Option<Arc<AccessToken>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(hash).filter(|known| Arc::ptr_eq(&known.keys, keys))?;
        Some(Arc::clone(&known.token))
    }

    fn keep(&self, hash: String, token: Arc<AccessToken>, keys: Arc<KeySet>) -> Arc<AccessToken> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(hash, Known { token: Arc::clone(&token), keys });
        token
    }
}
