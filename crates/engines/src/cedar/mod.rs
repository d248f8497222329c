//! Cedar: the default language of policies.
//!
//! Cedar's own parser, schema and strict validator read the policies; its values and functions compute. What is ours is what
//! stands between them and a request: an [index](index) over the heads of policies, so that those which cannot speak of a
//! request cost nothing; a [walk](walk) over those which can, on entities and arguments as they are, without a copy; and what
//! the same walk yields besides: an [explanation](explain), a [condition on rows](filter).
//!
//! Two things are stricter than in Cedar. A `forbid` that fails denies: in Cedar it is passed over. And a `permit` with the
//! annotation of an obligation permits nothing: where it applies its obligation holds, and where it fails the answer is deny.

mod code;
mod diff;
mod explain;
mod fail;
mod filter;
mod generate;
mod index;
mod load;
mod rule;
mod session;
mod value;
mod walk;

pub use diff::{Changed, Difference};
pub use generate::{Described, schema};
pub use load::Source;

use fail::{Fail, Stop};
use index::{By, Index};
use load::Loaded;
use prokura_core::Obligation;
use prokura_policy::pdp::{
    Aim, Effect, Engine, EngineError, Entity, EntityId, Explanation, Filter, Finding, Listed, Question,
    RuleRef,
};
use rule::{Duty, Rule};
use session::{ActionGroups, Left, Lent, Session};
use std::fmt;
use value::Uid;

/// Policies in Cedar, ready to be asked.
pub struct CedarEngine {
    rules: Vec<Rule>,
    index: Index,
    /// For where the resource is open.
    lists: Index,
    groups: ActionGroups,
    policies: cedar_policy::PolicySet,
    schema: Option<cedar_policy::Schema>,
    warnings: Vec<EngineError>,
}

/// What the rules came to, before anything is made of it: as Cedar reports it.
#[derive(Debug, Default)]
struct Outcome<'a> {
    permits: Vec<&'a Rule>,
    forbids: Vec<&'a Rule>,
    failed: Vec<(&'a Rule, Fail)>,
}

impl CedarEngine {
    /// Reads policies, and a schema against which they are checked strictly. Rules are called by their `@id`, or by file
    /// and line.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with file, line and column.
    #[allow(clippy::needless_pass_by_value, reason = "whoever read the schema has no more use for it")]
    pub fn load(sources: &[Source], schema: Option<Source>) -> Result<Self, Vec<EngineError>> {
        Self::load_set("cedar", sources, schema.as_ref())
    }

    /// As [`load`](Self::load), for a policy set of that name: its rules are told by it.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with file, line and column.
    pub fn load_set(
        set: &str,
        sources: &[Source],
        schema: Option<&Source>,
    ) -> Result<Self, Vec<EngineError>> {
        let Loaded { rules, policies, schema, groups, warnings } = load::load(set, sources, schema)?;
        let (index, lists) = (Index::of(&rules, By::Everything), Index::of(&rules, By::NotResource));
        Ok(Self { rules, index, lists, groups, policies, schema, warnings })
    }

    /// What the validator finds odd, though nothing is wrong with it: a policy that can never apply, names in mixed scripts.
    pub fn warnings(&self) -> &[EngineError] {
        &self.warnings
    }

    /// Whether any policy of it permits something; obligations do not.
    pub fn permits(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.duty, Duty::Permit))
    }

    /// Whom its policies ask to agree to a call, each with the place of the policy that does.
    pub fn approvers(&self) -> Vec<(String, &str)> {
        let mut all = Vec::new();
        for rule in &self.rules {
            let Duty::Oblige(duties) = &rule.duty else { continue };
            for need in
                duties.iter().filter_map(|d| if let Obligation::Approval(n) = d { Some(n) } else { None })
            {
                let place = load::where_it_begins(rule);
                all.extend(need.approvers.iter().map(|who| (place.clone(), who.as_str())));
            }
        }
        all
    }

    /// The policies as Cedar has them, by the names of their rules.
    pub fn policies(&self) -> &cedar_policy::PolicySet {
        &self.policies
    }

    /// The schema that they were checked against.
    pub fn schema(&self) -> Option<&cedar_policy::Schema> {
        self.schema.as_ref()
    }

    /// The full name of an action, and the groups that the schema puts it in.
    fn action<'a>(&'a self, name: &'a str) -> (Uid<'a>, &'a [EntityId]) {
        match self.groups.get(name) {
            Some((id, groups)) => (Uid::of(id), groups),
            None => (Uid { kind: "Action", id: name }, &[]),
        }
    }

    fn ask<'a>(&'a self, question: &Question<'a>, action: &'a str, lent: &'a Lent) -> Session<'a> {
        let (action, groups) = self.action(action);
        Session::new(question, action, groups, lent)
    }

    fn outcome<'a>(&'a self, session: &Session<'a>, found: &[u32]) -> Outcome<'a> {
        let mut outcome = Outcome::default();
        for rule in self.of(found).filter(|r| !matches!(r.duty, Duty::Oblige(_))) {
            match rule.applies(session) {
                Ok(false) => {}
                Ok(true) if rule.duty == Duty::Forbid => outcome.forbids.push(rule),
                Ok(true) => outcome.permits.push(rule),
                Err(stop) => outcome.failed.push((rule, failure(stop))),
            }
        }
        outcome
    }

    fn of(&self, found: &[u32]) -> impl Iterator<Item = &Rule> {
        found.iter().filter_map(|at| usize::try_from(*at).ok().and_then(|at| self.rules.get(at)))
    }

    /// What has to be met besides, or which rule failed to say it.
    fn obligations<'a>(
        &'a self,
        session: &Session<'a>,
        found: &[u32],
    ) -> Result<Vec<Obligation>, (&'a Rule, Fail)> {
        let mut met = Vec::new();
        for rule in self.of(found) {
            let Duty::Oblige(obligations) = &rule.duty else { continue };
            if rule.applies(session).map_err(|stop| (rule, failure(stop)))? {
                met.extend(obligations.iter().filter(|o| !met.contains(*o)).cloned().collect::<Vec<_>>());
            }
        }
        Ok(met)
    }
}

/// In a decision nothing is open, so a stop is a failure.
fn failure(stop: Stop) -> Fail {
    match stop {
        Stop::Failed(fail) => fail,
        Stop::Open => Fail::Unknown("something that is left open".to_owned()),
    }
}

fn named<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<RuleRef> {
    rules.into_iter().map(|r| r.named.clone()).collect()
}

fn problem((rule, fail): &(&Rule, Fail)) -> String {
    format!("policy `{}` fails: {fail}", rule.named.rule)
}

impl Engine for CedarEngine {
    fn name(&self) -> &'static str {
        "cedar"
    }

    fn decide(&self, question: &Question<'_>) -> Finding {
        let lent = Lent::default();
        let session = self.ask(question, question.action, &lent);
        let found = self.index.find(&session);
        let outcome = self.outcome(&session, &found);
        let problems: Vec<String> = outcome.failed.iter().map(problem).collect();
        let finding =
            |effect, rules| Finding { effect, rules, obligations: Vec::new(), problems: problems.clone() };
        if !outcome.forbids.is_empty() {
            return finding(Effect::Deny, named(outcome.forbids));
        }
        let unsure: Vec<&Rule> =
            outcome.failed.iter().map(|(rule, _)| *rule).filter(|r| r.duty == Duty::Forbid).collect();
        if !unsure.is_empty() {
            return finding(Effect::Deny, named(unsure));
        }
        if outcome.permits.is_empty() {
            return finding(Effect::Silent, Vec::new());
        }
        match self.obligations(&session, &found) {
            Ok(obligations) => Finding { obligations, ..finding(Effect::Permit, named(outcome.permits)) },
            Err(failed) => {
                let mut denied = finding(Effect::Deny, vec![failed.0.named.clone()]);
                denied.problems.push(problem(&failed));
                denied
            }
        }
    }

    fn visible(&self, question: &Question<'_>, listed: &[Listed<'_>]) -> Vec<Effect> {
        let some = |entry: &Listed<'_>| match entry.aim {
            Aim::At(_) => None,
            Aim::Some(kind) => Some(Entity::bare(EntityId::verbatim(kind, "?"))),
        };
        let open: Vec<Option<Entity>> = listed.iter().map(some).collect();
        let lent = Lent::default();
        let asked = Question { arguments: None, ..*question };
        let mut session = self.ask(&asked, question.action, &lent);
        let each = listed.iter().zip(&open).map(|(entry, open)| {
            let resource = match (entry.aim, open) {
                (Aim::At(resource), _) | (_, Some(resource)) => resource,
                (Aim::Some(_), None) => question.resource,
            };
            session.turn(self.action(entry.action), resource, entry.tool);
            session.left = Left { resource: open.is_some(), arguments: true, eager: true };
            self.shows(&session)
        });
        each.collect()
    }

    fn filter(&self, question: &Question<'_>, kind: &str) -> Filter {
        self.rows(question, kind)
    }

    fn may_change_results(&self) -> bool {
        let changes = |o: &Obligation| matches!(o, Obligation::Rewrite(_) | Obligation::Rows(_));
        self.rules.iter().any(|rule| matches!(&rule.duty, Duty::Oblige(all) if all.iter().any(changes)))
    }

    fn explain(&self, question: &Question<'_>) -> Explanation {
        self.examine(question)
    }
}

impl CedarEngine {
    /// What could come of an entry with some arguments: a permit if some permit might apply, unless a forbid does whatever
    /// the arguments are. Where what it would be done to is open too, so are all rules about that.
    fn shows<'a>(&'a self, session: &Session<'a>) -> Effect {
        let found = if session.left.resource { &self.lists } else { &self.index }.find(session);
        let mut effect = Effect::Silent;
        for rule in self.of(&found) {
            match (&rule.duty, rule.applies(session)) {
                (Duty::Permit, Ok(true) | Err(Stop::Open)) => effect = Effect::Permit,
                (Duty::Forbid, Ok(true)) => return Effect::Deny,
                _ => {}
            }
        }
        effect
    }
}

impl fmt::Debug for CedarEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarEngine")
            .field("rules", &self.rules.len())
            .field("schema", &self.schema.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests;
