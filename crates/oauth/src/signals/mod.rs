//! Shared signals: what one party tells another about people, software and devices that both know (OpenID Shared
//! Signals Framework 1.0, "SSF"; Continuous Access Evaluation Profile 1.0, "CAEP"; RFC 8417, 8935, 8936, 9493).
//!
//! What is read is typed or refused. Members that nobody here knows are left aside (SSF §"Additional fields"), events
//! and formats of identifiers that nobody here knows are kept by their name.

mod circumstances;
mod event;
mod set;
mod stream;
mod subject;

pub use circumstances::Circumstances;
pub use event::{
    AssuranceLevelChange, Compliance, CredentialChange, CredentialChangeType, Direction, Event, EventError,
    EventType, Initiator, RiskLevel, RiskLevelChange, SessionSeen, StreamStatus,
};
pub use set::{LEEWAY, Peek, SecurityEvent, SetError, SetTerms, TYP, peek};
pub use stream::{
    Delivery, DeliveryError, DeliveryErrorCode, METHOD_POLL, METHOD_PUSH, PollAnswer, PollRequest,
    TransmitterMetadata, WireError, well_known,
};
pub use subject::{Complex, Subject, SubjectError, SubjectId};

use crate::json::{Object, Value};

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = 2048;

/// A member that is a text of one line, neither empty nor too long.
fn text<'a>(o: &'a Object, name: &'static str) -> Result<Option<&'a str>, Malformed> {
    match o.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if is_text(text) => Ok(Some(text)),
        Some(_) => Err(Malformed(name)),
    }
}

fn needed<'a>(o: &'a Object, name: &'static str) -> Result<&'a str, Malformed> {
    text(o, name)?.ok_or(Malformed(name))
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

/// A member that is missing or not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed(&'static str);

fn put(o: &mut Object, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        o.insert(name, value.into());
    }
}
