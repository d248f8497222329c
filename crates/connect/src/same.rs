//! Host and server of the same era: messages go through.

use crate::bridge::Bridge;
use crate::exchange::{Step, pause};
use crate::fault::{Fault, Outcome};
use crate::flights::Mark;
use crate::holder::Holder;
use crate::modern::Modern;
use crate::wire::WireError;
use prokura_mcp::envelope::{Call, Id, Message};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How often in a row a subscription is opened again without anything new on it.
const ATTEMPTS: u32 = 6;
/// Messages of the server's own accord that wait to be handed on.
const WAITING: usize = 64;

impl Bridge {
    /// A request of a legacy host at a legacy server.
    pub(crate) async fn same_legacy(
        self: &Arc<Self>,
        holder: &Arc<Holder>,
        id: &Id,
        call: Call,
        mark: &Mark,
    ) -> Result<Outcome, Fault> {
        // Before the answer begins, since it may not begin before the call is done.
        mark.set(holder, id);
        let mut exchange = holder.begin(id, &call).await?;
        loop {
            match exchange.next().await? {
                Step::Notified(told) => self.host.tell(Message::Notification(told)).await,
                Step::Asked(question, asked) => self.relay(holder, question, asked).await,
                Step::Answered(outcome) => {
                    if outcome.is_ok() {
                        holder.granted(&call);
                    }
                    return Ok(outcome);
                }
            }
        }
    }

    /// The session begins: the server is told, and listened to.
    pub(crate) async fn initialized(self: &Arc<Self>, holder: Arc<Holder>) {
        if let Err(fault) = holder.ready().await {
            tracing::warn!("the server did not take the beginning of the session: {fault}");
        }
        let (to, mut from) = mpsc::channel(WAITING);
        tokio::spawn(holder.clone().listen(to));
        let bridge = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(message) = from.recv().await {
                let Some(bridge) = bridge.upgrade() else { return };
                match message {
                    Message::Notification(call) => bridge.host.tell(Message::Notification(call)).await,
                    Message::Request(id, call) => bridge.relay(&holder, id, call).await,
                    Message::Response(..) => tracing::warn!("an answer to nothing; left out"),
                }
            }
        });
    }

    /// A request of a modern host at a modern server.
    pub(crate) async fn same_modern(&self, modern: &Modern, id: &Id, call: Call) -> Result<Outcome, Fault> {
        if call.method == "subscriptions/listen" {
            return self.listen(modern, id, &call).await;
        }
        let mut exchange = modern.begin(id, &call).await?;
        loop {
            match exchange.next().await? {
                Step::Notified(told) => self.host.tell(Message::Notification(told)).await,
                Step::Asked(..) => asked_out_of_turn(),
                Step::Answered(Ok(mut result)) => {
                    modern.pass(&call.method, &mut result);
                    return Ok(Ok(result));
                }
                Step::Answered(Err(error)) => return Ok(Err(error)),
            }
        }
    }

    /// A subscription. It is opened again when its connection breaks; the host need not know.
    async fn listen(&self, modern: &Modern, id: &Id, call: &Call) -> Result<Outcome, Fault> {
        let (mut agreed, mut idle) = (false, 0);
        loop {
            match self.listen_once(modern, (id, call), &mut agreed, &mut idle).await {
                Ok(outcome) => return Ok(outcome),
                Err(fault) if !agreed || idle >= ATTEMPTS || !is_passing(&fault) => return Err(fault),
                Err(_) => {}
            }
            idle += 1;
            tokio::time::sleep(pause(None).saturating_mul(1 << idle)).await;
        }
    }

    async fn listen_once(
        &self,
        modern: &Modern,
        (id, call): (&Id, &Call),
        agreed: &mut bool,
        idle: &mut u32,
    ) -> Result<Outcome, Fault> {
        let mut exchange = modern.begin(id, call).await?;
        loop {
            match exchange.next().await? {
                Step::Notified(told) if told.method == "notifications/subscriptions/acknowledged" => {
                    if !std::mem::replace(agreed, true) {
                        self.host.tell(Message::Notification(told)).await;
                    }
                }
                Step::Notified(told) => {
                    *idle = 0;
                    self.host.tell(Message::Notification(told)).await;
                }
                Step::Asked(..) => asked_out_of_turn(),
                Step::Answered(outcome) => return Ok(outcome),
            }
        }
    }
}

/// A modern server puts its questions into results; a question by itself is nobody's.
pub(crate) fn asked_out_of_turn() {
    tracing::warn!("the server asked something by itself, which 2026-07-28 does not allow; left out");
}

/// Whether the same may work a little later.
pub(crate) fn is_passing(fault: &Fault) -> bool {
    match fault {
        Fault::NoAnswer | Fault::Wire(WireError::Unreachable { .. }) => true,
        Fault::Status { status, .. } => *status >= 500 || *status == 429,
        _ => false,
    }
}
