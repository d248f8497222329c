//! Reading the claims of a verified token: each has its type or the token is refused.

use crate::error::{Refused, shortened};
use crate::evidence::{ClaimValue, Claims};
use prokura_oauth::json::{Object, Value};

/// The longest text of a claim, in bytes.
const MAX_TEXT: usize = 2048;
/// The longest list.
const MAX_LIST: usize = 256;
/// The whole numbers that every reader reads alike (RFC 7493 §2.2).
const MAX_NUMBER: i64 = 1 << 53;

/// Claims at one place in a token.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    object: &'a Object,
    /// The way to it, for errors.
    path: &'static str,
}

impl<'a> Place<'a> {
    /// The claims of a token.
    pub(crate) fn top(object: &'a Object) -> Self {
        Self { object, path: "" }
    }

    /// The object of that name. `path` is the whole way to it, for errors.
    pub(crate) fn object(self, name: &str, path: &'static str) -> Result<Option<Self>, Refused> {
        match self.object.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Self { object, path })),
            Some(other) => Err(self.wrong(name, "an object", Some(other))),
        }
    }

    /// A text that has to be there.
    pub(crate) fn text(self, name: &str) -> Result<&'a str, Refused> {
        self.maybe_text(name)?.ok_or_else(|| self.wrong(name, "a text", None))
    }

    /// A text, if it is there. An empty one counts as absent: platforms write it where nothing is to be said.
    pub(crate) fn maybe_text(self, name: &str) -> Result<Option<&'a str>, Refused> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if is_plain(text) => Ok(Some(text)),
            Some(other) => {
                Err(self.wrong(name, "a text of at most 2048 bytes without control characters", Some(other)))
            }
        }
    }

    /// A text of digits, if it is there: an id that never changes hands.
    pub(crate) fn maybe_digits(self, name: &str) -> Result<Option<&'a str>, Refused> {
        let text = self.maybe_text(name)?;
        match text.filter(|t| !is_digits(t)) {
            Some(_) => Err(self.wrong(name, "an id of digits", self.object.get(name))),
            None => Ok(text),
        }
    }

    /// A text of digits that has to be there.
    pub(crate) fn digits(self, name: &str) -> Result<&'a str, Refused> {
        self.maybe_digits(name)?.ok_or_else(|| self.wrong(name, "an id of digits", None))
    }

    /// Yes or no, also as the texts that some platforms write.
    pub(crate) fn maybe_flag(self, name: &str) -> Result<Option<bool>, Refused> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(other) => Err(self.wrong(name, "true or false", Some(other))),
        }
    }

    /// A whole number, if it is there.
    pub(crate) fn maybe_number(self, name: &str) -> Result<Option<i64>, Refused> {
        let Some(value) = self.object.get(name).filter(|v| !v.is_null()) else { return Ok(None) };
        match whole(value) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, "a whole number below 2^53", Some(value))),
        }
    }

    /// Several texts, if they are there; a single one counts as a list of one.
    pub(crate) fn maybe_list(self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match texts(value) {
                Some(list) => Ok(Some(list)),
                None => Err(self.wrong(name, "a list of texts", Some(value))),
            },
        }
    }

    /// The members, in order.
    pub(crate) fn members(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.object.iter()
    }

    /// A refusal of the claim `name`.
    pub(crate) fn wrong(self, name: &str, expected: impl Into<String>, received: Option<&Value>) -> Refused {
        let claim = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        let received = received.map(|v| match v {
            Value::String(text) => shortened(text),
            other => shortened(&other.to_string()),
        });
        Refused::Claim { claim, expected: expected.into(), received }
    }

    /// A refusal of the claim `name`, whose value is in the place.
    pub(crate) fn refuse(self, name: &str, expected: impl Into<String>) -> Refused {
        self.wrong(name, expected, self.object.get(name))
    }
}

/// A whole number that every reader reads alike.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().filter(|n| (-MAX_NUMBER..=MAX_NUMBER).contains(n))
}

/// A list of texts, or a single one.
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    let plain = |v: &Value| v.as_str().filter(|t| is_plain(t)).map(str::to_owned);
    match value {
        Value::String(_) => Some(vec![plain(value)?]),
        Value::Array(all) if all.len() <= MAX_LIST => all.iter().map(plain).collect(),
        _ => None,
    }
}

pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.len() <= 32 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Claims as they are collected.
#[derive(Debug, Default)]
pub(crate) struct Collected(Claims);

impl Collected {
    pub(crate) fn text(&mut self, name: &str, value: Option<impl Into<String>>) {
        self.put(name, value.map(|v| ClaimValue::Text(v.into())));
    }

    pub(crate) fn flag(&mut self, name: &str, value: Option<bool>) {
        self.put(name, value.map(ClaimValue::Flag));
    }

    pub(crate) fn number(&mut self, name: &str, value: Option<i64>) {
        self.put(name, value.map(ClaimValue::Number));
    }

    pub(crate) fn list(&mut self, name: &str, value: Option<Vec<String>>) {
        self.put(name, value.map(ClaimValue::List));
    }

    pub(crate) fn put(&mut self, name: &str, value: Option<ClaimValue>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }

    pub(crate) fn done(self) -> Claims {
        self.0
    }
}

/// What a platform's token says of its workload.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) subject: String,
    pub(crate) instance: String,
    pub(crate) claims: Claims,
}

impl Said {
    pub(crate) fn new(subject: &str, instance: Option<&str>, claims: Collected) -> Self {
        let instance = instance.unwrap_or(subject).to_owned();
        Self { subject: subject.to_owned(), instance, claims: claims.done() }
    }
}
