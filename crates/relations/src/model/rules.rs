//! Which tuples a model allows (OpenFGA, `internal/validation`).

use super::{Model, Relation, Subjects};
use crate::{Attached, Key, User};

/// Says why a tuple may not be written.
pub(super) fn check(model: &Model, key: &Key, condition: Option<&Attached>) -> Result<(), String> {
    let id = model.key_relation(key).map_err(|e| e.to_string())?;
    model.knows_user(&key.user).map_err(|e| e.to_string())?;
    let relation = model.relation(id);
    let (kind, of, everybody) =
        (key.user.kind(), key.user.relation().unwrap_or_default(), is_everybody(&key.user));
    if !fitting(model, relation, kind, of, everybody).next().unwrap_or(false) {
        return Err(format!("`{}#{}` is not given to {}", relation.kind, relation.name, form(&key.user)));
    }
    if !counts(model, relation, kind, of, everybody, condition.map(|c| c.name.as_str())) {
        return Err(match condition {
            None => "a condition is needed".to_owned(),
            Some(c) => format!("the condition `{}` is not allowed here", c.name),
        });
    }
    let Some(attached) = condition else { return Ok(()) };
    let known = model.conditions.get(attached.name.as_str()).ok_or("the model has no such condition")?;
    known.fits(&attached.context)
}

fn is_everybody(user: &User) -> bool {
    matches!(user, User::Everybody(_))
}

fn form(user: &User) -> String {
    match user {
        User::Object(object) => format!("`{}`", object.kind()),
        User::Everybody(kind) => format!("`{kind}:*`"),
        User::Userset(object, relation) => format!("`{}#{relation}`", object.kind()),
    }
}

/// One `true` for each restriction that means such a user.
fn fitting<'a>(
    model: &'a Model,
    relation: &'a Relation,
    kind: &'a str,
    of: &'a str,
    everybody: bool,
) -> impl Iterator<Item = bool> + 'a {
    relation.direct.iter().filter(move |r| means(model, r, kind, of, everybody)).map(|_| true)
}

fn means(model: &Model, restriction: &super::Restriction, kind: &str, of: &str, everybody: bool) -> bool {
    &*restriction.kind == kind
        && match restriction.subjects {
            Subjects::Single => of.is_empty() && !everybody,
            Subjects::Everybody => of.is_empty() && everybody,
            Subjects::Userset(id) => &*model.relation(id).name == of,
        }
}

/// Whether such a tuple counts. As in OpenFGA, a condition has to be one that the relation names for the user's type,
/// whichever form the user has.
pub(super) fn counts(
    model: &Model,
    relation: &Relation,
    kind: &str,
    of: &str,
    everybody: bool,
    condition: Option<&str>,
) -> bool {
    let mut fitting = relation.direct.iter().filter(|r| means(model, r, kind, of, everybody)).peekable();
    if fitting.peek().is_none() {
        return false;
    }
    match condition {
        None => fitting.any(|r| r.condition.is_none()),
        Some(name) => {
            relation.direct.iter().any(|r| &*r.kind == kind && r.condition.as_deref() == Some(name))
        }
    }
}
