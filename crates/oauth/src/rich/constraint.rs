//! Constraints on the wire: `["<=", ".days", 30]`.

use super::RichError;
use crate::json::{Number, Object, Value, case_variant};
use prokura_core::{Constraint, Decimal, Literal, Member, Node, Path, Pattern, Test, View};

/// The longest string or number in a constraint, in bytes.
const MAX_LITERAL: usize = 256;
/// The most values in a list.
const MAX_VALUES: usize = 64;

impl Node for Value {
    fn view(&self) -> View<'_> {
        match self {
            Self::Null => View::Null,
            Self::Bool(b) => View::Bool(*b),
            Self::Number(n) => View::Number(n.text()),
            Self::String(text) => View::Text(text),
            Self::Array(items) => View::List(items.len()),
            Self::Object(_) => View::Object,
        }
    }

    fn member(&self, name: &str) -> Member<'_> {
        let Self::Object(o) = self else { return Member::Absent };
        if case_variant(o, &[name]).is_some() {
            return Member::Unclear;
        }
        o.get(name).map_or(Member::Absent, |v| Member::Value(v))
    }

    fn item(&self, index: usize) -> Option<&dyn Node> {
        self.as_array()?.get(index).map(|v| v as &dyn Node)
    }
}

/// The arguments of a call that names none.
pub static NO_ARGUMENTS: Value = Value::Object(Object::new());

pub(super) fn read(value: &Value) -> Result<Constraint, RichError> {
    let refused = |why| Err(RichError::Constraint(why));
    let (operator, path, value) = match value.as_array() {
        Some([operator, path]) => (operator, path, None),
        Some([operator, path, value]) => (operator, path, Some(value)),
        _ => return refused("it has two or three members"),
    };
    let (Some(operator), Some(path)) = (operator.as_str(), path.as_str()) else {
        return refused("operator and path are strings");
    };
    let path = Path::parse(path)?;
    let test = match (operator, value) {
        ("present", None) => Test::Present,
        ("absent", None) => Test::Absent,
        ("present" | "absent", Some(_)) => return refused("`present` and `absent` take no value"),
        (_, None) => return refused("a value is missing, or the operator is unknown"),
        (operator, Some(value)) => test(operator, value)?,
    };
    Ok(Constraint { path, test })
}

fn test(operator: &str, value: &Value) -> Result<Test, RichError> {
    match operator {
        "==" => literal(value).map(Test::Equals),
        "in" => literals(value).map(Test::OneOf),
        "subset" => literals(value).map(Test::SubsetOf),
        "<" => number(value).map(Test::Below),
        "<=" => number(value).map(Test::AtMost),
        ">" => number(value).map(Test::Above),
        ">=" => number(value).map(Test::AtLeast),
        "like" => {
            let pattern = value.as_str().and_then(Pattern::new);
            pattern.map(Test::Like).ok_or(RichError::Constraint("`like` takes a pattern of 1 to 256 bytes"))
        }
        "length<=" => count(value).map(Test::LengthAtMost),
        "length>=" => count(value).map(Test::LengthAtLeast),
        _ => Err(RichError::Constraint(
            "the operators are ==, in, subset, <, <=, >, >=, like, length<=, length>=, present and absent",
        )),
    }
}

fn literal(value: &Value) -> Result<Literal, RichError> {
    match value {
        Value::Bool(b) => Ok(Literal::Bool(*b)),
        Value::Number(_) => number(value).map(Literal::Number),
        Value::String(text) if text.len() <= MAX_LITERAL => Ok(Literal::Text(text.clone())),
        _ => Err(RichError::Constraint("a value is true, false, a number, or a string of up to 256 bytes")),
    }
}

fn literals(value: &Value) -> Result<Vec<Literal>, RichError> {
    let list = value.as_array().filter(|l| (1..=MAX_VALUES).contains(&l.len()));
    let list = list.ok_or(RichError::Constraint("`in` and `subset` take a list of 1 to 64 values"))?;
    list.iter().map(literal).collect()
}

fn number(value: &Value) -> Result<Decimal, RichError> {
    let text = value.as_number().map(Number::text).filter(|t| t.len() <= MAX_LITERAL);
    let number = text.and_then(|t| Decimal::parse(&t));
    number.ok_or(RichError::Constraint("the operators <, <=, > and >= take a number"))
}

fn count(value: &Value) -> Result<u32, RichError> {
    let count = value.as_u64().and_then(|n| u32::try_from(n).ok());
    count.ok_or(RichError::Constraint("a length is a whole number"))
}

/// A constraint on the wire.
pub fn to_value(constraint: &Constraint) -> Value {
    let path = Value::from(constraint.path.to_string());
    let (operator, value) = match &constraint.test {
        Test::Present => return Value::Array(vec!["present".into(), path]),
        Test::Absent => return Value::Array(vec!["absent".into(), path]),
        Test::Equals(l) => ("==", of_literal(l)),
        Test::OneOf(all) => ("in", of_literals(all)),
        Test::SubsetOf(all) => ("subset", of_literals(all)),
        Test::Below(n) => ("<", of_number(n)),
        Test::AtMost(n) => ("<=", of_number(n)),
        Test::Above(n) => (">", of_number(n)),
        Test::AtLeast(n) => (">=", of_number(n)),
        Test::Like(pattern) => ("like", pattern.as_str().into()),
        Test::LengthAtMost(n) => ("length<=", (*n).into()),
        Test::LengthAtLeast(n) => ("length>=", (*n).into()),
    };
    Value::Array(vec![operator.into(), path, value])
}

fn of_number(n: &Decimal) -> Value {
    Number::parse(n.text()).map_or(Value::Null, Value::from)
}

fn of_literal(literal: &Literal) -> Value {
    match literal {
        Literal::Bool(b) => (*b).into(),
        Literal::Number(n) => of_number(n),
        Literal::Text(text) => text.as_str().into(),
    }
}

fn of_literals(all: &[Literal]) -> Value {
    Value::Array(all.iter().map(of_literal).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Limits};

    fn constraint(text: &str) -> Result<Constraint, RichError> {
        read(&json::parse(text.as_bytes(), &Limits::TOKEN).unwrap())
    }

    #[test]
    fn every_operator_comes_back() {
        for text in [
            r#"["==",".a",true]"#,
            r#"["==",".a",1.50]"#,
            r#"["in",".a",["x",2,false]]"#,
            r#"["subset",".a",["x"]]"#,
            r#"["<",".a",1]"#,
            r#"["<=",".a",-1e5]"#,
            r#"[">",".a",0]"#,
            r#"[">=",".a",123456789012345678901234567890]"#,
            r#"["like",".a","x*"]"#,
            r#"["length<=",".a",3]"#,
            r#"["length>=",".a[0].b",0]"#,
            r#"["present",".a"]"#,
            r#"["absent",".a"]"#,
        ] {
            assert_eq!(to_value(&constraint(text).unwrap()).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        for bad in [
            "1",
            "[]",
            r#"["present"]"#,
            r#"["present",".a",1]"#,
            r#"["<=",".a"]"#,
            r#"["<=",".a","30"]"#,
            r#"["<=",".a",null]"#,
            r#"["<=",".a",1,2]"#,
            r#"["<=","a",1]"#,
            r#"["!=",".a",1]"#,
            r#"["matches",".a","(a+)+$"]"#,
            r#"["==",".a",null]"#,
            r#"["==",".a",{}]"#,
            r#"["in",".a",[]]"#,
            r#"["in",".a","x"]"#,
            r#"["like",".a",""]"#,
            r#"["length<=",".a",-1]"#,
            r#"["length<=",".a",1.5]"#,
            r#"[1,".a",1]"#,
        ] {
            assert!(constraint(bad).is_err(), "{bad}");
        }
    }
}
