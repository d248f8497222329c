//! Budgets: what a call draws, in the transaction that records its permit. A call that may not draw is not recorded as
//! permitted, and one that is refused draws nothing.

use crate::caller::Caller;
use crate::oblige::Due;
use prokura_core::{Action, ActionKind, GrantId, Timestamp};
use prokura_ledger::Event;
use prokura_oauth::dpop::Proof;
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{ArtifactKind, Drawn, Review, StoreError, Tx, Undrawn};

/// A call of a tool whose grant, or one above it, has a budget.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    grants: Vec<GrantId>,
    tool: String,
    arguments: Value,
}

/// What is settled together with the record of permits.
pub(crate) struct Bill {
    pub(crate) proof: Option<Proof>,
    pub(crate) counted: Option<Counted>,
    /// Agreements that are used up, and what is looked at afterwards.
    pub(crate) due: Due,
    /// The calls to be looked at afterwards.
    pub(crate) reviews: Vec<Review>,
    pub(crate) events: Vec<Event>,
    pub(crate) now: Timestamp,
}

/// Why it is not settled; then nothing of it is.
#[derive(Debug)]
pub(crate) enum Unsettled {
    /// The proof was used before.
    Replayed,
    /// An agreement was used, or has ended, in the meantime.
    Unapproved,
    /// The budget does not let it.
    Undrawn(Undrawn),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Unsettled {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Counted {
    /// A call with these arguments, if the caller's token names budgets. Every call counts, also one that is sent again.
    pub(crate) fn of(caller: &Caller, actions: &[Action], arguments: Option<&Value>) -> Option<Self> {
        let grants = &caller.token()?.grant.budgets;
        let tool = actions.iter().find(|action| action.kind == ActionKind::Tool)?;
        let arguments = arguments.filter(|_| !grants.is_empty())?;
        Some(Self { grants: grants.clone(), tool: tool.name.clone(), arguments: arguments.clone() })
    }
}

impl Bill {
    /// Whether there is nothing but entries.
    pub(crate) fn is_plain(&self) -> bool {
        self.proof.is_none()
            && self.counted.is_none()
            && self.due.spends.is_empty()
            && self.reviews.is_empty()
    }

    /// Spends the proof: on whichever process it is sent again, it is worth nothing (RFC 9449 §11.1). Then draws, and
    /// records what was drawn.
    pub(crate) fn settle(&self, tx: &mut Tx<'_>) -> Result<(), Unsettled> {
        if let Some(proof) = &self.proof
            && !tx.claim(ArtifactKind::DpopJti, &proof.replay_key(), self.now, proof.until())?
        {
            return Err(Unsettled::Replayed);
        }
        let drawn = match &self.counted {
            Some(call) => tx.draw(&call.grants, &call.tool, &call.arguments)?.map_err(Unsettled::Undrawn)?,
            None => Vec::new(),
        };
        let mut agreed = Vec::new();
        for spend in &self.due.spends {
            let used = tx.use_task(&spend.task, &spend.key, self.now)?;
            agreed.push((spend, used.map_err(|_| Unsettled::Unapproved)?));
        }
        self.reviews.iter().try_for_each(|review| tx.insert_review(review))?;
        for event in &self.events {
            let mut event = event.clone();
            if !agreed.is_empty() {
                let all = agreed.iter().map(|(spend, child)| {
                    let said = [("id", spend.task.as_str().into()), ("grant", child.as_str().into())];
                    Value::Object(obj(said))
                });
                event.details.insert("approvals", Value::Array(all.collect()));
            }
            if !drawn.is_empty() {
                event.details.insert("drawn", Value::Array(drawn.iter().map(entry).collect()));
            }
            tx.record(event);
        }
        Ok(())
    }
}

/// `{"grant":"g_1","calls":1,"sum":[{"argument":".amount","amount":"12.5"}]}`
fn entry(drawn: &Drawn) -> Value {
    let mut o = obj([("grant", drawn.grant.as_str().into())]);
    if drawn.bounds_calls {
        o.insert("calls", drawn.draw.calls.into());
    }
    let sums = drawn.paths.iter().zip(&drawn.draw.sums).filter(|(_, amount)| amount.millionths() > 0);
    let sums: Vec<_> = sums
        .map(|(path, amount)| -> Object {
            obj([("argument", path.to_string().into()), ("amount", amount.to_string().into())])
        })
        .map(Value::Object)
        .collect();
    if !sums.is_empty() {
        o.insert("sum", Value::Array(sums));
    }
    Value::Object(o)
}
