//! Appending to the ledger: places, counters, canonical bytes, few and wide statements.

use crate::StoreError;
use crate::driver::{Connection, Param};
use prokura_core::{AgentId, ClientId, GrantId, PointId, Principal, ResourceUri};
use prokura_ledger::{Counters, Entry, Event};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

/// How many rows one statement inserts: the widest that fits is taken, so three texts are prepared once.
const WIDTHS: [usize; 3] = [64, 8, 1];

const COLUMNS: usize = 16;

/// Gives events their places in the record. One per writer thread.
pub(crate) struct Appender {
    point: PointId,
    /// This point's counter after the last batch, if it was committed.
    last: Option<u64>,
    /// The sequence number of the last entry that was appended, committed or not.
    head: u64,
    pairs: Pairs,
    inserts: [String; 3],
    upserts: [String; 3],
}

/// An event with its place, ready to be written.
struct Line<'a> {
    event: &'a Event,
    seq: u64,
    counter: u64,
    pair: Option<u64>,
    bytes: Vec<u8>,
    leaf: [u8; 32],
}

impl Appender {
    pub(crate) fn new(point: PointId) -> Self {
        Self {
            point,
            last: None,
            head: 0,
            pairs: Pairs::default(),
            inserts: WIDTHS.map(insert_sql),
            upserts: WIDTHS.map(upsert_sql),
        }
    }

    /// Writes `events` in their order. The caller commits, or calls [`forget`](Self::forget).
    pub(crate) fn append(
        &mut self,
        conn: &mut Connection,
        events: &[Cow<'_, Event>],
    ) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let (seq, counter) = self.heads(conn)?;
        if self.last != Some(counter) {
            self.pairs = Pairs::default();
        }
        let mut lines = Vec::with_capacity(events.len());
        let mut moved = HashMap::new();
        for (i, event) in (1..).zip(events) {
            let pair = self.next_pair(conn, event, &mut moved)?;
            lines.push(self.line(event, seq + i, counter + i, pair));
        }
        self.insert(conn, &lines)?;
        self.upsert_pairs(conn, &moved)?;
        self.last = lines.last().map(|l| l.counter);
        self.head = lines.last().map_or(seq, |l| l.seq);
        Ok(())
    }

    /// The sequence number of the last entry that this process appended.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// What was appended last was not committed: nothing remembered of it is true.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Where the record and this point stand. Read within every batch, so that another process that writes as
    /// the same point cannot make a gap or a double.
    fn heads(&self, conn: &mut Connection) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT COALESCE((SELECT MAX(seq) FROM ledger), 0),
                   COALESCE((SELECT MAX(counter) FROM ledger WHERE point = ?1), 0)";
        let heads =
            conn.query(sql, &[self.point.as_str().into()], |row| Ok((row.count(0)?, row.count(1)?)))?;
        heads.first().copied().ok_or(StoreError::Closed)
    }

    fn next_pair(
        &mut self,
        conn: &mut Connection,
        event: &Event,
        moved: &mut HashMap<String, u64>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(subject) = &event.subject else { return Ok(None) };
        let key = pair_key(subject, event.actors.first());
        let n = match self.pairs.get(&key) {
            Some(n) => n,
            None => self.load_pair(conn, &key)?,
        } + 1;
        self.pairs.put(&key, n);
        moved.insert(key, n);
        Ok(Some(n))
    }

    fn load_pair(&self, conn: &mut Connection, key: &str) -> Result<u64, StoreError> {
        let (subject, actor) = split_key(key);
        let sql = "SELECT n FROM pair_counters WHERE point = ?1 AND subject = ?2 AND actor = ?3";
        let params = [self.point.as_str().into(), subject.into(), actor.into()];
        Ok(conn.query(sql, &params, |row| row.count(0))?.first().copied().unwrap_or(0))
    }

    fn line<'a>(&self, event: &'a Event, seq: u64, counter: u64, pair: Option<u64>) -> Line<'a> {
        let bytes = Entry::bytes(&Counters { point: self.point.clone(), counter, pair }, event);
        let leaf = Entry::leaf_hash(&bytes);
        Line { event, seq, counter, pair, bytes, leaf }
    }

    fn insert(&self, conn: &mut Connection, mut lines: &[Line<'_>]) -> Result<(), StoreError> {
        let actions: Vec<_> = lines.iter().map(|l| without_nul(&l.event.action)).collect();
        let mut actions = actions.as_slice();
        while let Some((sql, width)) = widest(&self.inserts, lines.len()) {
            let (now, later) = lines.split_at(width);
            let (names, other_names) = actions.split_at(width);
            let params: Vec<_> = now.iter().zip(names).flat_map(|(l, name)| self.params(l, name)).collect();
            conn.execute(sql, &params)?;
            (lines, actions) = (later, other_names);
        }
        Ok(())
    }

    fn params<'a>(&'a self, line: &'a Line<'_>, action: &'a str) -> [Param<'a>; COLUMNS] {
        let e = line.event;
        [
            line.seq.into(),
            self.point.as_str().into(),
            line.counter.into(),
            line.pair.into(),
            e.at.into(),
            e.trace.as_str().into(),
            e.kind.as_str().into(),
            e.outcome.as_str().into(),
            e.subject.as_ref().map(Principal::as_str).into(),
            e.actors.first().map(AgentId::as_str).into(),
            e.client.as_ref().map(ClientId::as_str).into(),
            e.grant.as_ref().map(GrantId::as_str).into(),
            e.resource.as_ref().map(ResourceUri::as_str).into(),
            action.into(),
            (&line.bytes).into(),
            (&line.leaf).into(),
        ]
    }

    fn upsert_pairs(&self, conn: &mut Connection, moved: &HashMap<String, u64>) -> Result<(), StoreError> {
        let moved: Vec<_> = moved.iter().collect();
        let mut rest = moved.as_slice();
        while let Some((sql, width)) = widest(&self.upserts, rest.len()) {
            let (now, later) = rest.split_at(width);
            let params: Vec<Param<'_>> = now
                .iter()
                .flat_map(|(key, n)| {
                    let (subject, actor) = split_key(key);
                    [self.point.as_str().into(), subject.into(), actor.into(), (**n).into()]
                })
                .collect();
            conn.execute(sql, &params)?;
            rest = later;
        }
        Ok(())
    }
}

/// A text as both databases keep it.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The widest statement that so many rows fill.
fn widest(sql: &[String; 3], rows: usize) -> Option<(&str, usize)> {
    WIDTHS.iter().zip(sql).find(|(w, _)| **w <= rows).map(|(w, sql)| (sql.as_str(), *w))
}

fn insert_sql(rows: usize) -> String {
    let columns = "seq, point, counter, pair, at, trace, kind, outcome, subject, actor, client, grant_id, \
                   resource, action, body, leaf";
    format!("INSERT INTO ledger ({columns}) VALUES {}", placeholders(rows, COLUMNS))
}

fn upsert_sql(rows: usize) -> String {
    format!(
        "INSERT INTO pair_counters (point, subject, actor, n) VALUES {} \
         ON CONFLICT (point, subject, actor) DO UPDATE SET n = excluded.n",
        placeholders(rows, 4)
    )
}

/// `(?1, ?2), (?3, ?4)`: the values of so many rows.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let mut sql = String::new();
    for n in 0..rows * columns {
        let before = match n {
            0 => "(",
            n if n % columns == 0 => "), (",
            _ => ", ",
        };
        // Writing to a string cannot fail.
        let _ = write!(sql, "{before}?{}", n + 1);
    }
    sql + ")"
}

/// No id has a space in it.
fn pair_key(subject: &Principal, actor: Option<&AgentId>) -> String {
    let (subject, actor) = (subject.as_str(), actor.map_or("", AgentId::as_str));
    let mut key = String::with_capacity(subject.len() + 1 + actor.len());
    key.push_str(subject);
    key.push(' ');
    key.push_str(actor);
    key
}

fn split_key(key: &str) -> (&str, &str) {
    key.split_once(' ').unwrap_or((key, ""))
}

/// The counters of the pairs seen lately. Two generations: when the young one is full it becomes the old one,
/// so that at most twice [`Pairs::ROOM`] are held and a pair in use stays.
#[derive(Default)]
struct Pairs {
    young: HashMap<String, u64>,
    old: HashMap<String, u64>,
}

impl Pairs {
    const ROOM: usize = 8192;

    fn get(&self, key: &str) -> Option<u64> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn put(&mut self, key: &str, n: u64) {
        if let Some(slot) = self.young.get_mut(key) {
            *slot = n;
            return;
        }
        if self.young.len() >= Self::ROOM {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.to_owned(), n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(placeholders(2, 2), "(?1, ?2), (?3, ?4)");
    }

    #[test]
    fn a_pair_in_use_survives_and_the_room_is_bounded() {
        let mut pairs = Pairs::default();
        for n in 0..5 * Pairs::ROOM {
            pairs.put("kept", 1);
            pairs.put(&n.to_string(), 1);
        }
        assert_eq!(pairs.get("kept"), Some(1));
        assert_eq!(pairs.get("0"), None);
        assert!(pairs.young.len() + pairs.old.len() <= 2 * Pairs::ROOM);
    }
}
