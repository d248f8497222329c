//! Between rows of the database and tuples.

use super::Vouching;
use prokura_core::Timestamp;
use prokura_oauth::json::{Limits, Object, Value, parse};
use prokura_relations::{Attached, InvalidTuple, Key, Named, Seen, Tuple, Tuples, Unreadable, Which};
use prokura_store::{RelationTuple, StoreError, Tx};
use std::cell::RefCell;
use std::sync::Arc;

/// The row of a tuple.
pub fn row(tuple: &Tuple) -> RelationTuple {
    let (condition, context) = tuple.condition.as_ref().map_or_else(Default::default, |c| {
        (c.name.clone(), String::from_utf8(c.context.to_jcs()).unwrap_or_default())
    });
    RelationTuple { condition, context, ..row_of_key(&tuple.key) }
}

/// The row of a key, without a condition.
pub(super) fn row_of_key(key: &Key) -> RelationTuple {
    RelationTuple {
        object: key.object.to_string(),
        relation: key.relation.to_string(),
        subject: key.user.name().into_owned(),
        userset: key.user.relation().unwrap_or_default().to_owned(),
        condition: String::new(),
        context: String::new(),
        said: None,
    }
}

/// The tuple of a row.
///
/// # Errors
/// [`InvalidTuple`] if it was changed by hand.
pub fn tuple(row: &RelationTuple) -> Result<Tuple, InvalidTuple> {
    let user =
        if row.userset.is_empty() { row.subject.clone() } else { format!("{}#{}", row.subject, row.userset) };
    let key = Key::parse(&user, &row.relation, &row.object)?;
    Ok(Tuple { key, condition: condition(row)? })
}

fn condition(row: &RelationTuple) -> Result<Option<Arc<Attached>>, InvalidTuple> {
    if row.condition.is_empty() {
        return Ok(None);
    }
    let context = if row.context.is_empty() {
        Ok(Value::Object(Object::new()))
    } else {
        parse(row.context.as_bytes(), &Limits::DOCUMENT)
    };
    match context {
        Ok(Value::Object(context)) => Ok(Some(Arc::new(Attached { name: row.condition.clone(), context }))),
        _ => Err(InvalidTuple::Form("the context of its condition is no object".to_owned())),
    }
}

/// The tuples as a transaction sees them.
pub struct InTx<'t, 'c> {
    tx: RefCell<&'t mut Tx<'c>>,
    providers: Arc<Vouching>,
    now: Timestamp,
}

impl<'t, 'c> InTx<'t, 'c> {
    /// Reads from `tx` what counts at `now`.
    pub(super) fn new(tx: &'t mut Tx<'c>, providers: Arc<Vouching>, now: Timestamp) -> Self {
        Self { tx: RefCell::new(tx), providers, now }
    }

    fn read<T>(&self, f: impl FnOnce(&mut Tx<'c>) -> Result<T, StoreError>) -> Result<T, Unreadable> {
        f(&mut self.tx.borrow_mut()).map_err(|e| Unreadable(e.to_string()))
    }

    fn counts(&self, row: &RelationTuple) -> bool {
        self.providers.counts(row, self.now)
    }

    fn condition(row: &RelationTuple) -> Result<Option<Arc<Attached>>, Unreadable> {
        condition(row).map_err(|e| Unreadable(e.to_string()))
    }
}

/// Nothing is numbered here.
fn text(name: Named<'_>) -> Result<&str, Unreadable> {
    match name {
        Named::Text(text) => Ok(text),
        Named::Number(_) => Err(Unreadable("a name without its text".to_owned())),
    }
}

impl Tuples for InTx<'_, '_> {
    fn tuple(
        &self,
        object: Named<'_>,
        relation: &str,
        user: Named<'_>,
        user_relation: &str,
    ) -> Result<Option<Option<Arc<Attached>>>, Unreadable> {
        let (object, user) = (text(object)?, text(user)?);
        let found = self.read(|tx| tx.relation_at(object, relation, user, user_relation))?;
        found.as_ref().filter(|row| self.counts(row)).map(Self::condition).transpose()
    }

    fn users(
        &self,
        object: Named<'_>,
        relation: &str,
        which: Which,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<(), Unreadable> {
        let usersets = match which {
            Which::All => None,
            Which::Usersets => Some(true),
            Which::Single => Some(false),
        };
        let object = text(object)?;
        let rows = self.read(|tx| tx.relations_to(object, relation, usersets))?;
        for row in rows.into_iter().filter(|row| self.counts(row)) {
            let condition = Self::condition(&row)?;
            each(Seen {
                name: Named::Text(&row.subject),
                relation: &row.userset,
                condition: condition.as_ref(),
            });
        }
        Ok(())
    }

    fn objects(
        &self,
        user: Named<'_>,
        user_relation: &str,
        relation: &str,
        kind: &str,
        each: &mut dyn FnMut(Seen<'_>),
    ) -> Result<(), Unreadable> {
        let user = text(user)?;
        for (object, more) in self.read(|tx| tx.related_objects(user, user_relation, relation, kind))? {
            // The index that was read says neither contexts nor whose word it is.
            let mut condition = None;
            if more {
                let row = self.read(|tx| tx.relation_at(&object, relation, user, user_relation))?;
                let Some(row) = row.filter(|row| self.counts(row)) else { continue };
                condition = Self::condition(&row)?;
            }
            each(Seen { name: Named::Text(&object), relation: "", condition: condition.as_ref() });
        }
        Ok(())
    }
}
