//! Expressions in CEL over JSON that a stranger wrote, for a stranger's data: what a server says of its tools.
//!
//! The language is that of [conditions](crate::Condition); what differs is whom it comes from. So the cost of an expression
//! is known before it runs: nothing in it can grow what it computes faster than its own length, and what it walks through is
//! counted ([`cost`]). Numbers keep their value, or the expression is not computed at all.

mod cost;
mod value;

use crate::condition::{ENV, free};
use cel::{Context, ExecutionError, Program};
use cost::Cost;
use prokura_oauth::json::{Object, Value};
use std::fmt;
use std::sync::Arc;

/// How long an expression may be, in bytes.
const LONGEST: usize = 1024;
/// How many operators, dots and brackets there may be, and how many that nest: so much of the stack the reader and the
/// evaluator take. They are counted wherever they stand, so that nobody has to agree on where a text ends.
const SIGNS: usize = 96;
const NESTS: usize = 24;
/// The stack of the reader, in bytes.
const STACK: usize = 16 << 20;

/// An expression, ready to be evaluated.
pub struct Expression {
    program: Program,
    cost: Cost,
    /// The variables that it uses.
    uses: Vec<String>,
}

/// A text that is no expression that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpression {
    /// It is longer than 1 KiB.
    #[error("an expression has at most 1 KiB")]
    Long,
    /// It is no CEL.
    #[error("the expression cannot be read: {0}")]
    Syntax(String),
    /// It uses a variable that there is not.
    #[error("the expression uses `{0}`, which there is not")]
    Unknown(String),
    /// It could cost more than its length and its input tell.
    #[error("the expression {0}")]
    Costly(&'static str),
}

/// An expression that came to no value. Nothing of what it was evaluated over is repeated but names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unevaluated {
    /// A member is not there.
    #[error("no such key: `{0}`")]
    NoKey(String),
    /// There is too much to walk through.
    #[error("there is too much to compute")]
    Costly,
    /// A number that is not computed with: it would be another one afterwards.
    #[error("a number is larger or finer than is computed with")]
    Number,
    /// What came out is nothing that JSON has.
    #[error("its value is nothing that JSON has")]
    Form,
    /// Whatever else.
    #[error("it has no value for this input")]
    Failed,
}

/// What expressions are evaluated over: variables, each with its members.
pub struct Inputs {
    variables: Vec<(String, Result<cel::Value, Unevaluated>)>,
    /// How much of it there is, and the longest list or object in it.
    size: cost::Size,
}

impl Inputs {
    /// These variables.
    pub fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a Object)>) -> Self {
        let mut size = cost::Size::default();
        let taken = variables.into_iter().map(|(name, members)| {
            size.add_object(members);
            (name.to_owned(), value::object(members))
        });
        Self { variables: taken.collect(), size }
    }
}

impl Expression {
    /// Reads an expression over these variables.
    ///
    /// # Errors
    /// [`InvalidExpression`].
    pub fn new(text: &str, variables: &[&str]) -> Result<Self, InvalidExpression> {
        if text.len() > LONGEST {
            return Err(InvalidExpression::Long);
        }
        if count(text, NESTING) > NESTS {
            return Err(InvalidExpression::Costly("has too many parts"));
        }
        let program = bounded(text, SIGNS, cost::TALLEST)?;
        let uses: Vec<_> = free(program.expression()).map(str::to_owned).collect();
        if let Some(unknown) = uses.iter().find(|name| !variables.contains(&name.as_str())) {
            return Err(InvalidExpression::Unknown(unknown.clone()));
        }
        let cost = Cost::of(&program.expression().expr).map_err(InvalidExpression::Costly)?;
        Ok(Self { program, cost, uses })
    }

    /// Its value; none where it says by `.?` that there need not be one.
    ///
    /// # Errors
    /// [`Unevaluated`].
    pub fn evaluate(&self, inputs: &Inputs) -> Result<Option<Value>, Unevaluated> {
        if !self.cost.fits(&inputs.size) {
            return Err(Unevaluated::Costly);
        }
        let mut context = Context::with_env(Arc::clone(&ENV));
        for (name, value) in &inputs.variables {
            if self.uses.contains(name) {
                context.add_variable_from_value(name.as_str(), value.clone()?);
            }
        }
        let found = self.program.execute(&context).map_err(|error| match error {
            ExecutionError::NoSuchKey(name) => Unevaluated::NoKey(name.to_string()),
            _ => Unevaluated::Failed,
        })?;
        value::json(&found)
    }
}

const NESTING: &[u8] = b"([{?";

fn count(text: &str, signs: &[u8]) -> usize {
    text.bytes().filter(|b| signs.contains(b)).count()
}

/// Reads a text with at most so many operators, dots and brackets, and so many parts within each other.
pub(crate) fn bounded(text: &str, signs: usize, tallest: u32) -> Result<Program, InvalidExpression> {
    if count(text, NESTING) + count(text, b".+-*/%<>=!&|") > signs {
        return Err(InvalidExpression::Costly("has too many parts"));
    }
    let program = read(text)?;
    match cost::is_taller(&program.expression().expr, tallest) {
        true => Err(InvalidExpression::Costly("has parts within parts within parts")),
        false => Ok(program),
    }
}

/// Reads a text. The reader takes more of the stack for each bracket than a worker has to spare, so it gets one of its own;
/// expressions are read when a description is first seen, and not for each call.
fn read(text: &str) -> Result<Program, InvalidExpression> {
    let broke = || InvalidExpression::Syntax("it cannot be taken apart".to_owned());
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK);
        let read = reader.spawn_scoped(scope, || ENV.compile(text)).map_err(|_| broke())?;
        read.join().map_err(|_| broke())?.map_err(|e| InvalidExpression::Syntax(e.to_string()))
    })
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").field("cost", &self.cost).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
