//! Writing Cedar.

use std::fmt::Write as _;

/// A policy.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// `permit` or `forbid`.
    pub(super) effect: &'static str,
    /// An obligation: its name and its text.
    pub(super) annotation: Option<(String, String)>,
    pub(super) principal: Option<String>,
    /// Names of actions; none is any.
    pub(super) actions: Vec<String>,
    pub(super) resource: Option<String>,
    /// All of them must hold.
    pub(super) when: Vec<String>,
    /// What has to be so for the policy to say the same as the rule.
    pub(super) given: Vec<String>,
}

impl Policy {
    /// Writes it, with the place of the rule that it comes from.
    pub(super) fn write(&self, place: &str, out: &mut String) {
        if let Some((name, text)) = &self.annotation {
            let _ = writeln!(out, "@{name}({})", text_of(text));
        }
        let _ = writeln!(out, "@note({})", text_of(&format!("from {place}")));
        let is = |name, kind: &Option<String>| match kind {
            Some(kind) => format!("{name} is {kind}"),
            None => String::from(name),
        };
        let actions: Vec<_> = self.actions.iter().map(|name| action(name)).collect();
        let action = match &actions[..] {
            [] => "action".to_owned(),
            [one] => format!("action == {one}"),
            many => format!("action in [{}]", many.join(", ")),
        };
        let (principal, resource) = (is("principal", &self.principal), is("resource", &self.resource));
        let _ = write!(out, "{} ({principal}, {action}, {resource})", self.effect);
        if !self.when.is_empty() {
            let _ = write!(out, "\nwhen {{ {} }}", self.when.join(" && "));
        }
        out.push_str(";\n\n");
    }
}

/// A text in quotes.
pub(super) fn text_of(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// An action by its name.
pub(super) fn action(name: &str) -> String {
    format!("Action::{}", text_of(name))
}

/// A field of an expression.
pub(super) fn field(of: &str, name: &str) -> String {
    if is_identifier(name) { format!("{of}.{name}") } else { format!("{of}[{}]", text_of(name)) }
}

/// Whether an expression has a field.
pub(super) fn has(of: &str, name: &str) -> String {
    if is_identifier(name) { format!("{of} has {name}") } else { format!("{of} has {}", text_of(name)) }
}

fn is_identifier(name: &str) -> bool {
    const RESERVED: [&str; 9] = ["true", "false", "if", "then", "else", "in", "is", "like", "has"];
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&name)
}
