//! `prokura policy check`: everything that is wrong with policies, before anybody is asked by them.

use super::place::Placed;
use super::{AdminArgs, Files, Loaded, configured, line, set_of};
use crate::failure::Failure;
use crate::show::print;
use prokura_config::PolicySet;
use prokura_decider::text::{SetText, short};
use prokura_decider::{entities, files, languages, problem_object};
use prokura_oauth::json::obj;
use prokura_policy::pdp::EngineError;

/// What came of one set.
struct Checked {
    name: String,
    language: &'static str,
    text: Option<SetText>,
    wrong: Vec<EngineError>,
    odd: Vec<EngineError>,
}

pub(super) fn check(args: &AdminArgs, of: Files) -> Result<(), Failure> {
    let mut all = Vec::new();
    if of.files.is_empty() {
        let loaded = Loaded::read(&args.config)?;
        if loaded.config.policy.sets.is_empty() {
            return Err(Failure::usage(
                "there is no policy set: add a `[[policy.set]]`, or name files to check",
            ));
        }
        all.extend(configured(&loaded, &[])?.iter().map(|set| {
            let mut one = checked(set);
            let unknown =
                |text| languages::unknown_approvers(&set.name, text, |g| loaded.config.has_group(g)).ok();
            one.odd.extend(one.text.as_ref().and_then(unknown).into_iter().flatten());
            one
        }));
        if let Err(problem) = entities::read(&loaded.config.policy) {
            all.push(of_entities(problem));
        }
    } else {
        all.push(checked(&set_of(of.files, of.schema)?));
    }
    for one in &all {
        one.told(args.json)?;
    }
    match all.iter().map(|c| c.wrong.len()).sum() {
        0 => Ok(()),
        1 => Err(Failure::refused("1 problem; policies with problems never come in force")),
        n => Err(Failure::refused(format!("{n} problems; policies with problems never come in force"))),
    }
}

fn checked(set: &PolicySet) -> Checked {
    let (name, language) = (set.name.clone(), set.language.as_str());
    match files::read(set) {
        Err(problem) => Checked { name, language, text: None, wrong: vec![problem], odd: Vec::new() },
        Ok(text) => {
            let (wrong, odd) = match languages::check(&set.name, &text) {
                Ok(odd) => (Vec::new(), odd),
                Err(wrong) => (wrong, Vec::new()),
            };
            Checked { name, language, text: Some(text), wrong, odd }
        }
    }
}

fn of_entities(problem: EngineError) -> Checked {
    Checked {
        name: "entities".to_owned(),
        language: "json",
        text: None,
        wrong: vec![problem],
        odd: Vec::new(),
    }
}

impl Checked {
    fn told(&self, json: bool) -> Result<(), Failure> {
        if json {
            return self.as_json();
        }
        for (problems, sort) in [(&self.wrong, "error"), (&self.odd, "warning")] {
            for problem in problems {
                print(Placed { problem, text: self.text.as_ref(), sort })?;
            }
        }
        match &self.text {
            Some(text) if self.wrong.is_empty() => {
                let files = match text.files.len() {
                    1 => "1 file".to_owned(),
                    n => format!("{n} files"),
                };
                let version = text.version();
                print(format!(
                    "{} is fine: {files} of {}, version {}.",
                    self.name,
                    self.language,
                    short(&version)
                ))
            }
            _ => Ok(()),
        }
    }

    fn as_json(&self) -> Result<(), Failure> {
        let mut object = obj([
            ("set", self.name.as_str().into()),
            ("language", self.language.into()),
            ("valid", self.wrong.is_empty().into()),
            ("problems", self.wrong.iter().map(problem_object).collect()),
            ("warnings", self.odd.iter().map(problem_object).collect()),
        ]);
        if let Some(text) = &self.text {
            object.insert("version", text.version().into());
        }
        line(&object)
    }
}
