//! The watch: hears what other processes revoke, and what they know.

use crate::StoreError;
use crate::driver::{Access, Connection, Row};
use crate::facts::FactsView;
use crate::revoked::{Change, Kind, RevokedView};
use crate::rows::fact;
use crate::store::start;
use crate::tx::Word;
use crate::url::DatabaseUrl;
use prokura_core::Clock;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long it waits for word before it asks without.
const PERIOD: Duration = Duration::from_millis(250);
/// How often what is over is forgotten. It only takes room, since nothing that is over is taken anyway.
const FORGET: Duration = Duration::from_secs(10);

/// Asks the database for the words that were said since the last.
pub(crate) struct Watch {
    conn: Connection,
    view: Arc<RevokedView>,
    facts: Arc<FactsView>,
    clock: Arc<dyn Clock>,
    last: u64,
    last_fact: u64,
    /// When it last forgot, as the view measures.
    forgot: u64,
}

impl Watch {
    /// Fills `view` and `facts`, then keeps them fresh until the answer is dropped.
    pub(crate) fn start(
        url: &DatabaseUrl,
        view: Arc<RevokedView>,
        facts: Arc<FactsView>,
        clock: Arc<dyn Clock>,
    ) -> Result<Sender<()>, StoreError> {
        let mut watch = Self {
            conn: Connection::open(url, Access::Read)?,
            view,
            facts,
            clock,
            last: 0,
            last_fact: 0,
            forgot: 0,
        };
        watch.ask()?;
        let (sender, stop) = channel();
        start("store-watch", move || watch.serve(&stop))?;
        Ok(sender)
    }

    fn serve(mut self, stop: &Receiver<()>) {
        let mut rest = self.conn.rest();
        while stop.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
            rest = match self.look() {
                Ok(()) => self.conn.rest(),
                Err(error) => {
                    tracing::warn!(%error, age = ?self.view.age(), "what others revoked is not known");
                    PERIOD
                }
            };
        }
    }

    /// Asks, if there is something to ask for. That there is nothing is an answer of the database too.
    fn look(&mut self) -> Result<(), StoreError> {
        let asked_at = self.view.elapsed();
        if self.conn.has_news(PERIOD)? {
            self.ask().inspect_err(|_| self.conn.missed_news())?;
        } else {
            self.view.heard(asked_at);
        }
        if u128::from(asked_at.saturating_sub(self.forgot)) >= FORGET.as_micros() {
            self.forgot = asked_at;
            self.view.forget(self.clock.now());
            self.facts.forget(self.clock.now());
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), StoreError> {
        let asked_at = self.view.elapsed();
        let sql = "SELECT seq, kind, id, word, until, floor FROM revocations WHERE seq > ?1 ORDER BY seq";
        let changes = self.conn.query(sql, &[self.last.into()], change)?;
        self.last = changes.last().map_or(self.last, |c| c.seq);
        self.view.apply(changes);
        let facts = self.conn.query(fact::SINCE, &[self.last_fact.into()], fact::change)?;
        self.last_fact = facts.last().map_or(self.last_fact, |f| f.seq);
        self.facts.apply(facts);
        self.view.heard(asked_at);
        Ok(())
    }
}

fn change(row: &Row<'_>) -> Result<Change, StoreError> {
    let kind = row.parsed(1, "revocations.kind", |s| Kind::parse(&s).ok_or(s))?;
    let active = row.get::<String>(3)? == Word::ACTIVE;
    let (seq, until, floor) = (row.count(0)?, row.time(4)?, row.count(5)?);
    Ok(Change { seq, kind, id: row.get(2)?, active, until, floor })
}
