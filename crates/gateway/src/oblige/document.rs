//! The documents in a result: what can be looked into, and what cannot.

use super::due::{Done, Due, Withheld};
use prokura_core::{Rewrite, Rows};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_policy::pdp::{Directory, Entity, Filter, HashKey, Sieve, keep, rewrite};

/// What is needed to meet what is due.
pub(super) struct Means<'a> {
    pub(super) due: &'a Due,
    /// Of each list that is sifted, what partial evaluation left.
    pub(super) filters: &'a [Filter],
    pub(super) directory: &'a dyn Directory,
    pub(super) key: &'a HashKey,
    /// Decides on a row that a filter leaves open.
    pub(super) ask: &'a dyn Fn(&Rows, &Entity) -> Option<Vec<Rewrite>>,
}

/// The size and depth of JSON in a text.
const LIMITS: Limits = Limits { max_bytes: 64 << 20, max_depth: 64 };

impl Means<'_> {
    /// Rows first, then the rest.
    pub(super) fn document(&self, value: &mut Value, done: &mut Done) -> Result<(), Withheld> {
        for (rows, filter) in self.due.rows.iter().zip(self.filters) {
            let ask = |entity: &Entity| (self.ask)(rows, entity);
            let sieve = Sieve { filter, directory: self.directory, ask: &ask, key: self.key };
            let kept = keep(value, rows, &sieve)?;
            done.add(Done { rows: kept.removed, fields: kept.fields, withheld: None });
        }
        done.fields += rewrite(value, &self.due.rewrites, self.key)?;
        if value.is_null() { Err(Withheld::All) } else { Ok(()) }
    }

    /// The texts of one result. What is none, or no JSON, is not released; the others are, if any is.
    pub(super) fn texts(&self, texts: &mut [Option<Value>], done: &mut Done) -> Result<(), Withheld> {
        let readable = texts.iter().flatten().count();
        if readable == 0 && !texts.is_empty() {
            return Err(Withheld::Opaque);
        }
        if readable > 1 && self.due.needs_one() {
            return Err(Withheld::Several);
        }
        done.fields += u64::try_from(texts.len() - readable).unwrap_or(u64::MAX);
        texts.iter_mut().flatten().try_for_each(|text| self.document(text, done))
    }
}

/// The object or list that a text is. A single number or word is not: what it says, no selector can name.
pub(super) fn read(text: &str) -> Option<Value> {
    let value = json::parse(text.as_bytes(), &LIMITS).ok()?;
    matches!(value, Value::Object(_) | Value::Array(_)).then_some(value)
}

/// The document of a content block, if it is a text that can be looked into.
pub(super) fn of_block(block: &Value) -> Option<Value> {
    let block = block.as_object()?;
    if json::case_variant(block, &["type", "text"]).is_some() || block.str("type") != Some("text") {
        return None;
    }
    read(block.str("text")?)
}

/// A content block of a document, or of what is said in place of what is withheld.
pub(super) fn block(document: Option<&Value>) -> Value {
    let text = document.map_or_else(|| NOT_RELEASED.to_owned(), ToString::to_string);
    Value::Object(text_block(&text))
}

/// What stands in the place of a block that cannot be looked into.
const NOT_RELEASED: &str =
    "[withheld: a policy of this organisation rewrites results, and this cannot be looked into]";

pub(super) fn text_block(text: &str) -> Object {
    obj([("type", "text".into()), ("text", text.into())])
}
