//! The words about standing as others follow them: in the order of their numbers, each id's newest alone.

use crate::driver::Row;
use crate::revoked::Kind;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::Timestamp;

/// One word about the standing of somebody or something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingWord {
    /// Its number; a later word has a greater one.
    pub seq: u64,
    /// What it is about: `grant`, `user`, `agent`, `client`, `issuer`, `workload`, `rules`,
    /// `policies`, `directory`.
    pub kind: String,
    /// About which.
    pub id: String,
    /// `active`, `suspended`, `revoked`, `disabled`.
    pub word: String,
    /// Of a grant that was narrowed: the revision from which on tokens count; else 0.
    pub floor: u64,
    /// When the word no longer matters.
    pub until: Timestamp,
}

impl StandingWord {
    /// Whether it only says that something else was changed, which who shares the database reads there: policies, what they
    /// know, rules about workloads.
    pub fn is_notice(&self) -> bool {
        Kind::ALL.iter().any(|kind| kind.as_str() == self.kind && kind.is_notice())
    }
}

/// Words in their order, and where the newest of all is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordsSince {
    /// Those after the number that was asked for, at most as many as were asked for.
    pub words: Vec<StandingWord>,
    /// The number of the newest word there is or was, whether it is among them or not.
    pub newest: u64,
}

impl Tx<'_> {
    /// The words after number `since` that still matter at `now`, at most `limit`, in their order. Whoever asks again
    /// with the last number until there are none has everything up to `newest`: a word that was said over anew comes under
    /// its new number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn words_since(&mut self, since: u64, now: Timestamp, limit: u32) -> Result<WordsSince, StoreError> {
        let words = self.rows(
            "SELECT seq, kind, id, word, floor, until FROM revocations WHERE seq > ?1 AND until > ?2
             ORDER BY seq LIMIT ?3",
            params![since, now, limit],
            word,
        )?;
        let newest =
            self.row("SELECT n FROM counters WHERE name = 'revocations'", &[], |row| row.count(0))?;
        Ok(WordsSince { words, newest: newest.unwrap_or(0) })
    }
}

fn word(row: &Row<'_>) -> Result<StandingWord, StoreError> {
    Ok(StandingWord {
        seq: row.count(0)?,
        kind: row.get(1)?,
        id: row.get(2)?,
        word: row.get(3)?,
        floor: row.count(4)?,
        until: row.time(5)?,
    })
}
