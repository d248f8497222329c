//! Tuples in memory, for policies: they are asked within a call and cannot wait for a database.

use super::rows::tuple;
use super::{Kinds, Relations, RelationsFault, Revision, Version};
use prokura_core::Timestamp;
use prokura_relations::{Ask, AskError, Index, Key, Tuple};
use prokura_store::{RelationChange, RelationTuple, Tx};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// So many rows are read at a time.
const PAGE: u32 = 10_000;

/// Nothing is known of a view that has heard nothing for longer, unless something else is said: as of what is revoked.
const STALE: Duration = Duration::from_secs(2);

/// All tuples and the model, as of one revision.
pub struct View {
    inner: RwLock<Inner>,
    stale: Duration,
}

impl Default for View {
    fn default() -> Self {
        Self { inner: RwLock::default(), stale: STALE }
    }
}

#[derive(Default)]
struct Inner {
    index: Index,
    version: Option<Arc<Version>>,
    /// The tuples that end by themselves, soonest first, and when each does.
    ends: BTreeSet<(Timestamp, Key)>,
    lasts: HashMap<Key, Timestamp>,
    /// The last change that is in it.
    last: (u64, u64),
    revision: u64,
    heard_at: Option<Timestamp>,
}

/// A tuple that holds, until when if it ends by itself; or one that does not hold any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) tuple: Tuple,
    pub(super) until: Option<Timestamp>,
    pub(super) gone: bool,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner();
        write!(f, "View({} tuples at {})", inner.index.len(), Revision(inner.revision))
    }
}

/// What a look at the database brought.
pub(super) enum News {
    /// All tuples, and what changed while they were told.
    All(Vec<Told>, Vec<Told>),
    Changes(Vec<Told>),
}

impl Inner {
    fn load(&mut self, told: Vec<Told>) -> Result<(), RelationsFault> {
        let (mut tuples, mut ends, mut lasts) =
            (Vec::with_capacity(told.len()), BTreeSet::new(), HashMap::new());
        for Told { tuple, until, .. } in told.into_iter().filter(|t| !t.gone) {
            if let Some(until) = until {
                ends.insert((until, tuple.key.clone()));
                lasts.insert(tuple.key.clone(), until);
            }
            tuples.push(tuple);
        }
        self.index = Index::load(tuples).map_err(AskError::from)?;
        (self.ends, self.lasts) = (ends, lasts);
        Ok(())
    }

    fn take(&mut self, told: Told) -> Result<(), RelationsFault> {
        let Told { tuple, until, gone } = told;
        if let Some(before) = self.lasts.remove(&tuple.key) {
            self.ends.remove(&(before, tuple.key.clone()));
        }
        if gone {
            self.index.remove(&tuple.key);
            return Ok(());
        }
        if let Some(until) = until {
            self.ends.insert((until, tuple.key.clone()));
            self.lasts.insert(tuple.key.clone(), until);
        }
        self.index.insert(tuple).map_err(AskError::from)?;
        Ok(())
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.ends.first().is_some_and(|(until, _)| *until <= now)
    }

    /// Takes away what has ended.
    fn end(&mut self, now: Timestamp) {
        while self.is_due(now)
            && let Some((_, key)) = self.ends.pop_first()
        {
            self.lasts.remove(&key);
            self.index.remove(&key);
        }
    }
}

impl View {
    fn inner(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to which revision it knows.
    pub fn revision(&self) -> Revision {
        Revision(self.inner().revision)
    }

    /// The version of the model that it knows, if it knows one.
    pub fn model(&self) -> Option<u64> {
        self.inner().version.as_ref().map(|v| v.number)
    }

    /// What policies want to know and its model has no word for, as sentences: nobody would ever have it. Empty where it
    /// knows no model.
    pub fn unknown(&self, kinds: &Kinds) -> Vec<String> {
        let inner = self.inner();
        let Some(model) = inner.version.as_ref().map(|v| &v.model) else { return Vec::new() };
        let asked = kinds.ask.iter().flat_map(|(kind, all)| all.iter().map(move |r| ("ask", kind, r)));
        let parents = kinds.parents.iter().map(|(kind, relation)| ("parents", kind, relation));
        let odd = asked.chain(parents).filter_map(|(key, kind, relation)| {
            let why = model.named(&kinds.kind(kind), relation).err()?;
            Some(format!("`relations.{key}.{kind}`: {why}"))
        });
        odd.collect()
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
        let mut inner = self.inner();
        if inner.heard_at.is_none_or(|at| now.since(at) > self.stale) {
            return Err(RelationsFault::Stale);
        }
        if inner.is_due(now) {
            drop(inner);
            self.inner.write().unwrap_or_else(PoisonError::into_inner).end(now);
            inner = self.inner();
        }
        let version = inner.version.as_ref().ok_or(RelationsFault::NoModel)?;
        Ok(question(Ask::new(&version.model, &inner.index))?)
    }

    /// One that is believed for so long after it has heard something.
    pub fn believed_for(stale: Duration) -> Self {
        Self { stale, ..Self::default() }
    }

    /// Nobody believes it until it has heard again.
    pub(super) fn doubt(&self) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).heard_at = None;
    }

    pub(super) fn apply(&self, news: News, heard: Heard) -> Result<(), RelationsFault> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        match news {
            News::All(all, changes) => {
                inner.load(all)?;
                changes.into_iter().try_for_each(|told| inner.take(told))?;
            }
            News::Changes(changes) => changes.into_iter().try_for_each(|told| inner.take(told))?,
        }
        inner.revision = heard.revision;
        inner.last = RelationChange::after(heard.revision);
        inner.version = heard.version;
        inner.heard_at = Some(heard.at);
        Ok(())
    }
}

pub(super) struct Heard {
    pub(super) revision: u64,
    pub(super) version: Option<Arc<Version>>,
    /// When it was so.
    pub(super) at: Timestamp,
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
        // What is half taken in is believed by nobody.
        self.view.apply(news, heard).inspect_err(|_| self.view.doubt())
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
            earlier if earlier < known || known == 0 => News::All(self.everything(tx)?, Vec::new()),
            _ => match self.changes(tx, last)? {
                Some(changes) => News::Changes(changes),
                None => News::All(self.everything(tx)?, Vec::new()),
            },
        };
        Ok((news, Heard { revision, version, at }))
    }

    pub(super) fn told(&self, row: &RelationTuple, gone: bool) -> Result<Told, RelationsFault> {
        Ok(Told { tuple: tuple(row)?, until: self.providers.until(row), gone })
    }

    fn everything(&self, tx: &mut Tx<'_>) -> Result<Vec<Told>, RelationsFault> {
        let (mut all, mut last): (_, Option<RelationTuple>) = (Vec::new(), None);
        loop {
            let page = tx.relation_tuples(("", "", "", ""), last.as_ref(), PAGE)?;
            for row in &page {
                all.push(self.told(row, false)?);
            }
            last = page.last().cloned();
            if page.len() < PAGE as usize {
                return Ok(all);
            }
        }
    }

    /// What changed; `None` if some of it was forgotten.
    fn changes(&self, tx: &mut Tx<'_>, mut last: (u64, u64)) -> Result<Option<Vec<Told>>, RelationsFault> {
        let mut all = Vec::new();
        loop {
            let Some(page) = tx.relation_changes(last, PAGE)? else { return Ok(None) };
            for change in &page {
                all.push(self.told(&change.tuple, change.gone)?);
            }
            last = page.last().map_or(last, |c| (c.revision, c.n));
            if page.len() < PAGE as usize {
                return Ok(Some(all));
            }
        }
    }
}
