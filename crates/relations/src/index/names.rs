//! Names as numbers: all texts in one, and a table of numbers by their hash.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

#[derive(Default)]
pub(super) struct Names {
    text: String,
    /// Where each name ends; it begins where the one before ends.
    ends: Vec<u32>,
    /// Numbers plus one by their hash; 0 is free. The length is a power of two, or nothing.
    table: Vec<u32>,
    hasher: RandomState,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names", self.ends.len())
    }
}

impl Names {
    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(super) fn name(&self, number: u32) -> Option<&str> {
        let number = number as usize;
        let end = *self.ends.get(number)? as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.text.get(start..end)
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let place = self.slot(name)?;
        self.table[place].checked_sub(1)
    }

    /// The slot in which a name stands, or would; none if there is no table.
    fn slot(&self, name: &str) -> Option<usize> {
        let mask = self.table.len().checked_sub(1)?;
        let mut at = self.hasher.hash_one(name) as usize & mask;
        loop {
            match self.table[at].checked_sub(1) {
                Some(number) if self.name(number) != Some(name) => at = (at + 1) & mask,
                _ => return Some(at),
            }
        }
    }

    /// The number of a name, a new one if it has none yet; none if there are too many.
    pub(super) fn of(&mut self, name: &str) -> Option<u32> {
        if self.ends.len() * 4 >= self.table.len() * 3 {
            self.grow();
        }
        let slot = self.slot(name)?;
        if let Some(number) = self.table[slot].checked_sub(1) {
            return Some(number);
        }
        let number = u32::try_from(self.ends.len()).ok().filter(|n| *n < u32::MAX / 2)?;
        let end = u32::try_from(self.text.len() + name.len()).ok()?;
        self.text.push_str(name);
        self.ends.push(end);
        self.table[slot] = number + 1;
        Some(number)
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(64);
        self.table = vec![0; size];
        for number in 0..self.len() {
            let slot = self.name(number).and_then(|name| self.slot(name));
            if let Some(slot) = slot {
                self.table[slot] = number + 1;
            }
        }
    }
}
