//! Where a user finds what is asked of them, and begins to answer it.

use crate::interaction::Asked;
use crate::people::{PageFault, People, Visit, see_other};
use crate::signin::ask_sign_in;
use axum::extract::{Path, State};
use axum::response::Response;
use prokura_core::{AskId, Timestamp, UserId};
use prokura_oauth::json::{Limits, parse};
use prokura_store::{ArtifactKind, StoreError, Tx};
use std::sync::Arc;

/// What waits for a user, the newest first.
pub(crate) fn waiting_for(tx: &mut Tx<'_>, user: &UserId, now: Timestamp) -> Result<Vec<Asked>, StoreError> {
    let mut all = Vec::new();
    for row in tx.asks_of(user, now)? {
        all.extend(open(tx, &row.id, user, now)?);
    }
    Ok(all)
}

/// The question, if it is this user's and nobody has answered it.
fn open(tx: &mut Tx<'_>, id: &AskId, user: &UserId, now: Timestamp) -> Result<Option<Asked>, StoreError> {
    let found = tx.artifact(ArtifactKind::BackchannelAsk, id.as_str())?;
    let Some(found) = found.filter(|a| a.consumed_at.is_none()) else { return Ok(None) };
    let object = parse(&found.payload, &Limits::DOCUMENT).ok().and_then(|v| v.into_object());
    let detail = || "a question cannot be read back".to_owned();
    let asked = object.and_then(|o| Asked::read(&o));
    let asked = asked.ok_or_else(|| StoreError::Corrupt { column: "artifacts.payload", detail: detail() })?;
    Ok(Some(asked).filter(|a| a.called.as_ref().is_some_and(|c| c.user == *user && now < c.until)))
}

/// `GET /asks/{id}`: begins the interaction. What is another's looks like what is not there.
pub(super) async fn show(
    State(people): State<Arc<People>>,
    Path(id): Path<String>,
    visit: Visit,
) -> Response {
    let result = begin(&people, &visit, id).await;
    people.answer(&visit, result)
}

async fn begin(people: &People, visit: &Visit, id: String) -> Result<Response, PageFault> {
    let id = AskId::parse(id).map_err(|_| PageFault::Missing)?;
    let Some(reader) = visit.signed_in.clone() else {
        return Ok(see_other(&people.path(&ask_sign_in(&id))));
    };
    let (user, now) = (reader.user.id, people.now());
    let asked = people.store.read::<_, StoreError>(move |tx| open(tx, &id, &user, now)).await?;
    people.begin_visit(visit, asked.ok_or(PageFault::Missing)?).await
}
