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
    /// What the pinned schema says of it.
    pub about: Option<String>,
    /// What it was before, if that is known.
    pub before: Option<Value>,
}

/// One argument as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fact<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the tool calls it, where that is another word and no other argument's name.
    pub title: Option<&'a str>,
    /// What the tool says of it.
    pub about: Option<&'a str>,
    /// What it was, if that is known.
    pub before: Option<&'a Value>,
    /// What it will be.
    pub after: &'a Value,
}

impl Fact<'_> {
    /// What it was, as people read it: a text as it is, anything else as JSON.
    pub fn was(&self) -> Option<String> {
        self.before.map(text)
    }

    /// What it will be, as people read it.
    pub fn will_be(&self) -> String {
        text(self.after)
    }
}

impl Facts {
    /// What a call with these arguments does.
    pub fn new(title: impl Into<String>, arguments: Object, lines: Vec<Line>) -> Self {
        Self { title: title.into(), arguments, lines }
    }

    /// The lines as they are shown, one for every argument whatever is known of it.
    pub fn shown(&self) -> impl Iterator<Item = Fact<'_>> {
        // A server that calls one argument by the name of another would have the two mixed up.
        let misleads = |name: &str, title: &str| {
            let mut others = self.arguments.keys().filter(|other| *other != name);
            title == name || others.any(|other| other.eq_ignore_ascii_case(title.trim()))
        };
        self.arguments.iter().map(move |(name, after)| {
            let known = self.lines.iter().find(|line| line.name == name);
            Fact {
                name,
                title: known.map(|line| line.title.as_str()).filter(|title| !misleads(name, title)),
                about: known.and_then(|line| line.about.as_deref()),
                before: known.and_then(|line| line.before.as_ref()),
                after,
            }
        })
    }

    pub(super) fn to_object(&self) -> Object {
        let line = |line: &Line| {
            let mut o = obj([("name", line.name.as_str().into()), ("title", line.title.as_str().into())]);
            if let Some(about) = &line.about {
                o.insert("about", about.as_str().into());
            }
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
            let about = o.str("about").map(str::to_owned);
            Some(Line { name: o.str("name")?.to_owned(), title: o.str("title")?.to_owned(), about, before })
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
        let line = |name: &str, title: &str, about: Option<&str>| Line {
            name: name.into(),
            title: title.into(),
            about: about.map(str::to_owned),
            before: about.map(|_| 50_000.into()),
        };
        let lines = vec![line("salary", "Salary", Some("A year")), line("x", " ID", None)];
        let facts = Facts::new("Change an employee", arguments, lines);
        let shown: Vec<_> = facts.shown().collect();
        let (id, salary, x) = ("e7".into(), 52_000.into(), Value::Bool(true));
        let before = 50_000.into();
        let bare = |name, after| Fact { name, title: None, about: None, before: None, after };
        assert_eq!(shown[0], bare("id", &id));
        let known = Fact {
            title: Some("Salary"),
            about: Some("A year"),
            before: Some(&before),
            ..bare("salary", &salary)
        };
        assert_eq!(shown[1], known);
        assert_eq!(shown[2], bare("x", &x), "the name of another argument is no title");
        assert_eq!(Facts::read(&facts.to_object()), Some(facts));
    }
}
