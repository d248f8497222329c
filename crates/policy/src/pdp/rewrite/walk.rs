//! To wherever a selector leads.

use super::{Unclear, Why};
use prokura_core::{Part, Selector};
use prokura_oauth::json::{self, Limits, Problem, Value};

/// What becomes of a value that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pdp) enum Fate {
    /// It stays where it is, changed perhaps.
    Stays,
    /// It is taken out.
    Goes,
}

/// Whether what is named must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pdp) enum Strictness {
    /// It need not be.
    MayLack,
    /// It must be.
    There,
}

/// What is done with what was found.
type Act<'a> = &'a mut dyn FnMut(&mut Value) -> Result<Fate, Why>;

struct Walk<'a> {
    strictness: Strictness,
    act: Act<'a>,
}

/// Does `act` with everything that `selector` leads to. Answers what becomes of the whole.
pub(in crate::pdp) fn walk(
    value: &mut Value,
    selector: &Selector,
    strictness: Strictness,
    act: Act<'_>,
) -> Result<Fate, Unclear> {
    let walked = Walk { strictness, act }.go(value, selector.parts());
    walked.map_err(|why| Unclear { selector: selector.to_string(), why })
}

impl Walk<'_> {
    fn go(&mut self, value: &mut Value, parts: &[Part]) -> Result<Fate, Why> {
        let Some((part, rest)) = parts.split_first() else { return (self.act)(value) };
        match part {
            Part::Member(name) => self.member(value, name, rest)?,
            Part::Item(index) => self.item(value, *index, rest)?,
            Part::Each => self.each(value, rest)?,
            Part::Anywhere(name) => {
                let found = self.anywhere(value, name, rest)?;
                if !found && self.strictness == Strictness::There {
                    return Err(Why::Missing);
                }
            }
        }
        Ok(Fate::Stays)
    }

    fn lacking(&self) -> Result<(), Why> {
        match self.strictness {
            Strictness::MayLack => Ok(()),
            Strictness::There => Err(Why::Missing),
        }
    }

    fn member(&mut self, value: &mut Value, name: &str, rest: &[Part]) -> Result<(), Why> {
        let object = match value {
            Value::Object(object) => object,
            Value::Null => return Ok(()),
            _ => return Err(Why::Shape),
        };
        if json::case_variant(object, &[name]).is_some() {
            return Err(Why::Name);
        }
        let Some(inner) = object.get_mut(name) else { return self.lacking() };
        if self.go(inner, rest)? == Fate::Goes {
            object.remove(name);
        }
        Ok(())
    }

    /// An element that goes leaves `null` behind: those after it are named by their places.
    fn item(&mut self, value: &mut Value, index: usize, rest: &[Part]) -> Result<(), Why> {
        let list = match value {
            Value::Array(list) => list,
            Value::Null => return Ok(()),
            _ => return Err(Why::Shape),
        };
        let Some(inner) = list.get_mut(index) else { return self.lacking() };
        if self.go(inner, rest)? == Fate::Goes {
            *inner = Value::Null;
        }
        Ok(())
    }

    fn each(&mut self, value: &mut Value, rest: &[Part]) -> Result<(), Why> {
        let list = match value {
            Value::Array(list) => list,
            Value::Null => return Ok(()),
            _ => return Err(Why::Shape),
        };
        let mut kept = Vec::with_capacity(list.len());
        for mut inner in std::mem::take(list) {
            if self.go(&mut inner, rest)? == Fate::Stays {
                kept.push(inner);
            }
        }
        *list = kept;
        Ok(())
    }

    /// Deepest first, so that what is within a member of the name is done before the member goes.
    fn anywhere(&mut self, value: &mut Value, name: &str, rest: &[Part]) -> Result<bool, Why> {
        let mut found = false;
        match value {
            Value::Object(object) => {
                let mut here = false;
                for (key, inner) in object.iter_mut() {
                    match key == name {
                        true => here = true,
                        false if json::alike(key, name) => return Err(Why::Name),
                        false => {}
                    }
                    found |= self.within(inner, name, rest)?;
                }
                let named = if here { object.get_mut(name) } else { None };
                let Some(inner) = named else { return Ok(found) };
                if self.go(inner, rest)? == Fate::Goes {
                    object.remove(name);
                }
                Ok(true)
            }
            Value::Array(list) => {
                for inner in list {
                    found |= self.within(inner, name, rest)?;
                }
                Ok(found)
            }
            plain => self.within(plain, name, rest),
        }
    }

    /// The same for a value that is part of another: what holds nothing is passed over at once.
    #[inline]
    fn within(&mut self, value: &mut Value, name: &str, rest: &[Part]) -> Result<bool, Why> {
        match value {
            Value::Object(_) | Value::Array(_) => self.anywhere(value, name, rest),
            Value::String(text) if may_hold(text, name) => Err(Why::Text),
            _ => Ok(false),
        }
    }
}

/// Whether a text is JSON in which there is a member of that name, or looks as if it were. What cannot be read as strictly
/// as everything else might be read by somebody less strict.
#[inline]
fn may_hold(text: &str, name: &str) -> bool {
    // Most texts begin with a letter or a digit.
    !text.as_bytes().first().is_none_or(u8::is_ascii_alphanumeric) && does_hold(text, name)
}

fn does_hold(text: &str, name: &str) -> bool {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}');
    if !start.starts_with(['{', '[', '"']) {
        return false;
    }
    match json::parse(start.as_bytes(), &Limits::MESSAGE) {
        Ok(value) => holds(&value, name),
        Err(error) => match error.problem() {
            Problem::Syntax | Problem::Trailing => mentions(start, name),
            _ => true,
        },
    }
}

fn holds(value: &Value, name: &str) -> bool {
    match value {
        Value::Object(object) => {
            object.contains_key(name)
                || json::case_variant(object, &[name]).is_some()
                || object.iter().any(|(_, inner)| holds(inner, name))
        }
        Value::Array(list) => list.iter().any(|inner| holds(inner, name)),
        Value::String(text) => may_hold(text, name),
        _ => false,
    }
}

/// Whether a text has the name in it in any case, or escapes under which it may hide.
fn mentions(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    text.contains(&name) || text.contains("\\u") || text.contains("\\x")
}
