//! Whether somebody has a relation to something.
//!
//! The way is looked for from the object, in depth; what was found certain is kept for the question. A circle of tuples gives
//! nobody anything (the least fixpoint). A relation that would be given because it is not given (`a but not b`, where `b`
//! depends on `a` for the same object) is not given. An error on one way does not matter where another way says yes, and in
//! `and` and `but not` where the rest says no; else it is the answer.

mod groups;
mod outcome;

use crate::contextual::Reader;
use crate::nodes::{Node, QuickMap};
use crate::{AskError, Limits, RelationId, Rewrite, Subjects, Tuples, User, Which};
use groups::Groups;
use outcome::{All, Answer, Any, Outcome};

/// How many relations may wait for each other: bounds the stack.
const LONGEST: usize = 200;

type Place = (u32, Node);

/// Who is asked about.
pub(crate) struct Subject {
    pub(crate) node: Node,
    /// The relation of a userset.
    pub(crate) userset: Option<RelationId>,
    pub(crate) kind: Box<str>,
    pub(crate) everybody: bool,
    /// The name of everybody of the same type.
    pub(crate) all: Node,
}

/// Asks about one subject; may be asked about several objects.
pub(crate) struct Checker<'q, 'a, T: ?Sized> {
    pub(crate) reader: &'q mut Reader<'a, T>,
    subject: Subject,
    limits: Limits,
    /// What is certain, or will not be known.
    known: QuickMap<Place, Outcome>,
    /// What holds as long as those that it waits for turn out to be no.
    provisional: QuickMap<Place, Outcome>,
    /// The keys of `provisional` in the order in which they came.
    trail: Vec<Place>,
    /// What is being looked at, each with its place in the row.
    path: QuickMap<Place, u32>,
    steps: u32,
    groups: QuickMap<u32, Option<Groups>>,
}

impl<'q, 'a, T: Tuples + ?Sized> Checker<'q, 'a, T> {
    pub(crate) fn new(reader: &'q mut Reader<'a, T>, user: &User, limits: Limits) -> Self {
        let subject = Subject {
            node: reader.nodes.of(&user.name()),
            userset: user.relation().and_then(|r| reader.model.find(user.kind(), r)),
            kind: user.kind().into(),
            everybody: matches!(user, User::Everybody(_)),
            all: reader.nodes.of(&format!("{}:*", user.kind())),
        };
        Self {
            reader,
            subject,
            limits,
            known: QuickMap::default(),
            provisional: QuickMap::default(),
            trail: Vec::new(),
            path: QuickMap::default(),
            steps: 0,
            groups: QuickMap::default(),
        }
    }

    pub(crate) fn check(&mut self, id: RelationId, object: Node) -> Result<bool, AskError> {
        match self.relation(id, object, 0).answer {
            Answer::Yes => Ok(true),
            Answer::No => Ok(false),
            Answer::Fail(error) => Err(*error),
        }
    }

    /// Whether any way may lead from the subject to the relation, whatever tuples there are.
    fn may(&self, id: RelationId) -> bool {
        let reach = &self.reader.model.reach;
        match self.subject.userset {
            Some(userset) => reach.relation(id, userset),
            None if self.subject.everybody => reach.everybody(id, &self.subject.kind),
            None => reach.single(id, &self.subject.kind),
        }
    }

    fn relation(&mut self, id: RelationId, object: Node, depth: u32) -> Outcome {
        if depth >= self.limits.depth {
            return Outcome::fail(AskError::TooDeep(self.limits.depth));
        }
        let place = (id.0, object);
        if let Some(index) = self.path.get(&place) {
            return Outcome::cut(*index);
        }
        if self.subject.userset == Some(id) && self.subject.node == object {
            return Outcome::YES;
        }
        if !self.may(id) {
            return Outcome::NO;
        }
        if let Some(found) = self.known.get(&place).or_else(|| self.provisional.get(&place)) {
            return found.clone();
        }
        self.steps += 1;
        if self.steps > self.limits.steps {
            return Outcome::fail(AskError::TooMuch(self.limits.steps));
        }
        let index = self.path.len();
        if index >= LONGEST {
            return Outcome::fail(AskError::TooDeep(self.limits.depth));
        }
        let model = self.reader.model;
        let mark = self.trail.len();
        self.path.insert(place, index as u32);
        let outcome = self.rewrite(id, &model.relation(id).rewrite, object, depth);
        self.path.remove(&place);
        self.settle(place, index as u32, mark, outcome)
    }

    /// Keeps an outcome as what it is: certain where it waits for nothing that is still being looked at.
    fn settle(&mut self, place: Place, index: u32, mark: usize, mut outcome: Outcome) -> Outcome {
        match outcome.answer {
            Answer::Yes => {
                // What waited for this to be no was wrong.
                for place in self.trail.drain(mark..) {
                    self.provisional.remove(&place);
                }
                self.known.insert(place, Outcome::YES);
                return Outcome::YES;
            }
            Answer::Fail(_) if outcome.is_bounded() => {
                // Another way here may be shorter, so it is not kept, and neither is what might wait for it.
                for place in self.trail.drain(mark..) {
                    self.provisional.remove(&place);
                }
                return outcome;
            }
            _ => {}
        }
        if outcome.waits_for >= index {
            outcome.waits_for = Outcome::NOTHING;
            self.known.insert(place, outcome.clone());
            self.promote(mark, index);
        } else {
            self.wait(mark, index, outcome.waits_for);
            self.provisional.insert(place, outcome.clone());
            self.trail.push(place);
        }
        outcome
    }

    /// What waited for nothing above `index` is certain now.
    fn promote(&mut self, mark: usize, index: u32) {
        let rest = self.trail.split_off(mark);
        for place in rest {
            match self.provisional.get_mut(&place) {
                Some(found) if found.waits_for >= index => {
                    found.waits_for = Outcome::NOTHING;
                    let found = self.provisional.remove(&place);
                    self.known.extend(found.map(|f| (place, f)));
                }
                Some(_) => self.trail.push(place),
                None => {}
            }
        }
    }

    /// What waited for the one at `index` waits for what that one waits for.
    fn wait(&mut self, mark: usize, index: u32, waits_for: u32) {
        for place in &self.trail[mark..] {
            if let Some(found) = self.provisional.get_mut(place).filter(|f| f.waits_for >= index) {
                found.waits_for = waits_for;
            }
        }
    }

    fn rewrite(&mut self, id: RelationId, rewrite: &Rewrite, object: Node, depth: u32) -> Outcome {
        match rewrite {
            Rewrite::Direct => self.direct(id, object, depth),
            Rewrite::Computed(other) => self.relation(*other, object, depth),
            Rewrite::From { tupleset, targets, .. } => self.from(*tupleset, targets, object, depth),
            Rewrite::Union(all) => {
                let mut any = Any::default();
                let _ = all.iter().any(|r| any.or(self.rewrite(id, r, object, depth)));
                any.outcome()
            }
            Rewrite::Intersection(each) => {
                let mut all = All::default();
                let _ = each.iter().any(|r| all.and(self.rewrite(id, r, object, depth)));
                all.outcome()
            }
            Rewrite::Exclusion(base, less) => {
                let base = self.rewrite(id, base, object, depth);
                if base.is_certain_no() {
                    return base;
                }
                base.without(self.rewrite(id, less, object, depth))
            }
        }
    }

    fn direct(&mut self, id: RelationId, object: Node, depth: u32) -> Outcome {
        let relation = self.reader.model.relation(id);
        let mut any = Any::default();
        let (mut itself, mut everybody, mut usersets) = (false, false, false);
        for restriction in &relation.direct {
            let same = *restriction.kind == *self.subject.kind;
            match restriction.subjects {
                Subjects::Single => {
                    itself |= same && self.subject.userset.is_none() && !self.subject.everybody
                }
                Subjects::Everybody => everybody |= same && self.subject.userset.is_none(),
                Subjects::Userset(other) => {
                    itself |= self.subject.userset == Some(other);
                    usersets |= self.may(other);
                }
            }
        }
        if itself && any.or(self.tuple(id, object, self.subject.node)) {
            return any.outcome();
        }
        if everybody && any.or(self.tuple(id, object, self.subject.all)) {
            return any.outcome();
        }
        if usersets {
            self.usersets(id, object, depth, &mut any);
        }
        any.outcome()
    }

    fn tuple(&self, id: RelationId, object: Node, user: Node) -> Outcome {
        self.reader.has(id, object, user, self.subject.userset).map_or_else(Outcome::fail, Outcome::from)
    }

    fn usersets(&mut self, id: RelationId, object: Node, depth: u32, any: &mut Any) {
        let edges = match self.reader.users(id, object, Which::Usersets) {
            Ok(edges) => edges,
            Err(error) => {
                any.or(Outcome::fail(error.into()));
                return;
            }
        };
        for edge in edges {
            let Some(userset) = edge.userset.filter(|u| self.may(*u)) else { continue };
            match self.reader.holds(edge.condition.as_deref()) {
                Ok(false) => continue,
                Err(error) => drop(any.or(Outcome::fail(error))),
                Ok(true) => {
                    if any.or(self.userset(userset, edge.node, depth + 1)) {
                        return;
                    }
                }
            }
        }
    }

    /// Whether the subject is in a group: found from the subject where that is possible.
    fn userset(&mut self, id: RelationId, object: Node, depth: u32) -> Outcome {
        if self.reader.model.relation(id).plain {
            if !self.groups.contains_key(&id.0) {
                let found = Groups::find(self.reader, &self.subject, id, self.limits);
                match found {
                    Ok(groups) => drop(self.groups.insert(id.0, groups)),
                    Err(error) => return Outcome::fail(error),
                }
            }
            if let Some(Some(groups)) = self.groups.get(&id.0) {
                return groups.has(id, object, depth, self.limits.depth);
            }
        }
        self.relation(id, object, depth)
    }

    fn from(
        &mut self,
        tupleset: RelationId,
        targets: &[(std::sync::Arc<str>, RelationId)],
        object: Node,
        depth: u32,
    ) -> Outcome {
        if !targets.iter().any(|(_, id)| self.may(*id)) {
            return Outcome::NO;
        }
        let edges = match self.reader.users(tupleset, object, Which::Single) {
            Ok(edges) => edges,
            Err(error) => return Outcome::fail(error.into()),
        };
        let mut any = Any::default();
        for edge in edges {
            let kind = self.reader.nodes.kind(edge.node);
            let Some((_, target)) = targets.iter().find(|(k, _)| **k == *kind) else { continue };
            match self.reader.holds(edge.condition.as_deref()) {
                Ok(false) => continue,
                Err(error) => drop(any.or(Outcome::fail(error))),
                Ok(true) => {
                    if any.or(self.relation(*target, edge.node, depth + 1)) {
                        break;
                    }
                }
            }
        }
        any.outcome()
    }
}
