//! The tuples of a question: those of the source and those that it brings itself.

use crate::nodes::{Node, Nodes};
use crate::{
    Ask, AskError, Attached, ConditionFailed, Model, Named, RelationId, Seen, Tuples, Unreadable, Which,
};
use prokura_oauth::json::Object;
use std::sync::Arc;

/// Reads what counts under the model.
pub(crate) struct Reader<'a, T: ?Sized> {
    pub(crate) model: &'a Model,
    pub(crate) nodes: Nodes<'a, T>,
    context: &'a Object,
    more: Vec<More<'a>>,
}

/// A tuple that the question brings.
struct More<'a> {
    object: Node,
    relation: &'a str,
    user: Node,
    user_relation: &'a str,
    condition: Option<&'a Arc<Attached>>,
}

/// The other side of a tuple that counts.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) node: Node,
    /// The relation of a userset.
    pub(crate) userset: Option<RelationId>,
    pub(crate) condition: Option<Arc<Attached>>,
}

impl<'a, T: Tuples + ?Sized> Reader<'a, T> {
    pub(crate) fn new(ask: &Ask<'a, T>) -> Self {
        let mut nodes = Nodes::new(ask.tuples);
        let more = ask.more.iter().map(|t| More {
            object: nodes.of(t.key.object.as_str()),
            relation: &t.key.relation,
            user: nodes.of(&t.key.user.name()),
            user_relation: t.key.user.relation().unwrap_or_default(),
            condition: t.condition.as_ref(),
        });
        let more = more.collect();
        Self { model: ask.model, nodes, context: ask.context, more }
    }

    /// Whether the condition of a tuple holds.
    pub(crate) fn holds(&self, condition: Option<&Attached>) -> Result<bool, AskError> {
        let Some(attached) = condition else { return Ok(true) };
        let known = self.model.conditions.get(attached.name.as_str()).ok_or_else(|| ConditionFailed {
            condition: attached.name.clone(),
            why: "the model has none of that name".to_owned(),
        })?;
        Ok(known.holds(self.context, &attached.context)?)
    }

    /// Whether there is this tuple, it counts, and its condition holds.
    pub(crate) fn has(
        &self,
        id: RelationId,
        object: Node,
        user: Node,
        userset: Option<RelationId>,
    ) -> Result<bool, AskError> {
        let relation = &*self.model.relation(id).name;
        let user_relation = userset.map_or("", |u| &*self.model.relation(u).name);
        let own = self.more.iter().find(|m| {
            m.object == object && m.user == user && m.relation == relation && m.user_relation == user_relation
        });
        let found = match own {
            Some(own) => Some(own.condition.cloned()),
            None => {
                let (object, user) = (self.nodes.held(object), self.nodes.held(user));
                self.nodes.tuples.tuple(object.named(), relation, user.named(), user_relation)?
            }
        };
        let Some(condition) = found else { return Ok(false) };
        let text = self.nodes.text(user);
        let (kind, everybody) = (self.nodes.kind(user), text.ends_with(":*"));
        if !self.model.counts(id, kind, user_relation, everybody, condition.as_deref()) {
            return Ok(false);
        }
        self.holds(condition.as_deref())
    }

    /// The users of a relation to an object; conditions are not asked.
    pub(crate) fn users(
        &mut self,
        id: RelationId,
        object: Node,
        which: Which,
    ) -> Result<Vec<Edge>, Unreadable> {
        let (model, tuples) = (self.model, self.nodes.tuples);
        let relation = &*model.relation(id).name;
        let held = self.nodes.held(object);
        let (mut found, more, nodes) = (Vec::new(), &self.more, &mut self.nodes);
        for m in more.iter().filter(|m| m.object == object && m.relation == relation) {
            let wanted = match which {
                Which::All => true,
                Which::Usersets => !m.user_relation.is_empty(),
                Which::Single => m.user_relation.is_empty(),
            };
            if wanted {
                let seen =
                    Seen { name: Named::Number(m.user), relation: m.user_relation, condition: m.condition };
                found.extend(user_edge(model, nodes, id, seen, m.user));
            }
        }
        let own = |node: Node, of: &str| {
            more.iter().any(|m| {
                m.object == object && m.relation == relation && m.user == node && m.user_relation == of
            })
        };
        tuples.users(held.named(), relation, which, &mut |seen| {
            let node = nodes.seen(seen.name);
            if more.is_empty() || !own(node, seen.relation) {
                found.extend(user_edge(model, nodes, id, seen, node));
            }
        })?;
        Ok(found)
    }

    /// The objects that a user has the relation to; conditions are not asked.
    pub(crate) fn objects(
        &mut self,
        user: Node,
        userset: Option<RelationId>,
        id: RelationId,
    ) -> Result<Vec<Edge>, Unreadable> {
        let (model, tuples) = (self.model, self.nodes.tuples);
        let relation = model.relation(id);
        let of = userset.map_or("", |u| &*model.relation(u).name);
        let (held, everybody) = (self.nodes.held(user), self.nodes.text(user).ends_with(":*"));
        let kind = self.nodes.kind(user).to_owned();
        let counts = |condition: Option<&Arc<Attached>>| {
            model.counts(id, &kind, of, everybody, condition.map(|c| &**c))
        };
        let (mut found, more, nodes) = (Vec::new(), &self.more, &mut self.nodes);
        for m in
            more.iter().filter(|m| m.user == user && m.relation == &*relation.name && m.user_relation == of)
        {
            if nodes.kind(m.object) == &*relation.kind && counts(m.condition) {
                found.push(Edge { node: m.object, userset: None, condition: m.condition.cloned() });
            }
        }
        let own = |node: Node| {
            more.iter().any(|m| {
                m.object == node && m.relation == &*relation.name && m.user == user && m.user_relation == of
            })
        };
        tuples.objects(held.named(), of, &relation.name, &relation.kind, &mut |seen| {
            let node = nodes.seen(seen.name);
            if (more.is_empty() || !own(node)) && counts(seen.condition) {
                found.push(Edge { node, userset: None, condition: seen.condition.cloned() });
            }
        })?;
        Ok(found)
    }
}

fn user_edge<T: Tuples + ?Sized>(
    model: &Model,
    nodes: &Nodes<'_, T>,
    id: RelationId,
    seen: Seen<'_>,
    node: Node,
) -> Option<Edge> {
    let text = nodes.text(node);
    let kind = nodes.kind(node);
    let userset = if seen.relation.is_empty() { None } else { Some(model.find(kind, seen.relation)?) };
    let condition = seen.condition.cloned();
    let counts = model.counts(id, kind, seen.relation, text.ends_with(":*"), condition.as_deref());
    counts.then_some(Edge { node, userset, condition })
}
