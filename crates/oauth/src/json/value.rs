//! A JSON value.

use super::write::{canonical, compact};
use super::{Number, Object};
use std::fmt;

/// A JSON value. Equality is that of the exact number texts, and regards the order of arrays but not that of
/// members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, by its exact text.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

impl Value {
    /// Compact JSON: members in their order, numbers by their text, only what must be escaped escaped
    /// (RFC 8259 §7).
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        compact(self, &mut out);
        out
    }

    /// Canonical JSON (RFC 8785): members sorted by UTF-16 code units, numbers as ECMAScript writes them.
    ///
    /// One divergence: a number is never changed. Where RFC 8785 rounds to the nearest double (integers that
    /// a double cannot hold, more digits than it keeps, exponents beyond its range), the exact decimal value
    /// is written by the same rules, so that two different values never share their canonical bytes. For
    /// every number that is the shortest text of some double, all integers within ±2^53 among them, the
    /// result is that of RFC 8785.
    pub fn to_jcs(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        canonical(self, &mut out);
        out
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(n) => Some(n),
            _ => None,
        }
    }

    /// The number as an integer, if it is written as one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The number as an integer of 0 or more, if it is written as one and fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number().and_then(Number::as_u64)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(a) => Some(a),
            _ => None,
        }
    }

    /// The elements, to change them, if it is an array.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Self::Array(a) => Some(a),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(o) => Some(o),
            _ => None,
        }
    }

    /// The object, to change it, if it is one.
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Self::Object(o) => Some(o),
            _ => None,
        }
    }

    /// The object itself, if it is one.
    pub fn into_object(self) -> Option<Object> {
        match self {
            Self::Object(o) => Some(o),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_vec()))
    }
}

macro_rules! into_value {
    ($($from:ty => |$v:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Self {
                $to
            }
        }
    )*};
}

into_value! {
    bool => |v| Self::Bool(v);
    i32 => |v| Self::Number(Number::from(i64::from(v)));
    u32 => |v| Self::Number(Number::from(i64::from(v)));
    i64 => |v| Self::Number(Number::from(v));
    u64 => |v| Self::Number(Number::from(v));
    Number => |v| Self::Number(v);
    &str => |v| Self::String(v.to_owned());
    &String => |v| Self::String(v.clone());
    String => |v| Self::String(v);
    Vec<Value> => |v| Self::Array(v);
    Object => |v| Self::Object(v);
}

impl<T: Into<Value>> FromIterator<T> for Value {
    /// An array.
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}
