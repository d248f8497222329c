//! Tuples by one of their ends: one row of entries, and where those of each name begin.

#[derive(Debug, Default)]
pub(super) struct Side {
    /// Where the entries of each name begin; one more than there are names.
    starts: Vec<u32>,
    entries: Vec<u64>,
}

impl Side {
    /// Sorts `pairs` of a name and an entry; those that stand twice are taken once.
    pub(super) fn of(names: u32, pairs: &[(u32, u64)]) -> Self {
        let names = names as usize;
        let mut starts = vec![0_u32; names + 1];
        for (name, _) in pairs {
            starts[*name as usize + 1] += 1;
        }
        for i in 0..names {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut entries = vec![0_u64; pairs.len()];
        for (name, entry) in pairs {
            let at = &mut next[*name as usize];
            entries[*at as usize] = *entry;
            *at += 1;
        }
        drop(next);
        let mut side = Self { starts, entries };
        side.sort();
        side
    }

    /// Sorts the entries of each name, and moves them together where some stood twice.
    fn sort(&mut self) {
        let (mut to, mut from) = (0_usize, 0_usize);
        for name in 1..self.starts.len() {
            let end = self.starts[name] as usize;
            self.entries[from..end].sort_unstable();
            let first = to;
            for at in from..end {
                let entry = self.entries[at];
                if to == first || self.entries[to - 1] != entry {
                    self.entries[to] = entry;
                    to += 1;
                }
            }
            self.starts[name] = to as u32;
            from = end;
        }
        self.entries.truncate(to);
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn of_name(&self, name: u32) -> &[u64] {
        let name = name as usize;
        match (self.starts.get(name), self.starts.get(name + 1)) {
            (Some(from), Some(to)) => &self.entries[*from as usize..*to as usize],
            _ => &[],
        }
    }

    pub(super) fn contains(&self, (name, entry): (u32, u64)) -> bool {
        self.of_name(name).binary_search(&entry).is_ok()
    }

    /// The entries of a name from `low` to `high`, both included.
    pub(super) fn range(&self, name: u32, low: u64, high: u64) -> impl Iterator<Item = u64> + '_ {
        let all = self.of_name(name);
        let (from, to) = (all.partition_point(|e| *e < low), all.partition_point(|e| *e <= high));
        all[from..to].iter().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let names = self.starts.len().saturating_sub(1) as u32;
        (0..names).flat_map(|name| self.of_name(name).iter().map(move |entry| (name, *entry)))
    }
}
