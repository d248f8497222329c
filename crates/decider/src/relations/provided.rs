//! Tuples that are kept elsewhere: in files of the configuration, and with identity providers.

use super::rows::row;
use super::{Relations, RelationsFault, Revision, read_model};
use prokura_core::Timestamp;
use prokura_ledger::Event;
use prokura_oauth::json::Value;
use prokura_relations::Tuple;
use prokura_store::{StoreError, Tx};

/// The source of tuples of files.
const FILES: &str = "files";

/// What the files of the configuration say.
#[derive(Debug, Clone, Default)]
pub struct Provided {
    /// The text of the model, if one is named.
    pub model: Option<String>,
    /// The tuples of all files.
    pub tuples: Vec<Tuple>,
}

impl Relations {
    /// Puts into force what the files say: the model, and the tuples in the place of those that the files said before. What
    /// others wrote stays. Answers the revision, and how many tuples changed.
    ///
    /// # Errors
    /// [`RelationsFault`]: then nothing was changed.
    pub async fn provide(&self, provided: Provided, event: Event) -> Result<(Revision, u64), RelationsFault> {
        if let Some(text) = &provided.model {
            let model = read_model(text)?;
            provided.tuples.iter().try_for_each(|t| model.allows(t))?;
        }
        let (this, at) = (self.clone(), self.now());
        let put = self.store.transact::<_, RelationsFault>(move |tx| {
            let before = tx.relation_model_version()?;
            if let Some(text) = &provided.model {
                let version = tx.put_relation_model(text, FILES, at)?;
                if version != before {
                    let mut event = event.clone();
                    event.details.insert("version", version.into());
                    tx.record(event);
                }
            } else if !provided.tuples.is_empty() {
                let version = this.version(tx)?;
                provided.tuples.iter().try_for_each(|t| version.model.allows(t))?;
            }
            let rows: Vec<_> = provided.tuples.iter().map(row).collect();
            let (revision, changed) = tx.replace_relations(FILES, &rows, at)?;
            if changed > 0 {
                tx.record(counted(&event, revision, changed));
            }
            Ok((Revision(revision), changed))
        });
        let put = put.await?;
        self.heed().await;
        Ok(put)
    }
}

pub(super) fn counted(like: &Event, revision: u64, changed: u64) -> Event {
    let mut event = like.clone();
    event.details.insert("revision", Revision(revision).to_string().into());
    event.details.insert("changed", changed.into());
    event
}

/// Makes `groups` those in which `provider` says that a user is: tuples `user:ID member group:NAME`, in the place of those
/// that the provider said before, and what it says again it has said now. What others wrote stays. `event` is recorded if anything changed.
///
/// A group whose name cannot be written is left out: it names nothing in the model.
///
/// # Errors
/// [`StoreError`].
pub fn groups(
    tx: &mut Tx<'_>,
    (provider, user): (&str, &str),
    groups: &[String],
    at: Timestamp,
    event: &Event,
) -> Result<(), StoreError> {
    let one = |name: &String| Tuple::parse(&format!("user:{user}"), "member", &format!("group:{name}")).ok();
    let rows: Vec<_> = groups.iter().filter_map(one).map(|t| row(&t)).collect();
    let (revision, changed) = tx.say_relations((provider, user), rows, at)?;
    if changed > 0 {
        let mut event = counted(event, revision, changed);
        event.details.insert("provider", Value::from(provider));
        tx.record(event);
    }
    Ok(())
}
