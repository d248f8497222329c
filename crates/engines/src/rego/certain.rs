//! What the virtual machine may evaluate.

use regorus::rvm::program::{RuleInfo, RuleType};
use regorus::rvm::{Instruction, Program};
use std::collections::BTreeSet;

/// Builtins that answer whatever they are given.
const TOTAL: [&str; 8] =
    ["is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "type_name"];

/// Whether the virtual machine may evaluate it. Where something fails in a rule, or two values of a rule contradict each
/// other, it takes the rule for undefined and says nothing, and builtins cannot be replaced in it. So it gets what can do
/// neither; the interpreter gets the rest, and says.
pub(super) fn is_certain(program: &Program) -> bool {
    let loops = program.instructions.iter().any(|i| matches!(i, Instruction::LoopStart { .. }));
    let has_one_value = |rule: &RuleInfo| {
        let bodies: usize = rule.definitions.iter().map(Vec::len).sum();
        rule.rule_type != RuleType::Complete || rule.early_exit_on_first_success || (bodies <= 1 && !loops)
    };
    !program.has_host_await()
        && !program.needs_runtime_recursion_check
        && program.builtin_info_table.iter().all(|builtin| TOTAL.contains(&builtin.name.as_str()))
        && !program.instructions.iter().any(may_fail)
        && program.rule_infos.iter().all(has_one_value)
}

fn may_fail(instruction: &Instruction) -> bool {
    use Instruction::{Add, Count, Div, Mod, Mul, Sub};
    matches!(instruction, Add { .. } | Sub { .. } | Mul { .. } | Div { .. } | Mod { .. } | Count { .. })
}

/// The name of a rule that rests on itself, which the machine would follow until its stack is full.
pub(super) fn recursive(program: &Program) -> Option<&str> {
    let rests_on: Vec<BTreeSet<usize>> =
        program.rule_infos.iter().map(|rule| called(program, rule)).collect();
    let reaches_itself = |rule: usize| {
        let (mut seen, mut open) = (BTreeSet::new(), rests_on.get(rule).cloned().unwrap_or_default());
        while let Some(next) = open.pop_first() {
            if next == rule {
                return true;
            }
            if seen.insert(next) {
                open.extend(rests_on.get(next).into_iter().flatten().filter(|r| !seen.contains(r)));
            }
        }
        false
    };
    let found = (0..rests_on.len()).find(|rule| reaches_itself(*rule))?;
    program.rule_infos.get(found).map(|rule| rule.name.as_str())
}

/// The rules that a rule calls: what stands between the beginning and the end of each of its bodies.
fn called(program: &Program, rule: &RuleInfo) -> BTreeSet<usize> {
    let bodies = rule.definitions.iter().flatten().copied();
    let begins = bodies.chain(rule.destructuring_blocks.iter().flatten().copied());
    let mut called = BTreeSet::new();
    for begin in begins {
        let from = program.instructions.get(begin as usize..).unwrap_or_default();
        let ends = |i: &&Instruction| {
            !matches!(i, Instruction::RuleReturn { .. } | Instruction::DestructuringSuccess { .. })
        };
        for instruction in from.iter().take_while(ends) {
            match instruction {
                Instruction::CallRule { rule_index, .. } => {
                    called.insert(usize::from(*rule_index));
                }
                Instruction::FunctionCall { params_index } => {
                    let params = program.instruction_data.get_function_call_params(*params_index);
                    called.extend(params.map(|p| usize::from(p.func_rule_index)));
                }
                _ => {}
            }
        }
    }
    called
}
