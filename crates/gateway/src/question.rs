//! Questions: what a message does, in the words that policies have for it.
//!
//! The subject is the verified one of the token, and so is everybody through whom it came; nothing that a client or a
//! server says of itself names either. Names carry the server: `Tool::"crm/read"` of one and `Tool::"hr/read"` of another
//! never meet.

use crate::binding::Binding;
use crate::fault::Fault;
use crate::mapping::{Mapped, Mapping, MappingError};
use crate::route::Route;
use crate::ruling::{Matter, Refused};
use crate::scene::Scene;
use crate::tools::{Known, Tool};
use prokura_core::{Action, ActionKind, AgentId, GrantId, Principal, Timestamp};
use prokura_decider::InForce;
use prokura_mcp::tool::Hints;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::{Aim, DECLARED, Directory, Entity, EntityId, Listed, NoEntities, Question};
use std::sync::Arc;

/// What is known of no entity.
static NOBODY_IS_KNOWN: NoEntities = NoEntities;

/// Who asks, and with which policies: the half of a question that is the same for everything in one exchange.
pub(crate) struct Asking {
    in_force: Arc<InForce>,
    subject: Arc<Entity>,
    actor: Option<Arc<Entity>>,
    chain: Vec<EntityId>,
    grant: Option<GrantId>,
    context: Object,
    now: Timestamp,
}

/// A whole question, but for the arguments: they stay with the message.
pub(crate) struct Asked {
    pub(crate) by: Arc<Asking>,
    action: String,
    resource: Arc<Entity>,
    context: Object,
}

impl Asking {
    /// Who asks in this scene; nobody is asked where there are no policies.
    ///
    /// # Errors
    /// [`Fault::Policy`] if policies cannot speak of who asks.
    pub(crate) fn of(scene: &Scene, now: Timestamp) -> Result<Option<Arc<Self>>, Fault> {
        let in_force = scene.inner.decider.in_force();
        if in_force.is_empty() {
            return Ok(None);
        }
        let counts = in_force.counts();
        match Self::by(scene, in_force, now) {
            // Who only reports refuses nothing, also where it cannot be asked.
            Err(_) if !counts => Ok(None),
            asking => asking.map(|a| Some(Arc::new(a))),
        }
    }

    fn by(scene: &Scene, in_force: Arc<InForce>, now: Timestamp) -> Result<Self, Fault> {
        let token = scene.caller.token();
        let directory = in_force.directory.clone();
        let known = |id: EntityId| entity(directory.as_deref(), id);
        let subject = known(subject(token)?);
        let actor = token.and_then(actor).map(agent).transpose()?.map(known);
        let chain = token.map_or(&[][..], |t| &t.actors).iter().map(agent).collect::<Result<_, _>>()?;
        let grant = token.map(|t| t.grant.id.clone());
        let context = context(scene)?;
        Ok(Self { in_force, subject, actor, chain, grant, context, now })
    }

    /// What is asked about an action: by the operator's binding, by what the server declares where that is read, or as the
    /// tool, resource or prompt itself. What came of a call is asked about without its target, which only its arguments name.
    ///
    /// # Errors
    /// [`Fault::Policy`] if policies cannot speak of it; [`Fault::Mapping`] if what the server declares makes no question.
    pub(crate) fn about(
        self: &Arc<Self>,
        scene: &Scene,
        action: &Action,
        tool: Option<&Tool>,
        matter: Matter<'_>,
    ) -> Result<Vec<Asked>, Fault> {
        let binding = scene.route.binding(action);
        let resource = match (&binding.target, matter) {
            (Some(target), Matter::Call { arguments, .. }) => {
                entity(self.in_force.directory.as_deref(), target.of(arguments)?)
            }
            _ => Arc::new(itself(&scene.route, action)?),
        };
        let mut context = self.context.clone();
        if action.kind == ActionKind::Tool {
            context.insert("tool", Value::Object(facts_of(binding, action, tool)));
        }
        if let Matter::Call { arguments, .. } = matter {
            let bad = |why| Fault::Mapping(Box::new(why));
            if let Some(mapping) = scene.route.mapping(action, tool).map_err(bad)? {
                let mapped = self.mapped(scene, mapping, action, arguments).map_err(bad)?;
                return Ok(mapped.into_iter().map(|one| self.declared(one, &context)).collect());
            }
        }
        let action = verb(binding, action).to_owned();
        Ok(vec![Asked { by: Arc::clone(self), action, resource, context }])
    }

    /// What a mapping makes of a call. It sees what was checked, and the token as it was verified; the subject-identity claim
    /// is always that of whose authority is used (COAZ-MCP, "The Subject-Identity Claim").
    fn mapped(
        &self,
        scene: &Scene,
        mapping: &Mapping,
        action: &Action,
        arguments: Option<&Object>,
    ) -> Result<Vec<Mapped>, MappingError> {
        let mut params = obj([("name", action.name.as_str().into())]);
        if let Some(arguments) = arguments {
            params.insert("arguments", arguments.clone().into());
        }
        let mut token = scene.caller.token().map(AccessToken::claims).unwrap_or_default();
        token.insert("sub", self.subject.id.id().into());
        mapping.apply(&params, &token, &self.subject.id)
    }

    /// The question that a mapping made, with what the server said of it apart from what is verified.
    fn declared(self: &Arc<Self>, mapped: Mapped, context: &Object) -> Asked {
        let mut context = context.clone();
        context.insert(DECLARED, mapped.declared.into());
        let resource = entity(self.in_force.directory.as_deref(), mapped.resource);
        Asked { by: Arc::clone(self), action: mapped.action, resource, context }
    }

    /// Of each action, whether a list may show it; `known` are the tools of the route.
    pub(crate) fn shows(&self, route: &Route, actions: &[&Action], known: Option<&Known>) -> Vec<bool> {
        let nobody = Entity::bare(self.subject.id.clone());
        let parts: Vec<_> = actions.iter().map(|action| Part::of(route, action, known)).collect();
        let mut listed = Vec::new();
        for (at, (action, part)) in actions.iter().zip(&parts).enumerate() {
            let binding = route.binding(action);
            let tool = part.facts.as_ref();
            match (&part.mapping, &binding.target) {
                (Err(_), _) => {}
                // What only arguments tell is decided when there are some.
                (Ok(Some(mapping)), _) => listed.extend(mapping.outlines().map(|outline| {
                    (at, Listed { action: outline.action, aim: Aim::Some(outline.kind), tool })
                })),
                (Ok(None), Some(target)) => {
                    listed.push((
                        at,
                        Listed { action: verb(binding, action), aim: Aim::Some(&target.kind), tool },
                    ));
                }
                (Ok(None), None) => {
                    let aim = Aim::At(part.entity.as_ref().unwrap_or(&nobody));
                    listed.push((at, Listed { action: verb(binding, action), aim, tool }));
                }
            }
        }
        let (places, listed): (Vec<_>, Vec<_>) = listed.into_iter().unzip();
        let question = self.question("", None, &nobody, &self.context);
        let mut shown: Vec<_> = parts.iter().map(|part| part.can_be_asked(self.in_force.counts())).collect();
        for (at, is_shown) in places.into_iter().zip(self.in_force.visible(&question, &listed)) {
            shown[at] &= is_shown;
        }
        shown
    }

    fn question<'a>(
        &'a self,
        action: &'a str,
        arguments: Option<&'a Object>,
        resource: &'a Entity,
        context: &'a Object,
    ) -> Question<'a> {
        Question {
            subject: &self.subject,
            actor: self.actor.as_deref(),
            chain: &self.chain,
            grant: self.grant.as_ref().map(GrantId::as_str),
            action,
            arguments,
            resource,
            context,
            directory: self.in_force.directory.as_deref().unwrap_or(&NOBODY_IS_KNOWN),
            now: self.now,
        }
    }

    /// The policies that are asked: the same throughout one exchange.
    pub(crate) fn in_force(&self) -> &InForce {
        &self.in_force
    }
}

impl Asked {
    /// The question whether `action` may be done to this, in the same context and without arguments.
    pub(crate) fn of_row<'a>(&'a self, action: &'a str, row: &'a Entity) -> Question<'a> {
        self.by.question(action, None, row, &self.context)
    }

    /// What it is done to.
    pub(crate) fn target(&self) -> &Entity {
        &self.resource
    }

    /// The question, with these arguments.
    pub(crate) fn question<'a>(&'a self, arguments: Option<&'a Object>) -> Question<'a> {
        self.by.question(&self.action, arguments, &self.resource, &self.context)
    }
}

/// What is known of an entry of a list before it is asked about.
struct Part<'a> {
    entity: Option<Entity>,
    facts: Option<Object>,
    mapping: Result<Option<&'a Mapping>, MappingError>,
}

impl<'a> Part<'a> {
    fn of(route: &Route, action: &Action, known: Option<&'a Known>) -> Self {
        let tool = known.and_then(|known| known.get(&action.name)).map(Arc::as_ref);
        let is_tool = action.kind == ActionKind::Tool;
        Self {
            entity: itself(route, action).ok(),
            facts: is_tool.then(|| facts_of(route.binding(action), action, tool)),
            mapping: route.mapping(action, tool.filter(|_| is_tool)),
        }
    }

    /// Whether policies can speak of it. Who only reports hides nothing.
    fn can_be_asked(&self, counts: bool) -> bool {
        self.entity.is_some() && (self.mapping.is_ok() || !counts)
    }
}

fn entity(directory: Option<&dyn Directory>, id: EntityId) -> Arc<Entity> {
    directory.and_then(|known| known.entity(&id)).unwrap_or_else(|| Arc::new(Entity::bare(id)))
}

fn named(kind: &str, id: &str) -> Result<EntityId, Fault> {
    EntityId::new(kind, id).map_err(|_| Fault::Policy(Box::new(Refused::unnamed(kind))))
}

fn agent(id: &AgentId) -> Result<EntityId, Fault> {
    named("Agent", id.as_str())
}

/// Whose authority is used: nobody's at a public resource.
fn subject(token: Option<&AccessToken>) -> Result<EntityId, Fault> {
    match token.map(|t| &t.subject) {
        Some(Principal::User(user)) => named("User", user.as_str()),
        Some(Principal::Agent(id)) => agent(id),
        None => named("Anonymous", "nobody"),
    }
}

/// Who uses it, where that is somebody else. A token that does not name its actor is its holder's.
fn actor(token: &AccessToken) -> Option<&AgentId> {
    token.actors.first().or(token.grant.holder.as_ref())
}

/// What policies call what is done.
fn verb<'a>(binding: &'a Binding, action: &'a Action) -> &'a str {
    match action.kind {
        ActionKind::Tool => binding.action.as_deref().unwrap_or(&action.name),
        ActionKind::Resource => "read",
        ActionKind::Prompt => "get_prompt",
    }
}

/// The tool, resource or prompt of this server, as an entity.
fn itself(route: &Route, action: &Action) -> Result<Entity, Fault> {
    let (kind, id) = match action.kind {
        ActionKind::Tool => ("Tool", format!("{}/{}", route.name, action.name)),
        ActionKind::Resource => ("Resource", format!("{} {}", route.name, action.name)),
        ActionKind::Prompt => ("Prompt", format!("{}/{}", route.name, action.name)),
    };
    let attributes =
        obj([("server", reference("Server", &route.name)), ("name", action.name.as_str().into())]);
    Ok(Entity { id: named(kind, &id)?, attributes, parents: vec![named("Server", &route.name)?] })
}

/// What stands in the context as `tool`. Of a tool that is not known, the worst is believed.
fn facts_of(binding: &Binding, action: &Action, tool: Option<&Tool>) -> Object {
    let (hints, approved) = tool.map_or((Hints::default(), false), |tool| (tool.hints(), tool.approved));
    binding.facts(&action.name, hints, approved)
}

/// A reference to an entity, as attributes and contexts write it.
fn reference(kind: &str, id: &str) -> Value {
    let named = obj([("type", kind.into()), ("id", id.into())]);
    Value::Object(obj([("__entity", Value::Object(named))]))
}

/// What else is known of a message: of the server, the token, and where and how it came.
fn context(scene: &Scene) -> Result<Object, Fault> {
    let mut context =
        obj([("server", reference("Server", &scene.route.name)), ("method", scene.method.as_str().into())]);
    let scopes = scene.caller.token().map(|t| t.scopes.iter().map(|s| Value::from(s.as_str())).collect());
    context.insert("scopes", Value::Array(scopes.unwrap_or_default()));
    if let Some(token) = scene.caller.token() {
        context.insert("client", token.client.as_str().into());
    }
    if let Some(sign_in) = scene.caller.sign_in() {
        let seconds = sign_in.at.micros() / 1_000_000;
        let said = obj([("acr", sign_in.acr.as_str().into()), ("at", seconds.into())]);
        context.insert("sign_in", Value::Object(said));
    }
    context.insert("facts", Value::Object(facts(scene)));
    Ok(context)
}

/// What is known of where it comes from.
fn facts(scene: &Scene) -> Object {
    let mut facts = Object::new();
    if let Some(address) = scene.address {
        facts.insert("address", Value::from(address.to_string()));
    }
    if let Some(attested) = scene.caller.token().and_then(|t| t.workload.as_ref()) {
        let claims = attested.claims.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut workload = obj([("id", attested.workload.as_str().into())]);
        claims.for_each(|(name, value)| workload.insert(name, value.into()));
        workload.insert("provider", attested.provider.as_ref().into());
        facts.insert("workload", Value::Object(workload));
    }
    facts
}
