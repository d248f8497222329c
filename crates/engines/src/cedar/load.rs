//! From texts to rules: syntax, annotations, schema, all with places.

use super::code::{Node, NotCode};
use super::rule::{Actions, Duty, Rule, Whom};
use super::session::ActionGroups;
use cedar_policy::{EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use cedar_policy_core::ast;
use miette::Diagnostic;
use prokura_policy::pdp::{EngineError, EntityId, InvalidObligation, RuleRef, from_words};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A text of policies, or a schema, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name: a file's.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

impl Source {
    /// A text by its name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// What was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) rules: Vec<Rule>,
    /// The same as Cedar has it, by the ids of the rules.
    pub(super) policies: PolicySet,
    pub(super) schema: Option<Schema>,
    pub(super) groups: ActionGroups,
    /// What may not be meant so.
    pub(super) warnings: Vec<EngineError>,
}

/// The annotations that say something to us, beside the obligations.
const KNOWN: [&str; 2] = ["id", "note"];
/// The annotations that say something to people only.
const FREE: [&str; 8] = ["author", "description", "doc", "link", "owner", "since", "title", "version"];

/// The annotations that are obligations.
const OBLIGATIONS: [&str; 11] =
    ["drop", "redact", "hash", "mask", "only", "rows", "size", "rate", "target", "approval", "review"];

/// Reads policies and their schema.
pub(super) fn load(
    set: &str,
    sources: &[Source],
    schema: Option<&Source>,
) -> Result<Loaded, Vec<EngineError>> {
    let mut errors = Vec::new();
    let mut read = Read { set: set.into(), rules: Vec::new(), policies: PolicySet::new() };
    for source in sources {
        read.take(source, &mut errors);
    }
    let schema = schema.and_then(|s| read_schema(s).map_err(|e| errors.extend(e)).ok());
    let mut warnings = Vec::new();
    if let (true, Some(schema)) = (errors.is_empty(), &schema) {
        read.validate(schema, &mut errors, &mut warnings);
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let groups = schema.as_ref().map(groups).unwrap_or_default();
    Ok(Loaded { rules: read.rules, policies: read.policies, schema, groups, warnings })
}

/// The place at which a rule begins.
pub(super) fn where_it_begins(rule: &Rule) -> String {
    let (line, column) = place(&rule.text, rule.begins);
    format!("{}:{line}:{column}", rule.file)
}

struct Read {
    set: Arc<str>,
    rules: Vec<Rule>,
    policies: PolicySet,
}

impl Read {
    fn take(&mut self, source: &Source, errors: &mut Vec<EngineError>) {
        let text: Arc<str> = source.text.as_str().into();
        let parsed: PolicySet = match source.text.parse() {
            Ok(parsed) => parsed,
            Err(unreadable) => return errors.extend(syntax(source, &unreadable)),
        };
        for template in parsed.templates() {
            let loc = template.as_ref().loc().map_or(0, |l| l.start());
            errors.push(at(source, loc, NotCode::Template.to_string()));
        }
        let mut policies: Vec<&Policy> = parsed.policies().collect();
        policies.sort_by_key(|p| begins(p));
        // Once for the file: of a large one, no policy may cost what the whole does.
        let lines: Vec<usize> = source.text.match_indices('\n').map(|(at, _)| at).collect();
        for policy in policies {
            let line = lines.partition_point(|end| *end < begins(policy)) + 1;
            if let Err(error) = self.add(source, &text, policy, line) {
                errors.push(error);
            }
        }
    }

    fn add(
        &mut self,
        source: &Source,
        text: &Arc<str>,
        policy: &Policy,
        line: usize,
    ) -> Result<(), EngineError> {
        let begins = begins(policy);
        let wrong = |why: String| at(source, begins, why);
        let id = policy.annotation("id").filter(|id| !id.is_empty()).map(str::to_owned);
        let id = id.unwrap_or_else(|| self.by_place(source, begins, line));
        let duty = duty(policy).map_err(wrong)?;
        let renamed = policy.new_id(PolicyId::new(&id));
        if self.policies.add(renamed).is_err() {
            return Err(wrong(format!("there are two policies called `{id}`: give each its own @id")));
        }
        let tree: &ast::Policy = policy.as_ref();
        let head = |constraint: &_| Whom::of(constraint).map_err(|e| wrong(e.to_string()));
        self.rules.push(Rule {
            duty,
            principal: head(tree.principal_constraint().as_inner())?,
            action: Actions::of(tree.action_constraint()),
            resource: head(tree.resource_constraint().as_inner())?,
            body: tree.non_scope_constraints().map(Node::of).transpose().map_err(|e| wrong(e.to_string()))?,
            named: RuleRef {
                set: Arc::clone(&self.set),
                rule: id.into(),
                note: policy.annotation("note").map(Arc::from),
            },
            text: Arc::clone(text),
            file: source.name.as_str().into(),
            begins,
        });
        Ok(())
    }

    /// What a policy is called that does not say it: file and line, with the column for a second one in the line.
    fn by_place(&self, source: &Source, begins: usize, line: usize) -> String {
        let short = format!("{}:{line}", source.name);
        if self.policies.policy(&PolicyId::new(&short)).is_none() {
            short
        } else {
            format!("{short}:{}", place(&source.text, begins).1)
        }
    }

    /// Strictly: what passes cannot fail for the type of anything, if entities and requests are as the schema says.
    fn validate(&self, schema: &Schema, errors: &mut Vec<EngineError>, warnings: &mut Vec<EngineError>) {
        let found = Validator::new(schema.clone()).validate(&self.policies, ValidationMode::Strict);
        errors.extend(found.validation_errors().map(|e| self.placed(e.policy_id(), e)));
        warnings.extend(found.validation_warnings().map(|w| self.placed(w.policy_id(), w)));
    }

    fn placed(&self, id: &PolicyId, finding: &dyn Diagnostic) -> EngineError {
        let rule = self.rules.iter().find(|r| *r.named.rule == *AsRef::<str>::as_ref(id));
        let Some(rule) = rule else {
            return EngineError { place: id.to_string(), why: told(finding) };
        };
        let offset = offset(finding).unwrap_or(rule.begins);
        let (line, column) = place(&rule.text, offset);
        EngineError { place: format!("{}:{line}:{column}", rule.file), why: told(finding) }
    }
}

/// What a policy does, by its effect and its annotations.
fn duty(policy: &Policy) -> Result<Duty, String> {
    let mut obligations = Vec::new();
    for (name, text) in policy.annotations() {
        if KNOWN.contains(&name) || FREE.contains(&name) || name.starts_with("x_") {
            continue;
        }
        obligations.push(from_words(name, text).map_err(|e| unknown(name, &e))?);
    }
    match (policy.effect(), obligations.is_empty()) {
        (cedar_policy::Effect::Permit, true) => Ok(Duty::Permit),
        (cedar_policy::Effect::Forbid, true) => Ok(Duty::Forbid),
        (cedar_policy::Effect::Permit, false) => Ok(Duty::Oblige(obligations)),
        (cedar_policy::Effect::Forbid, false) => Err(
            "a `forbid` has an obligation, and what is forbidden obliges nobody: write a `permit` of its own, which \
             permits nothing and obliges where it applies"
                .to_owned(),
        ),
    }
}

fn unknown(name: &str, why: &InvalidObligation) -> String {
    if OBLIGATIONS.contains(&name) {
        return why.to_string();
    }
    let listed = |names: &[&str]| names.iter().map(|n| format!("`@{n}`")).collect::<Vec<_>>().join(", ");
    format!(
        "`@{name}` is no annotation that is known, and an obligation that nobody meets must not look like one. There are \
         `@id`, `@note`, obligations ({}), those for people ({}), and what begins with `@x_`",
        listed(&OBLIGATIONS),
        listed(&FREE)
    )
}

fn begins(policy: &Policy) -> usize {
    AsRef::<ast::Policy>::as_ref(policy).loc().map_or(0, |loc| loc.start())
}

fn syntax(source: &Source, unreadable: &cedar_policy::ParseErrors) -> Vec<EngineError> {
    unreadable.iter().map(|e| at(source, offset(e).unwrap_or(0), told(e))).collect()
}

/// A schema, in Cedar's own syntax or in JSON.
fn read_schema(source: &Source) -> Result<Schema, Vec<EngineError>> {
    if source.text.trim_start().starts_with('{') {
        return Schema::from_json_str(&source.text)
            .map_err(|e| vec![at(source, offset(&e).unwrap_or(0), told(&e))]);
    }
    match Schema::from_cedarschema_str(&source.text) {
        Ok((schema, _)) => Ok(schema),
        Err(e) => Err(vec![at(source, offset(&e).unwrap_or(0), told(&e))]),
    }
}

/// In which groups each action is, by the schema.
fn groups(schema: &Schema) -> ActionGroups {
    let entities = schema.action_entities().ok();
    let named = |uid: &EntityUid| EntityId::new(&uid.type_name().to_string(), uid.id().unescaped()).ok();
    let above = |uid: &EntityUid| {
        entities.as_ref().and_then(|e| e.ancestors(uid)).into_iter().flatten().filter_map(named).collect()
    };
    let mut groups = BTreeMap::<String, Vec<(EntityId, Vec<EntityId>)>>::new();
    for uid in schema.actions() {
        let actions = groups.entry(uid.id().unescaped().to_owned()).or_default();
        actions.extend(named(uid).map(|id| (id, above(uid))));
    }
    // A name that two namespaces have stands for neither.
    groups
        .into_iter()
        .filter_map(|(name, mut found)| (found.len() == 1).then(|| (name, found.swap_remove(0))))
        .collect()
}

fn offset(finding: &dyn Diagnostic) -> Option<usize> {
    finding.labels().and_then(|mut labels| labels.next()).map(|label| label.offset())
}

/// What it says, and how to mend it where it knows.
fn told(finding: &dyn Diagnostic) -> String {
    let help = finding.help().map(|help| format!(": {help}")).unwrap_or_default();
    let label =
        finding.labels().and_then(|mut l| l.next()).and_then(|l| l.label().map(|t| format!(" ({t})")));
    format!("{finding}{}{help}", label.unwrap_or_default())
}

fn at(source: &Source, offset: usize, why: String) -> EngineError {
    let (line, column) = place(&source.text, offset);
    EngineError { place: format!("{}:{line}:{column}", source.name), why }
}

/// Line and column of a byte, both from 1; a column counts characters.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}
