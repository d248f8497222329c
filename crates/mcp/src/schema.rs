//! Types of arguments, by the input schema of a tool (JSON Schema 2020-12; MCP 2025-11-25 and 2026-07-28, "Tool").
//!
//! A purposeful part of JSON Schema: what says which arguments there are and of which type. It is stricter than JSON Schema
//! where two readers could differ: a whole number is written as one, and a name that some reader would take for that of a
//! property is refused. What is not known here (`pattern`, `if`, `dependentSchemas`, `contains`) is not looked at: the server
//! checks its own arguments, and policies say what they may be.
//!
//! Invariant: nothing is fetched, and every answer takes bounded time and stack. A reference leads to a place in the same
//! document, or the schema is refused as a whole.

mod check;
mod format;
mod reference;

use prokura_oauth::json::{Object, Value};

/// A schema whose references were found to lead nowhere else.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    root: Value,
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchema {
    /// It is neither an object nor `true` or `false`.
    #[error("the input schema is no schema")]
    Form,
    /// It refers to something outside of itself, or to nothing.
    #[error("the input schema refers to `{0}`, which is not a part of it")]
    Reference(String),
    /// It has too many parts, or they are too deep.
    #[error("the input schema is too large to be checked")]
    Large,
}

/// Arguments that do not fit. Nothing of what was sent is repeated but the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the argument `{place}` {why}")]
pub struct Misfit {
    /// Where: `.amount`, `.rows[3].id`; `.` for the arguments as a whole.
    pub place: String,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It has another type.
    #[error("must be {0}")]
    Type(&'static str),
    /// A whole number that is not written as one, or does not fit 64 bits.
    #[error("must be written as a whole number, without fraction or exponent, within 64 bits")]
    Integer,
    /// It is none of the values that there are.
    #[error("must be one of the values that the tool names")]
    Value,
    /// It is outside of the bounds.
    #[error("is outside of the tool's bounds")]
    Bounds,
    /// It is not written in the format.
    #[error("must be written as {0}")]
    Format(&'static str),
    /// The tool does not know it.
    #[error("is unknown to the tool")]
    Unknown,
    /// Some reader would take its name for that of another.
    #[error("has a name that could be taken for another")]
    Variant,
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// None of the forms that there are fits, or too many do.
    #[error("fits none of the forms that the tool names")]
    Form,
    /// There is too much to check.
    #[error("has too many parts to be checked")]
    Large,
}

/// What is done with arguments that a schema does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unnamed {
    /// They pass where the schema lets them.
    #[default]
    Pass,
    /// They are refused.
    Refused,
}

/// What a schema says of an argument for people: words of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said<'a> {
    /// What it is called (`title`).
    pub title: Option<&'a str>,
    /// What it is for (`description`).
    pub about: Option<&'a str>,
}

impl Schema {
    /// What is said of an argument, where it is named or where that refers to.
    pub fn said(&self, argument: &str) -> Said<'_> {
        let named = self.root.as_object().and_then(|root| root.get("properties")).and_then(Value::as_object);
        let Some(one) = named.and_then(|all| all.get(argument)).and_then(Value::as_object) else {
            return Said::default();
        };
        let referred =
            one.str("$ref").and_then(|to| reference::target(&self.root, to)).and_then(Value::as_object);
        let word = |name: &str| {
            let said = one.str(name).or_else(|| referred.and_then(|o| o.str(name)));
            said.filter(|said| !said.trim().is_empty())
        };
        Said { title: word("title"), about: word("description") }
    }

    /// Takes a schema.
    ///
    /// # Errors
    /// [`BadSchema`].
    pub fn new(root: Value) -> Result<Self, BadSchema> {
        if !matches!(root, Value::Object(_) | Value::Bool(_)) {
            return Err(BadSchema::Form);
        }
        reference::check(&root)?;
        Ok(Self { root })
    }

    /// Checks arguments.
    ///
    /// # Errors
    /// [`Misfit`] says the first thing that is wrong.
    pub fn check(&self, arguments: &Object, unnamed: Unnamed) -> Result<(), Misfit> {
        check::Check::new(&self.root, unnamed).object(arguments)
    }
}

/// Whether some object in a value has two members of which a reader could take one for the other.
pub fn has_twins(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_twins),
        Value::Object(o) => object_has_twins(o),
        _ => false,
    }
}

/// The same of an object.
pub fn object_has_twins(o: &Object) -> bool {
    prokura_oauth::json::has_twins(o) || o.iter().any(|(_, value)| has_twins(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    #[test]
    fn e12_many_forms_of_many_names_are_not_compared_with_many_arguments() {
        let many =
            |n: usize, value: &str| (0..n).map(|i| format!("\"p{i}\":{value}")).collect::<Vec<_>>().join(",");
        let forms = vec![r##"{"$ref":"#/$defs/A"}"##; 500].join(",");
        let text =
            format!(r##"{{"allOf":[{forms}],"$defs":{{"A":{{"properties":{{{}}}}}}}}}"##, many(500, "{}"));
        let limits = Limits { max_bytes: 1 << 20, max_depth: 64 };
        let read = |text: &str| parse(text.as_bytes(), &limits).unwrap();
        let schema = Schema::new(read(&text)).unwrap();
        let few = read(&format!("{{{}}}", many(3, "1"))).into_object().unwrap();
        assert_eq!(schema.check(&few, Unnamed::Pass), Ok(()));
        let lots = read(&format!("{{{}}}", many(4000, "1").replace('p', "q"))).into_object().unwrap();
        assert_eq!(schema.check(&lots, Unnamed::Pass).map_err(|m| m.why), Err(Why::Large));
        let forms = vec![r##"{"$ref":"#/$defs/A"}"##; 6000].join(",");
        let text =
            format!(r##"{{"allOf":[{forms}],"$defs":{{"A":{{"properties":{{{}}}}}}}}}"##, many(6000, "1"));
        let schema = Schema::new(read(&text.replace(":1", ":{}"))).unwrap();
        assert_eq!(schema.check(&Object::new(), Unnamed::Pass).map_err(|m| m.why), Err(Why::Large));
    }

    #[test]
    fn what_is_said_of_an_argument_is_read_where_it_is_named() {
        let text = r##"{"properties":{"to":{"title":"To","description":"Who gets it"},"n":{"$ref":"#/$defs/N","title":"How many"},
            "x":{"title":" ","description":7},"y":true},"$defs":{"N":{"title":"N","description":"A number"}}}"##;
        let schema = Schema::new(parse(text.as_bytes(), &Limits::DOCUMENT).unwrap()).unwrap();
        assert_eq!(schema.said("to"), Said { title: Some("To"), about: Some("Who gets it") });
        assert_eq!(schema.said("n"), Said { title: Some("How many"), about: Some("A number") });
        for none in ["x", "y", "z", "To"] {
            assert_eq!(schema.said(none), Said::default(), "{none}");
        }
    }
}
