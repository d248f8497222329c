//! `prokura policy explain`: why something is permitted or denied, and what would permit it.

use super::{Opened, line};
use crate::failure::Failure;
use crate::serve::{policies, service};
use crate::show::{exact, plain, print};
use clap::Args;
use prokura_core::{Obligation, TraceId};
use prokura_decider::Decider;
use prokura_decider::ask::Written;
use prokura_decider::explain::{Explained, SetFinding, effect};
use prokura_ledger::{Entry, Filter};
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_policy::pdp::{Condition, Effect, Examined, Held, RuleRef, to_object};
use prokura_store::StoreError;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The `trace` of a refusal: what the record says of it
    #[arg(long, conflicts_with_all = ["subject", "action", "resource"])]
    trace: Option<String>,
    /// Whose authority: a user's name, `usr_…`, `agt_…`, or any entity as `Kind::id`
    #[arg(long, required_unless_present = "trace")]
    subject: Option<String>,
    /// Who acts: an agent's id, or any entity
    #[arg(long)]
    actor: Option<String>,
    /// What is done
    #[arg(long, required_unless_present = "trace")]
    action: Option<String>,
    /// To what, as `Kind::id`
    #[arg(long, required_unless_present = "trace")]
    resource: Option<String>,
    /// What is known of the resource besides, as JSON
    #[arg(long, default_value = "{}")]
    properties: String,
    /// With which arguments, as JSON
    #[arg(long)]
    arguments: Option<String>,
    /// What else is known, as JSON
    #[arg(long, default_value = "{}")]
    context: String,
}

impl Opened {
    pub(super) async fn explain_policy(&self, asked: ExplainArgs) -> Result<(), Failure> {
        if let Some(trace) = &asked.trace {
            return self.explain_trace(trace).await;
        }
        if asked.resource.as_ref().is_some_and(|r| !r.contains("::")) {
            return Err(Failure::usage("`--resource`: write the kind and the id, as in `Employee::e1`"));
        }
        let (config, trust) = (&self.loaded.config, service::trust(&self.loaded.config)?);
        if config.policy.sets.is_empty() {
            return Err(Failure::usage(
                "there is no policy set: nothing is asked, and nothing refused by policies",
            ));
        }
        let question = self.question(&asked).await?;
        let written = Written::of(&question).map_err(Failure::usage)?;
        let decider = Arc::<Decider>::default();
        let of = (config, &self.store, &self.clock, &self.rng);
        let keeper = policies::keeper(of, &trust, &decider, false).await?;
        let directory = keeper.directory();
        let parts = written.parts(&*directory);
        let question = written.question(&parts, &*directory, self.clock.now());
        let explained = keeper.explain(&question).await;
        if self.json {
            return line(&explained.to_object());
        }
        told(&explained)?;
        let resource = question.resource;
        if directory.entity(&resource.id).is_none() && resource.attributes.is_empty() {
            let (kind, id) = (plain(resource.id.kind()), plain(resource.id.id()));
            print(format!("Nothing is known of {kind}::\"{id}\": no entity file or relation names it."))?;
        }
        Ok(())
    }

    async fn question(&self, asked: &ExplainArgs) -> Result<Object, Failure> {
        let mut resource = self.entity(asked.resource.as_deref().unwrap_or_default()).await?;
        resource.insert("properties", object("--properties", &asked.properties)?.into());
        let mut question = obj([
            ("subject", self.entity(asked.subject.as_deref().unwrap_or_default()).await?.into()),
            ("action", asked.action.as_deref().unwrap_or_default().into()),
            ("resource", resource.into()),
            ("context", object("--context", &asked.context)?.into()),
        ]);
        if let Some(actor) = &asked.actor {
            question.insert("actor", self.entity(actor).await?.into());
        }
        if let Some(arguments) = &asked.arguments {
            question.insert("arguments", object("--arguments", arguments)?.into());
        }
        Ok(question)
    }

    /// `Kind::id`, `Kind::"id"`, an id of a user or an agent, or a user's name.
    async fn entity(&self, text: &str) -> Result<Object, Failure> {
        let named = |kind: &str, id: &str| obj([("type", kind.into()), ("id", id.into())]);
        if let Some((kind, id)) = text.rsplit_once("::") {
            let id = id.strip_prefix('"').and_then(|id| id.strip_suffix('"')).unwrap_or(id);
            return Ok(named(kind, id));
        }
        if text.starts_with("usr_") || text.starts_with("agt_") {
            return Ok(named(if text.starts_with("usr_") { "User" } else { "Agent" }, text));
        }
        let name = text.to_owned();
        let user = self.store.read::<_, StoreError>(move |tx| tx.user_by_name(&name)).await?;
        let user = user.ok_or_else(|| super::missing("user", &plain(text), "user list"))?;
        Ok(named("User", user.id.as_str()))
    }

    /// What the record says of a flow.
    async fn explain_trace(&self, trace: &str) -> Result<(), Failure> {
        let trace = TraceId::parse(trace).map_err(Failure::usage)?;
        let filter = Filter { trace: Some(trace.clone()), limit: 1000, ..Filter::default() };
        let entries = self.store.read::<_, StoreError>(move |tx| tx.entries(&filter)).await?;
        let decided: Vec<_> =
            entries.iter().filter(|(_, e)| e.event.details.contains_key("policies")).collect();
        if decided.is_empty() {
            let why = if entries.is_empty() {
                format!("nothing with the trace `{trace}` is on record")
            } else {
                format!(
                    "no policy decided anything in the flow `{trace}`; `prokura audit list --trace {trace}` shows it"
                )
            };
            return Err(Failure::refused(why));
        }
        for (number, entry) in decided.into_iter().rev() {
            self.recorded(*number, entry).await?;
        }
        Ok(())
    }

    async fn recorded(&self, number: u64, entry: &Entry) -> Result<(), Failure> {
        let event = &entry.event;
        if self.json {
            return line(&obj([
                ("entry", number.into()),
                ("action", event.action.as_str().into()),
                ("outcome", event.outcome.as_str().into()),
                ("details", event.details.clone().into()),
            ]));
        }
        let who = event.subject.as_ref().map_or_else(|| "nobody".to_owned(), |s| plain(s.as_str()));
        let sets = event.details.str("policies").unwrap_or_default();
        print(format!(
            "Entry {number}, {}: {} for {who}, {}.",
            exact(event.at),
            plain(&event.action),
            event.outcome.as_str()
        ))?;
        print(format!("  policies in force: {}", plain(sets)))?;
        let rules = event.details.get("rules").and_then(Value::as_array).unwrap_or_default();
        if rules.is_empty() && event.outcome != prokura_ledger::Outcome::Permit {
            print("  no rule permits it, and what no rule permits is denied")?;
        }
        for rule in rules.iter().filter_map(Value::as_str) {
            print(format!("  decided by {}", plain(rule)))?;
            if let Some(text) = self.rule_text(sets, rule).await? {
                print(format!("      {}", plain(&text)))?;
            }
        }
        if let Some(hash) = event.details.str("arguments_sha256") {
            print(format!("  arguments: only their hash is on record, {}", plain(hash)))?;
        }
        Ok(())
    }

    /// The line of a rule `set#file:line`, in the version that was in force then.
    async fn rule_text(&self, sets: &str, rule: &str) -> Result<Option<String>, Failure> {
        let Some((set, place)) = rule.split_once('#') else { return Ok(None) };
        let version = sets.split(", ").find_map(|s| s.strip_prefix(set)?.strip_prefix('@'));
        let version = version.map(|v| v.trim_end_matches(" (reports)"));
        let (Some(version), Some((file, number, _))) = (version, super::place::split(place)) else {
            return Ok(None);
        };
        let kept = self.version(set, version).await?;
        let language = self.loaded.config.policy.sets.iter().find(|s| s.name == set).map(|s| s.language);
        let text = language.and_then(|l| prokura_decider::text::SetText::from_json(l, &kept.texts).ok());
        Ok(text.and_then(|t| t.line(file, number).map(|line| line.trim().to_owned())))
    }
}

fn object(flag: &str, text: &str) -> Result<Object, Failure> {
    let read = json::parse(text.as_bytes(), &Limits::DOCUMENT)
        .map_err(|e| Failure::usage(format!("{flag}: {e}")))?;
    read.into_object().ok_or_else(|| Failure::usage(format!("{flag}: write a JSON object")))
}

fn told(explained: &Explained) -> Result<(), Failure> {
    let ruling = &explained.ruling;
    print(if ruling.permitted { "Permitted." } else { "Denied." })?;
    duties(&ruling.obligations)?;
    if let Some(reported) = &ruling.reported {
        let would = match (reported.permitted, ruling.permitted) {
            (true, true) => "it would be permitted with other duties",
            (true, false) => "it would be permitted",
            (false, _) => "it would be denied",
        };
        print(format!("  If the sets that only report counted, {would}."))?;
        duties(&reported.obligations)?;
    }
    explained.sets.iter().try_for_each(found)
}

fn duties(all: &[Obligation]) -> Result<(), Failure> {
    let duties = all.iter().filter_map(to_object);
    duties
        .map(|d| plain(&String::from_utf8_lossy(&d.to_vec())))
        .try_for_each(|duty| print(format!("  to be met: {duty}")))
}

fn found(set: &SetFinding) -> Result<(), Failure> {
    let name = format!("{} ({}, {})", set.set.name, set.set.language.as_str(), set.set.mode.as_str());
    let Some(why) = &set.why else {
        return print(format!("{name}: not asked, for another denies"));
    };
    let finding = &why.finding;
    print(format!("{name}: {}", effect(finding.effect)))?;
    for problem in &finding.problems {
        print(format!("  went wrong: {}", plain(problem)))?;
    }
    if why.decided.is_empty() {
        finding.rules.iter().try_for_each(|r| rule(set, r, "  "))?;
    }
    for examined in &why.decided {
        one(set, examined)?;
    }
    match finding.effect {
        Effect::Permit => return Ok(()),
        Effect::Silent if why.near.is_empty() => {
            return print("  no rule that permits is for such an action, subject and resource");
        }
        Effect::Deny if why.near.is_empty() => return Ok(()),
        Effect::Silent => print("  what would permit it:")?,
        Effect::Deny => print("  what would permit it, if nothing denied it:")?,
    }
    why.near.iter().try_for_each(|near| one(set, near))
}

fn one(set: &SetFinding, examined: &Examined) -> Result<(), Failure> {
    rule(set, &examined.rule, "  ")?;
    examined.conditions.iter().try_for_each(condition)
}

fn rule(set: &SetFinding, rule: &RuleRef, margin: &str) -> Result<(), Failure> {
    let note = rule.note.as_ref().map(|n| format!(": {}", plain(n))).unwrap_or_default();
    print(format!("{margin}{}{note}", plain(&rule.rule)))?;
    match set.line(rule) {
        Some(text) => print(format!("{margin}    {}", plain(text))),
        None => Ok(()),
    }
}

fn condition(condition: &Condition) -> Result<(), Failure> {
    let mark = match &condition.holds {
        Held::Yes => "holds".to_owned(),
        Held::No => "does not hold".to_owned(),
        Held::Failed(why) => format!("fails, {}", plain(why)),
    };
    print(format!("      {} -- {mark}", plain(&condition.text)))?;
    for (expression, value) in &condition.found {
        print(format!("          {} is {}", plain(expression), plain(value)))?;
    }
    Ok(())
}
