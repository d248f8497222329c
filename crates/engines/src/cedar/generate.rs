//! A schema made of what is known of tools: an action for each name that policies have for them, its arguments with the types
//! of their input schemas.
//!
//! A description comes from a server: of it only names and types are used, and a type that Cedar does not have is left out,
//! so that no policy can rest on it.

use prokura_oauth::json::{Object, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A tool, as policies see it.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    /// The action that policies know it by: its own name, or another by its binding.
    pub action: &'a str,
    /// What it is done to: `Tool`, or the kind of entity that its binding names.
    pub kind: &'a str,
    /// The schema of its arguments.
    pub input: &'a Object,
}

/// A type of Cedar's.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Type {
    Named(&'static str),
    Set(Box<Type>),
    /// Members: name, type, and whether they are always there.
    Record(BTreeMap<String, (Type, bool)>),
}

/// How deep input schemas are read.
const DEEPEST: usize = 8;

/// What every request has in its context besides the arguments.
const CONTEXT: &str = "    actor?: Agent,
    chain: Set<Agent>,
    grant?: String,
    scopes: Set<String>,
    server?: Server,
    client?: String,
    method?: String,
    sign_in?: { acr: String, at: Long },
    tool?: Hints,
    now: datetime,
";

/// Whom and what every policy can speak of. Kinds of targets are added without attributes, to be filled in by hand.
const KNOWN: &str = "entity Group in [Group];
entity Role;
entity User in [Group, Role] = { login?: String, name?: String, acr?: String };
entity Agent in [Group] = { name?: String };
entity Server;
entity Tool in [Server] = {
    server?: String,
    name?: String,
    read_only?: Bool,
    destructive?: Bool,
    idempotent?: Bool,
    open_world?: Bool,
};
entity Resource in [Server];
entity Prompt in [Server];

// What a server says of its own tool: never more than a hint.
type Hints = {
    server?: String,
    name?: String,
    read_only?: Bool,
    destructive?: Bool,
    idempotent?: Bool,
    open_world?: Bool,
};
";

/// The schema of these tools, in Cedar's own syntax. Tools that policies know by one name become one action, with the
/// arguments on which all of them agree.
pub fn schema(tools: &[Described<'_>]) -> String {
    let mut actions: BTreeMap<&str, (Vec<&str>, Type)> = BTreeMap::new();
    let ours = ["User", "Agent", "Group", "Role", "Server", "Tool", "Resource", "Prompt"];
    // A kind that Cedar cannot name is one that no policy can.
    let tools = || tools.iter().filter(|t| is_path(t.kind));
    let mut kinds: Vec<&str> = tools().map(|t| t.kind).filter(|k| !ours.contains(k)).collect();
    for tool in tools() {
        let arguments = record(tool.input, DEEPEST);
        match actions.get_mut(tool.action) {
            Some((on, known)) => {
                on.push(tool.kind);
                *known = common(known, &arguments).unwrap_or(Type::Record(BTreeMap::new()));
            }
            None => drop(actions.insert(tool.action, (vec![tool.kind], arguments))),
        }
    }
    let mut text = KNOWN.to_owned();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let _ = writeln!(text, "entity {kind};");
    }
    for (action, (mut on, arguments)) in actions {
        on.sort_unstable();
        on.dedup();
        let _ = write!(
            text,
            "\naction {} appliesTo {{\n  principal: [User, Agent],\n  resource: [{}],\n  context: {{\n{CONTEXT}    arguments?: ",
            quoted(action),
            on.join(", ")
        );
        arguments.write(&mut text, 4);
        text.push_str(",\n  },\n};\n");
    }
    text
}

fn is_path(kind: &str) -> bool {
    kind.split("::").all(is_name)
}

fn is_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(word)
}

/// As a string of Cedar's: any name at all.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// The type of an object by its schema.
fn record(schema: &Object, depth: usize) -> Type {
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Type::Record(BTreeMap::new());
    };
    let member = |(name, schema): (&str, &Value)| {
        let (found, nullable) = of(schema, depth.checked_sub(1)?)?;
        Some((name.to_owned(), (found, required.contains(&name) && !nullable)))
    };
    Type::Record(properties.iter().filter_map(member).collect())
}

/// The type of a value by its schema, and whether it may be `null`; nothing if Cedar has none.
fn of(schema: &Value, depth: usize) -> Option<(Type, bool)> {
    let Value::Object(schema) = schema else { return None };
    let (name, nullable) = match schema.get("type")? {
        Value::String(name) => (name.as_str(), false),
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().map(Value::as_str).collect::<Option<_>>()?;
            let mut others = names.iter().filter(|n| **n != "null");
            match (others.next(), others.next()) {
                (Some(one), None) => (*one, names.contains(&"null")),
                _ => return None,
            }
        }
        _ => return None,
    };
    let found = match name {
        "string" => Type::Named("String"),
        "boolean" => Type::Named("Bool"),
        "integer" => Type::Named("Long"),
        "number" => Type::Named("decimal"),
        "array" => match of(schema.get("items")?, depth.checked_sub(1)?)? {
            (items, false) => Type::Set(Box::new(items)),
            _ => return None,
        },
        "object" => record(schema, depth),
        _ => return None,
    };
    Some((found, nullable))
}

/// What two types have in common; nothing if they are not the same kind.
fn common(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (Type::Named(x), Type::Named(y)) => (x == y).then_some(Type::Named(x)),
        (Type::Set(x), Type::Set(y)) => common(x, y).map(|t| Type::Set(Box::new(t))),
        (Type::Record(x), Type::Record(y)) => {
            let alone = |m: &BTreeMap<String, (Type, bool)>, other: &BTreeMap<String, (Type, bool)>| {
                let only = m.iter().filter(|(n, _)| !other.contains_key(*n));
                only.map(|(n, (t, _))| (n.clone(), (t.clone(), false))).collect::<Vec<_>>()
            };
            let both = x.iter().filter_map(|(n, (s, always))| {
                let (t, also) = y.get(n)?;
                Some((n.clone(), (common(s, t)?, *always && *also)))
            });
            Some(Type::Record(both.chain(alone(x, y)).chain(alone(y, x)).collect()))
        }
        _ => None,
    }
}

impl Type {
    fn write(&self, text: &mut String, indent: usize) {
        match self {
            Self::Named(name) => text.push_str(name),
            Self::Set(items) => {
                text.push_str("Set<");
                items.write(text, indent);
                text.push('>');
            }
            Self::Record(members) if members.is_empty() => text.push_str("{}"),
            Self::Record(members) => {
                text.push_str("{\n");
                for (name, (of, always)) in members {
                    let _ =
                        write!(text, "{:indent$}  {}{}: ", "", quoted(name), if *always { "" } else { "?" });
                    of.write(text, indent + 2);
                    text.push_str(",\n");
                }
                let _ = write!(text, "{:indent$}}}", "");
            }
        }
    }
}
