//! Calls that were permitted and are looked at afterwards.

use crate::driver::Row;
use crate::tx::params;
use crate::{StoreError, Tx};
use prokura_core::{AgentId, ClientId, GrantId, Principal, Timestamp};

/// Where a call is in being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    /// Nobody has looked at it.
    Open,
    /// Somebody finds it fine.
    Fine,
    /// Somebody objects.
    Objected,
}

impl ReviewState {
    const ALL: [Self; 3] = [Self::Open, Self::Fine, Self::Objected];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fine => "fine",
            Self::Objected => "objected",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// A call that was permitted, to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its id.
    pub id: String,
    /// The flow: the record says what happened in it.
    pub trace: String,
    /// The grant by which it was done.
    pub grant: GrantId,
    /// Whose authority was used.
    pub subject: Principal,
    /// Who used it.
    pub actor: AgentId,
    /// By which client.
    pub client: ClientId,
    /// What the operator calls the resource.
    pub server: String,
    /// What: `tool:NAME`.
    pub action: String,
    /// The hash of the canonical arguments.
    pub arguments: String,
    /// Why it is looked at.
    pub because: String,
    /// Where it is.
    pub state: ReviewState,
    /// When it was done.
    pub at: Timestamp,
    /// When somebody decided; zero before.
    pub decided_at: Timestamp,
    /// Who decided; empty before.
    pub decided_by: String,
    /// What they said.
    pub word: String,
}

const COLUMNS: &str =
    "id, trace, grant_id, subject, actor, client, server, action, arguments, because, state, at, decided_at,
     decided_by, word";

impl Tx<'_> {
    /// Puts a call into the queue, in the transaction that records that it is permitted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_review(&mut self, review: &Review) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO reviews (id, trace, grant_id, subject, actor, client, server, action, arguments, because, state,
             at, decided_at, decided_by, word)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'open', ?11, 0, '', '')",
            params![
                &review.id,
                &review.trace,
                review.grant.as_str(),
                review.subject.as_str(),
                review.actor.as_str(),
                review.client.as_str(),
                &review.server,
                &review.action,
                &review.arguments,
                &review.because,
                review.at
            ],
        )
        .map(drop)
    }

    /// The queue, or all in some state: what waits longest first, at most 1,000.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reviews(&mut self, state: Option<ReviewState>) -> Result<Vec<Review>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM reviews WHERE ?1 = '' OR state = ?1 ORDER BY at, id LIMIT 1000");
        self.rows(&sql, params![state.map_or("", ReviewState::as_str)], review)
    }

    /// Decides on one that is open; none if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn decide_review(
        &mut self,
        id: &str,
        fine: bool,
        by: &str,
        word: &str,
        now: Timestamp,
    ) -> Result<Option<Review>, StoreError> {
        let state = if fine { ReviewState::Fine } else { ReviewState::Objected };
        let sql = format!(
            "UPDATE reviews SET state = ?2, decided_by = ?3, word = ?4, decided_at = ?5
             WHERE id = ?1 AND state = 'open' RETURNING {COLUMNS}"
        );
        self.row(&sql, params![id, state.as_str(), by, word, now], review)
    }
}

fn review(row: &Row<'_>) -> Result<Review, StoreError> {
    Ok(Review {
        id: row.get(0)?,
        trace: row.get(1)?,
        grant: row.parsed(2, "reviews.grant_id", GrantId::parse)?,
        subject: row.parsed(3, "reviews.subject", |s| Principal::parse(&s))?,
        actor: row.parsed(4, "reviews.actor", AgentId::parse)?,
        client: row.parsed(5, "reviews.client", ClientId::parse)?,
        server: row.get(6)?,
        action: row.get(7)?,
        arguments: row.get(8)?,
        because: row.get(9)?,
        state: row.parsed(10, "reviews.state", |s| ReviewState::parse(&s).ok_or(s))?,
        at: row.time(11)?,
        decided_at: row.time(12)?,
        decided_by: row.get(13)?,
        word: row.get(14)?,
    })
}
