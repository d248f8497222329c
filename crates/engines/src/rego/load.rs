//! Loading policies, and saying what is wrong with them.

use super::certain::{is_certain, recursive};
use super::machine::{Machine, REFUSED};
use super::value::object_to_rego;
use super::{Rego, RegoOptions, functions};
use crate::answer::Source;
use prokura_oauth::json::{Limits, parse};
use prokura_policy::pdp::EngineError;
use regorus::languages::rego::compiler::Compiler;
use std::sync::Mutex;

/// What is asked of a package.
const ASKED: [&str; 3] = ["allow", "deny", "obligations"];
/// A data file of a large company.
const LIMITS: Limits = Limits { max_bytes: 16 << 20, max_depth: 64 };

type File = (String, String);

pub(super) fn load(set: &str, files: &[File], options: &RegoOptions) -> Result<Rego, Vec<EngineError>> {
    let (data, modules): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name.ends_with(".json"));
    let data = data_of(&data);
    let mut loaded = regorus::Engine::new();
    loaded.set_rego_v0(options.v0);
    let mut wrong = data.as_ref().err().cloned().unwrap_or_default();
    let mut answering = Vec::new();
    for (name, text) in &modules {
        wrong.extend(refused(name, text));
        match loaded.add_policy(name.clone(), text.clone()) {
            Ok(package) if package == format!("data.{}", options.package) => answering.push(name.as_str()),
            Ok(_) => {}
            Err(e) => wrong.push(placed(name, &e.to_string())),
        }
    }
    let place = format!("package {}", options.package);
    let (Ok(files), true) = (data, wrong.is_empty()) else { return Err(wrong) };
    compiled(set, loaded, files, &modules, &answering, options).map_err(|why| vec![placed(&place, &why)])
}

fn compiled(
    set: &str,
    mut loaded: regorus::Engine,
    files: regorus::Value,
    modules: &[&File],
    answering: &[&str],
    options: &RegoOptions,
) -> Result<Rego, String> {
    let package = format!("data.{}", options.package);
    loaded.add_data(files.clone()).map_err(|e| e.to_string())?;
    let mut asked = Vec::new();
    for name in ASKED {
        if answering.iter().any(|module| loaded.has_declared_rule_rooted_at(module, name).unwrap_or(false)) {
            asked.push((name, format!("{package}.{name}")));
        }
    }
    let first = asked.first().ok_or_else(|| {
        format!(
            "no module has `allow`, `deny` or `obligations` in `package {}`: name the package that answers",
            options.package
        )
    })?;
    // What follows is prepared on a copy: builtins are replaced only in what was not.
    let policy =
        loaded.clone().compile_with_entrypoint(&first.1.as_str().into()).map_err(|e| e.to_string())?;
    let rules: Vec<&str> = asked.iter().map(|(_, rule)| rule.as_str()).collect();
    let program = match Compiler::compile_from_policy(&policy, &rules) {
        Ok(program) => {
            if let Some(rule) = recursive(&program) {
                return Err(format!("recursion: `{rule}` rests on itself"));
            }
            Some(program).filter(|program| is_certain(program))
        }
        Err(e) if e.to_string().contains("recursion") => return Err(e.to_string()),
        Err(_) => None,
    };
    if program.is_none()
        && let Some(function) = functions::recursive(modules.iter().map(|(_, text)| text.as_str()))
    {
        return Err(format!("recursion: the function `{function}` calls itself"));
    }
    let rego = Rego {
        source: Source { set: set.into(), package: package.into() },
        asked,
        program,
        limits: options.limits,
        needs_entities: modules.iter().any(|(_, text)| text.contains("entities")),
        loaded,
        files,
        data: Mutex::new(None),
        idle: Mutex::new(Vec::new()),
    };
    rego.tried()
}

impl Rego {
    /// With a machine that has its data: what fails at once, fails here.
    fn tried(self) -> Result<Self, String> {
        if self.files.as_object().is_ok_and(|data| data.get(&"entities".into()).is_some())
            && self.needs_entities
        {
            return Err("the data files say `entities`, where what is known of users and others stands: take another name".to_owned());
        }
        let mut machine = match &self.program {
            Some(program) => Machine::compiled(program, self.limits),
            None => Machine::interpreted(&self.loaded, self.limits)?,
        };
        machine.set_data(&self.files)?;
        Ok(self)
    }
}

fn data_of(files: &[&File]) -> Result<regorus::Value, Vec<EngineError>> {
    let (mut merged, mut wrong) = (regorus::Engine::new(), Vec::new());
    for (name, text) in files {
        let read = parse(text.as_bytes(), &LIMITS).map_err(|e| e.to_string());
        let object = read.and_then(|v| v.into_object().ok_or_else(|| "it must be one object".to_owned()));
        let added = object
            .and_then(|object| object_to_rego(&object).map_err(|e| e.to_string()))
            .and_then(|data| merged.add_data(data).map_err(|e| e.to_string()));
        if let Err(why) = added {
            wrong.push(EngineError { place: (*name).clone(), why: one_line(&why) });
        }
    }
    if wrong.is_empty() { Ok(merged.get_data()) } else { Err(wrong) }
}

/// Builtins that are not offered, and the time zone of the machine.
fn refused(name: &str, text: &str) -> Vec<EngineError> {
    let mut wrong = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split_once('#').map_or(line, |(code, _)| code);
        let wrong_here = |why| EngineError { place: format!("{name}:{}", at + 1), why };
        for builtin in REFUSED.into_iter().filter(|builtin| calls(line, builtin)) {
            let why = "a short text would keep it busy for hours: read such texts before they come here";
            wrong.push(wrong_here(format!("`{builtin}` is not offered: {why}")));
        }
        if calls(line, "rand.intn") {
            wrong.push(wrong_here(
                "`rand.intn` is not offered: equal questions have equal answers".to_owned(),
            ));
        }
        if line.contains("\"Local\"") {
            wrong.push(wrong_here(
                "the zone `Local` is that of the machine: name a zone, such as `Europe/Berlin`".to_owned(),
            ));
        }
    }
    wrong
}

fn calls(line: &str, builtin: &str) -> bool {
    line.match_indices(builtin).any(|(at, _)| line[at + builtin.len()..].trim_start().starts_with('('))
}

/// What regorus says, by place and reason: it writes `--> file:line:column`, the line, and `error: why`.
pub(super) fn placed(otherwise: &str, said: &str) -> EngineError {
    let place = said.lines().find_map(|line| line.trim().strip_prefix("--> "));
    let why = said.lines().find_map(|line| line.trim().strip_prefix("error: "));
    EngineError {
        place: place.unwrap_or(otherwise).to_owned(),
        why: why.map_or_else(|| one_line(said), str::to_owned),
    }
}

/// A message of several lines in one.
pub(super) fn one_line(said: &str) -> String {
    let words: Vec<&str> = said.split_whitespace().collect();
    words.join(" ").chars().take(512).collect()
}
