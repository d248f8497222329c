//! Which rules can speak of a question at all, found by their heads.
//!
//! Each rule stands under exactly one constraint of its head, the one that fewest rules share. A question is looked up under
//! everything that it has and is below: so a rule that is not found would not have applied, and each is found once.

use super::code::Name;
use super::rule::{Rule, Whom};
use super::session::Session;
use super::value::Uid;
use std::collections::HashMap;

/// A constraint under which rules are found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// The action, or a group of it.
    Action(Name),
    Principal(Name),
    Resource(Name),
    PrincipalKind(std::sync::Arc<str>),
    ResourceKind(std::sync::Arc<str>),
}

/// Rules by names within a kind.
type Names = HashMap<std::sync::Arc<str>, HashMap<std::sync::Arc<str>, Vec<u32>>>;
type Kinds = HashMap<std::sync::Arc<str>, Vec<u32>>;

/// Rules by one constraint of their heads.
#[derive(Debug, Default)]
pub(super) struct Index {
    actions: Names,
    principals: Names,
    resources: Names,
    principal_kinds: Kinds,
    resource_kinds: Kinds,
    /// Those without a constraint.
    others: Vec<u32>,
}

/// What may be used as keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// All parts of the head.
    Everything,
    /// Not the resource: it is open.
    NotResource,
}

impl Index {
    pub(super) fn of(rules: &[Rule], by: By) -> Self {
        let mut shared: HashMap<Key, usize> = HashMap::new();
        for rule in rules {
            for key in choices(rule, by).into_iter().flatten() {
                *shared.entry(key).or_default() += 1;
            }
        }
        let mut index = Self::default();
        for (at, rule) in (0_u32..).zip(rules) {
            let cost =
                |keys: &Vec<Key>| keys.iter().map(|k| shared.get(k).copied().unwrap_or(0)).sum::<usize>();
            match choices(rule, by).into_iter().min_by_key(cost) {
                Some(keys) => keys.into_iter().for_each(|key| index.put(key, at)),
                None => index.others.push(at),
            }
        }
        index
    }

    fn put(&mut self, key: Key, rule: u32) {
        let named = |names: &mut Names, name: Name| {
            names.entry(name.kind).or_default().entry(name.id).or_default().push(rule);
        };
        match key {
            Key::Action(name) => named(&mut self.actions, name),
            Key::Principal(name) => named(&mut self.principals, name),
            Key::Resource(name) => named(&mut self.resources, name),
            Key::PrincipalKind(kind) => self.principal_kinds.entry(kind).or_default().push(rule),
            Key::ResourceKind(kind) => self.resource_kinds.entry(kind).or_default().push(rule),
        }
    }

    /// The rules that may speak of the question, in their order, each once.
    pub(super) fn find(&self, session: &Session<'_>) -> Vec<u32> {
        let mut found = self.others.clone();
        named(&self.actions, session, session.action, &mut found);
        named(&self.principals, session, session.subject(), &mut found);
        found.extend(self.principal_kinds.get(session.subject().kind).into_iter().flatten());
        if !session.left.resource {
            named(&self.resources, session, session.resource(), &mut found);
        }
        found.extend(self.resource_kinds.get(session.resource().kind).into_iter().flatten());
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Rules under a name or one above it.
fn named<'a>(names: &Names, session: &Session<'a>, uid: Uid<'a>, found: &mut Vec<u32>) {
    if names.is_empty() {
        return;
    }
    let at = |uid: Uid<'_>| names.get(uid.kind).and_then(|ids| ids.get(uid.id)).into_iter().flatten();
    found.extend(at(uid));
    for above in session.above(uid).iter() {
        found.extend(at(*above));
    }
}

/// The constraints of a head under which its rule could stand: each a list, of which any must be met.
fn choices(rule: &Rule, by: By) -> Vec<Vec<Key>> {
    let mut choices = Vec::with_capacity(3);
    if let Some(names) = rule.action.names() {
        choices.push(names.iter().cloned().map(Key::Action).collect());
    }
    choices.extend(whom(&rule.principal, Key::Principal, Key::PrincipalKind));
    if by == By::Everything {
        choices.extend(whom(&rule.resource, Key::Resource, Key::ResourceKind));
    }
    choices
}

fn whom(whom: &Whom, name: fn(Name) -> Key, kind: fn(std::sync::Arc<str>) -> Key) -> Option<Vec<Key>> {
    match whom {
        Whom::Anybody => None,
        Whom::Kind(k) => Some(vec![kind(k.clone())]),
        named => named.name().cloned().map(|n| vec![name(n)]),
    }
}
