//! Approvals: a call that somebody must agree to is put to them, and goes through once when enough agreed.
//!
//! The client goes on by sending the same call again; nothing that it brings back is believed to be an agreement. What it
//! brings back only says which task it means, so that one for another call becomes void.

use super::unapproved::{Returned, Speaks, Unapproved, Waits};
use crate::decide::Warrant;
use crate::fault::Fault;
use crate::question::Asked;
use crate::ruling::Ground;
use crate::scene::Scene;
use crate::tools::Tool;
use prokura_access::{ApprovalSeal, Facts, Line, arguments_hash};
use prokura_config::ResourceConfig;
use prokura_core::{
    Action, ActionKind, AgentId, ApprovalNeed, AskedCall, GrantId, Principal, Quorum, Risk, TaskId, Timestamp,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::json::{Object, Value};
use prokura_oauth::seal::{MasterKey, SealError};
use prokura_store::{StoreError, TaskAsk, TaskAsked, Tx, call_key};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How long a client that comes back is kept waiting for a decision, before it hears that there is none yet.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(400);

/// An agreement to be used in the transaction that records the permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spend {
    /// The task.
    pub(crate) task: TaskId,
    /// The call that it must be for.
    pub(crate) key: String,
}

/// What must be agreed to before an action, and by whose word.
pub(crate) struct Need<'a> {
    pub(crate) action: &'a Action,
    pub(crate) quorum: Quorum,
    pub(crate) because: String,
    pub(crate) rules: Vec<String>,
    pub(crate) risk: Option<Risk>,
    pub(crate) reversible: Option<bool>,
    /// What the tool's pinned definition calls it, and its arguments.
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
}

/// Who must agree where a policy says it.
fn quorum(need: &ApprovalNeed) -> Quorum {
    let approvers: BTreeSet<String> = need.approvers.iter().cloned().collect();
    Quorum { approvers, of: need.of, acr: need.acr, lasts: need.lasts }
}

/// What must be agreed to before a message: what policies say (`said`, of which permit), and where they say nothing, what
/// its risk says.
pub(super) fn needs<'a>(
    scene: &Scene,
    warrant: &'a Warrant,
    said: &[(usize, ApprovalNeed)],
    asked: Option<&Asked>,
    arguments: Option<&Object>,
) -> Vec<Need<'a>> {
    let mut all = Vec::new();
    for (place, granted) in warrant.each().enumerate() {
        let Some(action) = granted.permit.action().filter(|_| !granted.since) else { continue };
        let (risk, reversible) = scene.inner.approvals.effects(&scene.route.name, action);
        let rules = granted.ground.as_ref().map(Ground::rules).unwrap_or_default();
        let need = |quorum, because: &str, rules| Need {
            action,
            quorum,
            because: because.to_owned(),
            rules,
            risk,
            reversible,
            title: title(action, granted.tool.as_deref()),
            lines: lines(granted.tool.as_deref(), asked, arguments),
        };
        let before = all.len();
        for (_, said) in said.iter().filter(|(at, _)| *at == place) {
            all.push(need(quorum(said), &said.because, rules.clone()));
        }
        let config = &scene.inner.approvals.config;
        if all.len() == before && config.ask.asks(risk, reversible) {
            let why = match (risk, reversible) {
                (Some(Risk::High), Some(false)) => "its risk is high, and it cannot be undone",
                (Some(Risk::High), _) => "its risk is high",
                _ => "it cannot be undone",
            };
            all.push(need(config.quorum(), why, Vec::new()));
        }
    }
    all
}

/// What a tool is called by its description in force.
fn title(action: &Action, tool: Option<&Tool>) -> String {
    tool.and_then(|tool| tool.description.title())
        .map_or_else(|| action.name.clone(), |said| cut(said, TITLE))
}

/// What the tool's description in force says of the arguments, and what was known of the target before, by their names.
/// Nothing is taken from a description that was not pinned: what a server says between two calls is nobody's word.
fn lines(tool: Option<&Tool>, asked: Option<&Asked>, arguments: Option<&Object>) -> Vec<Line> {
    let Some(arguments) = arguments else { return Vec::new() };
    let schema = tool.and_then(|tool| tool.schema.as_ref().ok()).and_then(Option::as_ref);
    let line = |name: &str| {
        let said = schema.map(|schema| schema.said(name)).unwrap_or_default();
        let before = asked.and_then(|asked| asked.target().attributes.get(name).cloned());
        let known = said.title.is_some() || said.about.is_some() || before.is_some();
        known.then(|| Line {
            name: name.to_owned(),
            title: said.title.map_or_else(|| name.to_owned(), |title| cut(title, TITLE)),
            about: said.about.map(|about| cut(about, ABOUT)),
            before,
        })
    };
    arguments.keys().filter_map(line).collect()
}

/// The longest title and the longest explanation that are kept, in characters.
const TITLE: usize = 120;
const ABOUT: usize = 400;

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a gateway needs to ask people.
pub(crate) struct Approvals {
    /// Which calls are asked for, and of whom.
    pub(crate) config: prokura_config::Approvals,
    /// Seals what would happen.
    pub(crate) seal: Arc<ApprovalSeal>,
    /// What the operator says of the effects of tools, by resource and tool.
    effects: HashMap<(String, String), Effects>,
}

/// How risky, and whether it can be undone.
type Effects = (Option<Risk>, Option<bool>);

impl Approvals {
    /// Takes what the configuration says.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub(crate) fn new(
        config: prokura_config::Approvals,
        resources: &[ResourceConfig],
        master: &MasterKey,
    ) -> Result<Self, SealError> {
        let mut effects = HashMap::new();
        for resource in resources {
            for (tool, said) in &resource.tools {
                let risk = said.risk.and_then(|risk| Risk::parse(risk.as_str()));
                effects.insert((resource.name.clone(), tool.clone()), (risk, said.reversible));
            }
        }
        Ok(Self { config, seal: Arc::new(ApprovalSeal::new(master)?), effects })
    }

    fn effects(&self, resource: &str, action: &Action) -> Effects {
        if action.kind != ActionKind::Tool || self.effects.is_empty() {
            return (None, None);
        }
        self.effects.get(&(resource.to_owned(), action.name.clone())).copied().unwrap_or_default()
    }
}

/// What came of looking, in one transaction.
#[derive(Default)]
struct Found {
    spends: Vec<Spend>,
    waiting: Vec<TaskId>,
    /// The standing agreements that the call falls under.
    rules: Vec<String>,
}

/// Looks for agreements to everything that needs one, and asks where there is none.
///
/// # Errors
/// [`Fault::Unapproved`].
pub(crate) async fn agreed(
    scene: &Scene,
    needs: Vec<Need<'_>>,
    arguments: Option<&Object>,
    (returned, speaks): (&Returned, &Speaks<'_>),
    now: Timestamp,
) -> Result<(Vec<Spend>, Vec<String>), Fault> {
    let unapproved = |why| Fault::Unapproved(Box::new(why));
    let token = scene.caller.token().ok_or_else(|| unapproved(Unapproved::Nobody))?;
    let because = needs.first().map(|need| need.because.clone()).unwrap_or_default();
    let asks = needs
        .into_iter()
        .map(|need| ask(scene, token, need, arguments, now))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unapproved)?;
    let (mut waited, policies) = (Duration::ZERO, scene.inner.decider.in_force());
    loop {
        let mut found = look(scene, &asks, arguments, returned).await?;
        if waited > Duration::ZERO {
            scene.inner.authenticator.in_force(token)?;
        }
        // What was decided before somebody was waited for counts only by the policies that there still are.
        let decided = waited.is_zero() || Arc::ptr_eq(&policies, &scene.inner.decider.in_force());
        if found.waiting.is_empty() && decided {
            return Ok((found.spends, found.rules));
        }
        if !returned.went || waited >= PATIENCE || !decided {
            found.waiting.extend(found.spends.into_iter().map(|spend| spend.task));
            let first = found.waiting.first().map(ToString::to_string).unwrap_or_default();
            let address = format!("{}/approve/{first}", scene.inner.authenticator.issuer());
            let reply = speaks.reply(&found.waiting, returned);
            let waits = Waits { tasks: found.waiting, address, because, went: returned.went, reply };
            return Err(unapproved(Unapproved::Waits(waits)));
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}

fn ask(
    scene: &Scene,
    token: &AccessToken,
    need: Need<'_>,
    arguments: Option<&Object>,
    now: Timestamp,
) -> Result<TaskAsk, Unapproved> {
    let call = call(scene, token, need.action, arguments).ok_or(Unapproved::Nobody)?;
    if !need.quorum.is_possible(&call.subject) {
        return Err(Unapproved::Nobody);
    }
    let (inner, given) = (&scene.inner, arguments.cloned().unwrap_or_default());
    let id = TaskId::random(&*inner.rng);
    let shape = inner.approvals.seal.shape(&given);
    let facts = Facts::new(need.title, given, need.lines);
    let sealed = inner.approvals.seal.seal(&id, &facts, &*inner.rng).map_err(|_| Unapproved::Nobody)?;
    Ok(TaskAsk {
        id,
        call,
        quorum: need.quorum,
        because: need.because,
        rules: need.rules,
        risk: need.risk,
        reversible: need.reversible,
        sealed,
        shape,
        trace: scene.trace.to_string(),
        until: now.after(inner.approvals.config.waits.get()),
        grant_until: now,
    })
}

/// The call as a task names it; none if nobody is known to act.
fn call(
    scene: &Scene,
    token: &AccessToken,
    action: &Action,
    arguments: Option<&Object>,
) -> Option<AskedCall> {
    let own = match &token.subject {
        Principal::Agent(agent) => Some(agent),
        Principal::User(_) => None,
    };
    let actor = token.actors.first().or(token.grant.holder.as_ref()).or(own)?.clone();
    let mut chain: Vec<AgentId> = token.actors.clone();
    if chain.first() != Some(&actor) {
        chain.insert(0, actor.clone());
    }
    Some(AskedCall {
        grant: token.grant.id.clone(),
        root: token.grant.id.clone(),
        subject: token.subject.clone(),
        actor,
        chain,
        client: token.client.clone(),
        resource: scene.route.resource.clone(),
        server: scene.route.name.clone(),
        action: action.to_string(),
        arguments: arguments_hash(arguments.map(|a| Value::Object(a.clone())).as_ref()),
    })
}

async fn look(
    scene: &Scene,
    asks: &[TaskAsk],
    arguments: Option<&Object>,
    returned: &Returned,
) -> Result<Found, Fault> {
    let (asks, returned) = (asks.to_vec(), returned.clone());
    let given = arguments.cloned().unwrap_or_default();
    let (seal, now) = (Arc::clone(&scene.inner.approvals.seal), scene.inner.clock.now());
    let event = scene.event(EventKind::Decision, "approval:ask".to_owned(), Outcome::Challenge);
    let told = scene.inner.approvals.config.webhook.is_some();
    let settled = scene.inner.store.transact::<_, StoreError>(move |tx| {
        let meets = |rule: &prokura_store::ApprovalRule| {
            seal.open_conditions(&rule.id, &rule.sealed).is_some_and(|c| c.meets(&given))
        };
        one_by_one(tx, (&asks, told), &returned, &meets, &event, now)
    });
    let found = settled.await.map_err(|error| {
        tracing::error!(%error, trace = %scene.trace, "approvals cannot be looked for: the call is refused");
        Fault::NotRecorded
    })?;
    found.map_err(|why| Fault::Unapproved(Box::new(why)))
}

fn one_by_one(
    tx: &mut Tx<'_>,
    (asks, told): (&[TaskAsk], bool),
    returned: &Returned,
    meets: &dyn Fn(&prokura_store::ApprovalRule) -> bool,
    event: &Event,
    now: Timestamp,
) -> Result<Result<Found, Unapproved>, StoreError> {
    let mut found = Found::default();
    let keyed = asks.iter().map(|ask| placed(tx, ask)).collect::<Result<Option<Vec<_>>, _>>()?;
    let Some(keyed) = keyed else { return Ok(Err(Unapproved::Elsewhere)) };
    if let Some(why) = other(tx, &keyed, returned, now)? {
        return Ok(Err(why));
    }
    for ask in &keyed {
        let standing = tx.approval_rules_for(&ask.call, &ask.quorum, now)?;
        if let Some(rule) = standing.iter().find(|rule| meets(rule)) {
            found.rules.push(rule.id.clone());
            continue;
        }
        match tx.ask_task(ask, now)? {
            TaskAsked::New => {
                if told {
                    tx.tell_of_task(&ask.id, now)?;
                }
                tx.record(asked(event, ask));
                found.waiting.push(ask.id.clone());
            }
            TaskAsked::Waiting(id) => found.waiting.push(id),
            TaskAsked::Approved(task) => {
                found.spends.push(Spend { task, key: call_key(&ask.call, &ask.quorum) });
            }
            TaskAsked::Refused(task) => return Ok(Err(Unapproved::Refused(task))),
            TaskAsked::Full => return Ok(Err(Unapproved::Full)),
        }
    }
    Ok(Ok(found))
}

/// The same with the root that the grant stands under here, and with its end; none if it is not of this database.
fn placed(tx: &mut Tx<'_>, ask: &TaskAsk) -> Result<Option<TaskAsk>, StoreError> {
    let Some(chain) = tx.chain(&ask.call.grant)? else { return Ok(None) };
    let roots: BTreeSet<&GrantId> = chain.roots().map(|grant| &grant.id).collect();
    let Some(root) = roots.first() else { return Ok(None) };
    let call = AskedCall { root: (*root).clone(), ..ask.call.clone() };
    let ends = chain.grants().map(|grant| grant.expires_at).min();
    Ok(ends.map(|grant_until| TaskAsk { call, grant_until, ..ask.clone() }))
}

/// A client that comes back with a task of another call: that one is void. One whose user would not decide gives it up.
fn other(
    tx: &mut Tx<'_>,
    asks: &[TaskAsk],
    returned: &Returned,
    now: Timestamp,
) -> Result<Option<Unapproved>, StoreError> {
    let keys: BTreeSet<String> = asks.iter().map(|ask| call_key(&ask.call, &ask.quorum)).collect();
    let mut changed = false;
    for id in &returned.tasks {
        let Some(task) = tx.task(id)? else { continue };
        if !keys.contains(&task.key) {
            changed |= tx.void_task(id, "the call was changed", now)?;
        } else if returned.declined {
            tx.void_task(id, "whoever was asked would not decide", now)?;
        }
    }
    Ok(match (changed, returned.declined) {
        (true, _) => Some(Unapproved::Changed),
        (_, true) => Some(Unapproved::Declined),
        _ => None,
    })
}

/// The entry that somebody is asked.
fn asked(event: &Event, ask: &TaskAsk) -> Event {
    let mut event = event.clone();
    event.details.insert("approval", ask.id.as_str().into());
    event.details.insert("about", ask.call.action.as_str().into());
    event.details.insert("arguments_sha256", ask.call.arguments.as_str().into());
    let approvers = ask.quorum.approvers.iter().map(|name| Value::from(name.as_str())).collect();
    event.details.insert("approvers", Value::Array(approvers));
    event.details.insert("of", u64::from(ask.quorum.of).into());
    event
}
