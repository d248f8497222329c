//! `prokura fact`: what is known about workloads, hosts, agents, clients and users, said by the operator.

use super::{AdminArgs, OPERATOR, Opened};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_config::Span;
use prokura_core::FactValue;
use prokura_facts::pushed;
use prokura_oauth::json::Value;
use prokura_store::{FactSubject, StoreError, StoredFact};
use std::fmt::Display;

/// What is known about workloads, hosts, agents, clients and users
#[derive(Debug, Args)]
pub(crate) struct FactCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what is known now: `prokura fact put host prod/node:worker-1 posture.compliant true`
    Put {
        #[command(flatten)]
        of: Of,
        /// `posture.…`, `risk.…` or `custom.…`; `risk.level` is LOW, MEDIUM or HIGH
        name: String,
        /// What it says: true, false, a whole number, or a text
        value: String,
        /// For how long it counts: `10m`, `12h`, at most `30d`
        #[arg(long, default_value = "1h")]
        max_age: String,
        /// Take the value for a text, also if it looks like a number
        #[arg(long)]
        text: bool,
    },
    /// List what was said, also what counts no more
    List {
        /// Of what: workload, host, agent, client or user
        #[arg(requires = "id")]
        kind: Option<String>,
        /// Its id
        id: Option<String>,
    },
    /// Let nothing be known of that name, until somebody says it again
    Forget {
        #[command(flatten)]
        of: Of,
        /// Which
        name: String,
    },
}

#[derive(Debug, Args)]
struct Of {
    /// Of what: workload, host, agent, client or user
    kind: String,
    /// Its id; a host is written PROVIDER/CLAIM:VALUE, such as prod/node:worker-1
    id: String,
}

impl Of {
    fn subject(&self) -> Result<FactSubject, Failure> {
        subject(&self.kind, &self.id)
    }
}

fn subject(kind: &str, id: &str) -> Result<FactSubject, Failure> {
    pushed::subject(kind, id).map_err(|e| odd(&format!("{kind} {id}"), e))
}

fn odd(text: &str, e: impl Display) -> Failure {
    Failure::usage(format!("`{}`: {e}", plain(text)))
}

impl FactCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::Put { of, name, value, max_age, text } => {
                opened.put_fact(&of, &name, &value, &max_age, text).await
            }
            What::List { kind, id } => opened.list_facts(kind.zip(id)).await,
            What::Forget { of, name } => opened.forget_fact(&of, &name).await,
        }
    }
}

/// What was written, as it was meant.
fn meant(text: &str, only_text: bool) -> Value {
    match (text, text.parse::<i64>()) {
        _ if only_text => text.into(),
        ("true", _) => true.into(),
        ("false", _) => false.into(),
        (_, Ok(number)) => number.into(),
        _ => text.into(),
    }
}

impl Opened {
    async fn put_fact(
        &self,
        of: &Of,
        name: &str,
        value: &str,
        max_age: &str,
        text: bool,
    ) -> Result<(), Failure> {
        let name = pushed::name(name).map_err(|e| odd(name, e))?;
        let now = self.clock.now();
        let max_age = Span::try_from(max_age.to_owned()).map_err(Failure::usage)?.get();
        pushed::timing(now, max_age, now).map_err(|e| odd("--max-age", e))?;
        let value = pushed::value(&name, &meant(value, text)).map_err(|e| odd(value, e))?;
        let fact = StoredFact {
            subject: of.subject()?,
            name,
            value,
            source: OPERATOR.to_owned(),
            observed_at: now,
            max_age,
        };
        let said =
            format!("{} of {} {} is {}.", fact.name, of.kind, plain(&of.id), plain(&fact.value.to_string()));
        let mut event = self.event("fact:put");
        event.details.insert("kind", fact.subject.kind.as_str().into());
        event.details.insert("id", of.id.as_str().into());
        event.details.insert("name", fact.name.as_str().into());
        event.details.insert("value", shown(&fact.value));
        event.details.insert("max_age", max_age.as_secs().into());
        let kept = self.store.transact::<_, StoreError>(move |tx| {
            let kept = tx.put_fact(&fact)?;
            if kept {
                tx.record(event.clone());
            }
            Ok(kept)
        });
        if !kept.await? {
            return Err(Failure::refused("something newer is known: compare the clocks of the two machines"));
        }
        self.done("fact:put", &of.id, said)
    }

    async fn forget_fact(&self, of: &Of, name: &str) -> Result<(), Failure> {
        let (subject, now) = (of.subject()?, self.clock.now());
        let name = pushed::name(name).map_err(|e| odd(name, e))?;
        let mut event = self.event("fact:forget");
        event.details.insert("kind", subject.kind.as_str().into());
        event.details.insert("id", of.id.as_str().into());
        event.details.insert("name", name.as_str().into());
        let said = format!("Nothing is known of {name} of {} {} any more.", of.kind, plain(&of.id));
        let gone = self.store.transact::<_, StoreError>(move |tx| {
            let gone = tx.forget_fact(&subject, &name, now)?;
            if gone {
                tx.record(event.clone());
            }
            Ok(gone)
        });
        if !gone.await? {
            return Err(Failure::refused("nothing was known of it; `prokura fact list` shows what is"));
        }
        self.done("fact:forget", &of.id, said)
    }

    async fn list_facts(&self, of: Option<(String, String)>) -> Result<(), Failure> {
        /// So many at a time.
        const PAGE: u32 = 500;
        let of = of.map(|(kind, id)| subject(&kind, &id)).transpose()?;
        let mut table = Table::new(&["of", "id", "fact", "value", "by", "observed", "counts"]);
        let (mut after, now) = ((String::new(), String::new(), String::new()), self.clock.now());
        loop {
            let (of, from) = (of.clone(), after.clone());
            let read = move |tx: &mut prokura_store::Tx<'_>| {
                tx.facts(of.as_ref(), (&from.0, &from.1, &from.2), PAGE)
            };
            let page = self.store.read::<_, StoreError>(read).await?;
            let Some(last) = page.last() else { break };
            after = (last.subject.kind.as_str().to_owned(), last.subject.id.clone(), last.name.to_string());
            for f in &page {
                let counts = now.since(f.observed_at) <= f.max_age;
                if self.json {
                    json(&serde_json::json!({
                        "kind": f.subject.kind.as_str(), "id": f.subject.id, "name": f.name.as_str(),
                        "value": f.value.to_string(), "source": f.source, "observed_at": exact(f.observed_at),
                        "max_age": f.max_age.as_secs(), "counts": counts,
                    }))?;
                }
                table.row([
                    f.subject.kind.as_str().to_owned(),
                    plain(&f.subject.id),
                    f.name.to_string(),
                    plain(&f.value.to_string()),
                    plain(&f.source),
                    exact(f.observed_at),
                    if counts { "yes" } else { "no more" }.to_owned(),
                ]);
            }
        }
        if self.json { Ok(()) } else { print(table) }
    }
}

fn shown(value: &FactValue) -> Value {
    match value {
        FactValue::Text(text) => (&**text).into(),
        FactValue::Number(number) => (*number).into(),
        FactValue::Flag(flag) => (*flag).into(),
    }
}
