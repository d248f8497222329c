//! Whom and what a request is about: what is known of them, and what the caller says of them.

use super::AuthzenFault;
use super::ask::Ask;
use prokura_oauth::json::{Object, Value};
use prokura_policy::authzen::{Evaluation, Kinds, Party};
use prokura_policy::pdp::{Entity, EntityId};
use std::sync::Arc;

/// What the gateway finds out itself, and policies therefore take for true. Only who may say what is known says these.
const FOUND_OUT: [&str; 9] =
    ["chain", "grant", "scopes", "facts", "relations", "server", "tool", "device", "now"];

/// The longest chain of actors.
const CHAIN: usize = 32;

/// A question of which everything is known that will be.
pub(super) struct Known {
    pub(super) subject: Arc<Entity>,
    pub(super) actor: Option<Arc<Entity>>,
    pub(super) chain: Vec<EntityId>,
    pub(super) grant: Option<String>,
    pub(super) resource: Arc<Entity>,
    pub(super) context: Object,
}

/// The name that policies have for a party; `None` if they cannot have one for its type.
fn name(kinds: &Kinds, party: &Party, at: &'static str) -> Result<Option<EntityId>, AuthzenFault> {
    match EntityId::new(kinds.ours(&party.kind), &party.id) {
        Ok(id) => Ok(Some(id)),
        Err(_) if EntityId::new(kinds.ours(&party.kind), "-").is_err() => Ok(None),
        Err(_) => Err(AuthzenFault::Id(at)),
    }
}

impl Ask<'_> {
    /// Everything that is known for a question; `None` if it is about a type that no policy can know.
    pub(super) fn known(&self, e: &Evaluation) -> Result<Option<Known>, AuthzenFault> {
        let subject = self.party(&e.subject, ["subject.id", "subject.properties"])?;
        let resource = self.party(&e.resource, ["resource.id", "resource.properties"])?;
        let (Some(subject), Some(resource)) = (subject, resource) else { return Ok(None) };
        self.with(subject, resource, &e.context).map(Some)
    }

    /// A question about these two.
    pub(super) fn with(
        &self,
        subject: Arc<Entity>,
        resource: Arc<Entity>,
        context: &Object,
    ) -> Result<Known, AuthzenFault> {
        let mut context = context.clone();
        context.remove("supported_obligations");
        let actor = context.remove("actor").map(|a| self.actor(a)).transpose()?;
        if context.remove("arguments").is_some() {
            // They would pass for those of the call, which stand in `action.properties`.
            return Err(AuthzenFault::Asserts("context.arguments"));
        }
        if !self.caller.asserts && FOUND_OUT.iter().any(|name| context.contains_key(name)) {
            return Err(AuthzenFault::Asserts("context.facts"));
        }
        let chain = context.remove("chain").map(|c| self.chain(&c)).transpose()?.unwrap_or_default();
        let grant = context.remove("grant").and_then(|g| g.as_str().map(str::to_owned));
        Ok(Known { subject, actor, chain, grant, resource, context })
    }

    /// What the directory knows of a party, and over it what the caller says, if it may.
    pub(super) fn party(
        &self,
        party: &Party,
        [id_at, properties_at]: [&'static str; 2],
    ) -> Result<Option<Arc<Entity>>, AuthzenFault> {
        if !party.properties.is_empty() && !self.caller.asserts {
            return Err(AuthzenFault::Asserts(properties_at));
        }
        let Some(id) = name(self.kinds(), party, id_at)? else { return Ok(None) };
        let known = self.directory().entity(&id);
        if party.properties.is_empty() {
            return Ok(Some(known.unwrap_or_else(|| Arc::new(Entity::bare(id)))));
        }
        let mut entity = known.map_or_else(|| Entity::bare(id), Arc::unwrap_or_clone);
        for (name, value) in &party.properties {
            entity.attributes.insert(name, value.clone());
        }
        Ok(Some(Arc::new(entity)))
    }

    /// Who acts: an entity, or an agent's id.
    fn actor(&self, value: Value) -> Result<Arc<Entity>, AuthzenFault> {
        const AT: [&str; 2] = ["context.actor.id", "context.actor.properties"];
        let party = match value {
            Value::String(id) => Party { kind: "agent".to_owned(), id, properties: Object::new() },
            Value::Object(object) => {
                let text =
                    |name| object.str(name).map(str::to_owned).ok_or(AuthzenFault::Id("context.actor.id"));
                let properties = object.get("properties").and_then(Value::as_object).cloned();
                Party { kind: text("type")?, id: text("id")?, properties: properties.unwrap_or_default() }
            }
            _ => return Err(AuthzenFault::Id("context.actor.id")),
        };
        self.party(&party, AT)?.ok_or(AuthzenFault::Id("context.actor.id"))
    }

    fn chain(&self, value: &Value) -> Result<Vec<EntityId>, AuthzenFault> {
        const BAD: AuthzenFault = AuthzenFault::Id("context.chain");
        let list = value.as_array().filter(|l| l.len() <= CHAIN).ok_or(BAD)?;
        let one = |value: &Value| {
            let (kind, id) = match value {
                Value::String(id) => ("agent", id.as_str()),
                _ => {
                    let object = value.as_object().ok_or(BAD)?;
                    (object.str("type").ok_or(BAD)?, object.str("id").ok_or(BAD)?)
                }
            };
            EntityId::new(self.kinds().ours(kind), id).map_err(|_| BAD)
        };
        list.iter().map(one).collect()
    }
}
