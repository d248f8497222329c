//! What gives a relation to an object, as a tree: one step of it.

use crate::{Ask, AskError, ObjectName, RelationId, Rewrite, Tuples, Which};
use prokura_oauth::json::{Object, Value, obj};

/// A relation to an object, and what gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// `document:1#viewer`.
    pub name: String,
    /// What gives it.
    pub by: Expanded,
}

/// What gives a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expanded {
    /// These users have it by tuples; conditions are not asked.
    Users(Vec<String>),
    /// Whoever has that one.
    Computed(String),
    /// Whoever has one of those, which are looked up from the tupleset.
    From {
        /// The tupleset: `document:1#parent`.
        tupleset: String,
        /// What was found there.
        computed: Vec<String>,
    },
    /// Any of them.
    Union(Vec<Tree>),
    /// All of them.
    Intersection(Vec<Tree>),
    /// The first without the second.
    Exclusion(Box<Tree>, Box<Tree>),
}

pub(crate) fn expand<T: Tuples + ?Sized>(
    ask: &Ask<'_, T>,
    object: &ObjectName,
    relation: &str,
) -> Result<Tree, AskError> {
    let id = ask.model.named(object.kind(), relation)?;
    tree(ask, object, id, &ask.model.relation(id).rewrite)
}

fn tree<T: Tuples + ?Sized>(
    ask: &Ask<'_, T>,
    object: &ObjectName,
    id: RelationId,
    rewrite: &Rewrite,
) -> Result<Tree, AskError> {
    let of = |id: RelationId| format!("{object}#{}", ask.model.relation(id).name);
    let each = |all: &[Rewrite]| all.iter().map(|r| tree(ask, object, id, r)).collect::<Result<Vec<_>, _>>();
    let by = match rewrite {
        Rewrite::Direct => Expanded::Users(users(ask, object, id, Which::All)?),
        Rewrite::Computed(other) => Expanded::Computed(of(*other)),
        Rewrite::From { tupleset, relation, targets } => {
            let found = users(ask, object, *tupleset, Which::Single)?;
            let kind = |name: &str| name.split_once(':').map(|(kind, _)| kind.to_owned());
            let leads = |name: &String| targets.iter().any(|(k, _)| kind(name).as_deref() == Some(k));
            let computed = found.iter().filter(|n| leads(n)).map(|n| format!("{n}#{relation}")).collect();
            Expanded::From { tupleset: of(*tupleset), computed }
        }
        Rewrite::Union(all) => Expanded::Union(each(all)?),
        Rewrite::Intersection(all) => Expanded::Intersection(each(all)?),
        Rewrite::Exclusion(base, less) => Expanded::Exclusion(
            Box::new(tree(ask, object, id, base)?),
            Box::new(tree(ask, object, id, less)?),
        ),
    };
    Ok(Tree { name: of(id), by })
}

fn users<T: Tuples + ?Sized>(
    ask: &Ask<'_, T>,
    object: &ObjectName,
    id: RelationId,
    which: Which,
) -> Result<Vec<String>, AskError> {
    let mut reader = ask.reader()?;
    let node = reader.nodes.of(object.as_str());
    let edges = reader.users(id, node, which)?;
    let mut names: Vec<_> = edges
        .iter()
        .map(|edge| match edge.userset {
            Some(userset) => format!("{}#{}", reader.nodes.text(edge.node), ask.model.relation(userset).name),
            None => reader.nodes.text(edge.node).to_owned(),
        })
        .collect();
    names.sort_unstable();
    Ok(names)
}

impl Tree {
    /// As OpenFGA's `UsersetTree.Node`.
    pub fn to_json(&self) -> Object {
        let computed = |name: &String| Value::from(obj([("userset", name.as_str().into())]));
        let nodes = |all: &[Self]| {
            let all = all.iter().map(|t| t.to_json().into()).collect();
            Value::from(obj([("nodes", Value::Array(all))]))
        };
        let leaf = |name: &str, value: Object| ("leaf", Value::from(obj([(name, value.into())])));
        let (member, value) = match &self.by {
            Expanded::Users(users) => {
                let users = users.iter().map(|u| u.as_str().into()).collect();
                leaf("users", obj([("users", Value::Array(users))]))
            }
            Expanded::Computed(name) => leaf("computed", obj([("userset", name.as_str().into())])),
            Expanded::From { tupleset, computed: found } => leaf(
                "tupleToUserset",
                obj([
                    ("tupleset", tupleset.as_str().into()),
                    ("computed", Value::Array(found.iter().map(computed).collect())),
                ]),
            ),
            Expanded::Union(all) => ("union", nodes(all)),
            Expanded::Intersection(all) => ("intersection", nodes(all)),
            Expanded::Exclusion(base, less) => {
                let both = obj([("base", base.to_json().into()), ("subtract", less.to_json().into())]);
                ("difference", both.into())
            }
        };
        let mut out = obj([("name", self.name.as_str().into())]);
        out.insert(member, value);
        out
    }
}
