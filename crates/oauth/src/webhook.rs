//! Signed notes to an address of the operator's (Standard Webhooks): an id by which a second delivery is known, a time, and a
//! keyed hash over both and the body.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// What a secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";
/// The header with the id.
pub const ID: &str = "webhook-id";
/// The header with the time, in seconds.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// What both sides sign and verify with. Debug output never shows it.
pub struct WebhookSecret(hmac::Key);

/// A text that is no secret of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write `{SECRET_PREFIX}` and 24 to 64 random bytes in base64, as `openssl rand -base64 32` makes them"
)]
pub struct InvalidWebhookSecret;

impl WebhookSecret {
    /// Reads one.
    ///
    /// # Errors
    /// [`InvalidWebhookSecret`].
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let encoded = text.trim().strip_prefix(SECRET_PREFIX).ok_or(InvalidWebhookSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidWebhookSecret)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(InvalidWebhookSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The value of the signature's header.
    pub fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut content = format!("{id}.{seconds}.").into_bytes();
        content.extend_from_slice(body);
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, &content).as_ref()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the libraries of Standard Webhooks.
    #[test]
    fn a_signature_is_what_others_verify() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_331, body), signed);
        assert!(!format!("{secret:?}").contains("Mf"));
    }

    #[test]
    fn a_secret_is_long_and_says_what_it_is() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_!!", short.as_str()] {
            assert_eq!(WebhookSecret::parse(bad).err(), Some(InvalidWebhookSecret), "{bad}");
        }
    }
}
