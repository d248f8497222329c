//! One check of arguments against a schema.

use super::{Misfit, Unnamed, Why, format, reference};
use prokura_core::Decimal;
use prokura_oauth::json::{self, Number, Object, Value};
use std::cmp::Ordering;

/// At most so many steps in one check, whatever schema and arguments are.
const STEPS: usize = 20_000;
/// At most so many names are compared with each other in one check, and so many are remembered.
const NAMES: usize = 4 << 20;
/// No deeper than this: arguments, and references that lead to references.
const DEPTH: usize = 96;

pub(super) struct Check<'s> {
    root: &'s Value,
    unnamed: Unnamed,
    steps: usize,
    compared: usize,
    depth: usize,
    /// Where the check is, for who reads the refusal.
    place: Vec<Step>,
}

enum Step {
    Member(String),
    Item(usize),
}

/// Which members of an object the schemas at one place name.
#[derive(Default)]
struct Named<'s> {
    names: Vec<&'s str>,
    /// Some schema takes any member.
    any: bool,
}

impl<'s> Named<'s> {
    fn take(&mut self, other: Self) {
        self.names.extend(other.names);
        self.any |= other.any;
    }
}

type Checked<'s> = Result<Named<'s>, Misfit>;

impl<'s> Check<'s> {
    pub(super) fn new(root: &'s Value, unnamed: Unnamed) -> Self {
        Self { root, unnamed, steps: 0, compared: 0, depth: 0, place: Vec::new() }
    }

    /// Checks the arguments as a whole.
    pub(super) fn object(mut self, arguments: &Object) -> Result<(), Misfit> {
        // The value is borrowed by its members, never cloned: arguments can be large.
        let named = self.object_by(self.root, arguments)?;
        self.unnamed(&named, arguments)
    }

    fn misfit<T>(&self, why: Why) -> Result<T, Misfit> {
        let mut place = String::new();
        for step in &self.place {
            match step {
                Step::Member(name) => place.extend([".", &name.chars().take(64).collect::<String>()]),
                Step::Item(at) => place.push_str(&format!("[{at}]")),
            }
        }
        let place = if place.is_empty() { ".".to_owned() } else { place };
        Err(Misfit { place, why })
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Misfit>) -> Result<T, Misfit> {
        self.steps += 1;
        if self.steps > STEPS || self.depth >= DEPTH {
            return self.misfit(Why::Large);
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Counts that the names of an object are compared with so many others.
    fn compares(&mut self, o: &Object, others: usize) -> Result<(), Misfit> {
        self.compared = self.compared.saturating_add((o.len() + 1).saturating_mul(others + 1));
        if self.compared > NAMES { self.misfit(Why::Large) } else { Ok(()) }
    }

    /// Checks a value in its place, and that nothing in it is unnamed.
    fn at(&mut self, step: Step, schema: &'s Value, value: &Value) -> Result<(), Misfit> {
        self.place.push(step);
        let named = self.value(schema, value)?;
        if let Value::Object(o) = value {
            self.unnamed(&named, o)?;
        }
        self.place.pop();
        Ok(())
    }

    /// What no schema names: a name that could be taken for one that is named is refused in any case.
    fn unnamed(&mut self, named: &Named<'_>, o: &Object) -> Result<(), Misfit> {
        self.compares(o, named.names.len())?;
        let refused = |check: &mut Self, name: &str, why| {
            check.place.push(Step::Member(name.to_owned()));
            check.misfit(why)
        };
        if let Some(name) = json::case_variant(o, &named.names) {
            return refused(self, name, Why::Variant);
        }
        if self.unnamed == Unnamed::Pass || named.any {
            return Ok(());
        }
        match o.keys().find(|name| !named.names.contains(name)) {
            Some(name) => refused(self, name, Why::Unknown),
            None => Ok(()),
        }
    }

    fn value(&mut self, schema: &'s Value, value: &Value) -> Checked<'s> {
        if let Value::Object(o) = value {
            return self.object_by(schema, o);
        }
        self.deeper(|check| {
            let Some(rules) = check.rules(schema)? else { return Ok(Named::default()) };
            check.kind(rules, value)?;
            check.values(rules, value)?;
            match value {
                Value::Number(n) => check.number(rules, n)?,
                Value::String(text) => check.text(rules, text)?,
                Value::Array(items) => check.items(rules, items)?,
                _ => {}
            }
            check.forms(rules, &mut |check, schema| check.value(schema, value))
        })
    }

    fn object_by(&mut self, schema: &'s Value, o: &Object) -> Checked<'s> {
        self.deeper(|check| {
            let Some(rules) = check.rules(schema)? else {
                return Ok(Named { any: true, ..Named::default() });
            };
            check.object_kind(rules, o)?;
            let mut named = check.members(rules, o)?;
            named.take(check.forms(rules, &mut |check, schema| check.object_by(schema, o))?);
            Ok(named)
        })
    }

    /// The rules of a schema; none of one that takes everything.
    fn rules(&self, schema: &'s Value) -> Result<Option<&'s Object>, Misfit> {
        match schema {
            Value::Object(rules) => Ok(Some(rules)),
            Value::Bool(true) => Ok(None),
            _ => self.misfit(Why::Form),
        }
    }

    fn object_kind(&self, rules: &Object, o: &Object) -> Result<(), Misfit> {
        if let Some(kinds) = rules.get("type")
            && !names(kinds).any(|kind| kind == "object")
        {
            return self.misfit(Why::Type(names(kinds).next().map_or("of another type", article)));
        }
        let is = |value: &Value| value.as_object() == Some(o);
        let stands = rules.get("const").is_none_or(is)
            && rules.get("enum").and_then(Value::as_array).is_none_or(|all| all.iter().any(is));
        if !stands {
            return self.misfit(Why::Value);
        }
        self.count(rules, o.len(), "minProperties", "maxProperties")
    }

    fn kind(&self, rules: &Object, value: &Value) -> Result<(), Misfit> {
        let Some(kinds) = rules.get("type") else { return Ok(()) };
        let nullable = value.is_null() && rules.get("nullable").and_then(Value::as_bool) == Some(true);
        if nullable || names(kinds).any(|kind| is_of(kind, value)) {
            return Ok(());
        }
        let whole = matches!(value, Value::Number(_)) && names(kinds).any(|kind| kind == "integer");
        let first = names(kinds).next().map_or("of another type", article);
        self.misfit(if whole { Why::Integer } else { Why::Type(first) })
    }

    fn values(&self, rules: &Object, value: &Value) -> Result<(), Misfit> {
        let constant = rules.get("const").is_none_or(|only| only == value);
        let listed = rules.get("enum").and_then(Value::as_array).is_none_or(|all| all.contains(value));
        if constant && listed { Ok(()) } else { self.misfit(Why::Value) }
    }

    fn number(&self, rules: &Object, n: &Number) -> Result<(), Misfit> {
        let fits = |bound: &str, wrong: &[Ordering]| {
            let Some(Value::Number(bound)) = rules.get(bound) else { return true };
            match (Decimal::parse(&n.text()), Decimal::parse(&bound.text())) {
                (Some(n), Some(bound)) => !wrong.contains(&n.cmp(&bound)),
                _ => false,
            }
        };
        use Ordering::{Equal, Greater, Less};
        let within = fits("minimum", &[Less])
            && fits("maximum", &[Greater])
            && fits("exclusiveMinimum", &[Less, Equal])
            && fits("exclusiveMaximum", &[Greater, Equal]);
        if within { Ok(()) } else { self.misfit(Why::Bounds) }
    }

    fn text(&self, rules: &Object, text: &str) -> Result<(), Misfit> {
        if rules.contains_key("minLength") || rules.contains_key("maxLength") {
            self.count(rules, text.chars().count(), "minLength", "maxLength")?;
        }
        match rules.str("format").and_then(|format| format::is_written(format, text)) {
            Some((false, what)) => self.misfit(Why::Format(what)),
            _ => Ok(()),
        }
    }

    fn count(&self, rules: &Object, n: usize, least: &str, most: &str) -> Result<(), Misfit> {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        let bound = |name| rules.get(name).and_then(Value::as_u64);
        let fits = bound(least).is_none_or(|least| n >= least) && bound(most).is_none_or(|most| n <= most);
        if fits { Ok(()) } else { self.misfit(Why::Bounds) }
    }

    fn items(&mut self, rules: &'s Object, items: &[Value]) -> Result<(), Misfit> {
        self.count(rules, items.len(), "minItems", "maxItems")?;
        // Before 2020-12, `items` could be the list that is `prefixItems` now, and `additionalItems` what follows.
        let (first, rest) = match (rules.get("prefixItems"), rules.get("items")) {
            (Some(Value::Array(first)), rest) => (first.as_slice(), rest),
            (None, Some(Value::Array(first))) => (first.as_slice(), rules.get("additionalItems")),
            (_, rest) => (&[][..], rest),
        };
        for (at, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(at).or(rest) {
                self.at(Step::Item(at), schema, item)?;
            }
        }
        Ok(())
    }

    fn members(&mut self, rules: &'s Object, o: &Object) -> Checked<'s> {
        let properties = rules.get("properties").and_then(Value::as_object);
        let required = rules.get("required").and_then(Value::as_array).map_or(0, <[Value]>::len);
        self.compares(o, properties.map_or(0, Object::len).saturating_add(required))?;
        let missing = rules.get("required").into_iter().flat_map(names).find(|name| !o.contains_key(name));
        if let Some(name) = missing {
            self.place.push(Step::Member(name.to_owned()));
            return self.misfit(Why::Missing);
        }
        let schema_of = |name: &str| properties.and_then(|p| p.get(name));
        let others = rules.get("additionalProperties");
        let mut named = Named::default();
        named.names.extend(properties.iter().flat_map(|p| p.keys()));
        for (name, value) in o.iter() {
            match (schema_of(name), others) {
                (Some(schema), _) => self.at(Step::Member(name.to_owned()), schema, value)?,
                (None, Some(Value::Bool(false))) if !rules.contains_key("patternProperties") => {
                    self.place.push(Step::Member(name.to_owned()));
                    let variant = json::case_variant(o, &named.names) == Some(name);
                    return self.misfit(if variant { Why::Variant } else { Why::Unknown });
                }
                // A schema for all other members names them: a map of things is what the tool asks for.
                (None, Some(schema @ Value::Object(_))) => {
                    self.at(Step::Member(name.to_owned()), schema, value)?;
                    named.any = true;
                }
                (None, _) => {}
            }
        }
        Ok(named)
    }

    /// What stands in other schemas: all of these, any of those, and what is referred to.
    fn forms(
        &mut self,
        rules: &'s Object,
        by: &mut dyn FnMut(&mut Self, &'s Value) -> Checked<'s>,
    ) -> Checked<'s> {
        let mut named = Named::default();
        for name in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(to) = rules.str(name) {
                let Some(schema) = reference::target(self.root, to) else { return self.misfit(Why::Form) };
                named.take(by(self, schema)?);
            }
        }
        for schema in list(rules, "allOf") {
            named.take(by(self, schema)?);
        }
        for (name, most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            if rules.get(name).is_some_and(|forms| forms.as_array().is_some()) {
                named.take(self.any_of(list(rules, name), most, by)?);
            }
        }
        if let Some(schema) = rules.get("not")
            && self.tried(|check| by(check, schema))?.is_some()
        {
            return self.misfit(Why::Form);
        }
        Ok(named)
    }

    fn any_of(
        &mut self,
        schemas: &'s [Value],
        most: usize,
        by: &mut dyn FnMut(&mut Self, &'s Value) -> Checked<'s>,
    ) -> Checked<'s> {
        let (mut named, mut fitting) = (Named::default(), 0);
        for schema in schemas {
            if let Some(more) = self.tried(|check| by(check, schema))? {
                named.take(more);
                fitting += 1;
            }
        }
        if fitting == 0 || fitting > most { self.misfit(Why::Form) } else { Ok(named) }
    }

    /// What comes of a schema that need not fit; that there is too much to check is no answer.
    fn tried(&mut self, inner: impl FnOnce(&mut Self) -> Checked<'s>) -> Result<Option<Named<'s>>, Misfit> {
        let (place, depth) = (self.place.len(), self.depth);
        let result = inner(self);
        self.place.truncate(place);
        self.depth = depth;
        match result {
            Ok(named) => Ok(Some(named)),
            Err(misfit) if misfit.why == Why::Large => Err(misfit),
            Err(_) => Ok(None),
        }
    }
}

fn list<'s>(rules: &'s Object, name: &str) -> &'s [Value] {
    rules.get(name).and_then(Value::as_array).unwrap_or_default()
}

/// The texts of a text or of a list.
fn names(value: &Value) -> impl Iterator<Item = &str> {
    let many = value.as_array().unwrap_or_default().iter().filter_map(Value::as_str);
    value.as_str().into_iter().chain(many)
}

fn is_of(kind: &str, value: &Value) -> bool {
    match (kind, value) {
        ("null", Value::Null)
        | ("boolean", Value::Bool(_))
        | ("number", Value::Number(_))
        | ("string", Value::String(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        ("integer", Value::Number(n)) => n.as_i64().is_some(),
        _ => false,
    }
}

fn article(kind: &str) -> &'static str {
    match kind {
        "null" => "null",
        "boolean" => "true or false",
        "number" => "a number",
        "integer" => "a whole number",
        "string" => "a text",
        "array" => "a list",
        "object" => "an object",
        _ => "of a type that is known",
    }
}
