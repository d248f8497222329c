//! Backchannel authentication (OpenID Connect Client-Initiated Backchannel Authentication Core 1.0): a client names a
//! user, and the user is asked where they are, not where the client is.

use crate::authorize::ParameterError;
use crate::form::Form;
use crate::json::{Limits, Object, Value, obj, parse};
use prokura_core::TaskId;
use std::fmt;
use std::time::Duration;

/// The type of authorization details by which a client means one approval of one call, and nothing else.
pub const APPROVAL_TYPE: &str = "mcp_approval";

/// The longest `client_notification_token`, in bytes (§7.1).
const MAX_TOKEN: usize = 1024;
/// The shortest: 128 bits (§7.1), however they are written.
const MIN_TOKEN: usize = 22;
/// The longest binding message, in characters: it is compared by eye.
const MAX_MESSAGE: usize = 64;
/// The longest hint, in bytes.
const MAX_HINT: usize = 8192;

/// How a client hears that its user has answered (§5). Tokens are never pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryMode {
    /// It asks until it hears.
    Poll,
    /// It is told, and then asks.
    Ping,
}

impl DeliveryMode {
    /// Every mode that is served.
    pub const ALL: [Self; 2] = [Self::Poll, Self::Ping];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Ping => "ping",
        }
    }

    /// The mode of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == word)
    }
}

/// What client and user compare, so that the user agrees to this and to nothing that somebody else began (§7.1): letters,
/// digits, spaces and `+-_.,:#`, so that there is neither a link nor a second reading in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingMessage(String);

/// A binding message that is refused (§13, `invalid_binding_message`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`binding_message` may have at most {MAX_MESSAGE} characters: letters, digits, spaces and + - _ . , : #"
)]
pub struct InvalidBindingMessage;

impl BindingMessage {
    /// Reads one.
    ///
    /// # Errors
    /// [`InvalidBindingMessage`].
    pub fn parse(text: &str) -> Result<Self, InvalidBindingMessage> {
        let plain = |c: char| c.is_alphanumeric() || " +-_.,:#".contains(c);
        let fine = !text.trim().is_empty() && text.chars().count() <= MAX_MESSAGE && text.chars().all(plain);
        if fine { Ok(Self(text.to_owned())) } else { Err(InvalidBindingMessage) }
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The bearer token by which the client knows a ping as ours (§7.1). Debug output never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct NotificationToken(String);

impl NotificationToken {
    /// Reads one: a bearer token (RFC 6750 §2.1) of 22 to 1024 bytes.
    ///
    /// # Errors
    /// [`ParameterError`] names the parameter.
    pub fn parse(text: &str) -> Result<Self, ParameterError> {
        let body = text.trim_end_matches('=');
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
        let long = (MIN_TOKEN..=MAX_TOKEN).contains(&text.len());
        if long && !body.is_empty() && body.bytes().all(fine) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParameterError::Value("client_notification_token"))
        }
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NotificationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NotificationToken(…)")
    }
}

/// By what a client names the user (§7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserHint {
    /// `login_hint`: what the user signs in with, or their id here.
    Login(String),
    /// `id_token_hint`: an ID token that the client got here.
    IdToken(String),
}

/// The one hint of a request; `None` if there is none.
///
/// # Errors
/// [`ParameterError`] for more than one, for a `login_hint_token`, which is not served, and for one that is too long.
pub fn hint(form: &Form) -> Result<Option<UserHint>, ParameterError> {
    if form.has("login_hint_token") {
        return Err(ParameterError::Value("login_hint_token"));
    }
    let given = |name| form.value(name).filter(|v: &&str| !v.is_empty());
    match (given("login_hint"), given("id_token_hint")) {
        (Some(_), Some(_)) => Err(ParameterError::Value("id_token_hint")),
        (Some(hint), None) if hint.len() <= MAX_HINT => Ok(Some(UserHint::Login(hint.to_owned()))),
        (None, Some(hint)) if hint.len() <= MAX_HINT => Ok(Some(UserHint::IdToken(hint.to_owned()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ParameterError::Value("login_hint")),
        (None, Some(_)) => Err(ParameterError::Value("id_token_hint")),
    }
}

/// How long the client wants the request to last, if it says so (`requested_expiry`, §7.1).
///
/// # Errors
/// [`ParameterError`] if it is no positive number of seconds.
pub fn requested_expiry(form: &Form) -> Result<Option<Duration>, ParameterError> {
    let Some(text) = form.value("requested_expiry") else { return Ok(None) };
    let digits = text.len() <= 10 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse::<u64>().ok().filter(|s| digits && *s > 0);
    seconds.map(|s| Some(Duration::from_secs(s))).ok_or(ParameterError::Value("requested_expiry"))
}

/// Authorization details that mean an approval and are not exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{APPROVAL_TYPE}` stands alone: one object with `type` and the `identifier` of the approval")]
pub struct InvalidApproval;

/// The approval that `details` mean, if they do: `[{"type": "mcp_approval", "identifier": "apt_…"}]`.
///
/// # Errors
/// [`InvalidApproval`] if something stands beside it.
pub fn approval(details: &str) -> Result<Option<TaskId>, InvalidApproval> {
    let Ok(Value::Array(all)) = parse(details.as_bytes(), &Limits::DOCUMENT) else { return Ok(None) };
    let is_one = |v: &Value| v.as_object().and_then(|o| o.str("type")) == Some(APPROVAL_TYPE);
    if !all.iter().any(is_one) {
        return Ok(None);
    }
    let [Value::Object(only)] = all.as_slice() else { return Err(InvalidApproval) };
    if only.keys().any(|name| !["type", "identifier"].contains(&name)) {
        return Err(InvalidApproval);
    }
    let id = only.str("identifier").and_then(|id| TaskId::parse(id).ok());
    id.map(Some).ok_or(InvalidApproval)
}

/// What a client hears whose request was taken (§7.3).
pub struct BackchannelAnswer<'a> {
    /// What it asks with.
    pub auth_req_id: &'a str,
    /// For how long.
    pub expires_in: Duration,
    /// How long it waits between two questions.
    pub interval: Duration,
}

impl BackchannelAnswer<'_> {
    /// The document.
    pub fn to_object(&self) -> Object {
        obj([
            ("auth_req_id", self.auth_req_id.into()),
            ("expires_in", self.expires_in.as_secs().into()),
            ("interval", self.interval.as_secs().into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Form {
        pairs.iter().copied().collect()
    }

    #[test]
    fn a_binding_message_is_short_and_plain() {
        for good in ["W4SCT", "Überweisung 20,00 EUR #7", "支付 12.50"] {
            assert_eq!(BindingMessage::parse(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(65);
        for bad in ["", "  ", "http://evil.example", "a\nb", "a\u{202e}b", "<b>", "a\u{0}", &long] {
            assert_eq!(BindingMessage::parse(bad), Err(InvalidBindingMessage), "{bad:?}");
        }
    }

    #[test]
    fn a_notification_token_is_a_bearer_token_that_nobody_guesses() {
        let fine = "8d67dc78-7faa-4d41-aabd-67707b374255";
        assert_eq!(NotificationToken::parse(fine).unwrap().as_str(), fine);
        assert!(!format!("{:?}", NotificationToken::parse(fine).unwrap()).contains("8d67"));
        assert!(NotificationToken::parse(&"a".repeat(1024)).is_ok());
        let (long, equals) = ("a".repeat(1025), "=".repeat(40));
        for bad in ["short", &long, &equals, "aaaaaaaaaaaaaaaaaaaaaa\r\nX: y", "aaaaaaaaaaaaaaaaaaaaaa b"] {
            assert!(NotificationToken::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_user_is_named_once() {
        assert_eq!(hint(&form(&[("login_hint", "alice")])), Ok(Some(UserHint::Login("alice".into()))));
        assert_eq!(hint(&form(&[("id_token_hint", "e.y.J")])), Ok(Some(UserHint::IdToken("e.y.J".into()))));
        assert_eq!(hint(&form(&[])), Ok(None));
        assert!(hint(&form(&[("login_hint", "a"), ("id_token_hint", "b")])).is_err());
        assert!(hint(&form(&[("login_hint", "a"), ("login_hint_token", "b")])).is_err());
    }

    #[test]
    fn an_expiry_is_a_positive_number_of_seconds() {
        let read = |text| requested_expiry(&form(&[("requested_expiry", text)]));
        assert_eq!(read("120"), Ok(Some(Duration::from_secs(120))));
        for bad in ["0", "-1", "1.5", "12345678901", "+5", "1e3"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_approval_stands_alone() {
        let one = r#"[{"type":"mcp_approval","identifier":"apt_1"}]"#;
        assert_eq!(approval(one), Ok(Some(TaskId::parse("apt_1").unwrap())));
        for other in [r#"[{"type":"mcp_tool","actions":["a"]}]"#, "[]", "x"] {
            assert_eq!(approval(other), Ok(None), "{other}");
        }
        for bad in [
            r#"[{"type":"mcp_approval"}]"#,
            r#"[{"type":"mcp_approval","identifier":7}]"#,
            r#"[{"type":"mcp_approval","identifier":"apt_1","actions":["pay"]}]"#,
            r#"[{"type":"mcp_approval","identifier":"apt_1"},{"type":"mcp_tool","actions":["a"]}]"#,
            r#"[{"type":"mcp_approval","identifier":"apt_1"},{"type":"mcp_approval","identifier":"apt_2"}]"#,
        ] {
            assert_eq!(approval(bad), Err(InvalidApproval), "{bad}");
        }
    }
}
