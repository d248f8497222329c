//! Numbers for the names that one question meets.

use crate::{Named, Tuples};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

/// A name, within one question.
pub(crate) type Node = u32;

/// Names that the source numbers keep their numbers; the others come after them.
pub(crate) struct Nodes<'a, T: ?Sized> {
    pub(crate) tuples: &'a T,
    first: u32,
    own: HashMap<Rc<str>, Node>,
    names: Vec<Rc<str>>,
}

/// The name of a node, so that it can be kept while the nodes change.
#[derive(Clone)]
pub(crate) enum Held {
    Number(u32),
    Text(Rc<str>),
}

impl Held {
    pub(crate) fn named(&self) -> Named<'_> {
        match self {
            Self::Number(n) => Named::Number(*n),
            Self::Text(text) => Named::Text(text),
        }
    }
}

impl<'a, T: Tuples + ?Sized> Nodes<'a, T> {
    pub(crate) fn new(tuples: &'a T) -> Self {
        Self { tuples, first: tuples.numbers(), own: HashMap::new(), names: Vec::new() }
    }

    pub(crate) fn of(&mut self, text: &str) -> Node {
        if let Some(number) = self.tuples.number(text) {
            return number;
        }
        if let Some(known) = self.own.get(text) {
            return *known;
        }
        let (node, name): (Node, Rc<str>) = (self.first + self.names.len() as u32, text.into());
        self.own.insert(Rc::clone(&name), node);
        self.names.push(name);
        node
    }

    pub(crate) fn seen(&mut self, name: Named<'_>) -> Node {
        match name {
            Named::Number(number) => number,
            Named::Text(text) => self.of(text),
        }
    }

    pub(crate) fn text(&self, node: Node) -> &str {
        match node.checked_sub(self.first) {
            Some(own) => self.names.get(own as usize).map_or("", |n| n),
            None => self.tuples.name(node).unwrap_or_default(),
        }
    }

    /// The type in front of the colon.
    pub(crate) fn kind(&self, node: Node) -> &str {
        self.text(node).split_once(':').map_or("", |(kind, _)| kind)
    }

    pub(crate) fn held(&self, node: Node) -> Held {
        match node.checked_sub(self.first) {
            Some(own) => {
                self.names.get(own as usize).map_or(Held::Number(node), |n| Held::Text(Rc::clone(n)))
            }
            None => Held::Number(node),
        }
    }
}

/// For keys that are small numbers which nobody outside chooses.
#[derive(Default)]
pub(crate) struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;
