//! Relations at work: the model in force and the tuples of the database, asked at one revision.
//!
//! Every question is answered within one reading transaction, so by one state of tuples and model, and says which
//! [`Revision`] that was. A question that names a revision is never answered by an older state: what was taken away before
//! it was given out is taken away for whoever has it ("new enemy"). Nothing is remembered between questions but the model,
//! by its version; the [`View`] in memory, for policies, knows its own revision.

mod facts;
mod fault;
mod feed;
mod lists;
mod modules;
mod provided;
mod rows;
mod tidy;
mod view;
mod vouching;
mod write;

pub use facts::{Facts, Kinds};
pub use fault::RelationsFault;
pub use feed::{Followed, Page, Place, UnreadablePage};
pub use modules::{modules, together};
pub use provided::{Provided, groups};
pub use rows::{InTx, row, tuple};
pub use view::View;
pub use vouching::Vouching;
pub use write::{Change, Written};

use prokura_core::{Clock, Timestamp};
use prokura_oauth::json::{self, Value};
use prokura_relations::{Ask, AskError, Limits, Model, ModelError};
use prokura_store::{RelationModel, RelationTuple, Store, Tx};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How often a revision that is not there yet is looked for, and how long between two looks.
const LOOKS: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(100);

/// A state of the tuples: `rev.12`. Every change answers the one from which on it holds, every question the one that it was
/// answered by. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// Reads `rev.12`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("rev.")?;
        let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()));
        digits.parse().ok().filter(|_| plain).map(Self)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rev.{}", self.0)
    }
}

/// The model of one version.
#[derive(Debug)]
pub struct Version {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub model: Model,
}

/// Asks and changes relations in the database. Clones share it.
#[derive(Clone)]
pub struct Relations {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    /// The newest model that was read.
    known: Arc<RwLock<Option<Arc<Version>>>>,
    providers: Arc<Vouching>,
    view: Arc<View>,
    following: Arc<tokio::sync::Mutex<()>>,
}

/// Reads the text of a model: the modelling language, or JSON if it begins with `{`, as OpenFGA's API has it or of
/// [several files](together).
///
/// # Errors
/// Everything that is wrong with it; never empty.
pub fn read_model(text: &str) -> Result<Model, Vec<ModelError>> {
    if !text.trim_start().starts_with('{') {
        return Model::from_dsl(text);
    }
    let limits = json::Limits { max_bytes: MODEL, max_depth: 64 };
    match json::parse(text.as_bytes(), &limits) {
        Ok(Value::Object(model)) => modules::read_json(&model),
        // A text that is no JSON is no text of the language either; its first word says so.
        _ => Model::from_dsl(text),
    }
}

/// How large a model may be: OpenFGA's limit.
pub const MODEL: usize = 256 << 10;

impl fmt::Debug for Relations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relations({:?})", self.view)
    }
}

impl Relations {
    /// Those of this database.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            known: Arc::default(),
            providers: Arc::default(),
            view: Arc::default(),
            following: Arc::default(),
        }
    }

    /// What these providers say of groups counts. Without this, no provider's word does.
    pub fn with_vouching(self, providers: Vouching) -> Self {
        Self { providers: Arc::new(providers), ..self }
    }

    /// Whether a row counts now: it does unless it is a provider's word that is too old.
    pub fn counts(&self, row: &RelationTuple) -> bool {
        self.providers.counts(row, self.now())
    }

    /// What policies look at, in memory; nothing is known of it before [`follow`](Self::follow).
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Asks something of one state of the tuples, not older than `at_least`, and says which state it was. A revision that
    /// this database does not have yet is waited for, a second at most.
    ///
    /// # Errors
    /// [`RelationsFault`]; [`RelationsFault::Future`] if the revision did not come.
    pub async fn ask<T, F>(&self, at_least: Revision, question: F) -> Result<(T, Revision), RelationsFault>
    where
        T: Send + 'static,
        F: Fn(Ask<'_, InTx<'_, '_>>) -> Result<T, AskError> + Send + Sync + 'static,
    {
        let (question, mut left) = (Arc::new(question), LOOKS);
        loop {
            let (this, question) = (self.clone(), Arc::clone(&question));
            let asked = self.store.read(move |tx| this.ask_in(tx, at_least, &*question)).await;
            match asked {
                Err(RelationsFault::Future(_)) if left > 0 => {
                    left -= 1;
                    tokio::time::sleep(BETWEEN).await;
                }
                other => return other,
            }
        }
    }

    fn ask_in<T>(
        &self,
        tx: &mut Tx<'_>,
        at_least: Revision,
        question: &impl Fn(Ask<'_, InTx<'_, '_>>) -> Result<T, AskError>,
    ) -> Result<(T, Revision), RelationsFault> {
        let revision = Revision(tx.relation_revision()?);
        if revision < at_least {
            return Err(RelationsFault::Future(at_least));
        }
        let version = self.version(tx)?;
        let tuples = InTx::new(tx, Arc::clone(&self.providers), self.now());
        let answer = question(Ask::new(&version.model, &tuples).limits(Limits::DATABASE))?;
        Ok((answer, revision))
    }

    /// The model in force, as this transaction sees it.
    ///
    /// # Errors
    /// [`RelationsFault::NoModel`], [`RelationsFault::Model`], [`RelationsFault::Store`].
    pub fn version(&self, tx: &mut Tx<'_>) -> Result<Arc<Version>, RelationsFault> {
        let number = tx.relation_model_version()?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|k| k.number == number) {
            return Ok(known);
        }
        let row = tx.relation_models(None, 1)?.pop().ok_or(RelationsFault::NoModel)?;
        let version = Arc::new(Version { number: row.version, model: read_model(&row.body)? });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&version));
        Ok(version)
    }

    /// The versions of the model before `before`, the newest first.
    ///
    /// # Errors
    /// [`RelationsFault::Store`].
    pub async fn models(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RelationModel>, RelationsFault> {
        self.store.read(move |tx| Ok(tx.relation_models(before, limit)?)).await
    }
}

#[cfg(test)]
mod lists_tests;
#[cfg(test)]
mod tests;
