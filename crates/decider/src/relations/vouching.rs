//! Whose word on groups counts, and until when.

use prokura_config::Config;
use prokura_core::Timestamp;
use prokura_store::RelationTuple;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The identity providers whose groups are tuples: as of groups elsewhere, what one says counts as long as it is configured,
/// names the group among its own, and was heard within its `groups_last`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vouching(BTreeMap<String, Word>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    lasts: Duration,
    groups: BTreeSet<String>,
}

impl Vouching {
    /// Those of the configuration; none if groups are not to become tuples.
    pub fn of(config: &Config) -> Self {
        if !config.relations.provider_groups {
            return Self::default();
        }
        let word = |p: &prokura_config::IdentityProvider| Word {
            lasts: p.groups_last.get(),
            groups: p.groups.values().cloned().collect(),
        };
        Self(config.identity_providers.iter().map(|p| (p.name.clone(), word(p))).collect())
    }

    /// When `row` counts no more; `None` if it always does.
    pub fn until(&self, row: &RelationTuple) -> Option<Timestamp> {
        let said = row.said.as_ref()?;
        let never = Timestamp::from_micros(0);
        let Some(word) = self.0.get(&said.by) else { return Some(never) };
        let group = row.object.strip_prefix("group:");
        let ours = group.is_some_and(|group| word.groups.contains(group));
        Some(if ours { said.at.after(word.lasts) } else { never })
    }

    /// Whether `row` counts at `now`.
    pub fn counts(&self, row: &RelationTuple, now: Timestamp) -> bool {
        self.until(row).is_none_or(|until| now < until)
    }

    /// Their names, each with how long its word counts.
    pub(super) fn lasts(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.0.iter().map(|(name, word)| (name.as_str(), word.lasts))
    }
}
