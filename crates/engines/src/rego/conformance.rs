//! The conformance cases of OPA that `regorus` claims to pass, through what evaluates here: our limits, our builtins, our
//! reading of numbers, our choice between the machine and the interpreter.

use super::certain::{is_certain, recursive};
use super::machine::{Machine, RegoLimits};
use super::value::{from_rego, object_to_rego, to_rego};
use prokura_oauth::json::{Limits, Object, Value, parse};
use regorus::languages::rego::compiler::Compiler;
use std::collections::BTreeMap;
use std::time::Duration;

/// What came of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    /// The same as in OPA.
    Same,
    /// Refused, where OPA says undefined or something: it would be a deny.
    Stricter,
    /// Something else.
    Other,
    /// It asks more than one rule, or with an input that is no JSON.
    NotAsked,
}

fn cases() -> Vec<Object> {
    let path = format!("{}/tests/data/opa/cases.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let cases = parse(&text, &Limits { max_bytes: 8 << 20, max_depth: 128 }).unwrap();
    cases.as_array().unwrap().iter().map(|case| case.as_object().unwrap().clone()).collect()
}

/// `data.generated.p = x` asks for a rule, and binds its value.
fn rule_of(query: &str) -> Option<(&str, &str)> {
    let (rule, variable) = query.split_once(" = ")?;
    let is_path =
        rule.starts_with("data.") && rule.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    let is_variable = variable.chars().all(|c| c.is_ascii_lowercase());
    (is_path && is_variable).then_some((rule, variable))
}

fn machines(case: &Object, rule: &str, data: &Object) -> Result<Vec<Machine>, String> {
    let limits = RegoLimits { instructions: 1_000_000, time: Duration::from_secs(60) };
    let mut loaded = regorus::Engine::new();
    let modules = case.get("modules").and_then(Value::as_array).unwrap_or_default();
    for (n, module) in modules.iter().enumerate() {
        let text = module.as_str().ok_or("a module is no text")?;
        loaded.add_policy(format!("{n}.rego"), text.to_owned()).map_err(|e| e.to_string())?;
    }
    let data = object_to_rego(data).map_err(|e| e.to_string())?;
    loaded.add_data(data.clone()).map_err(|e| e.to_string())?;
    let mut compiling = loaded.clone();
    let policy = compiling.compile_with_entrypoint(&rule.into()).map_err(|e| e.to_string())?;
    let program = Compiler::compile_from_policy(&policy, &[rule]).ok();
    if let Some(rule) = program.as_ref().and_then(|program| recursive(program)) {
        return Err(format!("recursion: {rule}"));
    }
    let mut machines = vec![Machine::interpreted(&loaded, limits)?];
    machines.extend(program.filter(|p| is_certain(p)).map(|p| Machine::compiled(&p, limits)));
    for machine in &mut machines {
        machine.set_data(&data)?;
    }
    Ok(machines)
}

fn answers(case: &Object, rule: &str) -> Result<Vec<Option<Value>>, String> {
    let nothing = Object::new();
    let data = case.get("data").and_then(Value::as_object).unwrap_or(&nothing);
    let input =
        case.get("input").map_or(Ok(regorus::Value::Undefined), to_rego).map_err(|e| e.to_string())?;
    let mut answers = Vec::new();
    for machine in &mut machines(case, rule, data)? {
        machine.ask(&input, 1_795_251_600_000_000_000);
        answers.push(from_rego(&machine.evaluate(rule)?).map_err(|e| e.to_string())?);
    }
    Ok(answers)
}

fn came(case: &Object) -> Came {
    let Some((rule, variable)) = rule_of(case.str("query").unwrap_or_default()) else {
        return Came::NotAsked;
    };
    if case.contains_key("input_term") {
        return Came::NotAsked;
    }
    let fails = case.contains_key("want_error") || case.contains_key("want_error_code");
    let wanted = case.get("want_result").and_then(Value::as_array).unwrap_or_default();
    let wanted = wanted.first().and_then(|bound| bound.as_object()?.get(variable));
    match answers(case, rule) {
        Err(_) if fails => Came::Same,
        // A package, of which an engine here asks three rules, and not all.
        Err(why) if why.contains("not a valid rule path") => Came::NotAsked,
        Err(_) => Came::Stricter,
        Ok(answers) if fails => {
            let silent = answers.iter().all(Option::is_none);
            if silent { Came::Same } else { Came::Other }
        }
        Ok(answers) => {
            let same = answers.iter().all(|answer| match (answer, wanted) {
                (Some(answer), Some(wanted)) => sorted(answer).to_jcs() == sorted(wanted).to_jcs(),
                (answer, wanted) => answer.is_none() && wanted.is_none(),
            });
            if same { Came::Same } else { Came::Other }
        }
    }
}

/// With every list in order: sets have none, and the cases write them as lists.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_jcs);
            Value::Array(items)
        }
        Value::Object(object) => {
            object.iter().map(|(name, value)| (name, sorted(value))).collect::<Object>().into()
        }
        other => other.clone(),
    }
}

/// Every case that comes out otherwise than in OPA is named here; the figures stand in docs/policy-conformance.md.
#[test]
fn the_cases_of_opa_come_out_as_they_are_known_to() {
    let mut counts: BTreeMap<Came, usize> = BTreeMap::new();
    let mut lines = String::new();
    for case in cases() {
        // Whether it is refused or comes out otherwise depends on how JSON numbers are read by whatever is built beside it.
        if case.str("note") == Some("strings/sprintf: float too big") {
            continue;
        }
        let came = came(&case);
        *counts.entry(came).or_default() += 1;
        if matches!(came, Came::Stricter | Came::Other) {
            let (group, note) = (case.str("group").unwrap_or_default(), case.str("note").unwrap_or_default());
            lines.push_str(&format!("{came:?} {group}: {note}\n"));
        }
    }
    let summary = format!("{counts:?}\n{lines}");
    let path = format!("{}/tests/data/opa/known.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("RENEW").is_some() {
        std::fs::write(&path, &summary).unwrap();
    }
    assert_eq!(summary, std::fs::read_to_string(&path).unwrap_or_default(), "compare {path}");
}
