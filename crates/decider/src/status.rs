//! What a process says of its policies.

use crate::text::short;
use prokura_config::{PolicyLanguage, PolicyMode};
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::EngineError;

/// What is in force in a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The sets, in the order of the configuration.
    pub sets: Vec<SetStatus>,
    /// How many entities are known.
    pub entities: usize,
    /// What is wrong with the files of entities; those that were known before are then still known.
    pub entities_problem: Option<EngineError>,
    /// Another number whenever what is known of entities was put together anew.
    pub revision: u64,
}

/// What a process says of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetStatus {
    /// Its name.
    pub name: String,
    /// What it is written in, or how it is asked.
    pub language: PolicyLanguage,
    /// Whether it counts.
    pub mode: PolicyMode,
    /// The version in force; none for one that is elsewhere.
    pub version: Option<String>,
    /// The version that its files hold, if they can be read.
    pub of_files: Option<String>,
    /// What is wrong with what the files hold.
    pub problems: Vec<EngineError>,
    /// Why the version that the database says is in force is not in force here.
    pub behind: Vec<EngineError>,
    /// How many times something that was not valid was kept out, since the process began.
    pub kept_out: u64,
}

impl Status {
    /// As JSON.
    pub fn to_object(&self) -> Object {
        let mut object = obj([
            ("sets", self.sets.iter().map(SetStatus::to_object).collect()),
            ("entities", u64::try_from(self.entities).unwrap_or(u64::MAX).into()),
            ("revision", self.revision.into()),
        ]);
        if let Some(problem) = &self.entities_problem {
            object.insert("entities_problem", problem_object(problem));
        }
        object
    }
}

impl SetStatus {
    /// As JSON.
    pub fn to_object(&self) -> Object {
        let mut object = obj([
            ("name", self.name.as_str().into()),
            ("language", self.language.as_str().into()),
            ("mode", self.mode.as_str().into()),
            ("problems", self.problems.iter().map(problem_object).collect()),
            ("behind", self.behind.iter().map(problem_object).collect()),
            ("kept_out", self.kept_out.into()),
        ]);
        if let Some(version) = &self.version {
            object.insert("version", version.as_str().into());
        }
        if let Some(of_files) = &self.of_files {
            object.insert("of_files", of_files.as_str().into());
        }
        object
    }

    /// Its version as people read it; empty if there is none.
    pub fn short(&self) -> &str {
        self.version.as_deref().map_or("", short)
    }
}

/// A problem as JSON.
pub fn problem_object(problem: &EngineError) -> Value {
    obj([("place", problem.place.as_str().into()), ("why", problem.why.as_str().into())]).into()
}
