//! Where in the arguments of a call a constraint looks.

use std::fmt;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The member of an object.
    Member(String),
    /// An element of a list, from 0.
    Item(usize),
}

/// A path into the arguments: `.days`, `.filter.region`, `.ids[0]`, `["odd name"]`. It names one place; there are no
/// wildcards, so what a path means never depends on how much is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

/// A path that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path: write `.name`, `[\"name\"]` or `[0]`, up to 8 of them, in at most 256 bytes")]
pub struct InvalidPath(String);

impl Path {
    /// The longest text, in bytes.
    pub const MAX_BYTES: usize = 256;
    /// The most steps.
    pub const MAX_STEPS: usize = 8;

    /// Reads a path.
    ///
    /// # Errors
    /// [`InvalidPath`].
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let invalid = || InvalidPath(text.chars().take(64).collect());
        if text.len() > Self::MAX_BYTES {
            return Err(invalid());
        }
        let (mut steps, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (step, after) = step(rest).ok_or_else(invalid)?;
            steps.push(step);
            rest = after;
        }
        if steps.is_empty() || steps.len() > Self::MAX_STEPS { Err(invalid()) } else { Ok(Self(steps)) }
    }

    /// The steps; at least one.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(|c: char| !is_plain(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        return (!name.is_empty()).then(|| (Step::Member(name.to_owned()), after));
    }
    if let Some(rest) = text.strip_prefix("[\"") {
        let (name, after) = rest.split_once("\"]")?;
        return is_quotable(name).then(|| (Step::Member(name.to_owned()), after));
    }
    let (digits, after) = text.strip_prefix('[')?.split_once(']')?;
    let plain = digits == "0" || !digits.starts_with('0');
    let fine = plain && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    let index = fine.then(|| digits.parse().ok()).flatten()?;
    Some((Step::Item(index), after))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_quotable(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '"' || c == '\\' || c.is_control())
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Member(name) if name.chars().all(is_plain) => write!(f, ".{name}"),
            Step::Member(name) => write!(f, "[\"{name}\"]"),
            Step::Item(index) => write!(f, "[{index}]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_comes_back_in_its_shortest_form() {
        for (text, shown) in [
            (".days", ".days"),
            (".a.b-c[0].d_1", ".a.b-c[0].d_1"),
            ("[\"days\"]", ".days"),
            ("[\"odd name\"][\"é.x\"]", "[\"odd name\"][\"é.x\"]"),
        ] {
            assert_eq!(Path::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_names_no_one_place_is_refused() {
        for bad in [
            "",
            ".",
            "days",
            ".a.",
            ".a..b",
            ".a b",
            "[]",
            "[*]",
            "[-1]",
            "[01]",
            "[0",
            "[\"\"]",
            "[\"a\\\"]",
            "[\"a\"",
            "[9999999]",
            ".a[\"b\u{0}\"]",
            ".é",
        ] {
            assert!(Path::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Path::parse(&".a".repeat(8)).is_ok());
        assert!(Path::parse(&".a".repeat(9)).is_err());
        assert!(Path::parse(&format!(".{}", "a".repeat(256))).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_reads_the_same_when_it_is_written(text in "[.\\[\\]\"a0 -]{0,16}") {
            if let Ok(path) = Path::parse(&text) {
                prop_assert_eq!(Path::parse(&path.to_string()), Ok(path));
            }
        }
    }
}
