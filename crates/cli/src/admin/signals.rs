//! `prokura signals`: who tells this server of events, who is told, and what was told.

use super::{AdminArgs, Opened};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_config::SignalDelivery;
use prokura_core::Timestamp;
use prokura_ledger::{Event, EventKind, Filter};
use prokura_oauth::json::Value;
use prokura_store::StoreError;

/// Shared signals: events of others that end authority here, and events for others
#[derive(Debug, Args)]
pub(crate) struct SignalsCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List whose events are taken, and whether their streams showed that they work
    Transmitters,
    /// List the streams of receivers, how they stand and how much waits on them
    Streams,
    /// List the events that were taken, newest first, and what each did
    Events {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// List what is stopped by events, and why
    Holds,
}

impl SignalsCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::Transmitters => opened.list_transmitters().await,
            What::Streams => opened.list_streams().await,
            What::Events { limit } => opened.list_signals(limit).await,
            What::Holds => opened.list_holds().await,
        }
    }
}

impl Opened {
    async fn list_transmitters(&self) -> Result<(), Failure> {
        let mut table = Table::new(&["name", "issuer", "delivery", "stream", "status", "verified"]);
        for t in &self.loaded.config.signals.transmitters {
            let name = t.name.clone();
            let known = self.store.read::<_, StoreError>(move |tx| {
                let mut said = |what: &str| tx.setting(&format!("signals.{what}.{name}"));
                Ok((said("stream")?, said("status")?, said("verified")?))
            });
            let (stream, status, verified) = known.await?;
            let stream = t.stream_id.clone().or(stream);
            let verified =
                verified.and_then(|at| at.parse().ok()).map(|at| exact(Timestamp::from_seconds(at)));
            let delivery = if t.delivery == SignalDelivery::Push { "push" } else { "poll" };
            if self.json {
                json(&serde_json::json!({
                    "name": t.name, "issuer": t.issuer, "delivery": delivery, "stream": stream,
                    "status": status, "verified_at": verified,
                }))?;
            }
            table.row([
                t.name.clone(),
                plain(&t.issuer),
                delivery.into(),
                plain(&stream.unwrap_or_default()),
                plain(&status.unwrap_or_default()),
                verified.unwrap_or_default(),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn list_streams(&self) -> Result<(), Failure> {
        let read = self.store.read::<_, StoreError>(|tx| {
            let streams = tx.streams(None)?;
            let waiting = streams.iter().map(|s| tx.count_queued(&s.id)).collect::<Result<Vec<_>, _>>()?;
            Ok(streams.into_iter().zip(waiting).collect::<Vec<_>>())
        });
        let mut table = Table::new(&["id", "client", "status", "waiting", "failures", "to", "error"]);
        for (s, waiting) in read.await? {
            if self.json {
                json(&serde_json::json!({
                    "id": s.id, "client": s.client.as_str(), "endpoint": s.endpoint, "status": s.status,
                    "reason": s.reason, "waiting": waiting, "failures": s.failures, "last_error": s.last_error,
                    "events": s.events, "description": s.description, "created_at": exact(s.created_at),
                }))?;
            }
            table.row([
                s.id,
                plain(s.client.as_str()),
                s.status,
                waiting.to_string(),
                s.failures.to_string(),
                plain(s.endpoint.as_deref().unwrap_or("fetched")),
                plain(&s.last_error.unwrap_or_default()),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn list_signals(&self, limit: usize) -> Result<(), Failure> {
        let mut table = Table::new(&["at", "transmitter", "event", "about", "outcome", "effects"]);
        for event in self.signals(limit).await? {
            let texts = |name: &str| match event.details.get(name) {
                Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Some(Value::String(one)) => vec![one.clone()],
                _ => Vec::new(),
            };
            let word = event.action.strip_prefix("signal:").unwrap_or_default();
            let outcome = event.reasons.first().cloned().unwrap_or_default();
            if self.json {
                json(&serde_json::json!({
                    "at": exact(event.at), "transmitter": texts("transmitter").concat(), "event": word,
                    "jti": texts("jti").concat(), "about": texts("about"), "outcome": outcome,
                    "effects": texts("effects"), "reason": texts("reason").concat(), "trace": event.trace.as_str(),
                }))?;
            }
            table.row([
                exact(event.at),
                plain(&texts("transmitter").concat()),
                plain(word),
                plain(&texts("about").join(" ")),
                outcome,
                plain(&texts("effects").join(", ")),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    /// The newest events that were taken or refused.
    async fn signals(&self, limit: usize) -> Result<Vec<Event>, Failure> {
        let (mut found, mut before) = (Vec::new(), None);
        while found.len() < limit {
            let filter =
                Filter { kind: Some(EventKind::System), before_seq: before, limit: 500, ..Filter::default() };
            let page = self.store.read::<_, StoreError>(move |tx| tx.entries(&filter)).await?;
            let Some((last, _)) = page.last() else { break };
            before = Some(*last);
            found.extend(page.into_iter().map(|(_, e)| e.event).filter(|e| e.action.starts_with("signal:")));
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn list_holds(&self) -> Result<(), Failure> {
        let mut table = Table::new(&["kind", "id", "cause", "since"]);
        for hold in self.store.read::<_, StoreError>(|tx| tx.holds(None)).await? {
            let (kind, id) = hold.held.named();
            if self.json {
                let at = exact(hold.at);
                json(&serde_json::json!({ "kind": kind, "id": id, "cause": hold.cause, "since": at }))?;
            }
            table.row([kind.to_owned(), plain(id), plain(&hold.cause), exact(hold.at)]);
        }
        if self.json { Ok(()) } else { print(table) }
    }
}
