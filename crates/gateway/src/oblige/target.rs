//! At whom a call is aimed: whether the user or a trusted source named it.

use super::origins::{OF_ONE, Whose};
use crate::exchange::Exchange;
use crate::fault::Fault;
use crate::scene::Scene;
use prokura_core::{Details, GrantId, Obligation, Selector, Source, Target, Timestamp};
use prokura_oauth::json::{Object, Value};
use prokura_policy::pdp::{aims, bounded, leaves};
use prokura_store::StoreError;

/// A call that is looked at.
pub(super) struct Call<'a> {
    pub(super) scene: &'a Scene,
    pub(super) tool: &'a str,
    pub(super) arguments: &'a Value,
    pub(super) now: Timestamp,
}

/// What is to be done about a target: nothing, or somebody must agree.
///
/// # Errors
/// [`Fault::Untold`] if nobody named it, and nobody may agree to it.
pub(super) async fn weigh(call: &Call<'_>, target: &Target) -> Result<Option<Obligation>, Fault> {
    let agreed = match target.from.contains(&Source::Consent) {
        true => consented(call.scene).await?,
        false => Vec::new(),
    };
    let untold = target.at.iter().find(|at| !named(call, target, at, &agreed));
    match (untold, &target.otherwise) {
        (None, _) => Ok(None),
        (Some(_), Some(need)) => Ok(Some(Obligation::Approval(need.clone()))),
        (Some(at), None) => Err(Fault::Untold(Box::new(at.clone()))),
    }
}

/// Whether everything that `at` names was named before; what cannot be told was not.
fn named(call: &Call<'_>, target: &Target, at: &Selector, agreed: &[Details]) -> bool {
    let Ok(aims) = aims(call.arguments, at) else { return false };
    let origins = &call.scene.inner.origins;
    let remembered = |value: &Value| {
        let Some(whose) = Whose::of(&call.scene.caller) else { return false };
        let mut sources = target.from.iter().filter(|s| **s != Source::Consent);
        sources.any(|source| origins.knows(whose, *source, value, call.now))
    };
    agreed.iter().any(|details| bounded(details, call.tool, call.arguments, at))
        || aims.iter().all(remembered)
}

/// The details to which a user, or who may in their place, agreed: those of the grants that nothing is above. What is in the
/// token alone may be what an agent asked for when it passed a part on.
async fn consented(scene: &Scene) -> Result<Vec<Details>, Fault> {
    let Some(token) = scene.caller.token() else { return Ok(Vec::new()) };
    let grants: Vec<GrantId> = token.grants().cloned().collect();
    let read = scene.inner.store.read(move |tx| -> Result<Vec<Details>, StoreError> {
        let mut details = Vec::new();
        for id in &grants {
            details.extend(tx.grant(id)?.filter(|g| g.parents.is_empty()).map(|g| g.details));
        }
        Ok(details)
    });
    read.await.map_err(|error| {
        tracing::error!(%error, trace = %scene.trace, "what was agreed to cannot be read");
        Fault::NotRecorded
    })
}

/// Remembers what stood in a call that somebody agreed to.
pub(super) fn approved(scene: &Scene, arguments: &Value, now: Timestamp) {
    if let Some(whose) = Whose::of(&scene.caller) {
        scene.inner.origins.remember(whose, Source::Approval, &leaves(arguments, OF_ONE), now);
    }
}

/// Remembers what a tool said whose results are trusted, as it is released.
pub(super) fn said(exchange: &Exchange, result: &Object) {
    let Some(whose) = Whose::of(&exchange.caller) else { return };
    if result.get("isError").and_then(Value::as_bool) == Some(true) {
        return;
    }
    let mut values = Vec::new();
    match result.get("structuredContent") {
        Some(structured) => values.extend(leaves(structured, OF_ONE)),
        None => {
            let blocks = result.get("content").and_then(Value::as_array).unwrap_or_default();
            for document in blocks.iter().filter_map(super::document::of_block) {
                values.extend(leaves(&document, OF_ONE.saturating_sub(values.len())));
            }
        }
    }
    exchange.inner.origins.remember(whose, Source::Results, &values, exchange.inner.clock.now());
}
