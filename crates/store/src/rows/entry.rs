//! Reading the record.

use crate::driver::{Param, Row};
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AgentId, ClientId, GrantId, Principal, ResourceUri, Timestamp, TraceId};
use prokura_ledger::{Entry, Filter};

/// How many entries are given if the filter does not say.
const USUAL: u32 = 100;

/// No page is longer.
const MOST: u32 = 1000;

impl Tx<'_> {
    /// The entries that match `filter`, newest first, each with its sequence number, which counts every entry
    /// of the database from 1 in the order of commits, without gaps.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries(&mut self, filter: &Filter) -> Result<Vec<(u64, Entry)>, StoreError> {
        let (sql, params) = select(filter);
        self.rows(&sql, &params, entry)
    }

    /// The entry with that sequence number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entry(&mut self, seq: u64) -> Result<Option<Entry>, StoreError> {
        let found = self.row("SELECT seq, body FROM ledger WHERE seq = ?1", params![seq], entry)?;
        Ok(found.map(|(_, entry)| entry))
    }

    /// When a grant was last used: a token issued, a call decided.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_use(&mut self, grant: &GrantId) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT at FROM ledger WHERE grant_id = ?1 AND kind IN ('decision', 'issuance', 'outcome')
                   ORDER BY seq DESC LIMIT 1";
        self.row(sql, params![grant.as_str()], |row| row.time(0))
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

fn select(filter: &Filter) -> (String, Vec<Param<'_>>) {
    let conditions: [(&str, Param<'_>); 12] = [
        ("subject =", filter.subject.as_ref().map(Principal::as_str).into()),
        ("actor =", filter.actor.as_ref().map(AgentId::as_str).into()),
        ("client =", filter.client.as_ref().map(ClientId::as_str).into()),
        ("grant_id =", filter.grant.as_ref().map(GrantId::as_str).into()),
        ("resource =", filter.resource.as_ref().map(ResourceUri::as_str).into()),
        ("action =", filter.action.as_deref().into()),
        ("kind =", filter.kind.map(|k| k.as_str()).into()),
        ("outcome =", filter.outcome.map(|o| o.as_str()).into()),
        ("trace =", filter.trace.as_ref().map(TraceId::as_str).into()),
        ("at >=", filter.since.into()),
        ("at <", filter.until.into()),
        ("seq <", filter.before_seq.into()),
    ];
    let (mut sql, mut params) = ("SELECT seq, body FROM ledger".to_owned(), Vec::new());
    for (condition, param) in conditions {
        if !matches!(param, Param::Null) {
            params.push(param);
            let joint = if params.len() == 1 { "WHERE" } else { "AND" };
            sql += &format!(" {joint} {condition} ?{}", params.len());
        }
    }
    params.push(if filter.limit == 0 { USUAL } else { filter.limit.min(MOST) }.into());
    sql += &format!(" ORDER BY seq DESC LIMIT ?{}", params.len());
    (sql, params)
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
    fn a_filter_becomes_numbered_conditions_and_a_bounded_page() {
        let filter = Filter { before_seq: Some(7), limit: 5_000, ..Filter::default() };
        let (sql, params) = select(&filter);
        assert_eq!(sql, "SELECT seq, body FROM ledger WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
        assert!(matches!(params[..], [Param::Int(7), Param::Int(1000)]));
    }
}
