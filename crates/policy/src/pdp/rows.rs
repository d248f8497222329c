//! Rows: of a list in a result only those are released that the policies permit.
//!
//! A row is released if it is certain what it is and that it may be seen. One that is no object, has no id, shares its id
//! with another, has two members with nearly the same name, or one that is nearly the id or what a condition looks at, is
//! not. What the directory knows of it counts more than what it says of itself.

use super::rewrite::{Fate, Strictness, walk};
use super::{Directory, Entity, EntityId, Filter, HashKey, Met, Unclear, Why, reference, rewrite};
use prokura_core::{Rewrite, Rows};
use prokura_oauth::json::{self, Object, Value};
use std::collections::HashMap;

/// How rows are told apart.
pub struct Sieve<'a> {
    /// What partial evaluation left.
    pub filter: &'a Filter,
    /// What is known of entities.
    pub directory: &'a dyn Directory,
    /// Decides on a row that the filter leaves open: none if it is not released, else what must be rewritten in it, where
    /// `$` is the row.
    pub ask: &'a dyn Fn(&Entity) -> Option<Vec<Rewrite>>,
    /// The key of hashes in rows.
    pub key: &'a HashKey,
}

/// How much was taken out of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Rows that were not released.
    pub removed: u64,
    /// Members and values of released rows that were rewritten.
    pub fields: u64,
}

/// Keeps of the lists that `rows` names the rows that may be released.
///
/// # Errors
/// [`Unclear`] where the list cannot be found; then `value` must not be released.
pub fn keep(value: &mut Value, rows: &Rows, sieve: &Sieve<'_>) -> Result<Kept, Unclear> {
    let mut kept = Kept::default();
    walk(value, &rows.at, Strictness::There, &mut |found| match found {
        Value::Array(list) => {
            sieve.list(list, rows, &mut kept);
            Ok(Fate::Stays)
        }
        Value::Null => Ok(Fate::Stays),
        _ => Err(Why::Shape),
    })?;
    Ok(kept)
}

impl Sieve<'_> {
    fn list(&self, list: &mut Vec<Value>, rows: &Rows, kept: &mut Kept) {
        let mut names: Vec<&str> = self.filter.names().into_iter().collect();
        names.push(&rows.id);
        names.extend(rows.references.iter().map(|(name, _)| name.as_str()));
        let ids: Vec<_> = list.iter().map(|row| id(row, rows, &names)).collect();
        let mut often: HashMap<&EntityId, u32> = HashMap::new();
        for id in ids.iter().flatten() {
            *often.entry(id).or_default() += 1;
        }
        let before = list.len();
        let mut ids = ids.iter();
        list.retain_mut(|row| {
            let single = ids.next().and_then(Option::as_ref).filter(|id| often.get(id) == Some(&1));
            single.is_some_and(|id| self.releases(row, id, rows, &mut kept.fields))
        });
        kept.removed += u64::try_from(before - list.len()).unwrap_or(u64::MAX);
    }

    /// Whether a row is released; what must be rewritten in it is.
    fn releases(&self, row: &mut Value, id: &EntityId, rows: &Rows, fields: &mut u64) -> bool {
        let Some(entity) = row.as_object().and_then(|row| self.entity(row, id, rows)) else { return false };
        match self.filter.meets(id.id(), &entity.attributes) {
            Met::Yes => true,
            Met::No => false,
            Met::Ask => (self.ask)(&entity).is_some_and(|rewrites| match rewrite(row, &rewrites, self.key) {
                Ok(changed) => {
                    *fields += changed;
                    !row.is_null()
                }
                Err(_) => false,
            }),
        }
    }

    /// A row as policies see it.
    fn entity(&self, row: &Object, id: &EntityId, rows: &Rows) -> Option<Entity> {
        let mut attributes = row.clone();
        for (name, kind) in &rows.references {
            if let Some(member) = attributes.get_mut(name) {
                *member = referred(member, kind)?;
            }
        }
        let mut entity = Entity { id: id.clone(), attributes, parents: Vec::new() };
        if let Some(known) = self.directory.entity(id) {
            for (name, value) in &known.attributes {
                entity.attributes.insert(name, value.clone());
            }
            entity.parents.clone_from(&known.parents);
        }
        Some(entity)
    }
}

/// An id, or a list of ids, as references to entities of that kind.
fn referred(member: &Value, kind: &str) -> Option<Value> {
    match member {
        Value::Null => Some(Value::Null),
        Value::Array(all) => {
            all.iter().map(|one| referred_one(one, kind)).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        one => referred_one(one, kind),
    }
}

fn referred_one(value: &Value, kind: &str) -> Option<Value> {
    let id = EntityId::new(kind, &name(value)?).ok()?;
    Some(reference(id.kind(), id.id()))
}

/// What a row is, if that is certain.
fn id(row: &Value, rows: &Rows, names: &[&str]) -> Option<EntityId> {
    let row = row.as_object()?;
    if json::case_variant(row, names).is_some() || json::has_twins(row) || passes_off(row) {
        return None;
    }
    EntityId::new(&rows.kind, &name(row.get(&rows.id)?)?).ok()
}

/// How our side writes entities, values of extensions and tags. In what a server says nobody is one.
const OURS: [&str; 3] = ["__entity", "__extn", "__tags"];

fn passes_off(row: &Object) -> bool {
    row.iter().any(|(name, value)| OURS.contains(&name) || holds_ours(value))
}

fn holds_ours(value: &Value) -> bool {
    match value {
        Value::Object(inner) => passes_off(inner),
        Value::Array(list) => list.iter().any(holds_ours),
        _ => false,
    }
}

/// A text, or a whole number.
fn name(value: &Value) -> Option<String> {
    let number = || value.as_i64().map(|n| n.to_string()).or_else(|| value.as_u64().map(|n| n.to_string()));
    value.as_str().map(str::to_owned).or_else(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdp::{Comparison, NoEntities, from_words};
    use prokura_core::{Obligation, Selector};
    use prokura_oauth::json::{Limits, parse};
    use std::sync::Arc;

    fn json(text: &str) -> Value {
        parse(text.as_bytes(), &Limits::MESSAGE).unwrap()
    }

    fn rows(words: &str) -> Rows {
        match from_words("rows", words).unwrap() {
            Obligation::Rows(rows) => rows,
            other => panic!("{other:?}"),
        }
    }

    fn mine() -> Filter {
        Filter::Is(Selector::parse("$.manager").unwrap(), Comparison::Equal, reference("User", "usr_alice"))
    }

    const WORDS: &str = "view Employee by id, manager is User: $.employees";

    fn sifted(text: &str, words: &str, sieve: &Sieve<'_>) -> Result<(String, Kept), Why> {
        let mut value = json(text);
        keep(&mut value, &rows(words), sieve)
            .map(|kept| (value.to_string(), kept))
            .map_err(|unclear| unclear.why)
    }

    fn by(filter: &Filter, text: &str) -> Result<(String, Kept), Why> {
        let key = HashKey::new(b"k", &[]);
        sifted(text, WORDS, &Sieve { filter, directory: &NoEntities, ask: &|_| None, key: &key })
    }

    #[test]
    fn only_those_whose_manager_is_the_subject() {
        let text = r#"{"employees":[{"id":"e1","manager":"usr_alice"},{"id":"e2","manager":"usr_bob"},{"id":3,"manager":"usr_alice"}],"x":1}"#;
        let (out, kept) = by(&mine(), text).unwrap();
        assert_eq!(
            out,
            r#"{"employees":[{"id":"e1","manager":"usr_alice"},{"id":3,"manager":"usr_alice"}],"x":1}"#
        );
        assert_eq!(kept, Kept { removed: 1, fields: 0 });
    }

    #[test]
    fn e03_a_row_of_which_anything_is_unclear_is_not_released() {
        for row in [
            r#"{"manager":"usr_alice"}"#,
            r#"{"id":"","manager":"usr_alice"}"#,
            r#"{"id":null,"manager":"usr_alice"}"#,
            r#"{"id":["e1"],"manager":"usr_alice"}"#,
            r#"{"id":1.5,"manager":"usr_alice"}"#,
            r#"{"id":"e1","ID":"e2","manager":"usr_alice"}"#,
            r#"{"id":"e1","manager":"usr_alice","Manager":"usr_bob"}"#,
            r#"{"id":"e1","Manager":"usr_alice"}"#,
            r#"{"id":"e1","manager":"usr_alice","pay":1,"PAY":2}"#,
            r#"{"id":"e1","manager":{"id":"usr_alice"}}"#,
            r#"{"id":"e1","manager":["usr_alice"]}"#,
            r#"{"id":"e1","manager":"usr_alice","owner":{"__entity":{"type":"User","id":"usr_alice"}}}"#,
            r#"{"id":"e1","manager":"usr_alice","x":[{"y":{"__extn":{"fn":"ip","arg":"10.0.0.1"}}}]}"#,
            r#"{"id":"e1","manager":"usr_alice","__tags":{"free":"yes"}}"#,
            r#"{"id":"dup","manager":"usr_alice"},{"id":"dup","manager":"usr_alice"}"#,
            r#"{"id":"7","manager":"usr_alice"},{"id":7,"manager":"usr_alice"}"#,
            r#""e1""#,
            r#"[{"id":"e1","manager":"usr_alice"}]"#,
            "null",
        ] {
            let (out, kept) = by(&mine(), &format!(r#"{{"employees":[{row}]}}"#)).unwrap();
            assert_eq!(out, r#"{"employees":[]}"#, "{row}");
            assert!(kept.removed > 0);
        }
    }

    #[test]
    fn a_list_that_is_not_where_it_should_be_releases_nothing() {
        for (text, why) in [
            (r#"{"rows":[{"id":"e1","manager":"usr_bob"}]}"#, Why::Missing),
            (r#"{"Employees":[]}"#, Why::Name),
            (r#"{"employees":{"e1":{}}}"#, Why::Shape),
            (r#"{"employees":"[{}]"}"#, Why::Shape),
            (r#"[{"id":"e1"}]"#, Why::Shape),
        ] {
            assert_eq!(by(&Filter::All, text).map(|_| ()), Err(why), "{text}");
        }
        assert_eq!(by(&Filter::All, r#"{"employees":null}"#).unwrap().0, r#"{"employees":null}"#);
    }

    struct Known;

    impl Directory for Known {
        fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
            let manager = json::obj([("manager", reference("User", "usr_bob"))]);
            (id.id() == "e1")
                .then(|| Arc::new(Entity { id: id.clone(), attributes: manager, parents: Vec::new() }))
        }

        fn all(&self) -> Box<dyn Iterator<Item = Arc<Entity>> + '_> {
            Box::new(std::iter::empty())
        }

        fn revision(&self) -> u64 {
            0
        }
    }

    #[test]
    fn what_is_known_of_a_row_counts_more_than_what_it_says() {
        let key = HashKey::new(b"k", &[]);
        let text = r#"{"employees":[{"id":"e1","manager":"usr_alice"},{"id":"e2","manager":"usr_alice"}]}"#;
        let sieve = Sieve { filter: &mine(), directory: &Known, ask: &|_| None, key: &key };
        assert_eq!(
            sifted(text, WORDS, &sieve).unwrap().0,
            r#"{"employees":[{"id":"e2","manager":"usr_alice"}]}"#
        );
    }

    #[test]
    fn where_the_engine_is_asked_it_sees_the_row_and_may_oblige() {
        let key = HashKey::new(b"k", &[]);
        let redact = |at: &str| match from_words("redact", at).unwrap() {
            Obligation::Rewrite(rewrite) => vec![rewrite],
            other => panic!("{other:?}"),
        };
        let ask = |row: &Entity| match row.id.id() {
            "e1" => Some(Vec::new()),
            "e2" if row.attributes.get("manager") == Some(&reference("User", "m")) => Some(redact("$.pay")),
            "e3" => Some(redact("$.pay.of")),
            _ => None,
        };
        let text = r#"{"employees":[{"id":"e1","pay":1},{"id":"e2","pay":2,"manager":"m"},{"id":"e3","pay":3},{"id":"e4"}]}"#;
        let sieve = Sieve { filter: &Filter::Ask, directory: &NoEntities, ask: &ask, key: &key };
        let (out, kept) = sifted(text, WORDS, &sieve).unwrap();
        assert_eq!(
            out,
            r#"{"employees":[{"id":"e1","pay":1},{"id":"e2","pay":"[redacted]","manager":"m"}]}"#
        );
        assert_eq!(kept, Kept { removed: 2, fields: 1 });
    }
}
