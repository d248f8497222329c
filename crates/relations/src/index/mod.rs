//! Tuples in memory: names are numbers, and each tuple stands in two sorted rows, by its object and by its user.

mod names;
mod side;

use crate::{Attached, Key, Named, Seen, Tuple, Tuples, Unreadable, Which};
use names::Names;
use side::Side;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// All tuples of one revision, in memory: about 20 bytes each, and its names.
///
/// Changes stand beside the sorted rows until there are many; then the rows are made anew.
#[derive(Debug, Default)]
pub struct Index {
    names: Names,
    relations: Vec<Box<str>>,
    by_relation: HashMap<Box<str>, u16>,
    by_object: Side,
    by_user: Side,
    /// What came since the rows were made, as (object, entry).
    added: BTreeSet<(u32, u64)>,
    /// The same by user.
    added_by_user: BTreeSet<(u32, u64)>,
    /// What went since, as (object, entry).
    removed: BTreeSet<(u32, u64)>,
    conditions: HashMap<(u32, u64), Arc<Attached>>,
    len: usize,
}

/// How many changes may stand beside the rows at least.
const BESIDE: usize = 1 << 16;

/// A tuple as numbers: the object, then relation, the userset's relation (0 if none) and user.
fn entry(relation: u16, of: u16, other: u32) -> u64 {
    u64::from(relation) << 48 | u64::from(of) << 32 | u64::from(other)
}

fn parts(entry: u64) -> (u16, u16, u32) {
    ((entry >> 48) as u16, (entry >> 32) as u16, entry as u32)
}

impl Index {
    /// No tuples.
    pub fn new() -> Self {
        Self::default()
    }

    /// Many tuples at once; of two with the same key the later counts.
    ///
    /// # Errors
    /// [`Unreadable`] if there are more names or relations than can be numbered.
    pub fn load(tuples: impl IntoIterator<Item = Tuple>) -> Result<Self, Unreadable> {
        let mut index = Self::default();
        let mut pairs = Vec::new();
        for tuple in tuples {
            let (object, entry) = index.numbered(&tuple.key)?;
            match tuple.condition {
                Some(condition) => drop(index.conditions.insert((object, entry), condition)),
                None => drop(index.conditions.remove(&(object, entry))),
            }
            pairs.push((object, entry));
        }
        index.rebuild(pairs);
        Ok(index)
    }

    /// How many tuples there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a tuple, or gives one that is there another condition. True if it is new.
    ///
    /// # Errors
    /// [`Unreadable`] if there are more names or relations than can be numbered.
    pub fn insert(&mut self, tuple: Tuple) -> Result<bool, Unreadable> {
        let (object, entry) = self.numbered(&tuple.key)?;
        let place = (object, entry);
        match tuple.condition {
            Some(condition) => drop(self.conditions.insert(place, condition)),
            None => drop(self.conditions.remove(&place)),
        }
        if self.contains(place) {
            return Ok(false);
        }
        if !self.removed.remove(&place) {
            self.added.insert(place);
            self.added_by_user.insert(turned(place));
        }
        self.len += 1;
        self.tidy();
        Ok(true)
    }

    /// Takes a tuple away. True if it was there.
    pub fn remove(&mut self, key: &Key) -> bool {
        let Some(place) = self.place(key).filter(|p| self.contains(*p)) else { return false };
        self.conditions.remove(&place);
        if self.added.remove(&place) {
            self.added_by_user.remove(&turned(place));
        } else {
            self.removed.insert(place);
        }
        self.len -= 1;
        self.tidy();
        true
    }

    fn contains(&self, place: (u32, u64)) -> bool {
        self.added.contains(&place) || (self.by_object.contains(place) && !self.removed.contains(&place))
    }

    fn relation(&mut self, name: &str) -> Result<u16, Unreadable> {
        if let Some(known) = self.by_relation.get(name) {
            return Ok(*known);
        }
        // 0 is no relation.
        let number = u16::try_from(self.relations.len() + 1).map_err(|_| too_many("relations"))?;
        self.relations.push(name.into());
        self.by_relation.insert(name.into(), number);
        Ok(number)
    }

    fn numbered(&mut self, key: &Key) -> Result<(u32, u64), Unreadable> {
        let object = self.names.of(key.object.as_str()).ok_or_else(|| too_many("names"))?;
        let user = self.names.of(&key.user.name()).ok_or_else(|| too_many("names"))?;
        let relation = self.relation(&key.relation)?;
        let of = key.user.relation().map_or(Ok(0), |r| self.relation(r))?;
        Ok((object, entry(relation, of, user)))
    }

    fn place(&self, key: &Key) -> Option<(u32, u64)> {
        let relation = *self.by_relation.get(&key.relation)?;
        let of = match key.user.relation() {
            Some(of) => *self.by_relation.get(of)?,
            None => 0,
        };
        let user = self.names.number(&key.user.name())?;
        Some((self.names.number(key.object.as_str())?, entry(relation, of, user)))
    }

    /// Makes the rows anew when much has changed.
    fn tidy(&mut self) {
        let changed = self.added.len() + self.removed.len();
        if changed > BESIDE && changed > self.by_object.len() / 8 {
            let kept = self.by_object.iter().filter(|p| !self.removed.contains(p));
            let pairs: Vec<_> = kept.chain(self.added.iter().copied()).collect();
            self.rebuild(pairs);
        }
    }

    fn rebuild(&mut self, mut pairs: Vec<(u32, u64)>) {
        self.by_object = Side::of(self.names.len(), &pairs);
        pairs.clear();
        pairs.extend(self.by_object.iter().map(turned));
        self.by_user = Side::of(self.names.len(), &pairs);
        self.len = self.by_object.len();
        self.added.clear();
        self.added_by_user.clear();
        self.removed.clear();
    }

    fn find(&self, name: Named<'_>) -> Option<u32> {
        match name {
            Named::Number(number) => Some(number),
            Named::Text(text) => self.names.number(text),
        }
    }

    fn numbers_of(&self, relation: &str, of: &str) -> Option<(u16, u16)> {
        let relation = *self.by_relation.get(relation)?;
        Some((relation, if of.is_empty() { 0 } else { *self.by_relation.get(of)? }))
    }

    fn name_of(&self, relation: u16) -> &str {
        relation.checked_sub(1).and_then(|i| self.relations.get(usize::from(i))).map_or("", |n| n)
    }

    fn condition(&self, place: (u32, u64)) -> Option<&Arc<Attached>> {
        if self.conditions.is_empty() { None } else { self.conditions.get(&place) }
    }
}

fn too_many(what: &str) -> Unreadable {
    Unreadable(format!("there are more {what} than memory is made for"))
}

/// The same tuple by its user.
fn turned((from, entry): (u32, u64)) -> (u32, u64) {
    let (relation, of, to) = parts(entry);
    (to, self::entry(relation, of, from))
}

impl Tuples for Index {
    fn numbers(&self) -> u32 {
        self.names.len()
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.names.number(name)
    }

    fn name(&self, number: u32) -> Option<&str> {
        self.names.name(number)
    }

    fn tuple(
        &self,
        object: Named<'_>,
        relation: &str,
        user: Named<'_>,
        user_relation: &str,
    ) -> Result<Option<Option<Arc<Attached>>>, Unreadable> {
        let known = self.find(object).zip(self.find(user)).zip(self.numbers_of(relation, user_relation));
        let Some(((object, user), (relation, of))) = known else { return Ok(None) };
        let place = (object, entry(relation, of, user));
        Ok(self.contains(place).then(|| self.condition(place).cloned()))
    }

    fn users(
        &self,
        object: Named<'_>,
        relation: &str,
        which: Which,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<(), Unreadable> {
        let Some((object, (relation, _))) = self.find(object).zip(self.numbers_of(relation, "")) else {
            return Ok(());
        };
        let (low, high) = match which {
            Which::All => (entry(relation, 0, 0), entry(relation, u16::MAX, u32::MAX)),
            Which::Single => (entry(relation, 0, 0), entry(relation, 0, u32::MAX)),
            Which::Usersets => (entry(relation, 1, 0), entry(relation, u16::MAX, u32::MAX)),
        };
        let kept = self.by_object.range(object, low, high).filter(|e| !self.removed.contains(&(object, *e)));
        let added = self.added.range((object, low)..=(object, high)).map(|(_, e)| *e);
        for found in kept.chain(added) {
            let (_, of, user) = parts(found);
            let condition = self.condition((object, found));
            each(Seen { name: Named::Number(user), relation: self.name_of(of), condition });
        }
        Ok(())
    }

    fn objects(
        &self,
        user: Named<'_>,
        user_relation: &str,
        relation: &str,
        kind: &str,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<(), Unreadable> {
        let known = self.find(user).zip(self.numbers_of(relation, user_relation));
        let Some((user, (relation, of))) = known else { return Ok(()) };
        let (low, high) = (entry(relation, of, 0), entry(relation, of, u32::MAX));
        let kept =
            self.by_user.range(user, low, high).filter(|e| !self.removed.contains(&turned((user, *e))));
        let added = self.added_by_user.range((user, low)..=(user, high)).map(|(_, e)| *e);
        for found in kept.chain(added) {
            let object = parts(found).2;
            let of_kind = self
                .names
                .name(object)
                .is_some_and(|n| n.strip_prefix(kind).is_some_and(|r| r.starts_with(':')));
            if of_kind {
                let condition = self.condition(turned((user, found)));
                each(Seen { name: Named::Number(object), relation: "", condition });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
