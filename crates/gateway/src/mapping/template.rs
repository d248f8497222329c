//! Values of a mapping: literals, and expressions, which begin with `$` (COAZ framework, "Literals and Expressions").

use super::{MappingError, form};
use prokura_oauth::json::{Object, Value};
use prokura_relations::expression::{Expression, Inputs};

/// The variables of the COAZ-MCP binding, "Information Model".
const VARIABLES: [&str; 2] = ["params", "token"];

/// A value that is taken as it is, or computed.
#[derive(Debug)]
pub(super) enum Template {
    /// Taken as it is.
    Literal(Value),
    /// Computed; none if it says that there is nothing.
    Expression(Box<Expression>),
    /// An object of such.
    Object(Vec<(String, Template)>),
    /// A list of such.
    List(Vec<Template>),
}

impl Template {
    /// Reads what stands at `at`.
    pub(super) fn read(said: &Value, at: &str) -> Result<Self, MappingError> {
        Ok(match said {
            Value::String(text) => match text.strip_prefix('$') {
                None => Self::Literal(said.clone()),
                Some(rest) if rest.starts_with('$') => Self::Literal(rest.into()),
                Some(expression) => {
                    let read = Expression::new(expression, &VARIABLES);
                    let refused = |why| MappingError::Expression { at: at.to_owned(), why };
                    Self::Expression(Box::new(read.map_err(refused)?))
                }
            },
            Value::Object(members) => {
                let read = |(name, value): (&str, &Value)| {
                    Ok((name.to_owned(), Self::read(value, &format!("{at}.{name}"))?))
                };
                Self::Object(members.iter().map(read).collect::<Result<_, _>>()?)
            }
            Value::Array(items) => {
                let read = |(n, item): (usize, &Value)| Self::read(item, &format!("{at}[{n}]"));
                Self::List(items.iter().enumerate().map(read).collect::<Result<_, _>>()?)
            }
            _ => Self::Literal(said.clone()),
        })
    }

    /// The value; none if it is left out.
    pub(super) fn resolve(&self, inputs: &Inputs, at: &str) -> Result<Option<Value>, MappingError> {
        Ok(Some(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => {
                let failed = |why| MappingError::Failed { at: at.to_owned(), why };
                return expression.evaluate(inputs).map_err(failed);
            }
            Self::Object(members) => {
                let mut object = Object::new();
                for (name, member) in members {
                    if let Some(value) = member.resolve(inputs, &format!("{at}.{name}"))? {
                        object.insert(name.as_str(), value);
                    }
                }
                Value::Object(object)
            }
            Self::List(items) => {
                // Left out is a member of an object; a list with a gap would be another list.
                let gap = || form(at, "has an item that is not there");
                let item = |t: &Self| t.resolve(inputs, at)?.ok_or_else(gap);
                Value::Array(items.iter().map(item).collect::<Result<_, _>>()?)
            }
        }))
    }

    /// The text at a member, where that is known without evaluating anything.
    pub(super) fn literal(&self, member: &str) -> Option<&str> {
        let Self::Object(members) = self else { return None };
        let (_, value) = members.iter().find(|(name, _)| name == member)?;
        match value {
            Self::Literal(Value::String(text)) => Some(text),
            _ => None,
        }
    }
}
