//! What a walk may look at: the question's own entities, those of the directory, and what is above them.

use super::value::Uid;
use prokura_oauth::json::Object;
use prokura_policy::pdp::{Entity, EntityId, Question};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// What is not known yet: where a list is shown, or where a condition on rows is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// The resource, and all that is known of it.
    pub(super) resource: bool,
    /// The arguments.
    pub(super) arguments: bool,
    /// `a && b` is false where `b` is, whatever `a` may turn out to be. Never where a failure of `a` has to be told from it.
    pub(super) eager: bool,
}

/// Entities that the directory gave out for this question. Things are only added, so references into it stay good.
#[derive(Debug, Default)]
pub(super) struct Lent {
    /// Each twice as long as the one before.
    chunks: [OnceCell<Chunk>; 24],
    kept: Cell<usize>,
}

type Chunk = Box<[OnceCell<Arc<Entity>>]>;

impl Lent {
    const FIRST: usize = 8;

    /// Nothing if it is full: 100 million entities.
    fn keep(&self, entity: Arc<Entity>) -> Option<&Entity> {
        let place = self.kept.get() / Self::FIRST + 1;
        let chunk = usize::try_from(place.ilog2()).ok()?;
        let at = self.kept.get() - Self::FIRST * ((1 << chunk) - 1);
        let made = || (0..Self::FIRST << chunk).map(|_| OnceCell::new()).collect();
        let slot = self.chunks.get(chunk)?.get_or_init(made).get(at)?;
        self.kept.set(self.kept.get() + 1);
        Some(slot.get_or_init(|| entity))
    }
}

/// Actions of the schema by their names: the full name, and the groups that it is in.
pub(super) type ActionGroups = HashMap<String, (EntityId, Vec<EntityId>)>;

/// One question, while it is walked.
pub(super) struct Session<'a> {
    pub(super) question: Question<'a>,
    subject: Uid<'a>,
    resource: Uid<'a>,
    pub(super) action: Uid<'a>,
    pub(super) groups: &'a [EntityId],
    pub(super) left: Left,
    /// Of an entry of a list, what stands in the context as `tool`.
    pub(super) tool: Option<&'a Object>,
    lent: &'a Lent,
    known: RefCell<HashMap<Uid<'a>, Option<&'a Entity>>>,
    above: RefCell<HashMap<Uid<'a>, Rc<[Uid<'a>]>>>,
}

/// More groups than this above one entity are not looked at: a directory that has them is broken, and an entity that is in
/// none of the others.
const MOST_ABOVE: usize = 100_000;

impl<'a> Session<'a> {
    pub(super) fn new(
        question: &Question<'a>,
        action: Uid<'a>,
        groups: &'a [EntityId],
        lent: &'a Lent,
    ) -> Self {
        Self {
            question: *question,
            subject: Uid::of(&question.subject.id),
            resource: Uid::of(&question.resource.id),
            action,
            groups,
            left: Left::default(),
            tool: None,
            lent,
            known: RefCell::default(),
            above: RefCell::default(),
        }
    }

    /// Goes on to the next entry of a list. What is above others stays known, unless the entries' own have to do with it.
    pub(super) fn turn(
        &mut self,
        (action, groups): (Uid<'a>, &'a [EntityId]),
        resource: &'a Entity,
        tool: Option<&'a Object>,
    ) {
        let turned = [self.action, action, self.resource, Uid::of(&resource.id)];
        let above = self.above.get_mut();
        turned.iter().for_each(|uid| drop(above.remove(uid)));
        above.retain(|_, all| !all.iter().any(|uid| turned.contains(uid)));
        (self.action, self.groups, self.tool) = (action, groups, tool);
        (self.resource, self.question.resource) = (Uid::of(&resource.id), resource);
    }

    /// Of any three names, of whom the directory may know nothing: as Cedar's suites ask.
    #[cfg(test)]
    pub(super) fn raw(question: &Question<'a>, named: [Uid<'a>; 3], lent: &'a Lent) -> Self {
        let [subject, action, resource] = named;
        Self { subject, resource, ..Self::new(question, action, &[], lent) }
    }

    pub(super) fn subject(&self) -> Uid<'a> {
        self.subject
    }

    pub(super) fn resource(&self) -> Uid<'a> {
        self.resource
    }

    /// What is known of an entity: by the question first, then by the directory.
    pub(super) fn entity(&self, uid: Uid<'a>) -> Option<&'a Entity> {
        let question = &self.question;
        let resource = (!self.left.resource).then_some(question.resource);
        let own = [Some(question.subject), question.actor, resource];
        if let Some(own) = own.into_iter().flatten().find(|e| Uid::of(&e.id) == uid) {
            return Some(own);
        }
        if let Some(known) = self.known.borrow().get(&uid) {
            return *known;
        }
        let found = question.directory.entity(&EntityId::verbatim(uid.kind, uid.id));
        let kept = found.and_then(|entity| self.lent.keep(entity));
        self.known.borrow_mut().insert(uid, kept);
        kept
    }

    fn parents(&self, uid: Uid<'a>) -> impl Iterator<Item = Uid<'a>> {
        let schema: &'a [EntityId] = if uid == self.action { self.groups } else { &[] };
        let entity: &'a [EntityId] = self.entity(uid).map_or(&[], |e| &e.parents);
        schema.iter().chain(entity).map(Uid::of)
    }

    /// Everything above an entity, each once, the nearest first.
    pub(super) fn above(&self, uid: Uid<'a>) -> Rc<[Uid<'a>]> {
        if let Some(known) = self.above.borrow().get(&uid) {
            return Rc::clone(known);
        }
        let mut found: Vec<Uid<'a>> = Vec::new();
        let mut seen = Seen::default();
        let mut next = uid;
        let mut at = 0;
        loop {
            for parent in self.parents(next) {
                if seen.first(parent, &found) {
                    found.push(parent);
                }
            }
            if at >= found.len() || found.len() > MOST_ABOVE {
                break;
            }
            next = found[at];
            at += 1;
        }
        let found: Rc<[Uid<'a>]> = found.into();
        self.above.borrow_mut().insert(uid, Rc::clone(&found));
        found
    }

    /// Whether `a` is `b` or below it.
    pub(super) fn is_in(&self, a: Uid<'a>, b: Uid<'_>) -> bool {
        a == b || self.above(a).contains(&b)
    }
}

/// What was seen: few are compared, many are hashed.
#[derive(Default)]
struct Seen<'a>(std::collections::HashSet<Uid<'a>>);

impl<'a> Seen<'a> {
    const FEW: usize = 16;

    fn first(&mut self, uid: Uid<'a>, found: &[Uid<'a>]) -> bool {
        if found.len() < Self::FEW {
            return !found.contains(&uid);
        }
        if self.0.is_empty() {
            self.0.extend(found.iter().copied());
        }
        self.0.insert(uid)
    }
}
