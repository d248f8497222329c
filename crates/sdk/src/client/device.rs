//! The device grant (RFC 8628): for where no browser is, the person uses another device.

use super::code::AuthorizationError;
use super::means::Means;
use super::server::may_be_opened;
use super::token::{Given, TokenError, TokenRequest, printable};
use prokura_oauth::json::{Object, Value};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use url::Url;

/// The grant type of RFC 8628 §3.4.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// What to wait between two questions if the server does not say (RFC 8628 §3.2), and what to add if it is too often
/// (§3.5).
const INTERVAL: u64 = 5;

/// What the person is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// What to type.
    pub user_code: String,
    /// Where.
    pub verification_uri: Url,
    /// The same with the code in it, for a QR code or a link.
    pub verification_uri_complete: Option<Url>,
    /// For how long.
    pub expires_in: Duration,
}

/// Where a code is shown to the person.
pub trait DeviceScreen: Send + Sync + 'static {
    /// Shows it.
    fn show(&self, code: &DeviceCode);
}

impl<F: Fn(&DeviceCode) + Send + Sync + 'static> DeviceScreen for F {
    fn show(&self, code: &DeviceCode) {
        self(code);
    }
}

/// Why the other device did not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// What the server answers is not as RFC 8628 says.
    #[error(
        "the authorization server's answer to the device request has no valid `{0}` (RFC 8628 section 3.2)"
    )]
    Member(&'static str),
    /// The person said no.
    #[error("access was refused on the other device")]
    Denied,
    /// The person took too long.
    #[error("nobody entered the code in time: try again")]
    Expired,
}

/// What the server gave to begin with.
pub(crate) struct Begun {
    device_code: String,
    interval: u64,
    pub(crate) shown: DeviceCode,
}

impl Begun {
    pub(crate) fn read(told: &Object) -> Result<Self, AuthorizationError> {
        let member = |name: &'static str| {
            let text = told.str(name).filter(|s| !s.is_empty());
            text.ok_or(AuthorizationError::Device(DeviceError::Member(name)))
        };
        let seconds = told.get("expires_in").and_then(Value::as_u64);
        let seconds = seconds.ok_or(AuthorizationError::Device(DeviceError::Member("expires_in")))?;
        let complete = told.str("verification_uri_complete").map(address).transpose()?;
        let shown = DeviceCode {
            user_code: printable(member("user_code")?),
            // Some servers still write the name of an old draft.
            verification_uri: address(
                member("verification_uri").or_else(|e| told.str("verification_url").ok_or(e))?,
            )?,
            verification_uri_complete: complete,
            expires_in: Duration::from_secs(seconds.min(3600)),
        };
        let interval = told.get("interval").and_then(Value::as_u64).unwrap_or(INTERVAL).clamp(1, 300);
        Ok(Self { device_code: member("device_code")?.to_owned(), interval, shown })
    }

    /// Asks until the person has decided.
    pub(crate) async fn wait(
        mut self,
        means: &Means,
        mut request: TokenRequest<'_>,
    ) -> Result<Given, AuthorizationOrToken> {
        let end = Instant::now() + self.shown.expires_in;
        request.form.push(("grant_type", GRANT.to_owned()));
        request.form.push(("device_code", self.device_code.clone()));
        loop {
            let next = Instant::now() + Duration::from_secs(self.interval);
            if next > end {
                return Err(DeviceError::Expired.into());
            }
            sleep_until(next).await;
            match request.token(means).await {
                Ok(given) => return Ok(given),
                Err(error) => self.interval = self.next_interval(error)?,
            }
        }
    }

    /// How long to wait before the next question, if there is to be one.
    fn next_interval(&self, error: TokenError) -> Result<u64, AuthorizationOrToken> {
        if error.is("authorization_pending") {
            Ok(self.interval)
        } else if error.is("slow_down") {
            Ok(self.interval + INTERVAL)
        } else if error.is_unreachable() {
            Ok((self.interval * 2).min(300))
        } else if error.is("access_denied") {
            Err(DeviceError::Denied.into())
        } else if error.is("expired_token") {
            Err(DeviceError::Expired.into())
        } else {
            Err(AuthorizationOrToken::Token(error))
        }
    }
}

/// Both kinds of failure that waiting can end in.
#[derive(Debug)]
pub(crate) enum AuthorizationOrToken {
    Authorization(AuthorizationError),
    Token(TokenError),
}

impl From<DeviceError> for AuthorizationOrToken {
    fn from(error: DeviceError) -> Self {
        Self::Authorization(AuthorizationError::Device(error))
    }
}

fn address(text: &str) -> Result<Url, AuthorizationError> {
    let url = Url::parse(text).ok().filter(may_be_opened);
    url.ok_or_else(|| AuthorizationError::Unsafe(printable(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn begun(json: &str) -> Result<Begun, AuthorizationError> {
        Begun::read(&parse(json.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap())
    }

    const RIGHT: &str = r#"{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://as.example/device","expires_in":600}"#;

    #[test]
    fn the_answer_is_read_as_rfc_8628_writes_it() {
        let begun = begun(RIGHT).unwrap();
        assert_eq!((begun.interval, begun.shown.user_code.as_str()), (5, "WDJB-MJHT"));
        assert_eq!(begun.shown.expires_in, Duration::from_secs(600));
    }

    #[test]
    fn nobody_is_sent_to_a_foreign_scheme() {
        for bad in ["javascript:alert(1)", "http://as.example/device"] {
            let json = RIGHT.replace("https://as.example/device", bad);
            assert!(matches!(begun(&json), Err(AuthorizationError::Unsafe(_))), "{bad}");
        }
        assert!(begun(&RIGHT.replace("user_code", "x")).is_err());
    }

    #[test]
    fn too_often_is_answered_by_patience() {
        let begun = begun(RIGHT).unwrap();
        let refused =
            |error: &str| TokenError::Refused { error: error.to_owned(), description: String::new() };
        assert_eq!(begun.next_interval(refused("authorization_pending")).unwrap(), 5);
        assert_eq!(begun.next_interval(refused("slow_down")).unwrap(), 10);
        let gone = TokenError::Unreachable { endpoint: String::new(), cause: String::new() };
        assert_eq!(begun.next_interval(gone).unwrap(), 10);
        for end in ["access_denied", "expired_token", "invalid_client"] {
            assert!(begun.next_interval(refused(end)).is_err(), "{end}");
        }
    }
}
