//! The groups of somebody, found from the user: for relations that tuples without conditions give alone.

use super::Subject;
use super::outcome::Outcome;
use crate::contextual::Reader;
use crate::nodes::{Node, QuickMap};
use crate::{AskError, Limits, RelationId, Subjects, Tuples};

/// Every group, with the number of tuples that lead there.
pub(super) struct Groups {
    found: QuickMap<(u32, Node), u32>,
    /// Whether all were found: the way to another would be longer than the limit.
    complete: bool,
}

impl Groups {
    /// All in which `subject` is, by the relation `to` and those that it depends on; none if there are too many.
    pub(super) fn find<T: Tuples + ?Sized>(
        reader: &mut Reader<'_, T>,
        subject: &Subject,
        to: RelationId,
        limits: Limits,
    ) -> Result<Option<Self>, AskError> {
        let within: Vec<RelationId> = reader.model.reach.all(to).collect();
        let mut groups = Self { found: QuickMap::default(), complete: false };
        let mut open = groups.begin(reader, subject, &within)?;
        let mut level = 1;
        while !open.is_empty() && level < limits.depth {
            level += 1;
            let mut next = Vec::new();
            for (id, node) in open {
                for to in given_to(reader, id, &within) {
                    let edges = reader.objects(node, Some(id), to)?;
                    groups.add(to, edges.iter().map(|e| e.node), level, &mut next);
                }
                if groups.found.len() > limits.groups as usize {
                    return Ok(None);
                }
            }
            open = next;
        }
        groups.complete = open.is_empty();
        Ok(Some(groups))
    }

    /// Those in which the subject is by one tuple.
    fn begin<T: Tuples + ?Sized>(
        &mut self,
        reader: &mut Reader<'_, T>,
        subject: &Subject,
        within: &[RelationId],
    ) -> Result<Vec<(RelationId, Node)>, AskError> {
        let mut open = Vec::new();
        if let Some(userset) = subject.userset {
            if within.contains(&userset) {
                self.add(userset, [subject.node], 1, &mut open);
            }
            for to in given_to(reader, userset, within) {
                let edges = reader.objects(subject.node, Some(userset), to)?;
                self.add(to, edges.iter().map(|e| e.node), 1, &mut open);
            }
            return Ok(open);
        }
        for to in within {
            let direct = &reader.model.relation(*to).direct;
            let of =
                |wanted: Subjects| direct.iter().any(|r| *r.kind == *subject.kind && r.subjects == wanted);
            let (single, everybody) = (of(Subjects::Single) && !subject.everybody, of(Subjects::Everybody));
            for (node, asked) in [(subject.node, single), (subject.all, everybody)] {
                if asked {
                    let edges = reader.objects(node, None, *to)?;
                    self.add(*to, edges.iter().map(|e| e.node), 1, &mut open);
                }
            }
        }
        Ok(open)
    }

    fn add(
        &mut self,
        id: RelationId,
        nodes: impl IntoIterator<Item = Node>,
        level: u32,
        open: &mut Vec<(RelationId, Node)>,
    ) {
        for node in nodes {
            self.found.entry((id.0, node)).or_insert_with(|| {
                open.push((id, node));
                level
            });
        }
    }

    pub(super) fn has(&self, id: RelationId, node: Node, depth: u32, limit: u32) -> Outcome {
        match self.found.get(&(id.0, node)) {
            Some(level) if depth + level <= limit => Outcome::YES,
            None if self.complete => Outcome::NO,
            _ => Outcome::fail(AskError::TooDeep(limit)),
        }
    }
}

/// The relations that the userset of `id` may have.
fn given_to<T: Tuples + ?Sized>(
    reader: &Reader<'_, T>,
    id: RelationId,
    within: &[RelationId],
) -> Vec<RelationId> {
    let has = |to: &RelationId| {
        reader.model.relation(*to).direct.iter().any(|r| r.subjects == Subjects::Userset(id))
    };
    within.iter().copied().filter(has).collect()
}
