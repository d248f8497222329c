//! Objects: members in their order, each name once.

use super::Value;
use super::write::{canonical_object, compact_object};
use std::fmt;

/// An object: members in the order in which they were read or inserted, each name once. Equality does not
/// regard the order.
#[derive(Clone, Default)]
pub struct Object(Vec<(String, Value)>);

/// Up to so many members are compared pair by pair; more are sorted first.
const FEW: usize = 16;

impl Object {
    /// No members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v)
    }

    /// The value of a member, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(k, _)| k == name).map(|(_, v)| v)
    }

    /// The value of a member, if it is a string.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Whether there is such a member.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a member: in its place if it is there, else at the end.
    pub fn insert(&mut self, name: impl Into<String> + AsRef<str>, value: Value) {
        match self.get_mut(name.as_ref()) {
            Some(old) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Takes a member out; the order of the others stays.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(k, _)| k == name)?;
        Some(self.0.remove(at).1)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, in order.
    pub fn iter(&self) -> Members<'_> {
        Members(self.0.iter())
    }

    /// The names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(k, _)| k.as_str())
    }

    /// The values, to change them, in order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, v)| v)
    }

    /// The members, with their values to change, in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.0.iter_mut().map(|(k, v)| (k.as_str(), v))
    }

    /// Keeps the members that `keep` says so of.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        self.0.retain(|(k, v)| keep(k, v));
    }

    /// Compact JSON, as [`Value::to_vec`].
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        compact_object(self, &mut out);
        out
    }

    /// Canonical JSON, as [`Value::to_jcs`].
    pub fn to_jcs(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        canonical_object(self, &mut out);
        out
    }

    /// Takes members whose names differ; `None` if two are the same.
    pub(super) fn of_unique(members: Vec<(String, Value)>) -> Option<Self> {
        unique(&members).then_some(Self(members))
    }

    /// The members, sorted by what `order` makes of their names.
    pub(super) fn sorted_by(&self, order: fn(&str, &str) -> std::cmp::Ordering) -> Vec<&(String, Value)> {
        let mut members: Vec<_> = self.0.iter().collect();
        members.sort_unstable_by(|a, b| order(&a.0, &b.0));
        members
    }
}

fn unique(members: &[(String, Value)]) -> bool {
    if members.len() <= FEW {
        return members
            .iter()
            .enumerate()
            .all(|(i, (k, _))| members[..i].iter().all(|(other, _)| other != k));
    }
    // Sorting rather than hashing: no seed to guess, and never worse than n log n.
    let mut names: Vec<&str> = members.iter().map(|(k, _)| k.as_str()).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1])
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let same_order = self.0.iter().zip(&other.0).all(|(a, b)| a.0 == b.0);
        if same_order {
            return self.0.iter().zip(&other.0).all(|(a, b)| a.1 == b.1);
        }
        self.sorted_by(str::cmp) == other.sorted_by(str::cmp)
    }
}

impl Eq for Object {}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The members of an object, in order.
#[derive(Debug, Clone)]
pub struct Members<'a>(std::slice::Iter<'a, (String, Value)>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(k, v)| (k.as_str(), v))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Members<'_> {}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a str, &'a Value);
    type IntoIter = Members<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Into<String>> FromIterator<(K, Value)> for Object {
    /// A later member of the same name replaces an earlier one.
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(members: I) -> Self {
        let members: Vec<_> = members.into_iter().map(|(k, v)| (k.into(), v)).collect();
        if unique(&members) {
            return Self(members);
        }
        let mut object = Self::new();
        for (name, value) in members {
            object.insert(name, value);
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::obj;

    #[test]
    fn order_is_kept_and_not_compared() {
        let mut a = obj([("x", 1_i64.into()), ("y", 2_i64.into())]);
        let b = obj([("y", 2_i64.into()), ("x", 1_i64.into())]);
        assert_eq!(a, b);
        assert_eq!(a.keys().collect::<Vec<_>>(), ["x", "y"]);
        a.insert("x", 3_i64.into());
        assert_eq!(a.keys().collect::<Vec<_>>(), ["x", "y"]);
        assert_ne!(a, b);
        assert_eq!(a.remove("x"), Some(3_i64.into()));
        assert_eq!((a.len(), a.contains_key("x"), a.str("y")), (1, false, None));
    }

    #[test]
    fn a_name_stands_once_however_an_object_is_made() {
        let many =
            |n: usize| (0..n).map(|i| (format!("k{i}"), Value::Null)).chain([("k0".into(), true.into())]);
        for n in [2, FEW, FEW + 1, 500] {
            assert!(Object::of_unique(many(n).collect()).is_none(), "{n}");
            let o: Object = many(n).collect();
            assert_eq!((o.len(), o.get("k0").and_then(Value::as_bool)), (n, Some(true)));
        }
    }
}
