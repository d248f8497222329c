//! What Polar asks of who runs it: fields and methods of entities, and whether two are the same.

use polar_core::events::QueryEvent;
use polar_core::kb::Bindings;
use polar_core::polar::Polar as Library;
use polar_core::query::Query;
use polar_core::terms::{Call, Dictionary, ExternalInstance, Numeric, Operator, Symbol, Term, Value};
use prokura_oauth::json::{self, Number, Object};
use prokura_policy::pdp::{DECLARED, Entity, EntityId, Question, ancestors};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The most questions that one query may ask of the host.
const MOST_EVENTS: usize = 100_000;
/// How deep values may nest.
const DEEPEST: usize = 64;

/// Who wrote a value: in what the caller sent, `{"__entity": …}` is an object, as it is for whoever executes the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Callers,
}

/// Whom policies meet for the length of one query.
pub(super) struct Host<'q> {
    library: &'q Library,
    classes: &'q BTreeSet<String>,
    question: &'q Question<'q>,
    instances: HashMap<u64, Arc<Entity>>,
    by_name: BTreeMap<EntityId, u64>,
}

impl<'q> Host<'q> {
    pub(super) fn new(
        library: &'q Library,
        classes: &'q BTreeSet<String>,
        question: &'q Question<'q>,
    ) -> Self {
        Self { library, classes, question, instances: HashMap::new(), by_name: BTreeMap::new() }
    }

    /// The first three arguments of every rule that is asked.
    pub(super) fn subject_action_resource(&mut self) -> Vec<Term> {
        let subject = self.instance(&Arc::new(self.question.subject.clone()));
        let resource = self.instance(&Arc::new(self.question.resource.clone()));
        vec![subject, Term::from(Value::String(self.question.action.to_owned())), resource]
    }

    /// Everything else that is asked.
    pub(super) fn request(&mut self) -> Result<Term, String> {
        let question = self.question;
        let mut request = Dictionary::new();
        if let Some(actor) = question.actor {
            let actor = self.instance(&Arc::new(actor.clone()));
            request.fields.insert(Symbol::new("actor"), actor);
        }
        let chain = question.chain.iter().map(|id| self.named(id)).collect::<Vec<_>>();
        request.fields.insert(Symbol::new("chain"), Term::from(Value::List(chain)));
        if let Some(grant) = question.grant {
            request.fields.insert(Symbol::new("grant"), Term::from(Value::String(grant.to_owned())));
        }
        if let Some(arguments) = question.arguments {
            let arguments = self.dictionary(arguments, Whose::Callers, DEEPEST)?;
            request.fields.insert(Symbol::new("arguments"), arguments);
        }
        request.fields.insert(Symbol::new("context"), self.context()?);
        let now = Numeric::Integer(question.now.seconds());
        request.fields.insert(Symbol::new("now"), Term::from(Value::Number(now)));
        Ok(Term::from(Value::Dictionary(request)))
    }

    /// What else is known. What a server declares is made of what the caller sent.
    fn context(&mut self) -> Result<Term, String> {
        let mut context = Dictionary::new();
        for (name, value) in self.question.context.iter().filter(|(_, value)| !value.is_null()) {
            let whose = if name == DECLARED { Whose::Callers } else { Whose::Ours };
            let value = self.value(value, whose, DEEPEST - 1)?;
            context.fields.insert(Symbol::new(name), value);
        }
        Ok(Term::from(Value::Dictionary(context)))
    }

    /// The results of a query, at most so many.
    pub(super) fn run(&mut self, mut query: Query, most: usize) -> Result<Vec<Bindings>, String> {
        let mut found = Vec::new();
        for _ in 0..MOST_EVENTS {
            match query.next_event().map_err(|e| one_line(&e.to_string()))? {
                QueryEvent::Done { .. } => return Ok(found),
                QueryEvent::Result { bindings, .. } => {
                    found.push(bindings);
                    if found.len() == most {
                        return Ok(found);
                    }
                }
                event => self.answer(&mut query, event)?,
            }
        }
        Err("a query asked too much".to_owned())
    }

    fn answer(&mut self, query: &mut Query, event: QueryEvent) -> Result<(), String> {
        let done = match event {
            QueryEvent::None => return Ok(()),
            QueryEvent::ExternalCall { call_id, instance, attribute, args, kwargs: None } => {
                let value = self.field(&instance, &attribute.0, args.as_deref())?;
                query.call_result(call_id, Some(value))
            }
            QueryEvent::ExternalIsa { call_id, instance, class_tag } => {
                query.question_result(call_id, self.is_a(&instance, &class_tag.0))
            }
            QueryEvent::ExternalOp { call_id, operator: Operator::Eq | Operator::Unify, args } => {
                query.question_result(call_id, self.are_same(&args))
            }
            QueryEvent::ExternalOp { call_id, operator: Operator::Neq, args } => {
                query.question_result(call_id, !self.are_same(&args))
            }
            QueryEvent::ExternalIsSubSpecializer { call_id, .. } => query.question_result(call_id, false),
            QueryEvent::ExternalIsSubclass { call_id, left_class_tag, right_class_tag } => {
                query.question_result(call_id, left_class_tag == right_class_tag)
            }
            QueryEvent::MakeExternal { instance_id, constructor } => {
                return self.make(instance_id, &constructor);
            }
            other => return Err(format!("it asks for what is not offered here: {}", event_name(&other))),
        };
        done.map_err(|e| one_line(&e.to_string()))
    }

    /// `new User("usr_alice")` is the entity of this name.
    fn make(&mut self, instance: u64, constructor: &Term) -> Result<(), String> {
        let wrong = || "write `new User(\"usr_alice\")`: a kind, and an id".to_owned();
        let Value::Call(Call { name, args, kwargs: None }) = constructor.value() else { return Err(wrong()) };
        let [id] = &args[..] else { return Err(wrong()) };
        let Value::String(id) = id.value() else { return Err(wrong()) };
        let id = EntityId::new(&name.0, id).map_err(|e| e.to_string())?;
        let entity = self.known(&id);
        self.instances.insert(instance, entity);
        Ok(())
    }

    fn field(&mut self, instance: &Term, name: &str, args: Option<&[Term]>) -> Result<Term, String> {
        let entity =
            self.entity(instance).ok_or_else(|| format!("`{name}` is asked of what has no fields"))?;
        let text = |text: &str| Ok(Term::from(Value::String(text.to_owned())));
        let Some(args) = args else {
            return match (name, attribute(&entity, name)) {
                ("id", _) => text(entity.id.id()),
                ("type", _) => text(entity.id.kind()),
                (_, Some(value)) => self.value(value, Whose::Ours, DEEPEST),
                (_, None) => Err(format!("{} has no field `{name}`; ask `has(\"{name}\")` first", entity.id)),
            };
        };
        let texts: Vec<&str> = args.iter().filter_map(as_text).collect();
        match (name, &texts[..]) {
            ("has", [field]) => Ok(Term::from(Value::Boolean(attribute(&entity, field).is_some()))),
            ("is_in", [kind, id]) => {
                let of = ancestors(self.question.directory, &entity);
                let is_in = of.iter().any(|a| a.kind() == *kind && a.id() == *id);
                Ok(Term::from(Value::Boolean(is_in)))
            }
            _ => Err(format!(
                "there is no method `{name}` of entities: `has(field)` and `is_in(kind, id)` are"
            )),
        }
    }

    fn is_a(&self, instance: &Term, class: &str) -> bool {
        match instance.value() {
            Value::ExternalInstance(_) => {
                self.classes.contains(class)
                    && self.entity(instance).is_some_and(|entity| entity.id.kind() == class)
            }
            Value::Boolean(_) => class == "Boolean",
            Value::Dictionary(_) => class == "Dictionary",
            Value::List(_) => class == "List",
            Value::Number(Numeric::Integer(_)) => class == "Integer",
            Value::Number(Numeric::Float(_)) => class == "Float",
            Value::String(_) => class == "String",
            _ => false,
        }
    }

    fn are_same(&self, args: &[Term]) -> bool {
        let [left, right] = args else { return false };
        match (self.entity(left), self.entity(right)) {
            (Some(left), Some(right)) => left.id == right.id,
            _ => false,
        }
    }

    fn entity(&self, term: &Term) -> Option<Arc<Entity>> {
        match term.value() {
            Value::ExternalInstance(instance) => self.instances.get(&instance.instance_id).cloned(),
            _ => None,
        }
    }

    fn named(&mut self, id: &EntityId) -> Term {
        let entity = self.known(id);
        self.instance(&entity)
    }

    /// What is known of it, by the question first.
    fn known(&self, id: &EntityId) -> Arc<Entity> {
        let asked = [Some(self.question.subject), self.question.actor, Some(self.question.resource)];
        let asked = asked.into_iter().flatten().find(|entity| entity.id == *id).cloned().map(Arc::new);
        let known = asked.or_else(|| self.question.directory.entity(id));
        known.unwrap_or_else(|| Arc::new(Entity::bare(id.clone())))
    }

    fn instance(&mut self, entity: &Arc<Entity>) -> Term {
        let library = self.library;
        let instance_id = *self.by_name.entry(entity.id.clone()).or_insert_with(|| library.get_external_id());
        self.instances.insert(instance_id, Arc::clone(entity));
        let repr = Some(entity.id.to_string());
        let class_repr = Some(entity.id.kind().to_owned());
        let constructor = None;
        Term::from(Value::ExternalInstance(ExternalInstance {
            instance_id,
            constructor,
            repr,
            class_repr,
            class_id: None,
        }))
    }

    fn value(&mut self, value: &json::Value, whose: Whose, depth: usize) -> Result<Term, String> {
        let depth = depth.checked_sub(1).ok_or("a value nests too deep")?;
        Ok(Term::from(match value {
            json::Value::Null => return Err("a list has null in it, which Polar does not know".to_owned()),
            json::Value::Bool(b) => Value::Boolean(*b),
            json::Value::Number(n) => Value::Number(number(n)?),
            json::Value::String(text) => Value::String(text.clone()),
            json::Value::Array(items) => {
                let items = items.iter().map(|item| self.value(item, whose, depth));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            json::Value::Object(object) => match reference(object).filter(|_| whose == Whose::Ours) {
                Some(id) => return Ok(self.named(&id)),
                None => return self.dictionary(object, whose, depth),
            },
        }))
    }

    /// A dictionary. What is null in it is not there, for Polar has no null.
    fn dictionary(&mut self, object: &Object, whose: Whose, depth: usize) -> Result<Term, String> {
        let mut dictionary = Dictionary::new();
        for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let value = self.value(value, whose, depth)?;
            dictionary.fields.insert(Symbol::new(name), value);
        }
        Ok(Term::from(Value::Dictionary(dictionary)))
    }
}

/// An attribute. What is null is not there, for Polar has no null.
fn attribute<'e>(entity: &'e Entity, name: &str) -> Option<&'e json::Value> {
    entity.attributes.get(name).filter(|value| !value.is_null())
}

fn as_text(term: &Term) -> Option<&str> {
    match term.value() {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Whom `{"__entity": {"type", "id"}}` names.
fn reference(object: &Object) -> Option<EntityId> {
    let named = object.get("__entity").filter(|_| object.len() == 1)?.as_object()?;
    EntityId::new(named.str("type")?, named.str("id")?).ok()
}

/// Polar counts with 64 bits or doubles. What is another number in either is refused.
fn number(n: &Number) -> Result<Numeric, String> {
    if let Some(i) = n.as_i64() {
        return Ok(Numeric::Integer(i));
    }
    let double = n.as_f64();
    let of_double = Number::parse(&format!("{double:e}"));
    let is_same = double.is_finite()
        && of_double
            .is_some_and(|d| json::Value::Number(d).to_jcs() == json::Value::Number(n.clone()).to_jcs());
    let is_whole = !n.text().contains(['.', 'e', 'E']);
    if !is_same || is_whole {
        return Err("a number has more digits than Polar counts with".to_owned());
    }
    Ok(Numeric::Float(double))
}

fn event_name(event: &QueryEvent) -> &'static str {
    match event {
        QueryEvent::Debug { .. } => "the debugger",
        QueryEvent::ExternalOp { .. } => "an order of entities",
        QueryEvent::NextExternal { .. } => "walking through an entity",
        QueryEvent::ExternalCall { .. } => "arguments by name",
        _ => "partial evaluation",
    }
}

pub(super) fn one_line(said: &str) -> String {
    let words: Vec<&str> = said.split_whitespace().collect();
    words.join(" ").chars().take(512).collect()
}
