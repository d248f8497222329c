//! Conditions.

use super::body::{Bound, Reader, State, Why, bound};
use super::cedar::action;
use super::model::text;
use polar_core::terms::{Operation, Operator, Pattern, Term, Value};

impl Reader<'_> {
    /// A condition: what must hold, all of it.
    pub(super) fn goal(&self, goal: &Term, state: &mut State) -> Result<Vec<String>, Why> {
        match goal.value() {
            Value::Boolean(true) => Ok(Vec::new()),
            Value::Boolean(false) => Ok(vec!["false".to_owned()]),
            Value::Call(call) => Ok(vec![self.call(call, state)?]),
            Value::Expression(operation) => self.operation(operation, goal, state),
            other => Err(format!("`{goal}` is no condition that Cedar has ({})", kind_of(other))),
        }
    }

    fn operation(&self, operation: &Operation, goal: &Term, state: &mut State) -> Result<Vec<String>, Why> {
        use Operator::{And, Assign, Dot, Eq, Geq, Gt, In, Isa, Leq, Lt, Neq, Not, Or, Unify};
        match (operation.operator, &operation.args[..]) {
            (And, goals) => {
                let mut when = Vec::new();
                for goal in goals {
                    when.extend(self.goal(goal, state)?);
                }
                Ok(when)
            }
            (Or, goals) => {
                let sides = goals.iter().map(|goal| Ok(all(&self.goal(goal, &mut state.clone())?)));
                Ok(vec![format!("({})", sides.collect::<Result<Vec<_>, Why>>()?.join(" || "))])
            }
            (Not, [negated]) => {
                let mut inner = state.clone();
                let when = self.goal(negated, &mut inner)?;
                if inner.names.len() > state.names.len() {
                    return Err(format!("`{goal}` asks that something is not there"));
                }
                Ok(vec![format!("!({})", all(&when))])
            }
            (Unify | Assign | Eq, [left, right]) => self.same(left, right, state),
            (Neq, [left, right]) => self.compared(left, "!=", right, state),
            (Lt, [left, right]) => self.compared(left, "<", right, state),
            (Leq, [left, right]) => self.compared(left, "<=", right, state),
            (Gt, [left, right]) => self.compared(left, ">", right, state),
            (Geq, [left, right]) => self.compared(left, ">=", right, state),
            (In, [item, list]) => self.contained(item, list, state),
            (Isa, [of, pattern]) => self.is_a(of, pattern, state),
            (Dot, _) => {
                let (path, mut when) = self.expression(goal, state)?;
                when.push(path);
                Ok(when)
            }
            (operator, _) => Err(format!("Cedar has nothing like `{operator:?}` in `{goal}`")),
        }
    }

    /// Equality, or a name for what stands at the other side.
    fn same(&self, left: &Term, right: &Term, state: &mut State) -> Result<Vec<String>, Why> {
        for (open, other) in [(left, right), (right, left)] {
            let Value::Variable(name) = open.value() else { continue };
            if state.names.contains_key(&name.0) {
                continue;
            }
            if let Value::Variable(known) = other.value()
                && let Some(bound) = state.names.get(&known.0).cloned()
            {
                state.names.insert(name.0.clone(), bound);
                return Ok(Vec::new());
            }
            // What guards it in the context says that it is there.
            let (path, when) = self.expression(other, state)?;
            state.names.insert(name.0.clone(), Bound::Expression(path, None));
            return Ok(when);
        }
        self.compared(left, "==", right, state)
    }

    fn compared(&self, left: &Term, operator: &str, right: &Term, state: &State) -> Result<Vec<String>, Why> {
        for (of, other) in [(left, right), (right, left)] {
            if bound(of, state) == Some(&Bound::Action) {
                let name = text(other).ok_or("it compares the action with something other than a text")?;
                return Ok(vec![format!("action {operator} {}", action(&name))]);
            }
        }
        let ((left, mut when), (right, more)) =
            (self.expression(left, state)?, self.expression(right, state)?);
        when.extend(more);
        when.push(format!("{left} {operator} {right}"));
        Ok(when)
    }

    fn contained(&self, item: &Term, list: &Term, state: &State) -> Result<Vec<String>, Why> {
        if bound(item, state) == Some(&Bound::Action) {
            let Value::List(names) = list.value() else {
                return Err("it looks for the action in no list of texts".to_owned());
            };
            let names = names.iter().map(|name| text(name).map(|name| action(&name)));
            let names: Option<Vec<_>> = names.collect();
            return Ok(vec![format!(
                "action in [{}]",
                names.ok_or("it looks for the action among others than texts")?.join(", ")
            )]);
        }
        let ((item, mut when), (list, more)) = (self.expression(item, state)?, self.expression(list, state)?);
        when.extend(more);
        when.push(format!("{list}.contains({item})"));
        Ok(when)
    }

    fn is_a(&self, of: &Term, pattern: &Term, state: &mut State) -> Result<Vec<String>, Why> {
        let Value::Pattern(Pattern::Instance(literal)) = pattern.value() else {
            return Err(format!("`matches {pattern}` has no kind"));
        };
        let (path, mut when) = self.expression(of, state)?;
        if matches!(
            literal.tag.0.as_str(),
            "Integer" | "String" | "Boolean" | "List" | "Dictionary" | "Float"
        ) {
            self.given
                .borrow_mut()
                .insert(format!("`{path}` is declared as {} in the schema", literal.tag.0));
            return Ok(when);
        }
        match self.any_of(&literal.tag.0, &path) {
            Some(any) => when.push(any),
            None => when.push(format!("{path} is {}", literal.tag.0)),
        }
        when.extend(self.fields(literal, &path, state)?);
        Ok(when)
    }
}

pub(super) fn conjuncts(body: &Term) -> Vec<Term> {
    match body.value() {
        Value::Expression(Operation { operator: Operator::And, args }) => {
            args.iter().flat_map(conjuncts).collect()
        }
        _ => vec![body.clone()],
    }
}

pub(super) fn all(when: &[String]) -> String {
    if when.is_empty() { "true".to_owned() } else { when.join(" && ") }
}

pub(super) fn any(sides: &[String]) -> String {
    match sides {
        [] => "false".to_owned(),
        [one] => format!("({one})"),
        _ => format!("({})", sides.iter().map(|side| format!("({side})")).collect::<Vec<_>>().join(" || ")),
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Dictionary(_) => "a dictionary",
        Value::Pattern(_) => "a pattern",
        Value::RestVariable(_) => "the rest of a list",
        Value::ExternalInstance(_) => "an instance",
        Value::Expression(_) => "an operation",
        _ => "a value",
    }
}
