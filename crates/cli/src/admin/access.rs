//! `prokura access`: the conditions of access, what they would say, and what waits for somebody to agree.

use super::{AdminArgs, OPERATOR, Opened, missing};
use crate::failure::Failure;
use crate::serve::access;
use crate::show::{Table, exact, moment, plain, print};
use clap::{Args, Subcommand};
use prokura_access::{Answer, Question};
use prokura_core::ScopeSet;
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::access::{Explained, Mode};
use prokura_store::{Approval, ApprovalState, Decided, StoreError};
use std::time::Duration;

/// Conditional access: policies, what they would say, and what waits for somebody to agree
#[derive(Debug, Args)]
pub(crate) struct AccessCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the policies and their modes
    Policies,
    /// Say what the policies would decide, and why; nothing is recorded and nothing changes
    WhatIf(WhatIf),
    /// What waits for somebody to agree, and what was decided
    #[command(subcommand)]
    Approvals(Approvals),
}

#[derive(Debug, Args)]
struct WhatIf {
    /// The agent, by name or id
    #[arg(long)]
    agent: Option<String>,
    /// The user, by id (`usr_…`)
    #[arg(long)]
    user: Option<String>,
    /// The client, by id
    #[arg(long)]
    client: Option<String>,
    /// The resource, by name
    #[arg(long)]
    resource: String,
    /// The action: `tool:NAME`, `resource:URI` or `prompt:NAME`
    #[arg(long)]
    action: Option<String>,
    /// `issuance`, `refresh`, `exchange` or `call`
    #[arg(long, default_value = "call")]
    stage: String,
    /// The scopes that are asked for or held, with spaces between
    #[arg(long, default_value = "")]
    scopes: String,
    /// When: `2026-12-24T10:00:00Z`; now if nothing is said
    #[arg(long)]
    at: Option<String>,
    /// Where the caller is
    #[arg(long)]
    address: Option<String>,
    /// A fact in place of what is known: `network.country=DE`; may be said several times
    #[arg(long = "fact")]
    facts: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Approvals {
    /// List what waits; with --all, what was decided too
    List {
        /// Decisions too
        #[arg(long)]
        all: bool,
    },
    /// Agree; every process goes by it at the next call
    Approve {
        /// Its id
        id: String,
        /// For how long: `90s`, `30m`, `1h`, `7d`
        #[arg(long = "for", default_value = "1h")]
        long: String,
        /// But without these scopes, with spaces between
        #[arg(long, default_value = "")]
        narrow: String,
    },
    /// Refuse, or take an approval back
    Refuse {
        /// Its id
        id: String,
        /// For how long: `90s`, `30m`, `1h`, `7d`
        #[arg(long = "for", default_value = "1h")]
        long: String,
    },
}

impl AccessCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::Policies => opened.list_policies(),
            What::WhatIf(asked) => opened.what_if(asked).await,
            What::Approvals(Approvals::List { all }) => opened.list_approvals(all).await,
            What::Approvals(Approvals::Approve { id, long, narrow }) => {
                let without = ScopeSet::parse(&narrow).map_err(Failure::usage)?;
                opened.decide(id, Decided::Approved(without), &long).await
            }
            What::Approvals(Approvals::Refuse { id, long }) => {
                opened.decide(id, Decided::Refused, &long).await
            }
        }
    }
}

/// One line for machines.
fn line(object: &Object) -> Result<(), Failure> {
    print(String::from_utf8_lossy(&object.to_vec()))
}

impl Opened {
    fn list_policies(&self) -> Result<(), Failure> {
        let policies = self.loaded.config.access().map_err(Failure::usage)?;
        let mut table = Table::new(&["policy", "mode", "otherwise", "title"]);
        for (policy, said) in policies.iter().zip(&self.loaded.config.access_policies) {
            let object = policy.to_object();
            if self.json {
                line(&object)?;
            }
            let otherwise = object.str("otherwise").unwrap_or_default().to_owned();
            let title = plain(said.title.as_deref().unwrap_or_default());
            table.row([policy.name.to_string(), policy.mode.as_str().into(), otherwise, title]);
        }
        if self.json {
            return Ok(());
        }
        print(table)?;
        print(format!("These are the set {}.", policies.set()))
    }

    async fn what_if(&self, asked: WhatIf) -> Result<(), Failure> {
        let now = self.clock.now();
        let at = asked.at.map(|text| moment(&text, now)).transpose().map_err(Failure::usage)?.unwrap_or(now);
        let guard = access::guard(&self.loaded.config, &self.store, &self.clock, &*self.rng).await?;
        let question = Question {
            agent: asked.agent,
            user: asked.user,
            client: asked.client,
            resource: asked.resource,
            action: asked.action,
            stage: Some(asked.stage),
            scopes: asked.scopes,
            address: asked.address,
            facts: asked.facts,
        };
        let answer = question.ask(&guard, at).map_err(Failure::usage)?;
        if self.json { line(&answer.to_object()) } else { told(&answer) }
    }

    async fn list_approvals(&self, all: bool) -> Result<(), Failure> {
        let state = if all { None } else { Some(ApprovalState::Pending) };
        let approvals = self.store.read::<_, StoreError>(move |tx| tx.approvals(state)).await?;
        let headings =
            ["id", "state", "policy", "agent", "for", "resource", "action", "asked", "last", "until"];
        let mut table = Table::new(&headings);
        for approval in approvals {
            if self.json {
                line(&described(&approval))?;
            }
            let key = &approval.key;
            table.row([
                key.id(),
                approval.state.as_str().into(),
                key.policy.clone(),
                plain(&key.agent),
                plain(&key.subject),
                key.resource.clone(),
                plain(&key.action),
                approval.asked.to_string(),
                exact(approval.last_asked_at),
                exact(approval.until),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn decide(&self, id: String, decided: Decided, long: &str) -> Result<(), Failure> {
        let now = self.clock.now();
        let span = prokura_config::Span::try_from(long.to_owned()).map_err(Failure::usage)?.get();
        if span > Duration::from_secs(30 * 24 * 3600) {
            return Err(Failure::usage("a decision holds for at most 30 days"));
        }
        let until = now.after(span);
        let (action, word) = match decided {
            Decided::Approved(_) => ("approval:approve", "approved"),
            Decided::Refused => ("approval:refuse", "refused"),
        };
        let mut event = self.event(action);
        event.details.insert("approval", Value::from(id.as_str()));
        event.details.insert("until", until.seconds().into());
        let asked = id.clone();
        let done = self.store.transact::<_, StoreError>(move |tx| {
            let done = tx.decide_approval(&asked, &decided, OPERATOR, until, now)?;
            if done.is_some() {
                tx.record(event.clone());
            }
            Ok(done)
        });
        let Some(approval) = done.await? else {
            return Err(missing("approval", &plain(&id), "access approvals list"));
        };
        let key = &approval.key;
        let said = format!(
            "{} may {}do `{}` at {} until {}.",
            plain(if key.agent.is_empty() { "the caller" } else { &key.agent }),
            if approval.state == ApprovalState::Refused { "not " } else { "" },
            plain(&key.action),
            key.resource,
            exact(until)
        );
        self.done(word, &id, said)
    }
}

fn described(approval: &Approval) -> Object {
    let key = &approval.key;
    obj([
        ("id", Value::from(key.id())),
        ("state", approval.state.as_str().into()),
        ("policy", Value::from(key.policy.as_str())),
        ("agent", Value::from(key.agent.as_str())),
        ("subject", Value::from(key.subject.as_str())),
        ("client", Value::from(approval.client.as_str())),
        ("workload", Value::from(approval.workload.as_str())),
        ("resource", Value::from(key.resource.as_str())),
        ("action", Value::from(key.action.as_str())),
        ("asked", approval.asked.into()),
        ("last_asked_at", Value::from(exact(approval.last_asked_at))),
        ("until", Value::from(exact(approval.until))),
        ("without", Value::from(approval.without.to_string())),
        ("decided_by", Value::from(approval.decided_by.as_str())),
        ("trace", Value::from(approval.trace.as_str())),
    ])
}

fn told(answer: &Answer) -> Result<(), Failure> {
    let now = answer.verdict.at;
    for policy in &answer.policies {
        print(headline(policy))?;
        for leaf in &policy.leaves {
            let not = if leaf.negated { "not: " } else { "" };
            let standing = leaf.standing.as_str();
            print(format!("    {standing:<8}{not}{}; {}", plain(&leaf.test), plain(&leaf.received(now))))?;
        }
    }
    let until = answer.verdict.until.map(|t| format!(" until {}", exact(t))).unwrap_or_default();
    print(format!("Together: {}{until} (set {}).", answer.verdict.outcome.as_str(), answer.verdict.set))
}

fn headline(policy: &Explained) -> String {
    let mode = if policy.mode == Mode::ReportOnly { " (only reports)" } else { "" };
    match (policy.beside, &policy.outcome) {
        (Some(beside), _) => format!("{}{mode}: does not apply, {beside}", policy.policy),
        (None, Some(outcome)) => format!("{}{mode}: {}", policy.policy, outcome.as_str()),
        (None, None) => format!("{}{mode}", policy.policy),
    }
}
