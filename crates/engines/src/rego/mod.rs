//! Rego, the language of the Open Policy Agent, by `regorus` (cargo feature `rego`).
//!
//! The question is `input`, as [`Question::to_object`] writes it. Of one package, `prokura` unless it is said otherwise,
//! `allow`, `deny` and `obligations` are asked; [`Source::finding`](crate::answer::Source::finding) says what becomes of
//! them. `data` is what the data files say, and `data.entities[type][id]` everybody and everything that is known.
//!
//! Invariant: an answer depends on nothing but the question, the directory and the files. `time.now_ns` is the time of the
//! question; nothing reads the environment, opens a connection or throws dice. A builtin that fails is an error, not
//! undefined as in OPA, for undefined in `deny` would permit.

mod certain;
#[cfg(test)]
mod conformance;
mod functions;
mod load;
mod machine;
mod value;

pub use machine::RegoLimits;

use crate::answer::Source;
use machine::Machine;
use prokura_oauth::json::Object;
use prokura_policy::pdp::{Directory, Engine, EngineError, Finding, Question, describe};
use regorus::rvm::Program;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use value::{from_rego, object_to_rego};

/// How policies are loaded and asked.
#[derive(Debug, Clone)]
pub struct RegoOptions {
    /// The package that answers, without `data.`.
    pub package: String,
    /// Whether the modules are written in Rego as it was before OPA 1.0.
    pub v0: bool,
    /// What one decision may take.
    pub limits: RegoLimits,
}

impl Default for RegoOptions {
    fn default() -> Self {
        Self { package: "prokura".to_owned(), v0: false, limits: RegoLimits::default() }
    }
}

/// Policies in Rego, compiled once, asked from as many threads as there are.
pub struct Rego {
    source: Source,
    /// Of `allow`, `deny` and `obligations` those that the package has: name and whole path.
    asked: Vec<(&'static str, String)>,
    loaded: regorus::Engine,
    /// None if the virtual machine does not take the policies.
    program: Option<Arc<Program>>,
    limits: RegoLimits,
    /// What the data files say.
    files: regorus::Value,
    /// Whether the policies speak of `data.entities`.
    needs_entities: bool,
    /// `data` as a whole, by the revision of the directory.
    data: Mutex<Option<(u64, regorus::Value)>>,
    /// Machines that nobody uses just now, each with the revision of its data.
    idle: Mutex<Vec<(u64, Machine)>>,
}

impl Rego {
    /// Loads modules (`.rego`) and data (`.json`, merged at the root of `data`), each with its file's name. `set` names the
    /// policies in the record.
    ///
    /// # Errors
    /// What is wrong, with file, line and column where they are known.
    pub fn load(
        set: &str,
        files: &[(String, String)],
        options: &RegoOptions,
    ) -> Result<Self, Vec<EngineError>> {
        load::load(set, files, options)
    }

    /// Whether the virtual machine evaluates it. It takes what cannot fail: no arithmetic, no builtins but `is_…`, no rule of
    /// several values. The interpreter, which is five times slower, takes the rest.
    pub fn is_compiled(&self) -> bool {
        self.program.is_some()
    }

    fn answer(&self, question: &Question<'_>) -> Result<Object, String> {
        let input = object_to_rego(&question.to_object()).map_err(|e| e.to_string())?;
        let (revision, data) = self.data(question.directory)?;
        let (prepared, mut machine) = self.machine()?;
        if prepared != Some(revision) {
            machine.set_data(&data)?;
        }
        machine.ask(&input, question.now.micros().saturating_mul(1000));
        let mut answer = Object::new();
        for (name, rule) in &self.asked {
            // A machine that failed is not used again: who knows what it was about.
            if let Some(said) = from_rego(&machine.evaluate(rule)?).map_err(|e| e.to_string())? {
                answer.insert(*name, said);
            }
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((revision, machine));
        Ok(answer)
    }

    fn machine(&self) -> Result<(Option<u64>, Machine), String> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some((revision, machine)) = idle {
            return Ok((Some(revision), machine));
        }
        let machine = match &self.program {
            Some(program) => Machine::compiled(program, self.limits),
            None => Machine::interpreted(&self.loaded, self.limits)?,
        };
        Ok((None, machine))
    }

    /// `data`, and of which revision of the directory.
    fn data(&self, directory: &dyn Directory) -> Result<(u64, regorus::Value), String> {
        if !self.needs_entities {
            return Ok((0, self.files.clone()));
        }
        let revision = directory.revision();
        let mut held = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, data)) = held.as_ref().filter(|(of, _)| *of == revision) {
            return Ok((revision, data.clone()));
        }
        let data = with_entities(&self.files, directory)?;
        *held = Some((revision, data.clone()));
        Ok((revision, data))
    }
}

fn with_entities(files: &regorus::Value, directory: &dyn Directory) -> Result<regorus::Value, String> {
    let mut kinds: BTreeMap<String, BTreeMap<regorus::Value, regorus::Value>> = BTreeMap::new();
    for entity in directory.all() {
        let described = object_to_rego(&describe(directory, &entity));
        let described = described.map_err(|e| format!("{}: {e}", entity.id))?;
        kinds.entry(entity.id.kind().to_owned()).or_default().insert(entity.id.id().into(), described);
    }
    let kinds: BTreeMap<regorus::Value, regorus::Value> =
        kinds.into_iter().map(|(kind, of_kind)| (kind.into(), of_kind.into())).collect();
    let mut data = files.clone();
    let members = data.as_object_mut().map_err(|e| e.to_string())?;
    members.insert("entities".into(), kinds.into());
    Ok(data)
}

impl Engine for Rego {
    fn name(&self) -> &'static str {
        "rego"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        match self.answer(question) {
            Ok(answer) => self.source.finding(&answer),
            Err(why) => Finding::failed(format!("{}: {}", self.source.set, load::one_line(&why))),
        }
    }

    fn may_change_results(&self) -> bool {
        self.asked.iter().any(|(name, _)| *name == "obligations")
    }
}

impl fmt::Debug for Rego {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rego")
            .field("source", &self.source)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
