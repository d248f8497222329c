//! Who has a relation to an object: whoever tuples speak of on the way is asked about.

use crate::check::Checker;
use crate::contextual::Reader;
use crate::nodes::Node;
use crate::{Ask, AskError, ObjectName, RelationId, Rewrite, Tuples, User, UserFilter, Which};
use std::collections::{BTreeMap, HashSet, VecDeque};

pub(crate) fn users<T: Tuples + ?Sized>(
    ask: &Ask<'_, T>,
    object: &ObjectName,
    relation: &str,
    filter: &UserFilter,
) -> Result<Vec<User>, AskError> {
    let target = ask.model.named(object.kind(), relation)?;
    let wanted = match &filter.relation {
        Some(relation) => Some(ask.model.named(&filter.kind, relation)?),
        None if ask.model.kind(&filter.kind).is_none() => {
            return Err(AskError::UnknownType(filter.kind.clone()));
        }
        None => None,
    };
    let mut reader = ask.reader()?;
    let node = reader.nodes.of(object.as_str());
    let (most, depth) = (ask.limits.steps, ask.limits.depth);
    let mut walk = Walk { reader: &mut reader, filter, wanted, found: BTreeMap::new(), most, depth };
    walk.go(target, node)?;
    let found = walk.found;
    let mut users = Vec::new();
    for (text, sure) in found {
        let user = User::parse(&text)?;
        if sure || Checker::new(&mut reader, &user, ask.limits).check(target, node)? {
            users.push(user);
        }
    }
    Ok(users)
}

struct Walk<'q, 'a, T: ?Sized> {
    reader: &'q mut Reader<'a, T>,
    filter: &'q UserFilter,
    wanted: Option<RelationId>,
    /// Who was met, and whether that is enough.
    found: BTreeMap<String, bool>,
    most: u32,
    depth: u32,
}

/// A relation to an object on the way, how far it is, and whether having it is enough.
type Place = (RelationId, Node, u32, bool);

impl<T: Tuples + ?Sized> Walk<'_, '_, T> {
    fn go(&mut self, target: RelationId, node: Node) -> Result<(), AskError> {
        let (mut open, mut seen, mut steps) = (VecDeque::from([(target, node, 0, true)]), HashSet::new(), 0);
        while let Some((id, node, depth, sure)) = open.pop_front() {
            if !self.may(id) || (!sure && seen.contains(&(id, node, true))) || !seen.insert((id, node, sure))
            {
                continue;
            }
            if depth >= self.depth {
                return Err(AskError::TooDeep(self.depth));
            }
            steps += 1;
            if steps > self.most {
                return Err(AskError::TooMuch(self.most));
            }
            if self.wanted == Some(id) {
                let relation = &self.reader.model.relation(id).name;
                let text = format!("{}#{relation}", self.reader.nodes.text(node));
                self.note(text, sure);
            }
            let model = self.reader.model;
            self.rewrite(&model.relation(id).rewrite, (id, node, depth, sure), &mut open)?;
        }
        Ok(())
    }

    /// Whether anybody of the wanted kind may have it.
    fn may(&self, id: RelationId) -> bool {
        let reach = &self.reader.model.reach;
        self.wanted.map_or_else(|| reach.single(id, &self.filter.kind), |wanted| reach.relation(id, wanted))
    }

    fn note(&mut self, text: String, sure: bool) {
        *self.found.entry(text).or_default() |= sure;
    }

    fn rewrite(&mut self, rewrite: &Rewrite, at: Place, open: &mut VecDeque<Place>) -> Result<(), AskError> {
        let (id, node, depth, sure) = at;
        match rewrite {
            Rewrite::Direct => self.direct(at, open),
            Rewrite::Computed(other) => {
                open.push_back((*other, node, depth, sure));
                Ok(())
            }
            Rewrite::From { tupleset, targets, .. } => {
                for edge in self.reader.users(*tupleset, node, Which::Single)? {
                    let kind = self.reader.nodes.kind(edge.node);
                    let Some((_, target)) = targets.iter().find(|(k, _)| **k == *kind) else { continue };
                    if self.may(*target) && self.reader.holds(edge.condition.as_deref())? {
                        open.push_back((*target, edge.node, depth + 1, sure));
                    }
                }
                Ok(())
            }
            Rewrite::Union(all) => all.iter().try_for_each(|r| self.rewrite(r, at, open)),
            Rewrite::Intersection(all) => {
                all.iter().try_for_each(|r| self.rewrite(r, (id, node, depth, false), open))
            }
            Rewrite::Exclusion(base, less) => {
                self.rewrite(base, (id, node, depth, false), open)?;
                // Who is taken out of what is taken out may stay, and is named beside everybody then.
                self.taken_out(less, at, open)
            }
        }
    }

    /// In what is taken out, only what is taken out of that in turn can give somebody the relation.
    fn taken_out(
        &mut self,
        rewrite: &Rewrite,
        at: Place,
        open: &mut VecDeque<Place>,
    ) -> Result<(), AskError> {
        let (id, node, depth, _) = at;
        match rewrite {
            Rewrite::Exclusion(_, kept) => self.rewrite(kept, (id, node, depth, false), open),
            Rewrite::Union(all) | Rewrite::Intersection(all) => {
                all.iter().try_for_each(|r| self.taken_out(r, at, open))
            }
            Rewrite::Computed(other) => {
                let model = self.reader.model;
                self.taken_out(&model.relation(*other).rewrite, (*other, node, depth, false), open)
            }
            Rewrite::Direct | Rewrite::From { .. } => Ok(()),
        }
    }

    fn direct(&mut self, at: Place, open: &mut VecDeque<Place>) -> Result<(), AskError> {
        let (id, node, depth, sure) = at;
        for edge in self.reader.users(id, node, Which::All)? {
            if !self.reader.holds(edge.condition.as_deref())? {
                continue;
            }
            match edge.userset {
                Some(userset) => open.push_back((userset, edge.node, depth + 1, sure)),
                None if self.wanted.is_none() && self.reader.nodes.kind(edge.node) == self.filter.kind => {
                    let text = self.reader.nodes.text(edge.node).to_owned();
                    self.note(text, sure);
                }
                None => {}
            }
        }
        Ok(())
    }
}
