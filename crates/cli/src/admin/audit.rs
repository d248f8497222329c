//! `prokura audit`: who did what for whom, and what was refused.

use super::{AdminArgs, Opened, gaps, missing};
use crate::failure::Failure;
use crate::show::{Names, Table, chain, exact, json, moment, outcome, plain, print, short};
use clap::{Args, Subcommand};
use prokura_core::{AgentId, ClientId, GrantId, InvalidId, Principal, ResourceUri, TraceId};
use prokura_ledger::{Entry, EventKind, Filter, Outcome};
use prokura_store::StoreError;

/// The record: who did what for whom, and what was refused
#[derive(Debug, Args)]
pub(crate) struct AuditCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List entries, newest first
    List(Box<ListArgs>),
    /// Show one entry with everything in it
    Show {
        /// Its number
        number: u64,
    },
    /// Check that no number of any enforcement point is missing
    Check,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Whose authority was used: a name to sign in with, or an id
    #[arg(long)]
    user: Option<String>,
    /// The agent that acted
    #[arg(long)]
    agent: Option<String>,
    /// The OAuth client
    #[arg(long)]
    client: Option<String>,
    /// The grant
    #[arg(long)]
    grant: Option<String>,
    /// The resource, by name or address
    #[arg(long)]
    resource: Option<String>,
    /// The exact action, like `tool:read_report`
    #[arg(long)]
    action: Option<String>,
    /// What sort: issuance, consent, grant, decision, outcome, sign_in, registration, administration, system
    #[arg(long, value_parser = |s: &str| EventKind::parse(s).ok_or("no such sort"))]
    kind: Option<EventKind>,
    /// How it came out: permit, challenge, deny, error
    #[arg(long, value_parser = |s: &str| Outcome::parse(s).ok_or("no such outcome"))]
    outcome: Option<Outcome>,
    /// One flow, by the `trace` of a refusal
    #[arg(long)]
    trace: Option<String>,
    /// Not before: a time, or so long ago (`2h`)
    #[arg(long)]
    since: Option<String>,
    /// Before: a time, or so long ago
    #[arg(long)]
    until: Option<String>,
    /// Only entries with a smaller number: the next page
    #[arg(long)]
    before: Option<u64>,
    /// At most so many (1,000 at most)
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

impl AuditCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List(asked) => opened.list_entries(*asked).await,
            What::Show { number } => opened.show_entry(number).await,
            What::Check => opened.check_record().await,
        }
    }
}

fn id<T>(
    value: Option<String>,
    parse: impl Fn(String) -> Result<T, InvalidId>,
) -> Result<Option<T>, Failure> {
    let read = |text: String| {
        let shown = plain(&text);
        parse(text).map_err(|e| Failure::usage(format!("`{shown}`: {e}")))
    };
    value.map(read).transpose()
}

impl Opened {
    async fn filter(&self, asked: ListArgs) -> Result<Filter, Failure> {
        let now = self.clock.now();
        let time = |text: Option<String>| text.map(|t| moment(&t, now)).transpose().map_err(Failure::usage);
        let subject = match asked.user {
            Some(who) => Some(self.subject(&who).await?),
            None => None,
        };
        Ok(Filter {
            subject,
            actor: id(asked.agent, AgentId::parse)?,
            client: id(asked.client, ClientId::parse)?,
            grant: id(asked.grant, GrantId::parse)?,
            resource: asked.resource.map(|r| self.resource(&r)).transpose()?,
            action: asked.action,
            kind: asked.kind,
            outcome: asked.outcome,
            trace: id(asked.trace, TraceId::parse)?,
            since: time(asked.since)?,
            until: time(asked.until)?,
            before_seq: asked.before,
            limit: asked.limit.clamp(1, 1000),
        })
    }

    /// A person by name, or anybody by id: whose row may be gone while the record still names them.
    async fn subject(&self, who: &str) -> Result<Principal, Failure> {
        let name = who.to_owned();
        let user = self.store.read::<_, StoreError>(move |tx| tx.user_by_name(&name)).await?;
        match user {
            Some(user) => Ok(Principal::User(user.id)),
            None => Principal::parse(who).map_err(|_| missing("user", &plain(who), "user list")),
        }
    }

    fn resource(&self, text: &str) -> Result<ResourceUri, Failure> {
        let config = &self.loaded.config;
        if let Some(resource) = config.resource(text) {
            return Ok(config.resource_uri(resource));
        }
        ResourceUri::parse(text).map_err(|_| missing("resource", &plain(text), "resource list"))
    }

    async fn list_entries(&self, asked: ListArgs) -> Result<(), Failure> {
        let filter = self.filter(asked).await?;
        let entries = self.store.read::<_, StoreError>(move |tx| tx.entries(&filter)).await?;
        if self.json {
            return entries.iter().try_for_each(|(number, entry)| print(as_json(*number, entry)));
        }
        let config = &self.loaded.config;
        let names = Names::read(&self.store, config, entries.iter().map(|(_, e)| e)).await?;
        let mut table = Table::new(&["#", "when", "outcome", "kind", "who → what", "grant", "why"]);
        for (number, entry) in &entries {
            let event = &entry.event;
            table.row([
                number.to_string(),
                exact(event.at),
                outcome(event.outcome).into(),
                event.kind.as_str().into(),
                chain(event, &names),
                event.grant.as_ref().map(|g| short(g.as_str())).unwrap_or_default(),
                plain(&event.reasons.join(", ")),
            ]);
        }
        print(table)
    }

    async fn show_entry(&self, number: u64) -> Result<(), Failure> {
        let entry = self.store.read::<_, StoreError>(move |tx| tx.entry(number)).await?;
        let entry = entry.ok_or_else(|| missing("entry", &number.to_string(), "audit list"))?;
        if self.json {
            return print(as_json(number, &entry));
        }
        let names = Names::read(&self.store, &self.loaded.config, std::iter::once(&entry)).await?;
        print(shown(number, &entry, &names))
    }

    async fn check_record(&self) -> Result<(), Failure> {
        let found = gaps(&self.store).await?;
        if self.json {
            json(&serde_json::json!({ "entries": found.entries, "missing": found.missing }))?;
        }
        if !found.missing.is_empty() {
            return Err(Failure::refused(format!("the record is not whole: {}", found.missing.join("; "))));
        }
        if self.json {
            Ok(())
        } else {
            print(format!("{} entries, and no number is missing.", found.entries))
        }
    }
}

/// The entry's own canonical bytes, to the letter: an auditor can hash them.
fn as_json(number: u64, entry: &Entry) -> String {
    format!("{{\"seq\":{number},\"entry\":{}}}", String::from_utf8_lossy(&entry.to_bytes()))
}

fn shown(number: u64, entry: &Entry, names: &Names) -> String {
    let (event, counters) = (&entry.event, &entry.counters);
    let leaf: String = Entry::leaf_hash(&entry.to_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let mut lines = vec![
        format!("#{number}  {}  {}", outcome(event.outcome), chain(event, names)),
        format!("when     {}", exact(event.at)),
        format!("kind     {}", event.kind.as_str()),
        format!("action   {}", plain(&event.action)),
    ];
    let mut put = |name: &str, value: Option<String>| {
        lines.extend(value.filter(|v| !v.is_empty()).map(|v| format!("{name:<8} {v}")));
    };
    put("subject", event.subject.as_ref().map(ToString::to_string));
    put("actors", Some(event.actors.iter().map(AgentId::as_str).collect::<Vec<_>>().join(", ")));
    put("client", event.client.as_ref().map(|c| plain(c.as_str())));
    put("grant", event.grant.as_ref().map(ToString::to_string));
    put("resource", event.resource.as_ref().map(ToString::to_string));
    put("why", Some(plain(&event.reasons.join(", "))));
    put(
        "details",
        (!event.details.is_empty()).then(|| plain(&String::from_utf8_lossy(&event.details.to_vec()))),
    );
    put("trace", Some(event.trace.to_string()));
    let pair = counters.pair.map(|n| format!(", {n} of this pair")).unwrap_or_default();
    put("point", Some(format!("{}, {} of this point{pair}", counters.point, counters.counter)));
    put("leaf", Some(leaf));
    lines.join("\n")
}
