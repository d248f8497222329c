//! Facts that somebody pushed.

use crate::driver::Row;
use crate::facts::{FactChange, FactKind, FactSubject};
use crate::rows::Happens;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{Fact, FactName, FactValue, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// For how long a fact is kept after it stopped counting, so that an older observation does not take its place.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// A fact, and whom or what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFact {
    /// Whom or what.
    pub subject: FactSubject,
    /// Which.
    pub name: FactName,
    /// What it says.
    pub value: FactValue,
    /// Who says so.
    pub source: String,
    /// When it was so.
    pub observed_at: Timestamp,
    /// For how long it counts after that.
    pub max_age: Duration,
}

impl StoredFact {
    /// As decisions look at it.
    pub fn to_fact(&self) -> Fact {
        Fact {
            value: self.value.clone(),
            source: self.source.as_str().into(),
            observed_at: self.observed_at,
            max_age: Some(self.max_age),
        }
    }
}

/// The sort of a row that says that nothing is known.
const GONE: &str = "none";

fn sort(value: &FactValue) -> &'static str {
    match value {
        FactValue::Text(_) => "text",
        FactValue::Number(_) => "number",
        FactValue::Flag(_) => "flag",
    }
}

impl Tx<'_> {
    /// Keeps `fact`, unless a newer observation of it is there already; false then. Of two of one moment the later one to
    /// arrive holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_fact(&mut self, fact: &StoredFact) -> Result<bool, StoreError> {
        let said = (sort(&fact.value), fact.value.to_string());
        let until = fact.observed_at.after(fact.max_age).after(KEPT);
        self.say_fact(fact, (said.0, &said.1), Some(Arc::new(fact.to_fact())), until)
    }

    /// Says that nothing is known of that name about `subject` any more; an observation of before `now` does not come
    /// back. False if nothing was known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_fact(
        &mut self,
        subject: &FactSubject,
        name: &FactName,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT observed_at FROM facts WHERE kind = ?1 AND id = ?2 AND name = ?3 AND sort <> ?4";
        let known = params![subject.kind.as_str(), &subject.id, name.as_str(), GONE];
        let Some(observed) = self.row(sql, known, |row| row.time(0))? else { return Ok(false) };
        let gone = StoredFact {
            subject: subject.clone(),
            name: name.clone(),
            value: FactValue::Flag(false),
            source: String::new(),
            observed_at: now.max(observed),
            max_age: Duration::ZERO,
        };
        self.say_fact(&gone, (GONE, ""), None, now.after(KEPT))
    }

    /// What is known, of one subject or of all, in the order of kind, id and name; at most `limit` facts, and only those
    /// that come after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn facts(
        &mut self,
        of: Option<&FactSubject>,
        after: (&str, &str, &str),
        limit: u32,
    ) -> Result<Vec<StoredFact>, StoreError> {
        let (kind, id) = of.map_or(("", ""), |s| (s.kind.as_str(), s.id.as_str()));
        let sql = "SELECT kind, id, name, sort, value, source, observed_at, max_age FROM facts
             WHERE sort <> ?1 AND (?2 = '' OR (kind = ?2 AND id = ?3)) AND (kind, id, name) > (?4, ?5, ?6)
             ORDER BY kind, id, name LIMIT ?7";
        let asked = params![GONE, kind, id, after.0, after.1, after.2, limit];
        self.rows(sql, asked, |row| {
            let value = value(row, 3, 4)?.ok_or_else(|| corrupt("facts.sort", GONE.to_owned()))?;
            Ok(StoredFact {
                subject: subject(row, 0)?,
                name: row.parsed(2, "facts.name", |s| FactName::parse(&s))?,
                value,
                source: row.get(5)?,
                observed_at: row.time(6)?,
                max_age: Duration::from_micros(row.count(7)?),
            })
        })
    }

    /// Tells the streams of events where compliance or risk changes by `said`.
    fn fact_happens(&mut self, said: &StoredFact, value: &str) -> Result<(), StoreError> {
        if !["posture.compliant", "risk.level"].contains(&said.name.as_str()) {
            return Ok(());
        }
        let sql = "SELECT value, observed_at FROM facts WHERE kind = ?1 AND id = ?2 AND name = ?3";
        let known = params![said.subject.kind.as_str(), &said.subject.id, said.name.as_str()];
        let before = self.row(sql, known, |row| Ok((row.get::<String>(0)?, row.time(1)?)))?;
        let (old, at) = before.unwrap_or((String::new(), Timestamp::from_micros(i64::MIN)));
        if old == value || at > said.observed_at {
            return Ok(());
        }
        let id = format!("{}:{}", said.subject.kind.as_str(), said.subject.id);
        let word = format!("{}:{old}:{value}", said.name);
        let what = Happens { kind: "fact", id: &id, word: &word, by: "system", why: &said.source };
        self.happens(what, said.observed_at)
    }

    fn say_fact(
        &mut self,
        said: &StoredFact,
        (sort, value): (&str, &str),
        fact: Option<Arc<Fact>>,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.fact_happens(said, value)?;
        let next = "UPDATE counters SET n = n + 1 WHERE name = 'facts' RETURNING n";
        let seq = self.row(next, &[], |row| row.count(0))?;
        let Some(seq) = seq else { return self.fail(corrupt("counters.n", "of facts".to_owned())) };
        let StoredFact { subject, name, source, observed_at, max_age, .. } = said;
        let max_age = u64::try_from(max_age.as_micros()).unwrap_or(u64::MAX);
        let written = self.execute(
            "INSERT INTO facts (kind, id, name, seq, sort, value, source, observed_at, max_age, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (kind, id, name) DO UPDATE SET seq = excluded.seq, sort = excluded.sort,
             value = excluded.value, source = excluded.source, observed_at = excluded.observed_at,
             max_age = excluded.max_age, until = excluded.until
             WHERE excluded.observed_at >= facts.observed_at",
            params![
                subject.kind.as_str(),
                &subject.id,
                name.as_str(),
                seq,
                sort,
                value,
                source,
                *observed_at,
                max_age,
                until
            ],
        )?;
        if written == 0 {
            return Ok(false);
        }
        self.left_fact(FactChange { seq, subject: subject.clone(), name: name.clone(), fact, until });
        Ok(true)
    }
}

/// The rows of the table that were written after `?1`, as the view takes them.
pub(crate) const SINCE: &str =
    "SELECT kind, id, name, sort, value, source, observed_at, max_age, seq, until FROM facts
     WHERE seq > ?1 ORDER BY seq";

/// A row of [`SINCE`].
pub(crate) fn change(row: &Row<'_>) -> Result<FactChange, StoreError> {
    let (observed_at, source) = (row.time(6)?, row.get::<String>(5)?);
    let max_age = Some(Duration::from_micros(row.count(7)?));
    let fact = |value| Arc::new(Fact { value, source: source.into(), observed_at, max_age });
    Ok(FactChange {
        seq: row.count(8)?,
        subject: subject(row, 0)?,
        name: row.parsed(2, "facts.name", |s| FactName::parse(&s))?,
        fact: value(row, 3, 4)?.map(fact),
        until: row.time(9)?,
    })
}

fn subject(row: &Row<'_>, at: usize) -> Result<FactSubject, StoreError> {
    let kind = row.parsed(at, "facts.kind", |s| FactKind::stored(&s).ok_or(s))?;
    Ok(FactSubject { kind, id: row.get(at + 1)? })
}

/// The value of a row; `None` if it says that nothing is known.
fn value(row: &Row<'_>, sort: usize, at: usize) -> Result<Option<FactValue>, StoreError> {
    let (sort, text): (String, String) = (row.get(sort)?, row.get(at)?);
    match sort.as_str() {
        GONE => Ok(None),
        "text" => Ok(Some(FactValue::Text(text.into()))),
        "flag" => Ok(Some(FactValue::Flag(text == "true"))),
        "number" => {
            let number = text.parse().map_err(|_| corrupt("facts.value", text))?;
            Ok(Some(FactValue::Number(number)))
        }
        _ => Err(corrupt("facts.sort", sort)),
    }
}

fn corrupt(column: &'static str, detail: String) -> StoreError {
    StoreError::Corrupt { column, detail }
}
