//! Whether the record is whole: every enforcement point counts its entries without gaps.

use prokura_core::PointId;
use prokura_ledger::Filter;
use prokura_store::{Store, StoreError};
use std::collections::BTreeMap;

/// What the counters tell.
pub(crate) struct Gaps {
    pub(crate) entries: u64,
    /// A sentence for each point whose numbers have a gap.
    pub(crate) missing: Vec<String>,
}

/// How many entries are read at once.
const PAGE: u32 = 1000;

#[derive(Default)]
struct Point {
    count: u64,
    highest: u64,
}

/// Reads the whole record and compares the highest number of every point with how many entries there are of it.
pub(crate) async fn gaps(store: &Store) -> Result<Gaps, StoreError> {
    let (mut points, mut before, mut entries) = (BTreeMap::<PointId, Point>::new(), None, 0);
    loop {
        let filter = Filter { before_seq: before, limit: PAGE, ..Filter::default() };
        let page = store.read::<_, StoreError>(move |tx| tx.entries(&filter)).await?;
        let Some((last, _)) = page.last() else { break };
        before = Some(*last);
        for (_, entry) in page {
            let point = points.entry(entry.counters.point).or_default();
            point.count += 1;
            point.highest = point.highest.max(entry.counters.counter);
            entries += 1;
        }
    }
    let torn = points.iter().filter(|(_, p)| p.count != p.highest);
    let missing = torn.map(|(id, p)| {
        format!(
            "`{id}` counted to {} and has {} entries: {} are missing",
            p.highest,
            p.count,
            p.highest - p.count
        )
    });
    Ok(Gaps { entries, missing: missing.collect() })
}
