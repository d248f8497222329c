//! A list of tools passes by, or was asked for: each entry is compared with what is pinned.

use super::{Known, Pins, Tool};
use crate::fault::Fault;
use crate::route::Route;
use prokura_config::Pinning;
use prokura_core::{Timestamp, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_mcp::tool::Description;
use prokura_oauth::json::Object;
use prokura_store::{SeenTool, StoreError, ToolState, ToolText, Tx};
use std::collections::{HashMap, HashSet};

/// At most so many tools of one resource are kept; further ones are not shown.
const MOST: usize = 4_096;

/// When and in which flow a list was seen.
#[derive(Clone)]
pub(crate) struct Sight {
    pub(crate) now: Timestamp,
    pub(crate) trace: TraceId,
}

impl Pins {
    /// Of each entry of a list, whether it may be shown: its description is the one in force. What is new goes into the
    /// record first.
    ///
    /// # Errors
    /// [`Fault::UpstreamBad`] if a name stands twice in the list; [`Fault::NotRecorded`].
    pub(crate) async fn see(
        &self,
        route: &Route,
        entries: &[Object],
        sight: &Sight,
    ) -> Result<Vec<bool>, Fault> {
        if route.pin == Pinning::Off {
            return Ok(vec![true; entries.len()]);
        }
        let mut names = HashSet::new();
        if !entries.iter().filter_map(|entry| entry.str("name")).all(|name| names.insert(name)) {
            return Err(Fault::UpstreamBad("a tool stands twice in a list"));
        }
        let all = self.now().await?;
        let nothing = Known::new();
        let known = all.get(&route.name).unwrap_or(&nothing);
        let mut shown: Vec<_> = entries.iter().map(|entry| as_known(known, entry)).collect();
        let room = MOST.saturating_sub(known.len());
        let is_open = |(at, entry): &(usize, &Object)| {
            let named = entry.str("name").is_some_and(|name| known.contains_key(name));
            shown[*at].is_none().then_some((*at, named))
        };
        let open: Vec<_> = entries.iter().enumerate().filter_map(|pair| is_open(&pair)).collect();
        let (old, new): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, named)| *named);
        let taken = old.into_iter().chain(new.into_iter().take(room));
        let unseen: Vec<_> =
            taken.filter_map(|(at, _)| Some((at, Description::new(entries[at].clone()).ok()?))).collect();
        for (at, seen) in self.store_seen(route, unseen, sight).await? {
            shown[at] = Some(seen.state == ToolState::InForce && seen.is_pinned);
        }
        Ok(shown.into_iter().map(|shown| shown == Some(true)).collect())
    }

    /// Puts what was not seen before into the database, and into the record.
    async fn store_seen(
        &self,
        route: &Route,
        unseen: Vec<(usize, Description)>,
        sight: &Sight,
    ) -> Result<HashMap<usize, SeenTool>, Fault> {
        if unseen.is_empty() {
            return Ok(HashMap::new());
        }
        let (name, resource) = (route.name.clone(), route.resource.clone());
        let (first_use, sight) = (route.pin == Pinning::FirstUse, sight.clone());
        let seen = self.store.transact(move |tx| {
            let see = |tx: &mut Tx<'_>, (at, description): &(usize, Description)| {
                let text =
                    ToolText { text: description.text(), hash: description.hash().to_owned(), at: sight.now };
                let seen = tx.see_tool(&name, description.name(), &text, first_use)?;
                if seen.is_news {
                    let mut event = entry(&seen, description, &sight);
                    event.resource = Some(resource.clone());
                    tx.record(event);
                }
                Ok((*at, seen))
            };
            unseen.iter().map(|one| see(tx, one)).collect::<Result<HashMap<_, _>, StoreError>>()
        });
        seen.await.map_err(|error| {
            tracing::error!(%error, "the descriptions of tools cannot be recorded");
            Fault::NotRecorded
        })
    }
}

/// Whether an entry may be shown, as far as that is known without the database: byte for byte the description in force, or
/// that of a tool which is put aside.
fn as_known(known: &Known, entry: &Object) -> Option<bool> {
    let tool: &Tool = known.get(entry.str("name")?)?;
    let same = tool.description.entry() == entry;
    same.then_some(tool.state == ToolState::InForce)
}

fn entry(seen: &SeenTool, description: &Description, sight: &Sight) -> Event {
    let (outcome, word) = match seen.state {
        ToolState::InForce => (Outcome::Permit, "tool_pinned"),
        ToolState::New => (Outcome::Challenge, "tool_new"),
        ToolState::Changed => (Outcome::Deny, "tool_changed"),
    };
    let action = format!("tool:{}", description.name());
    let mut event =
        Event::new(EventKind::System, action, outcome, sight.now, sight.trace.clone()).because(word);
    event.details.insert("description", description.hash().into());
    event
}
