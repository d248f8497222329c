//! Texts that a person reads, with places for values. The catalogue of them stands in `english.rs`.

pub use crate::english::{Catalogue, ENGLISH};
use std::fmt;

/// One text, with `{name}` where a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(pub(crate) &'static str);

/// A text with values for its places.
#[derive(Debug, Clone)]
pub struct Filled {
    text: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Text {
    /// Fills the place `{name}`.
    pub fn with(self, name: &'static str, value: impl fmt::Display) -> Filled {
        Filled { text: self.0, values: Vec::new() }.with(name, value)
    }

    /// The text before and after the place `{name}`, where markup has to stand in it.
    pub fn around(self, name: &str) -> (&'static str, &'static str) {
        self.0.split_once(&format!("{{{name}}}")).unwrap_or((self.0, ""))
    }
}

impl Filled {
    /// Fills another place.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Filled {
    /// One pass over the text: a value that looks like a place is not filled again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        while let Some((before, after)) = rest.split_once('{') {
            f.write_str(before)?;
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            f.write_str(self.value(name).unwrap_or_default())?;
            rest = after;
        }
        f.write_str(rest)
    }
}

macro_rules! catalogue {
    ($($name:ident: $english:literal,)*) => {
        /// Every text of every page. A language is a value of this type, so none can be forgotten.
        #[derive(Debug)]
        pub struct Catalogue {
            $(#[doc = $english] pub $name: Text,)*
        }

        /// English.
        pub const ENGLISH: Catalogue = Catalogue { $($name: Text($english),)* };

        /// Every text of [`ENGLISH`] by name.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $english),)*];
    };
}

pub(crate) use catalogue;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::english::ALL;

    #[test]
    fn a_value_is_filled_once_and_never_read_as_a_place() {
        let text = Text("{a} and {b}").with("a", "{b}").with("b", "x");
        assert_eq!(text.to_string(), "{b} and x");
    }

    #[test]
    fn around_a_place_stands_the_rest() {
        assert_eq!(Text("under {account}.").around("account"), ("under ", "."));
    }

    #[test]
    fn texts_are_finished_sentences_that_blame_nobody() {
        for (name, text) in ALL {
            assert!(!text.is_empty() && !text.contains("went wrong") && !text.contains("  "), "{name}");
            assert_eq!(text.matches('{').count(), text.matches('}').count(), "{name}");
        }
    }
}
