//! The keeper: which version of each policy set is in force in this process, and why.
//!
//! A set comes from files. When they change, and what they hold now is valid, it becomes a version in the store and is in
//! force in every process that shares the database. Administrators put other versions in force; that holds until files
//! change again. A text that is not valid changes nothing but what the keeper says of itself.

use crate::directory::{self, Layer, Snapshot};
use crate::explain::Explained;
use crate::kept::{Haste, InUse, Kept};
use crate::remote::Remote;
use crate::status::{SetStatus, Status};
use crate::text::{SetText, short};
use crate::{Asked, Decider, InForce, entities};
use prokura_config::{Config, PolicyMode, PolicySet};
use prokura_core::{Clock, Rng};
use prokura_policy::pdp::{Directory, Engine, EngineError, Entity, Question};
use prokura_store::{Store, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// Makes an engine of texts, or says everything that is wrong with them.
pub type Build = Arc<dyn Fn(&str, &SetText) -> Result<Arc<dyn Engine>, Vec<EngineError>> + Send + Sync>;

/// For so long a process waits before it looks at users and groups again that just changed: one change seldom comes alone.
const SETTLE: Duration = Duration::from_millis(50);

/// What a keeper is made of.
pub struct KeeperOptions {
    /// The configuration, checked.
    pub config: Arc<Config>,
    /// Where versions are kept.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for trace ids.
    pub rng: Arc<dyn Rng>,
    /// The languages.
    pub build: Build,
    /// The decision points elsewhere, by the names of their sets.
    pub remotes: HashMap<String, Arc<dyn Remote>>,
    /// What adds to what is known of entities.
    pub layers: Vec<Arc<dyn Layer>>,
    /// Whether what files hold becomes a version that is in force everywhere. If not, files count only where no version is
    /// in force yet: for commands that look and change nothing.
    pub adopts: bool,
}

/// A set as it is asked in this process.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) set: SetStatus,
    pub(crate) engine: Option<Arc<dyn Engine>>,
    pub(crate) remote: Option<Arc<dyn Remote>>,
    pub(crate) text: Option<Arc<SetText>>,
}

/// What is told of what is in force, exchanged as a whole.
#[derive(Default)]
struct Told {
    status: Arc<Status>,
    parts: Vec<Part>,
}

/// Why policies cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// A set is not valid, and there is no version of it that was in force before.
    #[error("the policy set `{set}` is not valid, and none was in force before: {}", listed(.problems))]
    Invalid {
        /// The set.
        set: String,
        /// Everything that is wrong with it.
        problems: Vec<EngineError>,
    },
    /// The version in force cannot be used by this program.
    #[error("version {} of the policy set `{set}` is in force, and cannot be used here: {}", short(.version), listed(.problems))]
    Unusable {
        /// The set.
        set: String,
        /// The version.
        version: String,
        /// Why.
        problems: Vec<EngineError>,
    },
    /// Entities cannot be read.
    #[error("`policy.entities`: {0}")]
    Entities(EngineError),
    /// Nobody knows how to ask a set that is elsewhere.
    #[error("`policy.set {0}`: this program does not know how to ask it")]
    Remote(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) fn listed(problems: &[EngineError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

struct State {
    sets: Vec<Kept>,
    policies: u64,
    directory: u64,
    told: Vec<Entity>,
    told_problem: Option<EngineError>,
    snapshot: Arc<Snapshot>,
}

/// Keeps the policies of this process in force.
pub struct Keeper {
    options: KeeperOptions,
    decider: Arc<Decider>,
    state: Mutex<State>,
    told: RwLock<Told>,
}

impl Keeper {
    /// Puts the policies of the configuration in force in `decider`.
    ///
    /// # Errors
    /// [`KeeperError`] if a set is not valid and has no version that was in force before.
    pub async fn open(options: KeeperOptions, decider: Arc<Decider>) -> Result<Arc<Self>, KeeperError> {
        let mut state = State {
            sets: options
                .config
                .policy
                .sets
                .iter()
                .filter(|s| !s.language.is_remote())
                .map(Kept::of)
                .collect(),
            policies: options.store.revoked().policies_revision(),
            directory: options.store.revoked().directory_revision(),
            told: entities::read(&options.config.policy).map_err(KeeperError::Entities)?,
            told_problem: None,
            snapshot: Arc::default(),
        };
        let remote = options.config.policy.sets.iter().filter(|s| s.language.is_remote());
        if let Some(unknown) = remote.map(|s| &s.name).find(|name| !options.remotes.contains_key(*name)) {
            return Err(KeeperError::Remote(unknown.clone()));
        }
        for kept in &mut state.sets {
            kept.begin(&options).await?;
        }
        let keeper = Arc::new(Self { options, decider, state: Mutex::new(state), told: RwLock::default() });
        let mut state = keeper.state.lock().await;
        keeper.snapshot(&mut state).await?;
        keeper.apply(&state);
        drop(state);
        keeper.decider.kept_by(&keeper);
        Ok(keeper)
    }

    /// What is in force here, and what is not and why.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.told.read().unwrap_or_else(PoisonError::into_inner).status)
    }

    /// Asks as the decider does, and says what each set found.
    pub async fn explain(&self, question: &Question<'_>) -> Explained {
        let (parts, in_force) = {
            let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
            (told.parts.clone(), self.decider.in_force())
        };
        let ruling = in_force.ruling(question).await;
        Explained::of(&parts, ruling, question).await
    }

    /// What is known of entities now.
    pub fn directory(&self) -> Arc<dyn Directory> {
        let known = self.decider.in_force().directory.clone();
        known.unwrap_or_else(|| Arc::new(Snapshot::default()))
    }

    /// The languages that this process knows.
    pub fn build(&self) -> &Build {
        &self.options.build
    }

    /// Looks at files and database for ever, as often as the configuration says, and when the database tells.
    pub async fn run(self: Arc<Self>) {
        let mut changes = self.options.store.revoked().changes();
        let every = self.options.config.policy.reload.get();
        let mut next = tokio::time::interval(every);
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        next.tick().await;
        loop {
            tokio::select! {
                _ = next.tick() => self.look(Haste::Settled).await,
                told = changes.changed() => {
                    if told.is_err() {
                        return;
                    }
                    if self.is_behind().await {
                        tokio::time::sleep(SETTLE).await;
                        self.said(self.follow().await);
                    }
                }
            }
        }
    }

    /// Looks at files and database once. A change of files counts if it was the same at the look before.
    pub async fn tick(&self) {
        self.look(Haste::Settled).await;
    }

    /// Looks at files and database once; whatever the files hold counts at once.
    pub async fn reload(&self) {
        self.look(Haste::Now).await;
    }

    async fn look(&self, haste: Haste) {
        self.said(self.look_at_files(haste).await);
        self.said(self.follow().await);
    }

    fn said(&self, result: Result<(), KeeperError>) {
        if let Err(error) = result {
            tracing::error!(%error, "policies could not be looked at; what is in force stays so");
        }
    }

    async fn is_behind(&self) -> bool {
        let state = self.state.lock().await;
        let view = self.options.store.revoked();
        view.policies_revision() != state.policies || view.directory_revision() != state.directory
    }

    async fn look_at_files(&self, haste: Haste) -> Result<(), KeeperError> {
        let mut state = self.state.lock().await;
        let mut changed = false;
        for kept in &mut state.sets {
            changed |= kept.look(&self.options, haste).await?;
        }
        changed |= self.look_at_entities(&mut state);
        if changed {
            self.snapshot(&mut state).await?;
            self.apply(&state);
        }
        Ok(())
    }

    /// Whether the files of entities hold something else now.
    fn look_at_entities(&self, state: &mut State) -> bool {
        match entities::read(&self.options.config.policy) {
            Ok(told) if told == state.told => state.told_problem.take().is_some(),
            Ok(told) => {
                state.told = told;
                state.told_problem = None;
                true
            }
            Err(problem) if state.told_problem.as_ref() == Some(&problem) => false,
            Err(problem) => {
                tracing::error!(%problem, "entities of policies cannot be read; those that were known stay");
                state.told_problem = Some(problem);
                true
            }
        }
    }

    /// Puts in force what the database says is, and takes in what it knows of users and agents.
    ///
    /// # Errors
    /// [`KeeperError::Store`]; what was in force stays so.
    pub async fn follow(&self) -> Result<(), KeeperError> {
        let mut state = self.state.lock().await;
        let view = self.options.store.revoked();
        let (policies, directory) = (view.policies_revision(), view.directory_revision());
        let over = state.snapshot.until().is_some_and(|until| until <= self.options.clock.now());
        let same_policies = policies == state.policies;
        if same_policies && directory == state.directory && !over {
            return Ok(());
        }
        if !same_policies {
            for kept in &mut state.sets {
                kept.follow(&self.options, None).await?;
            }
            state.policies = policies;
        }
        if directory != state.directory || over {
            self.snapshot(&mut state).await?;
            state.directory = directory;
        }
        self.apply(&state);
        Ok(())
    }

    async fn snapshot(&self, state: &mut State) -> Result<(), KeeperError> {
        let KeeperOptions { config, store, clock, layers, .. } = &self.options;
        let made = directory::snapshot(store, config, &state.told, layers, clock.now()).await?;
        state.snapshot = Arc::new(made);
        Ok(())
    }

    /// From now on this is in force.
    fn apply(&self, state: &State) {
        let (mut counting, mut reporting, mut names) = (Asked::default(), Asked::default(), Vec::new());
        for set in &self.options.config.policy.sets {
            let mode = self.mode(set);
            let asked = if mode == PolicyMode::On { &mut counting } else { &mut reporting };
            let mut name = set.name.clone();
            if let Some(remote) = self.options.remotes.get(&set.name).filter(|_| set.language.is_remote()) {
                asked.remotes.push(Arc::clone(remote));
            } else if let Some(used) = state.used(&set.name) {
                asked.engines.push(Arc::clone(&used.engine));
                name = format!("{name}@{}", short(&used.version));
            }
            names.push(if mode == PolicyMode::On { name } else { format!("{name} (reports)") });
        }
        self.decider.replace(InForce {
            set: (!names.is_empty()).then(|| names.join(", ").into()),
            engines: counting.engines,
            remotes: counting.remotes,
            reporting,
            directory: Some(Arc::clone(&state.snapshot) as Arc<_>),
            relations: None,
        });
        *self.told.write().unwrap_or_else(PoisonError::into_inner) = self.to_tell(state);
    }

    fn mode(&self, set: &PolicySet) -> PolicyMode {
        let all = self.options.config.policy.mode;
        if all == PolicyMode::ReportOnly { all } else { set.mode }
    }

    fn to_tell(&self, state: &State) -> Told {
        let parts: Vec<_> = self.options.config.policy.sets.iter().map(|set| self.part(set, state)).collect();
        let status = Status {
            sets: parts.iter().map(|p| p.set.clone()).collect(),
            entities: state.snapshot.len(),
            entities_problem: state.told_problem.clone(),
            revision: state.snapshot.revision(),
        };
        Told { status: Arc::new(status), parts }
    }

    fn part(&self, set: &PolicySet, state: &State) -> Part {
        let kept = state.sets.iter().find(|k| k.set.name == set.name);
        let used = state.used(&set.name);
        let status = SetStatus {
            name: set.name.clone(),
            language: set.language,
            mode: self.mode(set),
            version: used.map(|u| u.version.clone()),
            of_files: kept.and_then(|k| k.seen.as_ref()?.what.clone().ok()),
            problems: kept.map(|k| k.problems.clone()).unwrap_or_default(),
            behind: kept.map(|k| k.behind.clone()).unwrap_or_default(),
            kept_out: kept.map_or(0, |k| k.kept_out),
        };
        Part {
            set: status,
            engine: used.map(|u| Arc::clone(&u.engine)),
            remote: self.options.remotes.get(&set.name).filter(|_| set.language.is_remote()).cloned(),
            text: used.map(|u| Arc::clone(&u.text)),
        }
    }
}

impl State {
    fn used(&self, set: &str) -> Option<&InUse> {
        self.sets.iter().find(|k| k.set.name == set)?.engine.as_ref()
    }
}
