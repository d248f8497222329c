//! What exactly would happen.

use prokura_oauth::json::{Object, Value, obj};

/// What exactly would happen: the arguments, each as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it does, as the tool's pinned definition calls it, or its name.
    pub title: String,
    /// What it is done with: what was hashed.
    pub arguments: Object,
    /// What is known of the arguments besides their values.
    pub lines: Vec<Line>,
}

/// What is known of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// As the tool's pinned schema calls it; its name if it does not.
    pub title: String,
    /// What it was before, if that is known.
    pub before: Option<Value>,
}

impl Facts {
    /// What a call with these arguments does.
    pub fn new(title: impl Into<String>, arguments: Object, lines: Vec<Line>) -> Self {
        Self { title: title.into(), arguments, lines }
    }

    /// The lines as they are shown, one for every argument whatever is known of it: its name, its title, what it was, what
    /// it will be.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &str, Option<String>, String)> {
        self.arguments.iter().map(|(name, value)| {
            let known = self.lines.iter().find(|line| line.name == name);
            let title = known.map_or(name, |line| line.title.as_str());
            (name, title, known.and_then(|line| line.before.as_ref()).map(text), text(value))
        })
    }

    pub(super) fn to_object(&self) -> Object {
        let line = |line: &Line| {
            let mut o = obj([("name", line.name.as_str().into()), ("title", line.title.as_str().into())]);
            if let Some(before) = &line.before {
                o.insert("before", before.clone());
            }
            Value::Object(o)
        };
        obj([
            ("title", self.title.as_str().into()),
            ("arguments", Value::Object(self.arguments.clone())),
            ("lines", Value::Array(self.lines.iter().map(line).collect())),
        ])
    }

    pub(super) fn read(object: &Object) -> Option<Self> {
        let line = |value: &Value| {
            let o = value.as_object()?;
            let before = o.get("before").cloned();
            Some(Line { name: o.str("name")?.to_owned(), title: o.str("title")?.to_owned(), before })
        };
        let lines = object.get("lines")?.as_array()?.iter().map(line).collect::<Option<Vec<_>>>()?;
        let arguments = object.get("arguments")?.as_object()?.clone();
        Some(Self { title: object.str("title")?.to_owned(), arguments, lines })
    }
}

/// A value as people read it: a text as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => String::from_utf8_lossy(&other.to_vec()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_shown_whatever_is_known_of_it() {
        let arguments = obj([("id", "e7".into()), ("salary", 52_000.into()), ("x", Value::Bool(true))]);
        let salary = Line { name: "salary".into(), title: "Salary".into(), before: Some(50_000.into()) };
        let facts = Facts::new("Change an employee", arguments, vec![salary]);
        let shown: Vec<_> = facts.shown().collect();
        assert_eq!(shown[0], ("id", "id", None, "e7".to_owned()));
        assert_eq!(shown[1], ("salary", "Salary", Some("50000".to_owned()), "52000".to_owned()));
        assert_eq!(shown[2], ("x", "x", None, "true".to_owned()));
        assert_eq!(Facts::read(&facts.to_object()), Some(facts));
    }
}
