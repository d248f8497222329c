//! Conditions: expressions in CEL over typed parameters, as OpenFGA has them (`internal/condition`).
//!
//! Where OpenFGA's differ: CEL here has no type checker, so an expression that is not boolean is found when it is evaluated
//! and not when the model is read; it then is an error, as every failed evaluation is.

mod names;
mod parameter;

use crate::expression::bounded;
use crate::model::raw::{ModelError, RawCondition};
use cel::extractors::This;
use cel::objects::Opaque;
use cel::{Context, Env, ExecutionError, Program, Value};
use ipnet::IpNet;
pub(crate) use names::free;
use parameter::{Address, Kind};
use prokura_oauth::json::Object;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The language, with what OpenFGA adds to it.
pub(crate) static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// How long an expression may be, in bytes.
const LONGEST: usize = 8 << 10;
/// How many operators, dots and brackets it may have, and how many parts within each other: so much of the stack is there. Who
/// writes a model is trusted, and still must not end the process.
const SIGNS: usize = 1024;
const TALLEST: u32 = 32;

/// A condition of a model.
pub struct Condition {
    name: Arc<str>,
    parameters: BTreeMap<String, Kind>,
    program: Program,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({})", self.name)
    }
}

/// A condition that could not be evaluated: nobody knows whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the condition `{condition}` cannot be evaluated: {why}")]
pub struct ConditionFailed {
    /// Which.
    pub condition: String,
    /// Why, with the names of missing parameters.
    pub why: String,
}

impl Condition {
    pub(crate) fn compile(raw: &RawCondition) -> Result<Self, ModelError> {
        let name: Arc<str> = raw.name.text.as_str().into();
        let mut parameters = BTreeMap::new();
        for (parameter, kind) in &raw.parameters {
            let known = Kind::parse(&kind.text).ok_or_else(|| {
                ModelError::at(&kind.at, format!("`{}` is no type of a parameter: {}", kind.text, Kind::ALL))
            })?;
            if parameters.insert(parameter.text.clone(), known).is_some() {
                return Err(ModelError::at(&parameter.at, format!("`{}` stands twice", parameter.text)));
            }
        }
        if raw.expression.text.len() > LONGEST {
            return Err(ModelError::at(&raw.expression.at, "an expression may have 8 KiB"));
        }
        let program = bounded(&raw.expression.text, SIGNS, TALLEST)
            .map_err(|e| ModelError::at(&raw.expression.at, format!("the expression of `{name}`: {e}")))?;
        if let Some(unknown) = free(program.expression()).find(|n| !parameters.contains_key(*n)) {
            let why = format!("`{unknown}` is no parameter of `{name}`");
            return Err(ModelError::at(&raw.expression.at, why));
        }
        Ok(Self { name, parameters, program })
    }

    /// The name of the condition.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of its parameters, each with its type.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, String)> {
        self.parameters.iter().map(|(name, kind)| (name.as_str(), kind.to_string()))
    }

    /// Whether `context` may be written with a tuple: known parameters of the right types only.
    pub(crate) fn fits(&self, context: &Object) -> Result<(), String> {
        for (name, value) in context.iter() {
            let kind = self
                .parameters
                .get(name)
                .ok_or_else(|| format!("`{}` has no parameter `{name}`", self.name))?;
            kind.read(value).map_err(|why| format!("`{name}`: {why}"))?;
        }
        Ok(())
    }

    /// Whether it holds; what was written with the tuple counts more than what the question brings.
    ///
    /// # Errors
    /// [`ConditionFailed`] if a parameter is missing or has another type, or the evaluation fails.
    pub(crate) fn holds(&self, asked: &Object, written: &Object) -> Result<bool, ConditionFailed> {
        let failed = |why: String| ConditionFailed { condition: self.name.to_string(), why };
        let mut context = Context::with_env(Arc::clone(&ENV));
        with_addresses(&mut context).map_err(|e| failed(e.to_string()))?;
        let mut missing = Vec::new();
        for (name, kind) in &self.parameters {
            match written.get(name).or_else(|| asked.get(name)) {
                Some(value) => {
                    let value = kind.read(value).map_err(|why| failed(format!("`{name}`: {why}")))?;
                    context.add_variable_from_value(name.as_str(), value);
                }
                None => missing.push(name.as_str()),
            }
        }
        if !missing.is_empty() {
            return Err(failed(format!("nothing is known of {}", missing.join(", "))));
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(failed("its expression is neither true nor false".to_owned())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}

fn with_addresses(context: &mut Context<'_, '_>) -> Result<(), cel::DeclarationError> {
    context.add_function("ipaddress", |text: Arc<String>| address(&text))?;
    context.add_function("in_cidr", |This(this): This<Arc<dyn Opaque>>, cidr: Arc<String>| {
        in_cidr(this.as_ref(), &cidr)
    })
}

fn address(text: &str) -> Result<Value, ExecutionError> {
    match Address::parse(text) {
        Some(address) => Ok(Value::Opaque(Arc::new(address))),
        None => Err(ExecutionError::function_error("ipaddress", "it is no IP address")),
    }
}

fn in_cidr(address: &dyn Opaque, cidr: &str) -> Result<Value, ExecutionError> {
    let wrong = |why: &str| ExecutionError::function_error("in_cidr", why);
    let address: &Address = address.downcast_ref().ok_or_else(|| wrong("it is asked of an IP address"))?;
    let network: IpNet = cidr.parse().map_err(|_| wrong("it is no network: write `10.0.0.0/8`"))?;
    Ok(Value::Bool(address.is_in(network)))
}

#[cfg(test)]
mod tests {
    use crate::Model;
    use prokura_oauth::json::{Limits, Object, parse};

    fn object(text: &str) -> Object {
        parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap()
    }

    fn holds(condition: &str, asked: &str, written: &str) -> Result<bool, String> {
        let model = format!("model\n  schema 1.1\ntype user\ncondition {condition}");
        let model = Model::from_dsl(&model).map_err(|e| e[0].to_string())?;
        let condition = model.conditions.values().next().unwrap();
        condition.holds(&object(asked), &object(written)).map_err(|e| e.why)
    }

    #[test]
    fn what_was_written_counts_more_than_what_is_asked() {
        let condition = "c(x: int, y: int) { x < y }";
        assert_eq!(holds(condition, r#"{"x":1,"y":0}"#, r#"{"y":2}"#), Ok(true));
        assert_eq!(holds(condition, r#"{"x":1,"y":2}"#, r#"{"y":0}"#), Ok(false));
    }

    #[test]
    fn a_missing_parameter_is_an_error_even_where_the_rest_decides() {
        assert!(
            holds("c(x: int, y: int) { x < 10 || y < 10 }", r#"{"x":1}"#, "{}").unwrap_err().contains('y')
        );
    }

    #[test]
    fn numbers_are_what_they_are_declared_to_be() {
        assert_eq!(holds("c(x: int) { x == 9007199254740993 }", r#"{"x":9007199254740993}"#, "{}"), Ok(true));
        assert_eq!(holds("c(x: int) { x == 3 }", r#"{"x":"3"}"#, "{}"), Ok(true));
        assert_eq!(holds("c(x: int) { x == 3 }", r#"{"x":3.0}"#, "{}"), Ok(true));
        assert!(holds("c(x: int) { x == 3 }", r#"{"x":3.5}"#, "{}").is_err());
        assert!(holds("c(x: int) { x == 3 }", r#"{"x":1e400}"#, "{}").is_err());
        assert!(holds("c(x: uint) { x == 3u }", r#"{"x":-3}"#, "{}").is_err());
        assert!(holds("c(x: bool) { x }", r#"{"x":"true"}"#, "{}").is_err());
    }

    #[test]
    fn addresses_mapped_into_ipv6_are_those_of_ipv4() {
        let condition = "c(ip: ipaddress) { ip.in_cidr(\"10.0.0.0/8\") }";
        for (ip, inside) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("11.0.0.1", false), ("::1", false)]
        {
            assert_eq!(holds(condition, &format!(r#"{{"ip":"{ip}"}}"#), "{}"), Ok(inside), "{ip}");
        }
        assert!(holds(condition, r#"{"ip":"10.1"}"#, "{}").is_err());
        assert_eq!(
            holds("c(ip: ipaddress) { ip.in_cidr(\"::ffff:10.0.0.0/104\") }", r#"{"ip":"10.9.9.9"}"#, "{}"),
            Ok(true)
        );
    }

    #[test]
    fn a_condition_that_is_deep_is_refused_and_ends_nothing() {
        let nested = |open: &str, close: &str, n: usize| {
            format!("c(x: int) {{ x < {}1{} }}", open.repeat(n), close.repeat(n))
        };
        for deep in [
            nested("(", ")", 400),
            nested("[", "]", 90),
            nested("-", "", 2000),
            nested("1+", "", 900),
            nested("size(", ")", 90),
            nested("true ? 1 : ", "", 600),
            format!("c(x: any) {{ x{} == 1 }}", ".a".repeat(900)),
        ] {
            let model = format!("model\n  schema 1.1\ntype user\ncondition {deep}");
            assert!(Model::from_dsl(&model).is_err(), "{}", &deep[..40]);
        }
        assert_eq!(holds(&nested("1+", "", 20), r#"{"x":1}"#, "{}"), Ok(true));
        assert_eq!(holds(&nested("(", ")", 90), r#"{"x":0}"#, "{}"), Ok(true));
    }

    #[test]
    fn names_that_nobody_declares_are_refused() {
        assert!(holds("c(x: int) { x < y }", "{}", "{}").unwrap_err().contains('y'));
        assert_eq!(holds("c(l: list<int>) { l.all(i, i > 0) }", r#"{"l":[1,2]}"#, "{}"), Ok(true));
        assert!(holds("c(x: int) { x + 1 }", r#"{"x":1}"#, "{}").is_err());
    }
}
