//! `prokura approval`: calls that wait for somebody to agree, how people decide, and what is looked at afterwards.

use super::{AdminArgs, OPERATOR, Opened, missing};
use crate::failure::Failure;
use crate::serve::master;
use crate::show::{Table, exact, json, plain, print, value};
use clap::{Args, Subcommand};
use prokura_access::{ApprovalSeal, Facts};
use prokura_core::{Ballot, GrantId, NoVote, Risk, TaskId, TaskState, Voter};
use prokura_server::approvals::{decide, end_rule};
use prokura_server::standing::{Act, Actor};
use prokura_store::{ReviewState, StoreError, StoredTask, TaskFilter, TaskStats, Voted};
use std::collections::BTreeSet;

/// Approvals: calls that wait for somebody to agree, how people decide, and what is looked at afterwards
#[derive(Debug, Args)]
pub(crate) struct ApprovalCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what waits; with --all, what became of others too
    List {
        /// Others too
        #[arg(long)]
        all: bool,
    },
    /// Show one call: what exactly would happen, who asks, who may agree
    Show {
        /// Its id
        id: String,
    },
    /// Agree, where `operator` is among those who may; it may then be done once
    Approve {
        /// Its id
        id: String,
        /// A word for the record
        #[arg(long, default_value = "")]
        word: String,
    },
    /// Refuse
    Refuse {
        /// Its id
        id: String,
        /// A word for the record
        #[arg(long, default_value = "")]
        word: String,
    },
    /// Say how often people agree, and how long they take
    Stats {
        /// Of what was asked in the last so long: `7d`, `30d`
        #[arg(long, default_value = "30d")]
        last: String,
    },
    /// List what was agreed to for a while
    Rules,
    /// End an agreement for a while; the next call asks again
    EndRule {
        /// Its id
        id: String,
    },
    /// List the calls that are looked at afterwards; with --all, those that were too
    Reviews {
        /// Others too
        #[arg(long)]
        all: bool,
    },
    /// Find a call fine that was looked at
    Fine {
        /// Its id
        id: String,
    },
    /// Object to a call that was looked at: the grant by which it was done ends
    Object {
        /// Its id
        id: String,
        /// A word for the record
        #[arg(long, default_value = "")]
        word: String,
    },
}

impl ApprovalCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List { all } => opened.list_tasks(all).await,
            What::Show { id } => opened.show_task(id).await,
            What::Approve { id, word } => opened.vote(id, true, word).await,
            What::Refuse { id, word } => opened.vote(id, false, word).await,
            What::Stats { last } => opened.task_stats(&last).await,
            What::Rules => opened.list_standing().await,
            What::EndRule { id } => opened.end_rule(id).await,
            What::Reviews { all } => opened.list_reviews(all).await,
            What::Fine { id } => opened.review(id, true, String::new()).await,
            What::Object { id, word } => opened.review(id, false, word).await,
        }
    }
}

fn unknown(id: &str) -> Failure {
    missing("approval", &plain(id), "approval list")
}

impl Opened {
    async fn list_tasks(&self, all: bool) -> Result<(), Failure> {
        let state = if all { None } else { Some(TaskState::Pending) };
        let filter = TaskFilter { state, subject: None, limit: 1000 };
        let tasks = self.store.read::<_, StoreError>(move |tx| tx.tasks(&filter)).await?;
        let now = self.clock.now();
        let mut table =
            Table::new(&["id", "state", "agent", "for", "resource", "action", "agreed", "asked", "until"]);
        for stored in &tasks {
            if self.json {
                json(&self.described(stored, None))?;
            }
            let (task, call) = (&stored.task, &stored.task.call);
            table.row([
                task.id.to_string(),
                task.state_at(now).to_string(),
                call.actor.to_string(),
                call.subject.to_string(),
                call.server.clone(),
                plain(&call.action),
                format!("{} of {}", task.agreed(), task.quorum.of),
                exact(task.asked_at),
                exact(task.until),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn task(&self, id: &str) -> Result<(StoredTask, Option<Facts>), Failure> {
        let task = TaskId::parse(id).map_err(|_| unknown(id))?;
        let found = self.store.read::<_, StoreError>(move |tx| tx.task(&task)).await?;
        let found = found.ok_or_else(|| unknown(id))?;
        let master = master::key(&self.loaded, &self.store, &*self.rng).await?;
        let seal = ApprovalSeal::new(&master).map_err(Failure::refused)?;
        let facts = seal.open(&found.task.id, &found.sealed);
        Ok((found, facts))
    }

    async fn show_task(&self, id: String) -> Result<(), Failure> {
        let (stored, facts) = self.task(&id).await?;
        if self.json {
            return json(&self.described(&stored, facts.as_ref()));
        }
        let (task, call) = (&stored.task, &stored.task.call);
        let what = facts.as_ref().map_or(call.action.as_str(), |f| f.title.as_str());
        print(format!("{} ({} at {})", plain(what), plain(&call.action), call.server))?;
        match &facts {
            None => print("    what it would have done is not kept any longer")?,
            Some(facts) => facts.shown().try_for_each(|fact| {
                let before = fact.was().map(|b| format!("{} → ", value(&b))).unwrap_or_default();
                print(format!("    {}: {before}{}", value(fact.name), value(&fact.will_be())))
            })?,
        }
        let chain: Vec<&str> = call.chain.iter().rev().map(|a| a.as_str()).collect();
        print(format!(
            "  for      {} through {} (client {})",
            call.subject,
            chain.join(" → "),
            plain(call.client.as_str())
        ))?;
        let risk = stored.risk.map_or("unknown", Risk::as_str);
        let undone = stored.reversible.map_or("unknown", |r| if r { "yes" } else { "no" });
        print(format!("  risk     {risk}; can be undone: {undone}"))?;
        print(format!("  because  {} {}", plain(&task.because), plain(&stored.rules.join(", "))))?;
        let approvers: Vec<&str> = task.quorum.approvers.iter().map(String::as_str).collect();
        print(format!(
            "  ask      {} of {}; {} agreed",
            task.quorum.of,
            approvers.join(", "),
            task.agreed()
        ))?;
        for vote in &task.votes {
            let said = if vote.agrees { "agreed" } else { "refused" };
            print(format!(
                "           {} {said} at {} {}",
                plain(&vote.by),
                exact(vote.at),
                plain(&vote.word)
            ))?;
        }
        print(format!("  stands   {} until {}", task.state_at(self.clock.now()), exact(task.until)))
    }

    fn described(&self, stored: &StoredTask, facts: Option<&Facts>) -> serde_json::Value {
        let (task, call) = (&stored.task, &stored.task.call);
        let votes: Vec<_> = task
            .votes
            .iter()
            .map(|v| serde_json::json!({ "by": v.by, "agrees": v.agrees, "word": v.word, "at": exact(v.at) }))
            .collect();
        let arguments = facts
            .map(|facts| facts.shown().map(|fact| (fact.name.to_owned(), fact.will_be().into())).collect());
        let arguments: Option<serde_json::Map<String, serde_json::Value>> = arguments;
        serde_json::json!({
            "id": task.id.as_str(), "state": task.state_at(self.clock.now()).as_str(),
            "agent": call.actor.as_str(), "subject": call.subject.as_str(), "client": call.client.as_str(),
            "resource": call.server, "action": call.action, "arguments_hash": call.arguments,
            "arguments": arguments, "approvers": task.quorum.approvers, "of": task.quorum.of,
            "because": task.because, "rules": stored.rules, "risk": stored.risk.map(Risk::as_str),
            "reversible": stored.reversible, "votes": votes, "asked": stored.asked,
            "asked_at": exact(task.asked_at), "until": exact(task.until), "trace": stored.trace,
        })
    }

    async fn vote(&self, id: String, agrees: bool, word: String) -> Result<(), Failure> {
        let task = TaskId::parse(id.as_str()).map_err(|_| unknown(&id))?;
        let word: String = word.chars().take(240).collect();
        let mut event = self.event("approval");
        if !word.is_empty() {
            event.details.insert("word", word.as_str().into());
        }
        let ballot = Ballot {
            voter: Voter::Operator(None),
            groups: BTreeSet::new(),
            agent: None,
            sign_in: None,
            agrees,
            word,
            at: self.clock.now(),
        };
        let child = GrantId::random(&*self.rng);
        let done = self
            .store
            .transact::<_, StoreError>(move |tx| decide(tx, &task, child.clone(), &ballot, event.clone()));
        match done.await? {
            Voted::Missing => Err(unknown(&id)),
            Voted::Not(NoVote::NotAsked) => Err(Failure::refused(
                "`operator` is not among those who may agree to it; they are asked on their approvals page",
            )),
            Voted::Not(why) => Err(Failure::refused(why)),
            Voted::Counted(task) => {
                let said = match task.task.state {
                    TaskState::Approved => format!("It may be done once, until {}.", exact(task.task.until)),
                    TaskState::Refused => "It is refused.".to_owned(),
                    _ => format!("{} of {} agreed.", task.task.agreed(), task.task.quorum.of),
                };
                self.done(task.task.state.as_str(), &id, said)
            }
        }
    }

    async fn task_stats(&self, last: &str) -> Result<(), Failure> {
        let span = prokura_config::Span::try_from(last.to_owned()).map_err(Failure::usage)?.get();
        let now = self.clock.now();
        let stats = self.store.read::<_, StoreError>(move |tx| tx.task_stats(now.before(span), now)).await?;
        let TaskStats { asked, approved, refused, undecided, pending, median } = stats;
        let median = median.map(|m| m.as_secs());
        if self.json {
            return json(&serde_json::json!({
                "asked": asked, "approved": approved, "refused": refused, "undecided": undecided,
                "pending": pending, "approval_rate": stats.approval_rate(), "median_seconds": median,
            }));
        }
        print(format!(
            "{asked} asked: {approved} approved, {refused} refused, {undecided} undecided, {pending} wait."
        ))?;
        if let (Some(rate), Some(median)) = (stats.approval_rate(), median) {
            print(format!("{rate} % of what was decided was approved; half of it within {median} s."))?;
        }
        Ok(())
    }

    async fn list_standing(&self) -> Result<(), Failure> {
        let now = self.clock.now();
        let rules = self.store.read::<_, StoreError>(move |tx| tx.approval_rules(None, now)).await?;
        let master = master::key(&self.loaded, &self.store, &*self.rng).await?;
        let seal = ApprovalSeal::new(&master).map_err(Failure::refused)?;
        let mut table = Table::new(&["id", "agent", "for", "resource", "action", "where", "by", "until"]);
        for rule in rules {
            let conditions = seal.open_conditions(&rule.id, &rule.sealed);
            let all: Vec<String> = conditions
                .iter()
                .flat_map(|c| {
                    c.shown()
                        .map(|(name, up_to, value)| {
                            format!("{name} {} {value}", if up_to { "from 0 to" } else { "is" })
                        })
                        .collect::<Vec<_>>()
                })
                .collect();
            if self.json {
                json(&serde_json::json!({
                    "id": rule.id, "agent": rule.actor.as_str(), "subject": rule.subject.as_str(),
                    "resource": rule.server, "action": rule.action, "where": all, "by": rule.by,
                    "approval": rule.task.as_str(), "grant": rule.grant.as_str(), "until": exact(rule.until),
                }))?;
            }
            table.row([
                rule.id,
                rule.actor.to_string(),
                rule.subject.to_string(),
                rule.server,
                plain(&rule.action),
                value(&all.join(", ")),
                plain(&rule.by),
                exact(rule.until),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn end_rule(&self, id: String) -> Result<(), Failure> {
        let (event, rule) = (self.event("approval"), id.clone());
        let done = self.store.transact::<_, StoreError>(move |tx| end_rule(tx, &rule, event.clone()));
        match done.await? {
            Some(_) => self.done("ended", &id, "It has ended; the next call asks again."),
            None => Err(missing("rule", &plain(&id), "approval rules")),
        }
    }

    async fn list_reviews(&self, all: bool) -> Result<(), Failure> {
        let state = if all { None } else { Some(ReviewState::Open) };
        let reviews = self.store.read::<_, StoreError>(move |tx| tx.reviews(state)).await?;
        let mut table =
            Table::new(&["id", "state", "at", "agent", "for", "resource", "action", "because", "trace"]);
        for r in reviews {
            if self.json {
                json(&serde_json::json!({
                    "id": r.id, "state": r.state.as_str(), "at": exact(r.at), "agent": r.actor.as_str(),
                    "subject": r.subject.as_str(), "client": r.client.as_str(), "grant": r.grant.as_str(),
                    "resource": r.server, "action": r.action, "arguments_hash": r.arguments,
                    "because": r.because, "trace": r.trace, "decided_by": r.decided_by, "word": r.word,
                }))?;
            }
            table.row([
                r.id,
                r.state.as_str().into(),
                exact(r.at),
                r.actor.to_string(),
                r.subject.to_string(),
                r.server,
                plain(&r.action),
                plain(&r.because),
                r.trace,
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    async fn review(&self, id: String, fine: bool, word: String) -> Result<(), Failure> {
        let now = self.clock.now();
        let event = self.event(if fine { "review:fine" } else { "review:object" });
        let why = if word.is_empty() { "somebody objected to a call".to_owned() } else { word.clone() };
        let actor = Actor { by: OPERATOR.to_owned(), owner: None, why, event: event.clone() };
        let asked = id.clone();
        let done = self.store.transact::<_, StoreError>(move |tx| {
            let Some(review) = tx.decide_review(&asked, fine, OPERATOR, &word, now)? else { return Ok(None) };
            let mut entry = event.clone();
            entry.grant = Some(review.grant.clone());
            entry.details.insert("review", review.id.as_str().into());
            entry.details.insert("about", review.action.as_str().into());
            tx.record(entry);
            if !fine {
                drop(Act::Revoke.run(tx, &review.grant, None, &actor)?);
            }
            Ok(Some(review))
        });
        match done.await? {
            Some(_) if fine => self.done("fine", &id, "It is fine."),
            Some(review) => self.done("objected", &id, format!("The grant {} has ended.", review.grant)),
            None => Err(missing("review", &plain(&id), "approval reviews")),
        }
    }
}
