//! A condition on rows, as partial evaluation leaves it.

use prokura_core::Selector;
use prokura_oauth::json::Value;

/// A condition on an entity of which only the attributes and the id are open. What a row does not have, or has in another
/// type, meets nothing, nor does the negation of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every row.
    All,
    /// No row.
    Nothing,
    /// The attribute compares so to the value. `$` alone is the id.
    Is(Selector, Comparison, Value),
    /// The attribute is there.
    Has(Selector),
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// It cannot be said: the engine is asked about every row.
    Ask,
}

/// How values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Below, of whole numbers.
    Below,
    /// At most, of whole numbers.
    AtMost,
    /// One of the values of a list.
    OneOf,
    /// A list that has the value.
    Contains,
}
