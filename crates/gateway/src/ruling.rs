//! Ruling: what the organisation's policies say about the actions of a message, after scopes, details and conditional
//! access. What they permit goes into the permits, with what must be done besides.

use crate::decide::Warrant;
use crate::fault::Fault;
use crate::question::{Asked, Asking};
use crate::scene::Scene;
use crate::tools::{self, Known, Learner, Tool, check_arguments};
use prokura_core::{Action, ActionKind, Obligation, Path};
use prokura_ledger::Event;
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::secret::sha256_base64url;
use prokura_policy::pdp::{RuleRef, Ruling, to_object};
use std::sync::Arc;

/// Why policies refuse a message that scopes and conditions would allow.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// The rules that decided, and the version of the policies they are from.
    ground: Ground,
    /// What went wrong, if an engine could not answer: for the log alone.
    problems: Vec<String>,
    /// What the deciding rule says of itself for people.
    note: Option<Arc<str>>,
    /// Whether nobody decided: who was asked could not answer.
    unanswered: bool,
    /// Whether it is told as the COAZ-MCP binding says.
    coaz: bool,
}

/// What the record says of a ruling: names that an operator finds again, and no values.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ground {
    rules: Vec<RuleRef>,
    set: Option<Arc<str>>,
    /// The hash of the canonical arguments that were decided on.
    arguments: Option<String>,
    /// What it had been with the policies that only report, where that is something else.
    would: Option<Object>,
}

impl Ground {
    fn of(asking: &Asking, rules: Vec<RuleRef>, arguments: Option<&Object>) -> Self {
        let arguments = arguments.map(|a| sha256_base64url(&a.to_jcs()));
        Self { rules, set: asking.in_force().set.clone(), arguments, would: None }
    }

    fn with(self, reported: Option<&Ruling>) -> Self {
        Self { would: reported.map(would), ..self }
    }

    /// The rules, by names that an operator finds again.
    pub(crate) fn rules(&self) -> Vec<String> {
        self.rules.iter().map(|r| format!("{}#{}", r.set, r.rule)).collect()
    }

    /// Puts it into an entry.
    pub(crate) fn note(&self, event: &mut Event) {
        if let Some(set) = &self.set {
            event.details.insert("policies", set.as_ref().into());
        }
        if !self.rules.is_empty() {
            event.details.insert("rules", named(&self.rules));
        }
        if let Some(would) = &self.would {
            event.details.insert("policies_would", would.clone().into());
        }
        if let Some(hash) = &self.arguments {
            event.details.insert("arguments_sha256", hash.as_str().into());
        }
    }
}

/// Rules as an operator finds them again: `set#rule`.
fn named(rules: &[RuleRef]) -> Value {
    rules.iter().map(|r| Value::from(format!("{}#{}", r.set, r.rule))).collect()
}

/// What policies that only report would have made of it.
fn would(ruling: &Ruling) -> Object {
    obj([
        ("outcome", if ruling.permitted { "permit" } else { "deny" }.into()),
        ("rules", named(&ruling.rules)),
        ("obligations", ruling.obligations.iter().filter_map(to_object).collect()),
    ])
}

impl Refused {
    /// Policies cannot speak of something of this kind, because it has no name that they could use.
    pub(crate) fn unnamed(kind: &str) -> Self {
        Self { problems: vec![format!("no {kind} can be named so")], ..Self::default() }
    }

    /// No entity can be told for sure from the arguments.
    pub(crate) fn untargeted(path: &Path) -> Self {
        let note = format!("the argument `{path}` must name what it is done to");
        Self { note: Some(note.into()), ..Self::default() }
    }

    fn by(asked: &Asked, ruling: Ruling, arguments: Option<&Object>) -> Self {
        let note = ruling.rules.iter().find_map(|rule| rule.note.clone());
        let unanswered = ruling.rules.is_empty() && !ruling.problems.is_empty();
        let ground = Ground::of(&asked.by, ruling.rules, arguments).with(ruling.reported.as_deref());
        Self { ground, problems: ruling.problems, note, unanswered, coaz: false }
    }

    /// One that is told so, for the list of all refusals.
    #[cfg(test)]
    pub(crate) fn as_coaz(unanswered: bool) -> Self {
        Self { coaz: true, unanswered, ..Self::default() }
    }

    /// Whether nobody decided: who was asked could not answer.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// Whether it is told as the COAZ-MCP binding says.
    pub(crate) fn is_coaz(&self) -> bool {
        self.coaz
    }

    /// Puts into an entry why: what went wrong by its number, for its words, which may repeat values, are in the log.
    pub(crate) fn note(&self, event: &mut Event) {
        self.ground.note(event);
        if !self.problems.is_empty() {
            event.details.insert("problems", u64::try_from(self.problems.len()).unwrap_or(u64::MAX).into());
        }
    }

    /// What who calls is told: what the rule says for people, and never the rule.
    pub(crate) fn sentence(&self) -> &str {
        self.note.as_deref().unwrap_or("the policies of this organisation do not allow it")
    }

    fn told_to(mut self, scene: &Scene) -> Fault {
        for problem in &self.problems {
            tracing::warn!(%problem, trace = %scene.trace, "a policy could not answer: the call is refused");
        }
        self.note = self.note.filter(|_| scene.caller.token().is_some());
        self.coaz = scene.route.reads_mappings;
        Fault::Policy(Box::new(self))
    }
}

/// What a message does of which policies are asked, and of what it comes.
#[derive(Clone, Copy)]
pub(crate) enum Matter<'a> {
    /// A call, or something that takes no arguments.
    Call {
        /// The arguments.
        arguments: Option<&'a Object>,
        /// How the server is asked which tools it has.
        learner: &'a Learner,
    },
    /// What came of calls that were decided on before: what they were decided under holds, and it must still be possible
    /// that they are permitted.
    Since(&'a [Obligation]),
    /// A subscription to both: what it touches itself comes first and is decided on as a call is.
    Both {
        /// How many actions it touches itself.
        touched: usize,
        /// How the server is asked which tools it has.
        learner: &'a Learner,
        /// Under what the calls were decided whose tasks it names.
        since: &'a [Obligation],
    },
}

impl<'a> Matter<'a> {
    /// The arguments, where there are any.
    pub(crate) fn arguments(self) -> Option<&'a Object> {
        match self {
            Self::Call { arguments, .. } => arguments,
            Self::Since(_) | Self::Both { .. } => None,
        }
    }

    /// What the action at this place does.
    fn at(self, place: usize) -> Self {
        match self {
            Self::Both { touched, learner, .. } if place < touched => Self::Call { arguments: None, learner },
            Self::Both { since, .. } => Self::Since(since),
            one => one,
        }
    }

    /// What it was decided under, if that was before.
    fn since(self) -> Option<&'a [Obligation]> {
        match self {
            Self::Since(owed) => Some(owed),
            Self::Call { .. } | Self::Both { .. } => None,
        }
    }

    fn learner(self) -> Option<&'a Learner> {
        match self {
            Self::Call { learner, .. } => Some(learner),
            Self::Since(_) | Self::Both { .. } => None,
        }
    }
}

/// Puts every action of a warrant to the policies; answers what was asked about the first, if anything was. A tool must be
/// as it was described when it was pinned, and its arguments of the types that it names, before anybody is asked.
///
/// # Errors
/// [`Fault::Policy`] if some action is not permitted; whatever [`tools::usable`] and [`check_arguments`] have against it.
pub(crate) async fn rule(
    scene: &Scene,
    asking: Option<&Arc<Asking>>,
    warrant: &mut Warrant,
    matter: Matter<'_>,
) -> Result<Option<Asked>, Fault> {
    let mut first = None;
    let counts = asking.is_some_and(|asking| asking.in_force().counts());
    for (place, granted) in warrant.each_mut().enumerate() {
        let matter = matter.at(place);
        let Some(action) = granted.permit.action().cloned() else { continue };
        let tool = tool(scene, &action, counts, matter).await?;
        granted.tool.clone_from(&tool);
        if let Some(owed) = matter.since() {
            // Whatever policies there are now: what was promised of a call holds for what comes of it.
            granted.since = true;
            granted.permit.oblige(owed.iter().cloned());
        }
        let Some(asking) = asking else { continue };
        let asked = match asking.about(scene, &action, tool.as_deref(), matter) {
            // Who only reports refuses nothing, also where it cannot be asked.
            Err(_) if !counts => continue,
            asked => asked?,
        };
        if granted.since {
            still(scene, asking, &action, tool)?;
            granted.ground = Some(Ground::of(asking, Vec::new(), None));
        } else {
            let ruling = all(scene, &asked, matter.arguments()).await?;
            let rows = scene.route.binding(&action).rows.clone().filter(|_| counts);
            granted.permit.oblige(ruling.obligations.into_iter().chain(rows));
            let ground = Ground::of(asking, ruling.rules, matter.arguments());
            granted.ground = Some(ground.with(ruling.reported.as_deref()));
        }
        first = first.or(asked.into_iter().next());
    }
    Ok(first)
}

/// Asks every question that a call makes: all must be permitted, and what must be done besides adds up.
async fn all(scene: &Scene, asked: &[Asked], arguments: Option<&Object>) -> Result<Ruling, Fault> {
    let mut together = Ruling::unasked();
    for one in asked {
        let ruling = one.by.in_force().ruling(&one.question(arguments)).await;
        if !ruling.permitted {
            return Err(Refused::by(one, ruling, arguments).told_to(scene));
        }
        for problem in &ruling.problems {
            tracing::warn!(%problem, trace = %scene.trace, "a policy fails, and others permit the call without it");
        }
        add(&mut together.rules, ruling.rules);
        add(&mut together.obligations, ruling.obligations);
        together.reported = together.reported.or(ruling.reported);
    }
    Ok(together)
}

fn add<T: PartialEq>(to: &mut Vec<T>, new: Vec<T>) {
    for one in new {
        if !to.contains(&one) {
            to.push(one);
        }
    }
}

/// The tool of an action, if it is one of a tool that is known, with arguments that fit it.
async fn tool(
    scene: &Scene,
    action: &Action,
    ruled: bool,
    matter: Matter<'_>,
) -> Result<Option<Arc<Tool>>, Fault> {
    let binding = scene.route.binding(action);
    if action.kind != ActionKind::Tool {
        // Of a prompt no schema says which arguments it takes.
        if ruled {
            check_arguments(None, binding, matter.arguments())?;
        }
        return Ok(None);
    }
    let tool = tools::usable(scene, &action.name, binding, ruled, matter.learner()).await?;
    if ruled || binding.strict {
        check_arguments(tool.as_deref(), binding, matter.arguments())?;
    }
    Ok(tool)
}

fn still(scene: &Scene, asking: &Asking, action: &Action, tool: Option<Arc<Tool>>) -> Result<(), Fault> {
    let known = tool.map(|tool| Known::from([(action.name.clone(), tool)]));
    match asking.shows(&scene.route, &[action], known.as_ref())[..] {
        [true] => Ok(()),
        _ => {
            let ground = Ground::of(asking, Vec::new(), None);
            Err(Refused { ground, ..Refused::default() }.told_to(scene))
        }
    }
}
