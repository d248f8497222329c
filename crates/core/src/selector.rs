//! Which values of a result an obligation is about.

use std::fmt;

/// One step into a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The member of an object.
    Member(String),
    /// An element of a list, from 0.
    Item(usize),
    /// Every element of a list.
    Each,
    /// Every member of that name, however deep.
    Anywhere(String),
}

/// Which values of a result are meant, in a small part of JSONPath (RFC 9535): `$.employees[*].salary`,
/// `$["odd name"][0]`, `$..ssn`. In contrast to a [`Path`](crate::Path), which names one place of the arguments, it may
/// find many, or none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector(Vec<Part>);

/// A selector that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` selects nothing: write `$`, then `.name`, `[\"name\"]`, `[0]`, `[*]` or `..name`, up to 16 of them, in at most 256 bytes"
)]
pub struct InvalidSelector(String);

impl Selector {
    /// The longest text, in bytes.
    pub const MAX_BYTES: usize = 256;
    /// The most parts.
    pub const MAX_PARTS: usize = 16;

    /// Reads a selector.
    ///
    /// # Errors
    /// [`InvalidSelector`].
    pub fn parse(text: &str) -> Result<Self, InvalidSelector> {
        let invalid = || InvalidSelector(text.chars().take(64).collect());
        let mut rest =
            text.strip_prefix('$').filter(|_| text.len() <= Self::MAX_BYTES).ok_or_else(invalid)?;
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let (part, after) = part(rest).ok_or_else(invalid)?;
            parts.push(part);
            rest = after;
        }
        if parts.len() > Self::MAX_PARTS { Err(invalid()) } else { Ok(Self(parts)) }
    }

    /// The parts; none select the whole.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }
}

fn part(text: &str) -> Option<(Part, &str)> {
    if let Some(rest) = text.strip_prefix("..") {
        let (name, after) = plain(rest)?;
        return Some((Part::Anywhere(name), after));
    }
    if let Some(rest) = text.strip_prefix('.') {
        let (name, after) = plain(rest)?;
        return Some((Part::Member(name), after));
    }
    if let Some(after) = text.strip_prefix("[*]") {
        return Some((Part::Each, after));
    }
    if let Some(rest) = text.strip_prefix("[\"") {
        let (name, after) = rest.split_once("\"]")?;
        let quotable = !name.is_empty() && !name.chars().any(|c| c == '"' || c == '\\' || c.is_control());
        return quotable.then(|| (Part::Member(name.to_owned()), after));
    }
    let (digits, after) = text.strip_prefix('[')?.split_once(']')?;
    let shortest = digits == "0" || !digits.starts_with('0');
    let fine = shortest && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    Some((Part::Item(fine.then(|| digits.parse().ok()).flatten()?), after))
}

fn plain(text: &str) -> Option<(String, &str)> {
    let (name, after) = text.split_at(text.find(|c: char| !is_plain(c)).unwrap_or(text.len()));
    (!name.is_empty()).then(|| (name.to_owned(), after))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.0.iter().try_for_each(|part| match part {
            Part::Member(name) if name.chars().all(is_plain) => write!(f, ".{name}"),
            Part::Member(name) => write!(f, "[\"{name}\"]"),
            Part::Item(index) => write!(f, "[{index}]"),
            Part::Each => f.write_str("[*]"),
            Part::Anywhere(name) => write!(f, "..{name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_comes_back_in_its_shortest_form() {
        for (text, shown) in [
            ("$", "$"),
            ("$.employees[*].salary", "$.employees[*].salary"),
            ("$[\"a\"][0][\"odd name\"]", "$.a[0][\"odd name\"]"),
            ("$..ssn", "$..ssn"),
        ] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for bad in
            ["", ".a", "a", "$.", "$..", "$[01]", "$[-1]", "$[", "$.a b", "$[?@.a]", "$.é", "$[\"\\\"\"]"]
        {
            assert!(Selector::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Selector::parse(&format!("${}", ".a".repeat(17))).is_err());
    }
}
