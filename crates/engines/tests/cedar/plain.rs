//! The same question, put to Cedar's own authorizer: all policies, entities as Cedar has them.

use super::naive::{Answer, Asked};
use super::policy::{Id, Thing, V};
use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicyId, Request,
    RestrictedExpression,
};
use prokura_engines::cedar::CedarEngine;
use std::collections::{BTreeSet, HashMap, HashSet};

fn uid((kind, id): Id) -> EntityUid {
    format!("{kind}::\"{id}\"").parse().unwrap()
}

/// Nothing if Cedar has no such value.
fn value(v: &V, plain: bool) -> Option<RestrictedExpression> {
    Some(match v {
        V::Bool(b) => RestrictedExpression::new_bool(*b),
        V::Number(_, counts) => match (*counts)? {
            n if n % 10_000 == 0 => RestrictedExpression::new_long(n / 10_000),
            n => RestrictedExpression::new_decimal(format!("{}.{:04}", n / 10_000, n % 10_000)),
        },
        V::Text(text) => RestrictedExpression::new_string((*text).to_owned()),
        V::Who((kind, id)) if plain => {
            let text = |t: &str| RestrictedExpression::new_string(t.to_owned());
            let named = [("type".to_owned(), text(kind)), ("id".to_owned(), text(id))];
            let inner = RestrictedExpression::new_record(named).unwrap();
            RestrictedExpression::new_record([("__entity".to_owned(), inner)]).unwrap()
        }
        V::Who(id) => RestrictedExpression::new_entity_uid(uid(*id)),
        V::Many(items) => {
            let items: Option<Vec<_>> = items.iter().map(|i| value(i, plain)).collect();
            RestrictedExpression::new_set(items?)
        }
        V::Null => return None,
    })
}

/// Members; nothing if one of them has no value in Cedar. What is null is not there.
fn members(all: &[(&'static str, V)], plain: bool) -> Option<HashMap<String, RestrictedExpression>> {
    let there = all.iter().filter(|(_, v)| *v != V::Null);
    there.map(|(name, v)| Some(((*name).to_owned(), value(v, plain)?))).collect()
}

fn entities(asked: &Asked<'_>) -> Option<Entities> {
    let own: [&Thing; 2] = [asked.principal, asked.resource];
    let others = asked.known.iter().filter(|t| own.iter().all(|o| o.id != t.id));
    let entity = |thing: &Thing| {
        let parents: HashSet<EntityUid> = thing.parents.iter().map(|p| uid(*p)).collect();
        Entity::new(uid(thing.id), members(&thing.attributes, false)?, parents).ok()
    };
    let all: Option<Vec<Entity>> = own.into_iter().chain(others).map(entity).collect();
    // Groups in a circle are no hierarchy for Cedar.
    Entities::from_entities(all?, None).ok()
}

/// Whether Cedar could be asked, and then agreed.
pub(crate) fn agrees(engine: &CedarEngine, asked: &Asked<'_>, answer: &Answer) -> Result<bool, String> {
    let request = || {
        let arguments = RestrictedExpression::new_record(members(asked.arguments, true)?).ok()?;
        let scopes: Option<Vec<_>> = asked.scopes.iter().map(|s| value(s, false)).collect();
        let scopes = RestrictedExpression::new_set(scopes?);
        let context =
            Context::from_pairs([("arguments".to_owned(), arguments), ("scopes".to_owned(), scopes)]).ok()?;
        Request::new(uid(asked.principal.id), uid(asked.action), uid(asked.resource.id), context, None).ok()
    };
    let (Some(request), Some(entities)) = (request(), entities(asked)) else { return Ok(false) };
    let response = Authorizer::new().is_authorized(&request, engine.policies(), &entities);
    let number = |id: &PolicyId| AsRef::<str>::as_ref(id).parse::<usize>().unwrap();
    let reasons: BTreeSet<usize> = response.diagnostics().reason().map(number).collect();
    let of = |AuthorizationError::PolicyEvaluationError(e): &AuthorizationError| number(e.policy_id());
    let failed: BTreeSet<usize> = response.diagnostics().errors().map(of).collect();
    // To Cedar, what obliges is a permit.
    let permits: BTreeSet<usize> = answer.permits.union(&answer.obliges).copied().collect();
    let allowed = answer.forbids.is_empty() && !permits.is_empty();
    let expected = if answer.forbids.is_empty() { permits } else { answer.forbids.clone() };
    let theirs = (response.decision() == Decision::Allow, reasons, failed);
    let ours = (allowed, expected, answer.failed.clone());
    if ours == theirs { Ok(true) } else { Err(format!("Cedar says {theirs:?}, and we {ours:?}")) }
}
