//! Reading the record.

use crate::driver::{Param, Row};
use crate::terms::{BLOCK, By, term};
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AgentId, ClientId, GrantId, Principal, ResourceUri, Timestamp, TraceId};
use prokura_ledger::{Entry, Filter};

/// How many entries are given if the filter does not say.
const USUAL: u32 = 100;

/// No page is longer.
const MOST: u32 = 1000;

/// How many blocks are looked into at once: few at first, for who is found often is found soon; then many, for
/// who is found seldom. The last is taken again and again.
fn windows() -> impl Iterator<Item = u64> {
    [1, 4, 16].into_iter().chain(std::iter::repeat(64))
}

impl Tx<'_> {
    /// The entries that match `filter`, newest first, each with its sequence number, which counts every entry
    /// of the database from 1 in the order of commits, without gaps. Subject, grant and trace are indexed; with
    /// none of them the record is read backwards until the page is full.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries(&mut self, filter: &Filter) -> Result<Vec<(u64, Entry)>, StoreError> {
        let search = Search::new(filter);
        let limit = if filter.limit == 0 { USUAL } else { filter.limit.min(MOST) };
        self.search(&search, "l.seq, l.body", limit, entry)
    }

    /// The entry with that sequence number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entry(&mut self, seq: u64) -> Result<Option<Entry>, StoreError> {
        let found = self.row("SELECT seq, body FROM ledger WHERE seq = ?1", params![seq], entry)?;
        Ok(found.map(|(_, entry)| entry))
    }

    /// When a grant was last used: a token issued, a call decided. A code is no use yet: every consent ends with one,
    /// and what it is for may never be fetched.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_use(&mut self, grant: &GrantId) -> Result<Option<Timestamp>, StoreError> {
        let filter = Filter { grant: Some(grant.clone()), ..Filter::default() };
        let mut search = Search::new(&filter);
        search.conditions +=
            " AND l.kind IN ('decision', 'issuance', 'outcome') AND l.action <> 'code:issue'";
        Ok(self.search(&search, "l.at", 1, |row| row.time(0))?.first().copied())
    }

    /// What somebody agreed to or refused, and what was made, changed or ended of it: newest first, before `before`, at
    /// most `limit`. Calls and tokens are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn consent_entries(
        &mut self,
        subject: &Principal,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        let filter = Filter { subject: Some(subject.clone()), before_seq: before, ..Filter::default() };
        let mut search = Search::new(&filter);
        search.conditions += " AND (l.kind IN ('consent', 'grant') OR l.action LIKE 'grant:%')";
        self.search(&search, "l.seq, l.body", limit.min(MOST), entry)
    }

    /// The leaf hashes from sequence number `from` on, at most `limit`: what the Merkle tree is made of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn leaves(&mut self, from: u64, limit: u32) -> Result<Vec<[u8; 32]>, StoreError> {
        let sql = "SELECT leaf FROM ledger WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
        self.rows(sql, params![from, limit], |row| {
            let leaf: Vec<u8> = row.get(0)?;
            let corrupt = |_| StoreError::Corrupt { column: "ledger.leaf", detail: "no hash".into() };
            leaf.try_into().map_err(corrupt)
        })
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ledger_size(&mut self) -> Result<u64, StoreError> {
        Ok(self.row("SELECT COALESCE(MAX(seq), 0) FROM ledger", &[], |row| row.count(0))?.unwrap_or(0))
    }
}

/// What is looked for: conditions on the entry `l`, and the term that it is indexed by.
struct Search<'a> {
    conditions: String,
    params: Vec<Param<'a>>,
    term: Option<i64>,
    before: u64,
}

impl<'a> Search<'a> {
    fn new(filter: &'a Filter) -> Self {
        let subject = filter.subject.as_ref().map(Principal::as_str);
        let grant = filter.grant.as_ref().map(GrantId::as_str);
        let trace = filter.trace.as_ref().map(TraceId::as_str);
        let before = filter.before_seq.unwrap_or(i64::MAX.unsigned_abs());
        let all: [(&str, Param<'a>); 12] = [
            ("seq <", before.into()),
            ("subject =", subject.into()),
            ("grant_id =", grant.into()),
            ("trace =", trace.into()),
            ("actor =", filter.actor.as_ref().map(AgentId::as_str).into()),
            ("client =", filter.client.as_ref().map(ClientId::as_str).into()),
            ("resource =", filter.resource.as_ref().map(ResourceUri::as_str).into()),
            ("action =", filter.action.as_deref().into()),
            ("kind =", filter.kind.map(|k| k.as_str()).into()),
            ("outcome =", filter.outcome.map(|o| o.as_str()).into()),
            ("at >=", filter.since.into()),
            ("at <", filter.until.into()),
        ];
        let given = all.into_iter().filter(|(_, param)| !matches!(param, Param::Null));
        let (texts, params): (Vec<_>, Vec<_>) = given.unzip();
        let numbered = texts.iter().enumerate().map(|(i, text)| format!("l.{text} ?{}", i + 1));
        // The rarest first: a flow has fewer entries than a grant, and a grant fewer than a person.
        let terms = [(By::Trace, trace), (By::Grant, grant), (By::Subject, subject)];
        let term = terms.into_iter().find_map(|(by, text)| text.map(|text| term(by, text)));
        Self { conditions: numbered.collect::<Vec<_>>().join(" AND "), params, term, before }
    }

    /// These parameters and more.
    fn with(&self, more: impl IntoIterator<Item = Param<'a>>) -> Vec<Param<'a>> {
        self.params.iter().copied().chain(more).collect()
    }
}

impl Tx<'_> {
    /// The newest `limit` entries of a search.
    fn search<T>(
        &mut self,
        search: &Search<'_>,
        columns: &str,
        limit: u32,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError> + Copy,
    ) -> Result<Vec<T>, StoreError> {
        let indexed = if search.term.is_some() { self.indexed_blocks()? } else { 0 };
        let (conditions, next) = (&search.conditions, search.params.len() + 1);
        let sql = format!(
            "SELECT {columns} FROM ledger l WHERE {conditions} AND l.seq > ?{next}
             ORDER BY l.seq DESC LIMIT ?{}",
            next + 1
        );
        let mut found = self.rows(&sql, &search.with([(indexed * BLOCK).into(), limit.into()]), read)?;
        let mut blocks = indexed.min(search.before.div_ceil(BLOCK));
        for window in windows() {
            let missing = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
            if blocks == 0 || missing == 0 {
                break;
            }
            found.extend(self.search_blocks(search, columns, blocks, window, missing, read)?);
            blocks = blocks.saturating_sub(window);
        }
        Ok(found)
    }

    /// The newest `limit` entries of a search in the `window` blocks below `blocks`.
    fn search_blocks<T>(
        &mut self,
        search: &Search<'_>,
        columns: &str,
        blocks: u64,
        window: u64,
        limit: u32,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let (conditions, next) = (&search.conditions, search.params.len() + 1);
        let places: Vec<_> = (0..window).map(|i| format!("?{}", next as u64 + 2 + i)).collect();
        // CROSS JOIN: SQLite must begin with the index, whatever it thinks.
        let sql = format!(
            "SELECT {columns} FROM ledger_terms t CROSS JOIN ledger l WHERE t.block IN ({})
             AND t.term = ?{next} AND l.seq = t.seq AND {conditions} ORDER BY l.seq DESC LIMIT ?{}",
            places.join(", "),
            next + 1
        );
        // Below the first block its number is repeated, which finds nothing twice.
        let numbers = (1..=window).map(|i| Param::from(blocks.saturating_sub(i)));
        let params = search.with([search.term.unwrap_or(0).into(), limit.into()].into_iter().chain(numbers));
        self.rows(&sql, &params, read)
    }
}

fn entry(row: &Row<'_>) -> Result<(u64, Entry), StoreError> {
    let body: Vec<u8> = row.get(1)?;
    let corrupt = |detail: String| StoreError::Corrupt { column: "ledger.body", detail };
    Ok((row.count(0)?, Entry::from_bytes(&body).map_err(|e| corrupt(e.to_string()))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_becomes_numbered_conditions_and_the_rarest_term() {
        let grant = GrantId::parse("g_1").ok();
        let subject = Principal::parse("usr_1").ok();
        let filter = Filter { before_seq: Some(7), grant, subject, ..Filter::default() };
        let search = Search::new(&filter);
        assert_eq!(search.conditions, "l.seq < ?1 AND l.subject = ?2 AND l.grant_id = ?3");
        assert!(matches!(search.params[..], [Param::Int(7), Param::Text("usr_1"), Param::Text("g_1")]));
        assert_eq!(search.term, Some(term(By::Grant, "g_1")));
    }
}
