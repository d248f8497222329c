//! Relations as lists: which entities the subject is related to, for filters of rows and for searches.
//!
//! Invariant: a list says of an entity what [`Facts::of`] says of it; where it cannot, each is asked about.

use super::facts::context;
use super::{Facts, RelationsFault};
use prokura_core::{Part, Selector};
use prokura_oauth::json::Value;
use prokura_policy::pdp::{Comparison, Engine, EntityId, Filter, Question};
use prokura_relations::{AskError, ObjectName, User, UserFilter};
use std::collections::BTreeMap;

/// A longer list is not looked through for every row; then each is asked about.
const LONGEST: usize = 2048;

impl Facts {
    /// What `engine` leaves for entities of `kind`, where what it asks of their relations has become a list of ids.
    pub fn filter(&self, engine: &dyn Engine, question: &Question<'_>, kind: &str) -> Filter {
        // What is not known now is asked about each, and denied if it is not known then.
        let Ok((subject, _)) = self.of(question) else { return Filter::Ask };
        let question = &Question { subject: &subject, ..*question };
        let left = engine.filter(question, kind);
        if self.kinds.ask.contains_key(kind) {
            Lists { facts: self, question, kind, known: BTreeMap::new() }.in_place(left)
        } else {
            left
        }
    }

    /// The relations that policies ask for of entities of `kind`.
    pub fn asked(&self, kind: &str) -> &[String] {
        self.kinds.ask.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// The entities of `kind` to which the question's subject has a relation that policies ask for.
    ///
    /// # Errors
    /// [`RelationsFault`]: then it is not known.
    pub fn objects_of(&self, question: &Question<'_>, kind: &str) -> Result<Vec<EntityId>, RelationsFault> {
        let mut found = Vec::new();
        for relation in self.asked(kind) {
            found.extend(self.objects(question, relation, kind)?);
        }
        Ok(found.iter().filter_map(|id| EntityId::new(kind, id).ok()).collect())
    }

    /// The ids of the entities of `kind` to which the question's subject has `relation`.
    fn objects(
        &self,
        question: &Question<'_>,
        relation: &str,
        kind: &str,
    ) -> Result<Vec<String>, RelationsFault> {
        let Some(user) = self.user(&question.subject.id) else { return Ok(Vec::new()) };
        let context = context(question);
        let names = self.view.ask(question.now, |ask| {
            known(ask.context(&context).objects(&user, relation, &self.kinds.kind(kind)))
        })?;
        Ok(names.iter().filter_map(|n| n.split_once(':')).map(|(_, id)| id.to_owned()).collect())
    }

    /// The entities of `kind` that have a relation to the question's resource for which policies ask.
    ///
    /// # Errors
    /// [`RelationsFault`]: then it is not known.
    pub fn users_of(&self, question: &Question<'_>, kind: &str) -> Result<Vec<EntityId>, RelationsFault> {
        let resource = &question.resource.id;
        let object = ObjectName::parse(&format!("{}:{}", self.kinds.kind(resource.kind()), resource.id()));
        let filter = UserFilter::parse(&self.kinds.kind(kind));
        let (Ok(object), Ok(filter)) = (object, filter) else { return Ok(Vec::new()) };
        let context = context(question);
        let mut found = Vec::new();
        for relation in self.asked(resource.kind()) {
            let users = self
                .view
                .ask(question.now, |ask| known(ask.context(&context).users(&object, relation, &filter)))?;
            // Everybody is nobody by name.
            let named = users.iter().filter_map(|user| match user {
                User::Object(object) => object.as_str().split_once(':'),
                _ => None,
            });
            found.extend(named.filter_map(|(_, id)| EntityId::new(kind, id).ok()));
        }
        Ok(found)
    }
}

/// What the model does not know, nobody has.
fn known<T>(asked: Result<Vec<T>, AskError>) -> Result<Vec<T>, AskError> {
    match asked {
        Err(AskError::UnknownType(_) | AskError::UnknownRelation { .. }) => Ok(Vec::new()),
        other => other,
    }
}

/// The lists of one question, each made when it is first needed.
struct Lists<'a> {
    facts: &'a Facts,
    question: &'a Question<'a>,
    kind: &'a str,
    known: BTreeMap<String, Filter>,
}

/// How the attribute is called that [`Facts::of`] gives resources.
fn is_relations(at: &Selector) -> bool {
    matches!(at.parts().first(), Some(Part::Member(name)) if name == "relations")
}

impl Lists<'_> {
    fn in_place(&mut self, filter: Filter) -> Filter {
        match filter {
            Filter::Is(at, how, than) if is_relations(&at) => match (at.parts().len(), how, &than) {
                (1, Comparison::Contains, Value::String(relation)) => self.list(relation),
                _ => Filter::Ask,
            },
            // Every entity of this kind has it.
            Filter::Has(at) if is_relations(&at) && at.parts().len() == 1 => Filter::All,
            Filter::Has(at) if is_relations(&at) => Filter::Ask,
            Filter::Not(what) => Filter::Not(Box::new(self.in_place(*what))),
            Filter::And(all) => Filter::And(all.into_iter().map(|f| self.in_place(f)).collect()),
            Filter::Or(any) => Filter::Or(any.into_iter().map(|f| self.in_place(f)).collect()),
            other => other,
        }
    }

    fn list(&mut self, relation: &str) -> Filter {
        if !self.facts.asked(self.kind).iter().any(|r| r == relation) {
            return Filter::Nothing;
        }
        if let Some(known) = self.known.get(relation) {
            return known.clone();
        }
        let made = match self.facts.objects(self.question, relation, self.kind) {
            Ok(ids) if ids.is_empty() => Filter::Nothing,
            Ok(ids) if ids.len() <= LONGEST => {
                let ids = Value::Array(ids.into_iter().map(Value::from).collect());
                Selector::parse("$").map_or(Filter::Ask, |id| Filter::Is(id, Comparison::OneOf, ids))
            }
            _ => Filter::Ask,
        };
        self.known.insert(relation.to_owned(), made.clone());
        made
    }
}
