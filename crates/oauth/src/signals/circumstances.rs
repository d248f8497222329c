//! When, by whom and why something happened (CAEP §"Optional Event Claims").

use super::event::{EventError, Initiator, maybe_word};
use super::{is_text, put};
use crate::jose::numeric_date;
use crate::json::{Object, Value};
use prokura_core::Timestamp;

/// The most languages of a reason.
const MAX_LANGUAGES: usize = 32;

/// What any event of CAEP may say besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// `event_timestamp`: when it happened.
    pub at: Option<Timestamp>,
    /// `initiating_entity`.
    pub initiator: Option<Initiator>,
    /// `reason_admin`: language and message.
    pub reason_admin: Vec<(String, String)>,
    /// `reason_user`: language and message.
    pub reason_user: Vec<(String, String)>,
}

impl Circumstances {
    /// What people are told of it, in English if it is said in English.
    pub fn said_to_admins(&self) -> Option<&str> {
        let english = self.reason_admin.iter().find(|(language, _)| language == "en");
        english.or(self.reason_admin.first()).map(|(_, said)| said.as_str())
    }
}

pub(super) fn circumstances(o: &Object) -> Result<Circumstances, EventError> {
    let name = "event_timestamp";
    Ok(Circumstances {
        at: numeric_date(o, name).map_err(|_| EventError::Member(name))?,
        initiator: maybe_word(o, "initiating_entity", Initiator::parse)?,
        reason_admin: reasons(o, "reason_admin")?,
        reason_user: reasons(o, "reason_user")?,
    })
}

fn reasons(o: &Object, name: &'static str) -> Result<Vec<(String, String)>, EventError> {
    let Some(value) = o.get(name) else { return Ok(Vec::new()) };
    let all = value.as_object().filter(|o| (1..=MAX_LANGUAGES).contains(&o.len()));
    let said = |(language, said): (&str, &Value)| match said.as_str() {
        Some(said) if is_text(language) && said.len() <= super::MAX_TEXT => {
            Ok((language.to_owned(), said.to_owned()))
        }
        _ => Err(EventError::Member(name)),
    };
    all.ok_or(EventError::Member(name))?.iter().map(said).collect()
}

pub(super) fn write_circumstances(c: &Circumstances, o: &mut Object) {
    if let Some(at) = c.at {
        o.insert("event_timestamp", at.seconds().into());
    }
    put(o, "initiating_entity", c.initiator.map(Initiator::as_str));
    for (name, reasons) in [("reason_admin", &c.reason_admin), ("reason_user", &c.reason_user)] {
        if !reasons.is_empty() {
            let mut said = Object::new();
            reasons.iter().for_each(|(language, text)| said.insert(language.as_str(), text.as_str().into()));
            o.insert(name, Value::Object(said));
        }
    }
}
