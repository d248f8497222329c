//! `prokura workload rule`: rules beside those of the configuration file.

use super::super::{OPERATOR, Opened, missing};
use crate::failure::Failure;
use crate::show::{Table, json, plain, print};
use clap::{Args, Subcommand};
use prokura_config::{ClaimKind, WorkloadProvider, WorkloadRule};
use prokura_store::{StoreError, StoredRule};
use serde_json::{Map, Value};
use std::io::Read as _;

#[derive(Debug, Subcommand)]
pub(crate) enum RuleCommand {
    /// Store a rule, or replace the stored one of that name; running servers use it at once
    Add(Box<AddArgs>),
    /// List the rules in their order: those of the file first
    List,
    /// Remove a stored rule
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Its name
    name: String,
    /// A file with the rest of it as JSON (`-`: standard input), in place of the flags below
    #[arg(long, conflicts_with_all = ["provider", "agent", "when", "grants", "needs_key", "life"])]
    from: Option<String>,
    /// The name of a provider of the configuration
    #[arg(long, required_unless_present = "from")]
    provider: Option<String>,
    /// The agent whose workloads these are
    #[arg(long, required_unless_present = "from")]
    agent: Option<String>,
    /// What a claim must be, exactly: `namespace=agents`; repeat it for more claims, all of which must fit
    #[arg(long, value_name = "CLAIM=VALUE", required_unless_present = "from")]
    when: Vec<String>,
    /// What they may do at a resource: `sales=read,write`; repeat it for more resources
    #[arg(long = "grant", value_name = "RESOURCE=SCOPE,…")]
    grants: Vec<String>,
    /// Whether a DPoP proof must come with the evidence, to which the token is bound
    #[arg(long)]
    needs_key: bool,
    /// How long a token lives, at most 10m
    #[arg(long)]
    life: Option<String>,
}

impl Opened {
    pub(super) async fn workload_rule(&self, command: RuleCommand) -> Result<(), Failure> {
        match command {
            RuleCommand::Add(args) => self.add_rule(*args).await,
            RuleCommand::List => self.list_rules().await,
            RuleCommand::Remove { name } => self.remove_rule(name).await,
        }
    }

    async fn add_rule(&self, args: AddArgs) -> Result<(), Failure> {
        let config = &self.loaded.config;
        if config.workload.rule(&args.name).is_some() {
            let said =
                format!("the rule `{}` stands in the configuration file: change it there", plain(&args.name));
            return Err(Failure::refused(said));
        }
        let read = |text: String| WorkloadRule::from_json(&text).map_err(Failure::refused);
        let rule = read(args.text(|name| config.workload.provider(name))?)?;
        config.check_workload_rule(&rule).map_err(Failure::refused)?;
        let text = rule.to_json().map_err(Failure::refused)?;
        let mut event = self.event("workload_rule:put");
        event.details.insert("rule", text.as_str().into());
        let now = self.clock.now();
        let stored = StoredRule { name: rule.name.clone(), rule: text, at: now, by: OPERATOR.to_owned() };
        let put = move |tx: &mut prokura_store::Tx<'_>| {
            tx.put_workload_rule(&stored)?;
            tx.record(event.clone());
            Ok(())
        };
        self.store.transact::<_, StoreError>(put).await?;
        self.done("workload_rule:put", &rule.name, format!("The rule {} is in force.", rule.name))
    }

    async fn list_rules(&self) -> Result<(), Failure> {
        let of_file = &self.loaded.config.workload.rules;
        let stored = self.store.read::<_, StoreError>(|tx| tx.workload_rules()).await?;
        let mut table = Table::new(&["rule", "from", "provider", "agent", "when", "may"]);
        for rule in of_file {
            self.show_rule(&mut table, rule, "file")?;
        }
        for text in &stored {
            let rule = WorkloadRule::from_json(&text.rule).map_err(Failure::refused)?;
            let shadowed = of_file.iter().any(|r| r.name == rule.name);
            let fits = self.loaded.config.check_workload_rule(&rule).is_ok();
            let from = match (shadowed, fits) {
                (true, _) => "store, behind the file's",
                (false, false) => "store, does not fit the configuration",
                (false, true) => "store",
            };
            self.show_rule(&mut table, &rule, from)?;
        }
        if self.json { Ok(()) } else { print(table) }
    }

    fn show_rule(&self, table: &mut Table, rule: &WorkloadRule, from: &str) -> Result<(), Failure> {
        let text = rule.to_json().map_err(Failure::refused)?;
        let mut value: Map<String, Value> = serde_json::from_str(&text).map_err(Failure::refused)?;
        let when = value.get("when").cloned().unwrap_or_default();
        if self.json {
            value.insert("from".to_owned(), from.into());
            return json(&value);
        }
        let may = rule.grants.iter().map(|g| format!("{}: {}", g.resource, g.scopes.join(" ")));
        table.row([
            rule.name.clone(),
            from.into(),
            rule.provider.clone(),
            rule.agent.clone(),
            plain(&when.to_string()),
            may.collect::<Vec<_>>().join("; "),
        ]);
        Ok(())
    }

    async fn remove_rule(&self, name: String) -> Result<(), Failure> {
        if self.loaded.config.workload.rule(&name).is_some() {
            let said =
                format!("the rule `{}` stands in the configuration file: remove it there", plain(&name));
            return Err(Failure::refused(said));
        }
        let mut event = self.event("workload_rule:remove");
        event.details.insert("rule", name.as_str().into());
        let (now, gone) = (self.clock.now(), name.clone());
        let remove = move |tx: &mut prokura_store::Tx<'_>| {
            let removed = tx.delete_workload_rule(&gone, OPERATOR, now)?;
            if removed {
                tx.record(event.clone());
            }
            Ok(removed)
        };
        if !self.store.transact::<_, StoreError>(remove).await? {
            return Err(missing("stored rule", &plain(&name), "workload rule list"));
        }
        self.done("workload_rule:remove", &name, "Removed; the next request is judged without it.")
    }
}

impl AddArgs {
    /// The rule as JSON.
    fn text<'a>(&self, provider: impl Fn(&str) -> Option<&'a WorkloadProvider>) -> Result<String, Failure> {
        let mut rule = match &self.from {
            Some(path) => read(path)?,
            None => self.of_flags(provider)?,
        };
        rule.insert("name".to_owned(), self.name.as_str().into());
        serde_json::to_string(&rule).map_err(Failure::refused)
    }

    fn of_flags<'a>(
        &self,
        provider: impl Fn(&str) -> Option<&'a WorkloadProvider>,
    ) -> Result<Map<String, Value>, Failure> {
        let odd = |what: &str, text: &str| Failure::usage(format!("`{}` is no {what}", plain(text)));
        let known = self.provider.as_deref().and_then(provider);
        let mut when = Map::new();
        for text in &self.when {
            let (claim, value) = text.split_once('=').ok_or_else(|| odd("CLAIM=VALUE", text))?;
            let typed = typed(value, known.and_then(|p| p.claim_kind(claim)));
            when.insert(claim.to_owned(), typed.ok_or_else(|| odd("value of that claim", text))?);
        }
        let mut grants = Vec::new();
        for text in &self.grants {
            let (resource, scopes) = text.split_once('=').ok_or_else(|| odd("RESOURCE=SCOPES", text))?;
            let scopes: Vec<_> = scopes.split(',').collect();
            grants.push(serde_json::json!({ "resource": resource, "scopes": scopes }));
        }
        let mut rule = Map::new();
        rule.insert("provider".to_owned(), self.provider.clone().into());
        rule.insert("agent".to_owned(), self.agent.clone().into());
        rule.insert("when".to_owned(), when.into());
        rule.insert("grant".to_owned(), grants.into());
        rule.insert("needs_key".to_owned(), self.needs_key.into());
        if let Some(life) = &self.life {
            rule.insert("life".to_owned(), life.as_str().into());
        }
        Ok(rule)
    }
}

/// A value as what the claim is: `42` is a number where the provider says a number.
fn typed(value: &str, kind: Option<ClaimKind>) -> Option<Value> {
    match kind {
        Some(ClaimKind::Number) => value.parse::<i64>().ok().map(Value::from),
        Some(ClaimKind::Flag) => value.parse::<bool>().ok().map(Value::from),
        Some(ClaimKind::List) => Some(serde_json::json!({ "has": value })),
        Some(ClaimKind::Text) | None => Some(value.into()),
    }
}

fn read(path: &str) -> Result<Map<String, Value>, Failure> {
    let text = if path == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|e| Failure::usage(format!("`{}`: {e}", plain(path))))?;
    serde_json::from_str(&text).map_err(|e| Failure::refused(format!("`{}`: {e}", plain(path))))
}
