//! Tuples in memory, for policies: they are asked within a call and cannot wait for a database.

use super::rows::tuple;
use super::{Relations, RelationsFault, Revision, Version};
use prokura_core::Timestamp;
use prokura_relations::{Ask, AskError, Index};
use prokura_store::{RelationChange, RelationTuple, Tx};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// So many rows are read at a time.
const PAGE: u32 = 10_000;

/// Nothing is known of a view that has heard nothing for longer: as of what is revoked.
const STALE: Duration = Duration::from_secs(2);

/// All tuples and the model, as of one revision.
#[derive(Default)]
pub struct View(RwLock<Inner>);

#[derive(Default)]
struct Inner {
    index: Index,
    version: Option<Arc<Version>>,
    /// The last change that is in it.
    last: (u64, u64),
    revision: u64,
    heard_at: Option<Timestamp>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner();
        write!(f, "View({} tuples at {})", inner.index.len(), Revision(inner.revision))
    }
}

/// What a look at the database brought.
enum News {
    All(Vec<RelationTuple>),
    Changes(Vec<RelationChange>),
}

impl View {
    fn inner(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to which revision it knows.
    pub fn revision(&self) -> Revision {
        Revision(self.inner().revision)
    }

    /// How many tuples are in it.
    pub fn len(&self) -> usize {
        self.inner().index.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Asks something of it at `now`.
    ///
    /// # Errors
    /// [`RelationsFault::NoModel`], [`RelationsFault::Stale`], or why there is no answer.
    pub fn ask<T>(
        &self,
        now: Timestamp,
        question: impl FnOnce(Ask<'_, Index>) -> Result<T, AskError>,
    ) -> Result<T, RelationsFault> {
        let inner = self.inner();
        if inner.heard_at.is_none_or(|at| now.since(at) > STALE) {
            return Err(RelationsFault::Stale);
        }
        let version = inner.version.as_ref().ok_or(RelationsFault::NoModel)?;
        Ok(question(Ask::new(&version.model, &inner.index))?)
    }

    /// Nobody believes it until it has heard again.
    pub(super) fn doubt(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).heard_at = None;
    }

    fn apply(&self, news: News, heard: Heard) -> Result<(), RelationsFault> {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match news {
            News::All(rows) => {
                let tuples = rows.iter().map(tuple).collect::<Result<Vec<_>, _>>()?;
                inner.index = Index::load(tuples).map_err(AskError::from)?;
            }
            News::Changes(changes) => changes.iter().try_for_each(|c| take(&mut inner, c))?,
        }
        inner.revision = heard.revision;
        inner.last = (heard.revision, u64::MAX >> 1);
        inner.version = heard.version;
        inner.heard_at = Some(heard.at);
        Ok(())
    }
}

fn take(inner: &mut Inner, change: &RelationChange) -> Result<(), RelationsFault> {
    let tuple = tuple(&change.tuple)?;
    if change.gone {
        inner.index.remove(&tuple.key);
    } else {
        inner.index.insert(tuple).map_err(AskError::from)?;
    }
    Ok(())
}

struct Heard {
    revision: u64,
    version: Option<Arc<Version>>,
    at: Timestamp,
}

impl Relations {
    /// Brings the view up to date: one look at a time, so that none undoes what a later one brought.
    ///
    /// # Errors
    /// [`RelationsFault`]; the view then stays as it is, and is believed for two seconds more at most.
    pub async fn follow(&self) -> Result<(), RelationsFault> {
        let _alone = self.following.lock().await;
        let at = self.now();
        let (last, known) = {
            let inner = self.view.inner();
            (inner.last, inner.revision)
        };
        let this = self.clone();
        let (news, heard) = self.store.read(move |tx| this.news(tx, last, known, at)).await?;
        self.view.apply(news, heard)
    }

    /// As [`follow`](Self::follow), after a change: a view that cannot hear of it is believed no more.
    pub(super) async fn heed(&self) {
        if let Err(error) = self.follow().await {
            tracing::warn!(%error, "relations are not known in memory until the database can be read again");
            self.view.doubt();
        }
    }

    fn news(
        &self,
        tx: &mut Tx<'_>,
        last: (u64, u64),
        known: u64,
        at: Timestamp,
    ) -> Result<(News, Heard), RelationsFault> {
        let version = match self.version(tx) {
            Ok(version) => Some(version),
            Err(RelationsFault::NoModel) => None,
            Err(other) => return Err(other),
        };
        let revision = tx.relation_revision()?;
        let news = match revision {
            same if same == known => News::Changes(Vec::new()),
            // Nothing yet, or a database that went back: all of it.
            earlier if earlier < known || known == 0 => News::All(everything(tx)?),
            _ => News::Changes(changes(tx, last)?),
        };
        Ok((news, Heard { revision, version, at }))
    }
}

fn everything(tx: &mut Tx<'_>) -> Result<Vec<RelationTuple>, RelationsFault> {
    let mut all: Vec<RelationTuple> = Vec::new();
    loop {
        let page = tx.relation_tuples(("", "", "", ""), all.last(), PAGE)?;
        let full = page.len() == PAGE as usize;
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

fn changes(tx: &mut Tx<'_>, mut last: (u64, u64)) -> Result<Vec<RelationChange>, RelationsFault> {
    let mut all = Vec::new();
    loop {
        let page = tx.relation_changes(last, PAGE)?;
        let full = page.len() == PAGE as usize;
        last = page.last().map_or(last, |c| (c.revision, c.n));
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}
