//! What evaluates: the virtual machine where it takes the policies, the interpreter where it does not.

use super::value::{json_of, number_of};
use regorus::rvm::{Program, RegoVM};
use regorus::utils::limits::ExecutionTimerConfig;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// What one decision may take. Past any of them it is a deny.
#[derive(Debug, Clone, Copy)]
pub struct RegoLimits {
    /// Instructions of the virtual machine, for each of `allow`, `deny` and `obligations`.
    pub instructions: usize,
    /// Time.
    pub time: Duration,
}

impl Default for RegoLimits {
    /// A million instructions and a quarter of a second: hundreds of times what policies of a thousand rules take.
    fn default() -> Self {
        Self { instructions: 1_000_000, time: Duration::from_millis(250) }
    }
}

impl RegoLimits {
    fn timer(self) -> ExecutionTimerConfig {
        ExecutionTimerConfig { limit: self.time, check_interval: NonZeroU32::MIN.saturating_add(63) }
    }
}

/// Builtins that are not offered: a short text of a stranger would keep them busy for hours.
pub(super) const REFUSED: [&str; 4] = ["units.parse", "units.parse_bytes", "yaml.unmarshal", "yaml.is_valid"];

/// A builtin that does not answer.
#[derive(Debug, thiserror::Error)]
enum Unanswerable {
    #[error("`{0}` is not offered: what is decided must not depend on chance or on where it is decided")]
    Chance(&'static str),
    #[error("`{0}` is not offered: it cannot be kept within bounds")]
    Unbounded(&'static str),
    #[error("`{0}`: its argument is none that it takes")]
    Argument(&'static str),
}

// What is answered here in place of regorus: what it would ask of the machine it runs on comes from the question, and what
// it would read is read as everything else is.

/// Something that evaluates, for one thread at a time.
#[derive(Debug)]
pub(super) enum Machine {
    /// The virtual machine.
    Compiled(Box<RegoVM>),
    /// The interpreter, and the time that it answers.
    Interpreted(Box<regorus::Engine>, Arc<AtomicI64>),
}

impl Machine {
    pub(super) fn compiled(program: &Arc<Program>, limits: RegoLimits) -> Self {
        let mut vm = RegoVM::new();
        vm.load_program(Arc::clone(program));
        vm.set_max_instructions(limits.instructions);
        vm.set_execution_timer_config(Some(limits.timer()));
        // A builtin that fails in `deny` must not leave it undefined.
        vm.set_strict_builtin_errors(true);
        Self::Compiled(Box::new(vm))
    }

    pub(super) fn interpreted(loaded: &regorus::Engine, limits: RegoLimits) -> Result<Self, String> {
        let mut engine = loaded.clone();
        let now = Arc::new(AtomicI64::new(0));
        engine.set_execution_timer_config(limits.timer());
        engine.set_strict_builtin_errors(true);
        engine.set_gather_prints(true);
        own(&mut engine, &now).map_err(|e| e.to_string())?;
        Ok(Self::Interpreted(Box::new(engine), now))
    }

    pub(super) fn set_data(&mut self, data: &regorus::Value) -> Result<(), String> {
        match self {
            Self::Compiled(vm) => vm.set_data(data.clone()).map_err(|e| e.to_string()),
            Self::Interpreted(engine, _) => {
                engine.clear_data();
                engine.add_data(data.clone()).map_err(|e| e.to_string())
            }
        }
    }

    pub(super) fn ask(&mut self, input: &regorus::Value, now: i64) {
        match self {
            Self::Compiled(vm) => vm.set_input(input.clone()),
            Self::Interpreted(engine, clock) => {
                engine.set_input(input.clone());
                clock.store(now, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn evaluate(&mut self, rule: &str) -> Result<regorus::Value, String> {
        match self {
            Self::Compiled(vm) => vm.execute_entry_point_by_name(rule).map_err(|e| e.to_string()),
            Self::Interpreted(engine, _) => {
                let said = engine.eval_rule(rule.to_owned()).map_err(|e| e.to_string());
                // What policies print is for whoever writes them, and kept by nobody here.
                engine.take_prints().map_err(|e| e.to_string())?;
                said
            }
        }
    }
}

type Answered = Result<regorus::Value, Unanswerable>;
type Reading = fn(&regorus::Value) -> Answered;

fn own(engine: &mut regorus::Engine, now: &Arc<AtomicI64>) -> Result<(), Box<dyn std::error::Error>> {
    let now = Arc::clone(now);
    let clock = move |_: Vec<regorus::Value>| Ok(now.load(Ordering::Relaxed).into());
    engine.add_extension("time.now_ns".to_owned(), 0, Box::new(clock))?;
    let chance = |_: Vec<regorus::Value>| Err(Unanswerable::Chance("rand.intn").into());
    engine.add_extension("rand.intn".to_owned(), 2, Box::new(chance))?;
    let reading: [(&'static str, Reading); 3] =
        [("to_number", to_number), ("json.unmarshal", unmarshal), ("json.is_valid", is_valid)];
    for (name, read) in reading {
        let read = move |arguments: Vec<regorus::Value>| {
            let argument = arguments.first().ok_or(Unanswerable::Argument(name))?;
            Ok(read(argument)?)
        };
        engine.add_extension(name.to_owned(), 1, Box::new(read))?;
    }
    for name in REFUSED {
        let refuse = move |_: Vec<regorus::Value>| Err(Unanswerable::Unbounded(name).into());
        engine.add_extension(name.to_owned(), 1, Box::new(refuse))?;
    }
    Ok(())
}

fn to_number(argument: &regorus::Value) -> Answered {
    match argument {
        regorus::Value::Null => Ok(0_i64.into()),
        regorus::Value::Bool(b) => Ok(i64::from(*b).into()),
        regorus::Value::Number(_) => Ok(argument.clone()),
        regorus::Value::String(text) => number_of(text).map_err(|_| Unanswerable::Argument("to_number")),
        _ => Err(Unanswerable::Argument("to_number")),
    }
}

fn unmarshal(argument: &regorus::Value) -> Answered {
    let text = argument.as_string().map_err(|_| Unanswerable::Argument("json.unmarshal"))?;
    json_of(text).map_err(|_| Unanswerable::Argument("json.unmarshal"))
}

fn is_valid(argument: &regorus::Value) -> Answered {
    Ok(argument.as_string().is_ok_and(|text| json_of(text).is_ok()).into())
}
