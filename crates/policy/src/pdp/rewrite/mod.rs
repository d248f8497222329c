//! Rewriting: what becomes of the parts of a result that an obligation names.
//!
//! Invariant: exactly what a selector names is changed, and where that cannot be told, nothing is released
//! ([`Unclear`]). These are the cases, and none of them is guessed at:
//!
//! | What is met | What is done |
//! |-|-|
//! | a member under the name in another case, in full width, with characters that are not seen | unclear |
//! | `.name` or `..name` and the value is a text that holds JSON with that name, or might | unclear |
//! | `.name` of a list, a text, a number; `[*]` and `[0]` of an object, a text, a number | unclear |
//! | nothing under the name, or `null` | nothing is there: nothing to do |
//! | the same where the obligation is `only` or `rows` | unclear: what they bound may stand elsewhere |
//!
//! Obligations add up, in this order whatever order they came in: rows, `only`, `drop`, `hash`, `mask`, `redact`. So the
//! hash of what another takes out is never made. Doing it again changes nothing.

mod change;
mod walk;

pub use change::{HashKey, REDACTED};
use prokura_core::{Rewrite, Rewriting, Selector};
use prokura_oauth::json::Value;
pub(super) use walk::{Fate, Strictness, walk};

/// What a selector meets, and why it cannot be told what it names. No value stands in it, and names only as policies
/// write them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{selector}`: {why}")]
pub struct Unclear {
    /// What was to be found.
    pub selector: String,
    /// Why it cannot be told.
    pub why: Why,
}

/// Why it cannot be told what a selector names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// A member's name is nearly the same.
    #[error("a member has nearly the same name")]
    Name,
    /// The value is of another shape.
    #[error("there is a value of another shape on the way")]
    Shape,
    /// A text holds JSON with that name.
    #[error("a text holds JSON in which the name stands")]
    Text,
    /// What is bounded is not there.
    #[error("it is not there, so what it bounds may stand elsewhere")]
    Missing,
}

/// Rewrites `value` as all of `rewrites` say; answers how many members and values were taken out or replaced. What was
/// dropped as a whole (`$`) is `null` then.
///
/// # Errors
/// [`Unclear`]; then `value` is half done and must not be released.
pub fn rewrite(value: &mut Value, rewrites: &[Rewrite], key: &HashKey) -> Result<u64, Unclear> {
    let mut ordered: Vec<&Rewrite> = rewrites.iter().collect();
    ordered.sort_by_key(|r| rank(&r.how));
    let mut changed = 0;
    for Rewrite { at, how } in ordered {
        let strictness =
            if matches!(how, Rewriting::Only(_)) { Strictness::There } else { Strictness::MayLack };
        for selector in at {
            let fate = walk(value, selector, strictness, &mut |found| {
                change::change(found, how, key, &mut changed)
            })?;
            if fate == Fate::Goes {
                *value = Value::Null;
            }
        }
    }
    Ok(changed)
}

/// Those that take more out come first; of masks the one that leaves least comes last.
fn rank(how: &Rewriting) -> (u8, u8) {
    match how {
        Rewriting::Only(_) => (0, 0),
        Rewriting::Drop => (1, 0),
        Rewriting::Hash => (2, 0),
        Rewriting::Mask(keep) => (3, u8::MAX - keep),
        Rewriting::Redact => (4, 0),
    }
}

/// Every value that `selector` names, to be looked at: as strictly as if it were rewritten.
///
/// # Errors
/// [`Unclear`].
pub fn find(value: &Value, selector: &Selector) -> Result<Vec<Value>, Unclear> {
    let mut found = Vec::new();
    let mut copy = value.clone();
    walk(&mut copy, selector, Strictness::MayLack, &mut |value| {
        found.push(value.clone());
        Ok(Fate::Stays)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
