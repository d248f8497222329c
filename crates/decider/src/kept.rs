//! One set: what its files hold, which version of it is in force, and what is wrong with either.

use crate::files;
use crate::follow::{Adopted, adopt, kept_text};
use crate::keeper::{KeeperError, KeeperOptions, listed};
use crate::text::{SetText, short};
use prokura_config::PolicySet;
use prokura_policy::pdp::{Engine, EngineError};
use prokura_store::StoreError;
use std::sync::Arc;

/// Whether a change of files is looked at twice before it counts: whoever writes them may not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// It was asked for, or nothing was in force before.
    Now,
    /// It must have been the same at the last look.
    Settled,
}

/// A set as this process has it.
pub(crate) struct Kept {
    pub(crate) set: PolicySet,
    /// The version in force here, and its engine.
    pub(crate) engine: Option<InUse>,
    /// What the files held when they were looked at last, and whether it was dealt with.
    pub(crate) seen: Option<Seen>,
    /// What is wrong with what the files hold.
    pub(crate) problems: Vec<EngineError>,
    /// Why the version that is in force elsewhere is not in force here.
    pub(crate) behind: Vec<EngineError>,
    /// How many times something that was not valid was kept out.
    pub(crate) kept_out: u64,
}

/// A version with its engine.
#[derive(Clone)]
pub(crate) struct InUse {
    pub(crate) version: String,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) text: Arc<SetText>,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The version of what was read, or what kept it from being read.
    pub(crate) what: Result<String, EngineError>,
    pub(crate) settled: bool,
}

impl Kept {
    pub(crate) fn of(set: &PolicySet) -> Self {
        let (problems, behind) = (Vec::new(), Vec::new());
        Self { set: set.clone(), engine: None, seen: None, problems, behind, kept_out: 0 }
    }

    /// At the start: what the files hold, or what was in force before.
    pub(crate) async fn begin(&mut self, options: &KeeperOptions) -> Result<(), KeeperError> {
        self.look(options, Haste::Now).await?;
        if self.engine.is_none() {
            self.follow(options, None).await?;
        }
        let set = self.set.name.clone();
        match (&self.engine, self.behind.is_empty()) {
            (None, true) => Err(KeeperError::Invalid { set, problems: std::mem::take(&mut self.problems) }),
            (None, false) => {
                let version = self.active(options).await?.unwrap_or_default();
                Err(KeeperError::Unusable { set, version, problems: std::mem::take(&mut self.behind) })
            }
            (Some(_), _) => Ok(()),
        }
    }

    async fn active(&self, options: &KeeperOptions) -> Result<Option<String>, StoreError> {
        let name = self.set.name.clone();
        let standing = options.store.read::<_, StoreError>(move |tx| tx.policy_standing(&name)).await?;
        Ok(standing.map(|s| s.active).filter(|version| !version.is_empty()))
    }

    /// Looks at the files; true if something is to be told or put in force.
    pub(crate) async fn look(&mut self, options: &KeeperOptions, haste: Haste) -> Result<bool, KeeperError> {
        let read = files::read(&self.set);
        let what = read.as_ref().map(SetText::version).map_err(Clone::clone);
        let before = self.seen.as_ref().filter(|seen| seen.what == what);
        if before.is_some_and(|seen| seen.settled) {
            return Ok(false);
        }
        let settled = haste == Haste::Now || before.is_some();
        if !settled {
            // Noted as not settled, and what is said of the set stays as it was.
            self.seen = Some(Seen { what, settled });
            return Ok(false);
        }
        let built = read.map_err(|e| vec![e]).and_then(|text| {
            let engine = (options.build)(&self.set.name, &text)?;
            Ok((text, engine))
        });
        match built {
            Err(problems) => self.keep_out(problems),
            Ok((text, engine)) => {
                self.problems.clear();
                self.take(options, InUse { version: text.version(), engine, text: Arc::new(text) }).await?;
            }
        }
        self.seen = Some(Seen { what, settled });
        Ok(true)
    }

    /// Takes what the files hold, which is valid.
    async fn take(&mut self, options: &KeeperOptions, built: InUse) -> Result<(), KeeperError> {
        if options.adopts {
            if adopt(options, &self.set, &built.text).await? == Adopted::InForce {
                tracing::info!(
                    set = self.set.name,
                    version = short(&built.version),
                    "policies of files are in force"
                );
            }
        } else if self.active(options).await?.is_none() {
            self.engine = Some(built);
            return Ok(());
        }
        self.follow(options, Some(built)).await
    }

    fn keep_out(&mut self, problems: Vec<EngineError>) {
        self.kept_out += 1;
        for problem in &problems {
            tracing::error!(set = self.set.name, %problem, "policies are not valid; what was in force stays so");
        }
        self.problems = problems;
    }

    /// Puts the version in force that the database says is; `built` is what the files hold.
    pub(crate) async fn follow(
        &mut self,
        options: &KeeperOptions,
        built: Option<InUse>,
    ) -> Result<(), KeeperError> {
        let Some(active) = self.active(options).await? else { return Ok(()) };
        if self.engine.as_ref().is_some_and(|used| used.version == active) {
            self.behind.clear();
            return Ok(());
        }
        let next = match built.filter(|used| used.version == active) {
            Some(used) => Ok(used),
            None => kept_text(options, &self.set, &active).await?.and_then(|text| {
                let engine = (options.build)(&self.set.name, &text)?;
                Ok(InUse { version: active.clone(), engine, text: Arc::new(text) })
            }),
        };
        match next {
            Ok(used) => {
                tracing::info!(set = self.set.name, version = short(&active), "policies are in force");
                self.engine = Some(used);
                self.behind.clear();
            }
            Err(problems) => {
                self.kept_out += 1;
                tracing::error!(set = self.set.name, version = short(&active), problem = %listed(&problems),
                    "the version in force cannot be used here; what was in force before stays so");
                self.behind = problems;
            }
        }
        Ok(())
    }
}
