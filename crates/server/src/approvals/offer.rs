//! The offer to agree to calls like this one for a while.

use prokura_access::{ApprovalSeal, Conditions, arguments_hash};
use prokura_config::Approvals;
use prokura_core::{Rng, Timestamp, random_id};
use prokura_ledger::Event;
use prokura_oauth::json::{Object, Value};
use prokura_store::{ApprovalRule, StoreError, StoredTask, Tx};
use std::time::Duration;

/// For how many days an offer may be taken, as far as the operator lets it.
const DAYS: [u32; 3] = [1, 7, 30];

/// What is offered.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) conditions: Conditions,
    pub(super) days: Vec<u32>,
}

impl Offer {
    /// What may be offered to who agrees to `task`: nothing unless one person is enough, and calls like it were agreed to
    /// often enough.
    pub(super) fn of(
        tx: &mut Tx<'_>,
        seal: &ApprovalSeal,
        config: &Approvals,
        task: &StoredTask,
    ) -> Result<Option<Self>, StoreError> {
        if config.similar == 0 || task.task.quorum.of != 1 {
            return Ok(None);
        }
        let before = tx.agreed_alike(&task.similar, config.similar)?;
        let Some(facts) = seal.open(&task.task.id, &task.sealed) else { return Ok(None) };
        if u32::try_from(before.len()).unwrap_or(u32::MAX) < config.similar {
            return Ok(None);
        }
        let shapes: Vec<&str> = before.iter().map(|t| t.shape.as_str()).collect();
        let longest = config.standing.get().as_secs() / 86_400;
        let days: Vec<u32> = DAYS.into_iter().filter(|d| u64::from(*d) <= longest).collect();
        let found = Conditions::of(seal, &facts.arguments, &shapes).filter(|_| !days.is_empty());
        Ok(found.map(|conditions| Self { conditions, days }))
    }

    /// What the page shows of it, as one text: what is taken must be what was shown.
    pub(super) fn mark(&self) -> String {
        let mut all = Object::default();
        for (name, up_to, value) in self.conditions.shown() {
            all.insert(name, Value::Array(vec![Value::Bool(up_to), value.into()]));
        }
        arguments_hash(Some(&Value::Object(all)))
    }

    /// Takes it: a rule from now on, on record.
    pub(super) fn take(
        &self,
        tx: &mut Tx<'_>,
        (seal, rng): (&ApprovalSeal, &dyn Rng),
        task: &StoredTask,
        days: u32,
        mut event: Event,
    ) -> Result<(), StoreError> {
        let id = random_id("apr_", rng);
        let Ok(sealed) = seal.seal_conditions(&id, &self.conditions, rng) else {
            return Err(StoreError::Conflict("the conditions cannot be sealed".to_owned()));
        };
        let by = event.subject.as_ref().map_or_else(String::new, ToString::to_string);
        let until = until(event.at, days);
        let rule = ApprovalRule::of(id, task, sealed, by, event.at, until);
        tx.insert_approval_rule(&rule)?;
        event.action = "approval:make_rule".to_owned();
        event.subject = Some(rule.subject.clone());
        event.actors = vec![rule.actor.clone()];
        event.grant = Some(rule.grant.clone());
        event.details.insert("by", rule.by.as_str().into());
        event.details.insert("rule", rule.id.as_str().into());
        event.details.insert("approval", task.task.id.as_str().into());
        event.details.insert("about", rule.action.as_str().into());
        event.details.insert("until", until.seconds().into());
        tx.record(event);
        Ok(())
    }
}

fn until(now: Timestamp, days: u32) -> Timestamp {
    now.after(Duration::from_secs(u64::from(days) * 86_400))
}
