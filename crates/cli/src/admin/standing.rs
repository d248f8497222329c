//! Stopping somebody at the next call, and letting them in again.

use super::{OPERATOR, Opened};
use crate::failure::Failure;
use prokura_core::{AgentId, ClientId, Principal, Timestamp, UserId};
use prokura_ledger::Event;
use prokura_store::{Foreigner, StoreError, Tx};

/// Who can be stopped.
pub(super) enum Target {
    User(UserId),
    Agent(AgentId),
    Client(ClientId),
    /// Whom another authorization server knows.
    Foreigner(Foreigner),
}

impl Target {
    fn word(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Agent(_) => "agent",
            Self::Client(_) | Self::Foreigner(Foreigner::Client(_)) => "client",
            Self::Foreigner(Foreigner::User(_)) => "user",
            Self::Foreigner(Foreigner::Issuer(_)) => "issuer",
            Self::Foreigner(Foreigner::Workload(_)) => "workload",
        }
    }

    fn id(&self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Agent(id) => id.to_string(),
            Self::Client(id) | Self::Foreigner(Foreigner::Client(id)) => id.to_string(),
            Self::Foreigner(Foreigner::User(id)) => id.to_string(),
            Self::Foreigner(Foreigner::Issuer(id)) => id.clone(),
            Self::Foreigner(Foreigner::Workload(id)) => id.to_string(),
        }
    }

    fn stands_in(&self, event: &mut Event) {
        match self {
            Self::User(id) | Self::Foreigner(Foreigner::User(id)) => {
                event.subject = Some(Principal::User(id.clone()));
            }
            Self::Foreigner(Foreigner::Issuer(id)) => event.details.insert("issuer", id.as_str().into()),
            Self::Foreigner(Foreigner::Workload(id)) => {
                event.details.insert("workload", id.as_str().into());
            }
            Self::Agent(id) => event.subject = Some(Principal::Agent(id.clone())),
            Self::Client(id) | Self::Foreigner(Foreigner::Client(id)) => event.client = Some(id.clone()),
        }
    }

    fn set(&self, tx: &mut Tx<'_>, disabled: bool, why: &str, now: Timestamp) -> Result<bool, StoreError> {
        match self {
            Self::User(id) => tx.disable_user(id, disabled, OPERATOR, why, now),
            Self::Agent(id) => tx.disable_agent(id, disabled, OPERATOR, why, now),
            Self::Foreigner(who) => tx.disable_foreigner(who, disabled, OPERATOR, why, now),
            Self::Client(id) => tx.disable_client(id, disabled, OPERATOR, why, now).map(|()| true),
        }
    }
}

impl Opened {
    /// Stops `target` at the next call, or lets it in again, on record; says so of `name`.
    pub(super) async fn stop(
        &self,
        target: Target,
        name: &str,
        disabled: bool,
        why: String,
    ) -> Result<(), Failure> {
        let verb = if disabled { "disable" } else { "enable" };
        let (what, id, now) = (format!("{}:{verb}", target.word()), target.id(), self.clock.now());
        let mut event = self.event(&what);
        target.stands_in(&mut event);
        event.reasons.extend((!why.is_empty()).then(|| why.clone()));
        let changed = self.store.transact::<_, StoreError>(move |tx| {
            let changed = target.set(tx, disabled, &why, now)?;
            if changed {
                tx.record(event.clone());
            }
            Ok(changed)
        });
        let word = match (changed.await?, disabled) {
            (false, _) => "as before",
            (true, true) => "stopped",
            (true, false) => "let in again",
        };
        self.done(&what, &id, format!("{name} is {word}."))
    }
}
