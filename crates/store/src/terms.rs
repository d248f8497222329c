//! The index of the record: by subject, grant and trace.
//!
//! An ordinary index on each would write a page of its own for almost every entry, many times the cost of the
//! entry. So the entries of a full block are indexed together, in their order, at the end of one table.

use crate::StoreError;
use crate::append::placeholders;
use crate::driver::{Access, Connection, Param, Row};

/// How many entries are indexed at once. Those after the last full block are found by looking at them all.
pub(crate) const BLOCK: u64 = 1024;

/// How many rows one statement inserts.
const WIDTHS: [usize; 2] = [256, 1];

/// What entries are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Subject,
    Grant,
    Trace,
}

/// A hash (FNV-1a) of what is looked for. Another text may have the same, so the entry itself is looked at
/// too. It is stored: it must never change.
pub(crate) fn term(by: By, text: &str) -> i64 {
    let tag = match by {
        By::Subject => b's',
        By::Grant => b'g',
        By::Trace => b't',
    };
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(step(0xcbf2_9ce4_8422_2325, tag), step);
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// Indexes full blocks.
pub(crate) struct Indexer {
    /// How many blocks are known to be indexed.
    blocks: u64,
    inserts: [String; 2],
}

impl Default for Indexer {
    fn default() -> Self {
        Self { blocks: 0, inserts: WIDTHS.map(insert_sql) }
    }
}

impl Indexer {
    /// Indexes the blocks that are full if the record reaches to `head`, each in a transaction of its own.
    pub(crate) fn index_up_to(&mut self, conn: &mut Connection, head: u64) -> Result<(), StoreError> {
        while self.blocks < head / BLOCK {
            conn.begin(Access::Write)?;
            self.blocks = index_next(conn, head, &self.inserts)?;
            conn.commit()?;
        }
        Ok(())
    }
}

/// Indexes the next block if it is full; says how many are indexed then. Another process may have done it.
fn index_next(conn: &mut Connection, head: u64, inserts: &[String; 2]) -> Result<u64, StoreError> {
    let blocks = indexed_blocks(conn)?;
    if blocks >= head / BLOCK {
        return Ok(blocks);
    }
    let sql = "SELECT seq, subject, grant_id, trace FROM ledger WHERE seq > ?1 AND seq <= ?2";
    let params = [(blocks * BLOCK).into(), ((blocks + 1) * BLOCK).into()];
    let mut terms: Vec<_> = conn.query(sql, &params, terms_of)?.into_iter().flatten().collect();
    terms.sort_unstable();
    insert(conn, inserts, blocks, &terms)?;
    conn.execute("UPDATE counters SET n = n + 1 WHERE name = 'indexed_blocks'", &[])?;
    Ok(blocks + 1)
}

/// How many blocks of the record are indexed.
pub(crate) fn indexed_blocks(conn: &mut Connection) -> Result<u64, StoreError> {
    let sql = "SELECT n FROM counters WHERE name = 'indexed_blocks'";
    Ok(conn.query(sql, &[], |row| row.count(0))?.first().copied().unwrap_or(0))
}

fn terms_of(row: &Row<'_>) -> Result<Vec<(i64, i64)>, StoreError> {
    let seq: i64 = row.get(0)?;
    let mut terms = Vec::with_capacity(3);
    for (column, by) in [(1, By::Subject), (2, By::Grant), (3, By::Trace)] {
        if let Some(text) = row.get::<Option<String>>(column)? {
            terms.push((term(by, &text), seq));
        }
    }
    Ok(terms)
}

fn insert_sql(rows: usize) -> String {
    format!("INSERT INTO ledger_terms (block, term, seq) VALUES {}", placeholders(rows, 3))
}

fn insert(
    conn: &mut Connection,
    inserts: &[String; 2],
    block: u64,
    mut terms: &[(i64, i64)],
) -> Result<(), StoreError> {
    while let Some((width, sql)) = WIDTHS.into_iter().zip(inserts).find(|(w, _)| *w <= terms.len()) {
        let (now, later) = terms.split_at(width);
        let params: Vec<Param<'_>> =
            now.iter().flat_map(|(term, seq)| [block.into(), (*term).into(), (*seq).into()]).collect();
        conn.execute(sql, &params)?;
        terms = later;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_never_changes() {
        // FNV-1a of the bytes "ga".
        assert_eq!(term(By::Grant, "a"), i64::from_ne_bytes(0x0895_3707_b53f_63a5_u64.to_ne_bytes()));
        assert_ne!(term(By::Subject, "a"), term(By::Grant, "a"));
    }
}
