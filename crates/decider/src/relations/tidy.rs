//! What is over goes: words of providers that are too old, and changes that nobody follows any more.

use super::provided::counted;
use super::{Relations, RelationsFault};
use prokura_ledger::Event;
use prokura_oauth::json::Value;
use prokura_store::Pruned;
use std::time::Duration;

/// So many rows go at once, so that nobody waits long.
const AT_ONCE: u32 = 500;

impl Relations {
    /// Takes away what providers said too long ago, which counts no more since then, each time with `event` on record; and
    /// forgets changes that are older than `changes_last`. The tuples that count stay as they are.
    ///
    /// # Errors
    /// [`RelationsFault::Store`]; the next time tries again.
    pub async fn tidy(&self, changes_last: Duration, event: &Event) -> Result<(), RelationsFault> {
        let at = self.now();
        let mut gone = false;
        for (provider, lasts) in self.providers.lasts() {
            while self.expire(provider, lasts, event).await? {
                gone = true;
            }
        }
        if gone {
            self.heed().await;
        }
        let old = at.before(changes_last);
        loop {
            let pruned: Result<Pruned, RelationsFault> =
                self.store.transact(move |tx| Ok(tx.forget_relation_changes(old, AT_ONCE)?)).await;
            if !pruned?.more {
                return Ok(());
            }
        }
    }

    /// Whether some were taken away.
    async fn expire(&self, provider: &str, lasts: Duration, event: &Event) -> Result<bool, RelationsFault> {
        let (at, provider, mut event) = (self.now(), provider.to_owned(), event.clone());
        event.details.insert("provider", Value::from(provider.as_str()));
        let job = move |tx: &mut prokura_store::Tx<'_>| {
            let (revision, count) = tx.expire_relations(&provider, at.before(lasts), at, AT_ONCE)?;
            if count > 0 {
                tx.record(counted(&event, revision, count));
            }
            Ok::<_, RelationsFault>(count > 0)
        };
        self.store.transact(job).await
    }
}
