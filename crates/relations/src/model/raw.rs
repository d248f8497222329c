//! A model as it is written, before anything in it is resolved.

use std::fmt;
use std::sync::Arc;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a text: file, line and column, both from 1.
    Text(Option<Arc<str>>, u32, u32),
    /// In JSON: the members that lead there.
    Member(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(Some(file), line, column) => write!(f, "{file}:{line}:{column}"),
            Self::Text(None, line, column) => write!(f, "{line}:{column}"),
            Self::Member(path) => f.write_str(path),
        }
    }
}

/// A word with its place.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) at: Place,
}

#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) schema: Word,
    /// The module's name, if it is one.
    pub(crate) module: Option<Word>,
    pub(crate) types: Vec<RawType>,
    pub(crate) conditions: Vec<RawCondition>,
}

#[derive(Debug)]
pub(crate) struct RawType {
    pub(crate) name: Word,
    /// `extend type`: what a module adds to a type of another.
    pub(crate) extends: bool,
    pub(crate) relations: Vec<RawRelation>,
}

#[derive(Debug)]
pub(crate) struct RawRelation {
    pub(crate) name: Word,
    pub(crate) rewrite: RawRewrite,
    pub(crate) direct: Vec<RawRestriction>,
}

#[derive(Debug, Clone)]
pub(crate) enum RawRewrite {
    Direct,
    Computed(Word),
    /// The relation, and the tupleset that it is looked up from.
    From(Word, Word),
    Union(Vec<RawRewrite>),
    Intersection(Vec<RawRewrite>),
    Exclusion(Box<RawRewrite>, Box<RawRewrite>),
}

#[derive(Debug, Clone)]
pub(crate) struct RawRestriction {
    pub(crate) kind: Word,
    pub(crate) relation: Option<Word>,
    pub(crate) everybody: bool,
    pub(crate) condition: Option<Word>,
}

#[derive(Debug)]
pub(crate) struct RawCondition {
    pub(crate) name: Word,
    /// Each with the text of its type: `int`, `list<string>`.
    pub(crate) parameters: Vec<(Word, Word)>,
    pub(crate) expression: Word,
}

/// A model that cannot be used: one thing that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct ModelError {
    pub(crate) place: Place,
    pub(crate) why: String,
}

impl ModelError {
    pub(crate) fn at(place: &Place, why: impl Into<String>) -> Self {
        Self { place: place.clone(), why: why.into() }
    }

    /// Line and column, both from 1, where it was read from text.
    pub fn line_and_column(&self) -> Option<(u32, u32)> {
        match self.place {
            Place::Text(_, line, column) => Some((line, column)),
            Place::Member(_) => None,
        }
    }

    /// What is wrong, and how to mend it.
    pub fn why(&self) -> &str {
        &self.why
    }
}
