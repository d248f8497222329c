//! Tools as their servers describe them: what is pinned, shared by all processes on one database, and held in memory by
//! each. What passes by is compared with it; whatever differs is put aside until somebody approved it.
//!
//! Invariants: names are compared byte for byte; a description that differs in anything from the one in force is neither
//! shown nor called, in every process, once one of them has seen it; nothing that a description refers to is fetched.

mod learn;
mod see;
mod typed;

pub(crate) use learn::{Learner, Turn};
pub(crate) use see::Sight;
pub(crate) use typed::check_arguments;

use crate::binding::Binding;
use crate::fault::Fault;
use crate::mapping::{Mapping, MappingError};
use crate::route::Route;
use crate::scene::Scene;
use prokura_config::Pinning;
use prokura_mcp::schema::{BadSchema, Schema};
use prokura_mcp::tool::{Description, Hints};
use prokura_store::{Store, StoreError, StoredTool, ToolState};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// A tool as it is known.
#[derive(Debug)]
pub(crate) struct Tool {
    /// What it may be used for.
    pub(crate) state: ToolState,
    /// The description in force; of a tool that waits for its first approval, the one that waits.
    pub(crate) description: Description,
    /// Whether somebody approved it.
    pub(crate) approved: bool,
    /// The types of its arguments.
    pub(crate) schema: Result<Option<Schema>, BadSchema>,
    /// What it says of how it is authorized: read when that is first asked.
    mapping: OnceLock<Result<Option<Mapping>, MappingError>>,
}

impl Tool {
    fn new(stored: &StoredTool) -> Option<Self> {
        let text = stored.pinned.as_ref().or(stored.offered.as_ref())?;
        let description = Description::read(&text.text).ok()?;
        Some(Self {
            state: stored.state(),
            schema: description.schema(),
            description,
            approved: stored.approved_by.is_some(),
            mapping: OnceLock::new(),
        })
    }

    /// What it says of how it is authorized, if it does.
    ///
    /// # Errors
    /// [`MappingError`] if that is malformed.
    pub(crate) fn mapping(&self) -> Result<&Option<Mapping>, &MappingError> {
        let read = || Mapping::of(self.description.entry().get("inputSchema"));
        self.mapping.get_or_init(read).as_ref()
    }

    /// What it says of its effects.
    pub(crate) fn hints(&self) -> Hints {
        self.description.hints()
    }
}

/// The tools of one resource, by their names.
pub(crate) type Known = HashMap<String, Arc<Tool>>;
type All = HashMap<String, Known>;

/// The tools of all resources.
pub(crate) struct Pins {
    store: Store,
    all: RwLock<Arc<All>>,
    /// The revision of the database that `all` was read at; [`UNREAD`] before.
    at: AtomicU64,
    reading: tokio::sync::Mutex<()>,
    turns: HashMap<String, Turn>,
}

/// Nothing was read yet.
const UNREAD: u64 = u64::MAX;

impl Pins {
    /// The tools of these resources.
    pub(crate) fn new<'a>(store: Store, routes: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            turns: routes.into_iter().map(|name| (name.to_owned(), Turn::default())).collect(),
            store,
            all: RwLock::default(),
            at: AtomicU64::new(UNREAD),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// The tools as they are now: read anew only if some process changed something since.
    pub(crate) async fn now(&self) -> Result<Arc<All>, Fault> {
        if self.at.load(Ordering::Acquire) == self.store.revoked().rules_revision() {
            return Ok(self.held());
        }
        let _one = self.reading.lock().await;
        // What is said while it is read has a later revision, and is read the next time.
        let revision = self.store.revoked().rules_revision();
        if self.at.load(Ordering::Acquire) != revision {
            let stored = self.store.read(|tx| tx.tools(None)).await.map_err(|error: StoreError| {
                tracing::error!(%error, "the descriptions of tools cannot be read");
                Fault::ToolsUnread
            })?;
            let read = Arc::new(read(&stored, &self.held()));
            *self.all.write().unwrap_or_else(PoisonError::into_inner) = read;
            self.at.store(revision, Ordering::Release);
        }
        Ok(self.held())
    }

    fn held(&self) -> Arc<All> {
        Arc::clone(&self.all.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whose turn it is to ask the server of a resource.
    pub(crate) fn turn(&self, route: &Route) -> Option<&Turn> {
        self.turns.get(&route.name)
    }

    /// What is known of a tool.
    pub(crate) async fn tool(&self, route: &Route, name: &str) -> Result<Option<Arc<Tool>>, Fault> {
        Ok(self.now().await?.get(&route.name).and_then(|known| known.get(name)).cloned())
    }
}

/// A tool that is called: as it is known, if it may be used. The server is asked where a call needs to know and nothing is
/// known: where policies or the binding look at arguments, and where only approved tools may be used.
///
/// # Errors
/// [`Fault::ToolChanged`], [`Fault::ToolNew`], [`Fault::ToolUnknown`].
pub(crate) async fn usable(
    scene: &Scene,
    name: &str,
    binding: &Binding,
    ruled: bool,
    learner: Option<&Learner>,
) -> Result<Option<Arc<Tool>>, Fault> {
    let (pins, route) = (&scene.inner.pins, &scene.route);
    if route.pin == Pinning::Off {
        return Ok(None);
    }
    let approved_only = route.pin == Pinning::Approve;
    // Where what a server says decides what is asked, a tool of which nothing is known cannot be asked about.
    let described = binding.strict || ruled && route.reads_mappings;
    let needed = ruled || described || approved_only;
    let mut tool = pins.tool(route, name).await?;
    let changed = pins.turn(route).is_some_and(Turn::has_changed);
    if let Some(learner) = learner.filter(|_| needed && (tool.is_none() || changed)) {
        if let Err(fault) = learner.ask(scene).await {
            tracing::warn!(word = fault.word(), resource = %route.name, "a server does not say which tools it has");
        }
        tool = pins.tool(route, name).await?;
    }
    match tool.as_ref().map(|tool| tool.state) {
        Some(ToolState::InForce) => Ok(tool),
        Some(ToolState::Changed) => Err(Fault::ToolChanged),
        Some(ToolState::New) => Err(Fault::ToolNew),
        None if approved_only => Err(Fault::ToolNew),
        None if described => Err(Fault::ToolUnknown),
        None => Ok(None),
    }
}

/// What was stored, as it is held; what did not change since `before` is kept.
fn read(stored: &[StoredTool], before: &All) -> All {
    let mut all = All::new();
    for stored in stored {
        let kept = before.get(&stored.resource).and_then(|known| known.get(&stored.name)).filter(|tool| {
            let text = stored.pinned.as_ref().or(stored.offered.as_ref());
            text.is_some_and(|text| text.hash == tool.description.hash())
                && tool.state == stored.state()
                && tool.approved == stored.approved_by.is_some()
        });
        let Some(tool) = kept.cloned().or_else(|| Tool::new(stored).map(Arc::new)) else { continue };
        all.entry(stored.resource.clone()).or_default().insert(stored.name.clone(), tool);
    }
    all
}
