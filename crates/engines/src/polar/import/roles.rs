//! Rules that call rules, and who has which permission or role.

use super::body::{Bound, Reader, State, Why, bound};
use super::cedar::{action, field, has};
use super::goals::{all, any, conjuncts};
use super::model::{Block, text};
use crate::polar::terms::line_of;
use polar_core::rules::{Parameter, Rule};
use polar_core::terms::{Call, Pattern, Term, Value};

/// How deep rules may call rules.
const DEEPEST: usize = 12;

impl Reader<'_> {
    /// A call of a rule: what any of the rules of that name says.
    pub(super) fn call(&self, call: &Call, state: &State) -> Result<String, Why> {
        if state.depth >= DEEPEST {
            return Err(format!("`{}` calls itself, or rules call rules too deep", call.name.0));
        }
        if call.kwargs.is_some() {
            return Err(format!("`{}` is called with arguments by name", call.name.0));
        }
        let arguments =
            call.args.iter().map(|arg| self.argument(arg, state)).collect::<Result<Vec<_>, _>>()?;
        if let [who, Bound::Text(name), what] = &arguments[..]
            && matches!(call.name.0.as_str(), "has_permission" | "has_role")
        {
            return self.holds(who, name, what, state.depth);
        }
        let rules = self.model.rules(&call.name.0, arguments.len());
        if rules.is_empty() {
            return Err(format!("no rule is called `{}`", call.name.0));
        }
        let sides = rules.iter().map(|rule| self.inlined(rule, &arguments, state.depth));
        let sides: Vec<String> = sides.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        Ok(any(&sides))
    }

    fn argument(&self, term: &Term, state: &State) -> Result<Bound, Why> {
        match (bound(term, state), term.value()) {
            (Some(bound), _) => Ok(bound.clone()),
            (None, Value::String(text)) => Ok(Bound::Text(text.clone())),
            (None, Value::Variable(name)) => Err(format!("`{}` is not known where it is passed on", name.0)),
            (None, _) => Ok(Bound::Expression(self.expression(term, state)?.0, None)),
        }
    }

    /// What a rule says for these arguments; nothing if its head does not fit them.
    fn inlined(&self, rule: &Rule, arguments: &[Bound], depth: usize) -> Result<Option<String>, Why> {
        let (mut state, mut when) = (State { depth: depth + 1, ..State::default() }, Vec::new());
        for (parameter, argument) in rule.params.iter().zip(arguments) {
            match (parameter.parameter.value(), argument) {
                (Value::Variable(name), _) => {
                    state.names.insert(name.0.clone(), argument.clone());
                }
                (Value::String(text), Bound::Text(given)) if text == given => {}
                (Value::String(_), Bound::Text(_)) => return Ok(None),
                (Value::String(text), Bound::Action) => when.push(format!("action == {}", action(text))),
                (_, Bound::Expression(path, _)) => {
                    when.push(format!("{path} == {}", self.expression(&parameter.parameter, &state)?.0));
                }
                _ => {
                    return Err(format!(
                        "`{}` is matched by its arguments in a way that Cedar does not have",
                        rule.name.0
                    ));
                }
            }
            if let (Some(specializer), Bound::Expression(path, kind)) = (&parameter.specializer, argument) {
                let Value::Pattern(Pattern::Instance(literal)) = specializer.value() else {
                    return Err(format!("`{}` is matched by fields without a kind", rule.name.0));
                };
                match kind {
                    Some(kind) if *kind == literal.tag.0 => {}
                    Some(_) if !matches!(literal.tag.0.as_str(), "Actor" | "Resource") => return Ok(None),
                    _ => when.push(
                        self.any_of(&literal.tag.0, path)
                            .unwrap_or_else(|| format!("{path} is {}", literal.tag.0)),
                    ),
                }
                when.extend(self.fields(literal, path, &mut state)?);
            }
        }
        when.extend(self.goal(&rule.body, &mut state)?);
        self.used.borrow_mut().rules.insert(line_of(rule));
        Ok(Some(all(&when)))
    }

    /// Whether somebody has a permission or a role: by rules, by what implies it, and by a field of the resource.
    pub(super) fn holds(&self, who: &Bound, name: &str, what: &Bound, depth: usize) -> Result<String, Why> {
        if depth >= DEEPEST {
            return Err(format!("`{name}` is implied by itself"));
        }
        let (Bound::Expression(subject, _), Bound::Expression(path, kind)) = (who, what) else {
            return Err(format!("it is not known who has `{name}` on what"));
        };
        let kind = kind
            .as_ref()
            .ok_or_else(|| format!("it is not known on what kind of resource `{name}` is asked"))?;
        let block = self.model.blocks.get(kind).ok_or_else(|| format!("`{kind}` has no resource block"))?;
        self.used.borrow_mut().blocks.insert(kind.clone());
        let is_role = block.roles.iter().any(|role| role == name);
        let rule = if is_role { "has_role" } else { "has_permission" };
        let arguments = [who.clone(), Bound::Text(name.to_owned()), what.clone()];
        let (mut sides, mut by_data) = (Vec::new(), is_role && self.model.rules(rule, 3).is_empty());
        for of in self.model.rules(rule, 3) {
            match self.inlined(of, &arguments, depth) {
                Ok(side) => sides.extend(side),
                Err(_) if is_role => by_data = true,
                Err(why) => return Err(why),
            }
        }
        if by_data {
            self.given
                .borrow_mut()
                .insert(format!("each `{kind}` has a field `{name}`: the group of those who have that role"));
            sides.push(format!("({} && {subject} in {})", has(path, name), field(path, name)));
        }
        for shorthand in block.shorthand.iter().filter(|s| s.head == name) {
            sides.push(self.implied(
                who,
                &shorthand.implied_by,
                shorthand.on.as_deref(),
                (path, block),
                what,
                depth,
            )?);
        }
        Ok(any(&sides))
    }

    fn implied(
        &self,
        who: &Bound,
        by: &str,
        on: Option<&str>,
        (path, block): (&str, &Block),
        what: &Bound,
        depth: usize,
    ) -> Result<String, Why> {
        let Bound::Expression(subject, _) = who else { return Err("it is not known who".to_owned()) };
        match on {
            Some(relation) => {
                let related = self.related(path, relation, block, what)?;
                self.holds(who, by, &related, depth + 1)
            }
            None if block.relations.contains_key(by) => {
                let Bound::Expression(related, _) = self.related(path, by, block, what)? else {
                    return Err(format!("the relation `{by}` is no expression"));
                };
                Ok(format!("{subject} == {related}"))
            }
            None => self.holds(who, by, what, depth + 1),
        }
    }

    /// What a resource is related to: as a rule says it, or the field of that name.
    fn related(&self, path: &str, relation: &str, block: &Block, what: &Bound) -> Result<Bound, Why> {
        let kind =
            block.relations.get(relation).ok_or_else(|| format!("there is no relation `{relation}`"))?;
        for rule in self.model.rules("has_relation", 3) {
            if let Some(found) = self.related_by(rule, relation, kind, what) {
                self.used.borrow_mut().rules.insert(line_of(rule));
                return Ok(Bound::Expression(found, Some(kind.clone())));
            }
        }
        self.given
            .borrow_mut()
            .insert(format!("the field `{relation}` names the `{kind}` that it is related to"));
        Ok(Bound::Expression(field(path, relation), Some(kind.clone())))
    }

    /// `has_relation(org: Org, "parent", repo: Repo) if org = repo.org;`
    fn related_by(&self, rule: &Rule, relation: &str, kind: &str, what: &Bound) -> Option<String> {
        let [subject, name, object] = &rule.params[..] else { return None };
        if text(&name.parameter).as_deref() != Some(relation) || tag(subject)? != kind {
            return None;
        }
        let (Value::Variable(subject), Value::Variable(variable)) =
            (subject.parameter.value(), object.parameter.value())
        else {
            return None;
        };
        let Bound::Expression(_, of) = what else { return None };
        if tag(object) != of.as_deref() {
            return None;
        }
        let mut state = State { depth: DEEPEST - 1, ..State::default() };
        state.names.insert(variable.0.clone(), what.clone());
        let goals = conjuncts(&rule.body);
        let [goal] = &goals[..] else { return None };
        self.goal(goal, &mut state).ok().filter(|when| when.iter().all(|w| w.contains(" has ")))?;
        match state.names.get(&subject.0)? {
            Bound::Expression(path, _) => Some(path.clone()),
            _ => None,
        }
    }
}

fn tag(parameter: &Parameter) -> Option<&str> {
    match parameter.specializer.as_ref()?.value() {
        Value::Pattern(Pattern::Instance(literal)) => Some(&literal.tag.0),
        _ => None,
    }
}
