//! Relations as facts of a question: what the subject is to the resource, and what the subject belongs to.

use super::{RelationsFault, View};
use prokura_core::Timestamp;
use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{Aim, Entity, EntityId, Listed, Question};
use prokura_relations::{Ask, AskError, Index, ObjectName, User};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What policies want to know of relations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds {
    /// Which relations are asked of resources of a kind: they become the attribute `relations` of the resource.
    pub ask: BTreeMap<String, Vec<String>>,
    /// What a subject belongs to: entities of a kind to which it has a relation become its parents.
    pub parents: BTreeMap<String, String>,
    /// The type of the model for a kind of entity, where it is not the kind in small letters: `user` for `User`.
    pub types: BTreeMap<String, String>,
}

/// Answers [`Kinds`] from the view in memory.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(super) view: Arc<View>,
    pub(super) kinds: Kinds,
}

impl Kinds {
    /// The type of the model that entities of `kind` are of.
    pub fn kind(&self, kind: &str) -> String {
        self.types.get(kind).cloned().unwrap_or_else(|| kind.to_ascii_lowercase())
    }
}

impl Facts {
    /// Those that `kinds` wants, from `view`.
    pub fn new(view: Arc<View>, kinds: Kinds) -> Self {
        Self { view, kinds }
    }

    /// The question's subject and resource, with what relations say of them. Conditions see the question's `facts`,
    /// and its time as `current_time`.
    ///
    /// # Errors
    /// [`RelationsFault`]: then it is not known, and the question must be denied.
    pub fn of(&self, question: &Question<'_>) -> Result<(Entity, Entity), RelationsFault> {
        let (mut subject, mut resource) = (question.subject.clone(), question.resource.clone());
        let (asked, parents) = (self.kinds.ask.get(resource.id.kind()), &self.kinds.parents);
        if asked.is_none() && parents.is_empty() {
            return Ok((subject, resource));
        }
        let context = context(question);
        let found = self.view.ask(question.now, |ask| {
            let ask = ask.context(&context);
            let Some(user) = self.user(&subject.id) else { return Ok((Vec::new(), Vec::new())) };
            let held =
                asked.map_or(Ok(Vec::new()), |relations| self.held(&ask, &user, &resource.id, relations))?;
            Ok((held, self.parents(&ask, &user)?))
        });
        let (held, belongs) = found?;
        if asked.is_some() {
            resource
                .attributes
                .insert("relations", Value::Array(held.into_iter().map(Value::from).collect()));
        }
        subject.parents.extend(belongs.into_iter().filter(|p| !question.subject.parents.contains(p)));
        Ok((subject, resource))
    }

    /// The same of the entries of a list: the question's subject, and of each entry what it would be done to, where
    /// policies ask for relations of that.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_all(
        &self,
        question: &Question<'_>,
        listed: &[Listed<'_>],
    ) -> Result<(Entity, Vec<Option<Entity>>), RelationsFault> {
        let aim = |one: &Listed<'_>| match one.aim {
            Aim::At(resource) if self.kinds.ask.contains_key(resource.id.kind()) => {
                self.of(&Question { resource, ..*question }).map(|(_, resource)| Some(resource))
            }
            Aim::At(_) | Aim::Some(_) => Ok(None),
        };
        let aims = listed.iter().map(aim).collect::<Result<_, _>>()?;
        Ok((self.of(question)?.0, aims))
    }

    pub(super) fn user(&self, id: &EntityId) -> Option<User> {
        User::parse(&format!("{}:{}", self.kinds.kind(id.kind()), id.id())).ok()
    }

    /// The relations among `relations` that the user has; none where the model knows no such users or objects.
    fn held(
        &self,
        ask: &Ask<'_, Index>,
        user: &User,
        resource: &EntityId,
        relations: &[String],
    ) -> Result<Vec<String>, AskError> {
        let object = format!("{}:{}", self.kinds.kind(resource.kind()), resource.id());
        let Ok(object) = ObjectName::parse(&object) else { return Ok(Vec::new()) };
        let names: Vec<_> = relations.iter().map(String::as_str).collect();
        match ask.check_all(user, &names, &object) {
            Ok(found) => Ok(found.into_iter().map(str::to_owned).collect()),
            Err(AskError::UnknownType(_)) => Ok(Vec::new()),
            Err(other) => Err(other),
        }
    }

    fn parents(&self, ask: &Ask<'_, Index>, user: &User) -> Result<Vec<EntityId>, AskError> {
        let mut found = Vec::new();
        for (kind, relation) in &self.kinds.parents {
            let names = match ask.objects(user, relation, &self.kinds.kind(kind)) {
                Ok(names) => names,
                Err(AskError::UnknownType(_) | AskError::UnknownRelation { .. }) => continue,
                Err(other) => return Err(other),
            };
            let ids = names.iter().filter_map(|n| n.split_once(':'));
            found.extend(ids.filter_map(|(_, id)| EntityId::new(kind, id).ok()));
        }
        Ok(found)
    }
}

/// What conditions may look at: what this side knows, and nothing that the caller says.
pub(super) fn context(question: &Question<'_>) -> Object {
    let facts = question.context.get("facts").and_then(Value::as_object);
    let mut context = facts.cloned().unwrap_or_default();
    context.insert("current_time", rfc3339(question.now).into());
    context
}

/// `2026-11-21T18:00:00Z`.
fn rfc3339(at: Timestamp) -> String {
    let (days, second) = (at.seconds().div_euclid(86_400), at.seconds().rem_euclid(86_400));
    // Days to a date, by eras of 400 years that begin in March (Howard Hinnant, chrono-compatible low-level date algorithms).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_284_245, "2026-11-21T18:04:05Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_seconds(seconds)), text);
        }
    }
}
