//! The strict JSON reader (RFC 8259, within I-JSON, RFC 7493): nothing else reads JSON that came from outside.
//!
//! Two parsers that understand one message differently are an attack, so whatever parsers are known to differ
//! in is refused: duplicate members at any depth (compared after unescaping), NUL in member names, a byte
//! order mark, invalid UTF-8, lone surrogates, anything after the value, and what is larger or deeper than the
//! [`Limits`]. Numbers keep their exact text, and [`Value::to_vec`] writes what was read, so that what was
//! checked is what is forwarded.

mod canonical;
mod direct;
mod fold;
mod number;
mod object;
mod read;
mod value;
mod write;

pub use direct::Canonical;
pub use fold::{alike, case_variant, has_twins};
pub use number::Number;
pub use object::{Members, Object};
pub use read::{JsonError, Limits, Problem, parse};
pub use value::Value;

/// An object of these members; a later member of the same name replaces an earlier one.
///
/// ```
/// # use prokura_oauth::json::{Value, obj};
/// let o = obj([("active", true.into()), ("n", 1_u64.into())]);
/// assert_eq!(Value::from(o).to_vec(), br#"{"active":true,"n":1}"#);
/// ```
pub fn obj<const N: usize>(members: [(&str, Value); N]) -> Object {
    members.into_iter().collect()
}
