//! Heads and conditions of rules, as expressions of Cedar.

use super::cedar::{Policy, field};
use super::goals::conjuncts;
use super::model::{Model, text};
use polar_core::rules::{Parameter, Rule};
use polar_core::terms::{InstanceLiteral, Operator, Pattern, Term, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Why something cannot be said in Cedar.
pub(super) type Why = String;

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    /// The action that is asked for, not yet one of them.
    Action,
    /// An action by name, or any other text.
    Text(String),
    /// An expression, and the kind that it is known to have.
    Expression(String, Option<String>),
    /// The request, which is Cedar's context with what stands beside it.
    Request,
}

/// Variables of one rule.
pub(super) type Names = BTreeMap<String, Bound>;

/// What was needed of others.
#[derive(Debug, Default, Clone)]
pub(super) struct Used {
    /// Lines of rules.
    pub(super) rules: BTreeSet<usize>,
    /// Names of resource blocks.
    pub(super) blocks: BTreeSet<String>,
}

/// A rule that is being read.
#[derive(Debug, Default, Clone)]
pub(super) struct State {
    pub(super) names: Names,
    pub(super) depth: usize,
}

/// Reads rules of one file.
pub(super) struct Reader<'a> {
    pub(super) model: &'a Model<'a>,
    pub(super) used: RefCell<Used>,
    pub(super) given: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(model: &'a Model<'a>) -> Self {
        Self { model, used: RefCell::default(), given: RefCell::default() }
    }

    pub(super) fn used(&self) -> Used {
        self.used.borrow().clone()
    }

    /// The policies that say what an `allow`, `deny` or `obligation` says.
    pub(super) fn policies(&self, rule: &Rule) -> Result<Vec<Policy>, Why> {
        let before = self.used.borrow().clone();
        let made = self.asked(rule);
        if made.is_err() {
            // What only a rule needed that a person carries over, a person needs.
            *self.used.borrow_mut() = before;
        }
        made
    }

    fn asked(&self, rule: &Rule) -> Result<Vec<Policy>, Why> {
        if !self.asks_permission(rule) {
            return Ok(vec![self.policy(rule, None)?]);
        }
        let mut policies = Vec::new();
        for (kind, block) in self.model.blocks.iter().filter(|(_, block)| !block.is_actor) {
            for permission in &block.permissions {
                policies.push(self.policy(rule, Some((kind, permission)))?);
            }
        }
        Ok(policies)
    }

    /// Whether it asks for the permission that is named like the action: then each permission is a policy.
    fn asks_permission(&self, rule: &Rule) -> bool {
        let Some(Value::Variable(action)) = rule.params.get(1).map(|p| p.parameter.value()) else {
            return false;
        };
        conjuncts(&rule.body).iter().any(|goal| match goal.value() {
            Value::Call(call) if call.name.0 == "has_permission" => {
                matches!(call.args.get(1).map(Term::value), Some(Value::Variable(v)) if v == action)
            }
            _ => false,
        })
    }

    fn policy(&self, rule: &Rule, of: Option<(&String, &String)>) -> Result<Policy, Why> {
        self.given.borrow_mut().clear();
        let mut policy = Policy {
            effect: if rule.name.0 == "deny" { "forbid" } else { "permit" },
            annotation: None,
            principal: None,
            actions: Vec::new(),
            resource: of.map(|(kind, _)| kind.clone()),
            when: Vec::new(),
            given: Vec::new(),
        };
        let mut state = State::default();
        let [subject, asked, resource, rest @ ..] = &rule.params[..] else {
            return Err("it has too few arguments".to_owned());
        };
        policy.principal = self.who(subject, "principal", &mut state, &mut policy.when)?;
        self.what(asked, of.map(|(_, permission)| permission), &mut state, &mut policy)?;
        let kind = self.who(resource, "resource", &mut state, &mut policy.when)?;
        match (&policy.resource, kind) {
            (Some(of), Some(kind)) if *of != kind => {
                return Err(format!("it is about `{kind}` and asks for permissions of `{of}`"));
            }
            (None, Some(kind)) => policy.resource = Some(kind),
            _ => {}
        }
        if let Some(kind) = &policy.resource {
            narrow(&mut state, "resource", kind);
        }
        self.rest(rule, rest, &mut state, &mut policy)?;
        for goal in conjuncts(&rule.body) {
            if let Some(actions) = actions_of(&goal, &state) {
                policy.actions = actions;
            } else {
                policy.when.extend(self.goal(&goal, &mut state)?);
            }
        }
        policy.given.extend(self.given.borrow().iter().cloned());
        Ok(policy)
    }

    /// What follows the resource: the request, and for an obligation its name and text.
    fn rest(
        &self,
        rule: &Rule,
        rest: &[Parameter],
        state: &mut State,
        policy: &mut Policy,
    ) -> Result<(), Why> {
        let (request, obligation) = match (rule.name.0.as_str(), rest) {
            ("obligation", [request, kind, with]) => (Some(request), Some((kind, with))),
            ("obligation", [kind, with]) => (None, Some((kind, with))),
            (_, [request]) => (Some(request), None),
            _ => (None, None),
        };
        if let Some(request) = request {
            let Value::Variable(name) = request.parameter.value() else {
                return Err("its request is no plain variable".to_owned());
            };
            state.names.insert(name.0.clone(), Bound::Request);
        }
        if let Some((kind, with)) = obligation {
            let both = text(&kind.parameter).zip(text(&with.parameter));
            policy.annotation = Some(both.ok_or("the name and text of its obligation are computed")?);
        }
        Ok(())
    }

    /// The subject or the resource: its kind, if the head says it.
    fn who(
        &self,
        of: &Parameter,
        is: &str,
        state: &mut State,
        when: &mut Vec<String>,
    ) -> Result<Option<String>, Why> {
        let Value::Variable(name) = of.parameter.value() else {
            return Err(format!("its {is} is no variable"));
        };
        state.names.insert(name.0.clone(), Bound::Expression(is.to_owned(), None));
        let Some(specializer) = &of.specializer else { return Ok(None) };
        let Value::Pattern(Pattern::Instance(literal)) = specializer.value() else {
            return Err(format!("its {is} is matched by fields without a kind"));
        };
        when.extend(self.fields(literal, is, state)?);
        if let Some(any) = self.any_of(&literal.tag.0, is) {
            when.push(any);
            return Ok(None);
        }
        narrow(state, is, &literal.tag.0);
        Ok(Some(literal.tag.0.clone()))
    }

    /// `Actor` and `Resource` are any of the kinds that have a block.
    pub(super) fn any_of(&self, tag: &str, is: &str) -> Option<String> {
        let wanted = match tag {
            "Actor" => true,
            "Resource" => false,
            _ => return None,
        };
        let blocks = self.model.blocks.iter().filter(|(_, block)| block.is_actor == wanted);
        let kinds: Vec<_> = blocks.map(|(kind, _)| format!("{is} is {kind}")).collect();
        Some(if kinds.is_empty() { "true".to_owned() } else { format!("({})", kinds.join(" || ")) })
    }

    pub(super) fn fields(
        &self,
        literal: &InstanceLiteral,
        of: &str,
        state: &mut State,
    ) -> Result<Vec<String>, Why> {
        let mut when = Vec::new();
        for (name, value) in &literal.fields.fields {
            let path = field(of, &name.0);
            match value.value() {
                Value::Variable(variable) if !state.names.contains_key(&variable.0) => {
                    state.names.insert(variable.0.clone(), Bound::Expression(path, None));
                }
                _ => when.push(format!("{path} == {}", self.expression(value, state)?.0)),
            }
        }
        Ok(when)
    }

    fn what(
        &self,
        of: &Parameter,
        permission: Option<&String>,
        state: &mut State,
        policy: &mut Policy,
    ) -> Result<(), Why> {
        match (of.parameter.value(), permission) {
            (Value::String(name), _) => policy.actions = vec![name.clone()],
            (Value::Variable(name), Some(permission)) => {
                policy.actions = vec![permission.clone()];
                state.names.insert(name.0.clone(), Bound::Text(permission.clone()));
            }
            (Value::Variable(name), None) => {
                state.names.insert(name.0.clone(), Bound::Action);
            }
            _ => return Err("its action is neither a text nor a variable".to_owned()),
        }
        Ok(())
    }
}

fn narrow(state: &mut State, is: &str, kind: &str) {
    for bound in state.names.values_mut() {
        if let Bound::Expression(path, known) = bound
            && path == is
        {
            *known = Some(kind.to_owned());
        }
    }
}

pub(super) fn bound<'s>(term: &Term, state: &'s State) -> Option<&'s Bound> {
    match term.value() {
        Value::Variable(name) => state.names.get(&name.0),
        _ => None,
    }
}

/// The names of a condition that is about the action alone: they belong into the head.
fn actions_of(goal: &Term, state: &State) -> Option<Vec<String>> {
    let Value::Expression(operation) = goal.value() else { return None };
    let [left, right] = &operation.args[..] else { return None };
    if bound(left, state) != Some(&Bound::Action) {
        return None;
    }
    match (operation.operator, right.value()) {
        (Operator::In, Value::List(names)) => names.iter().map(text).collect(),
        (Operator::Unify | Operator::Eq, Value::String(name)) => Some(vec![name.clone()]),
        _ => None,
    }
}
