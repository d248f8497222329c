//! `prokura workload`: running instances, whose word about them counts, and the rules that lead to agents.

mod rule;
mod test;

use super::standing::Target;
use super::{AdminArgs, Opened, missing};
use crate::failure::Failure;
use crate::show::{Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_attest::instance_name;
use prokura_core::{AgentId, WorkloadId};
use prokura_store::{ArtifactKind, Foreigner, StoreError, Tx, Workload};

/// What an administrator does about workloads.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkloadAdmin {
    /// List workloads that were seen, the newest first
    List {
        #[command(flatten)]
        args: AdminArgs,
        /// Only workloads of this agent
        #[arg(long)]
        agent: Option<String>,
    },
    /// Show one workload
    Show {
        #[command(flatten)]
        args: AdminArgs,
        /// Its id
        id: String,
    },
    /// Stop a workload, or with --provider everything that a provider vouches for, at the next call
    Disable {
        #[command(flatten)]
        args: AdminArgs,
        #[command(flatten)]
        who: Who,
        /// Why, for the record
        #[arg(long, default_value = "disabled by an administrator")]
        why: String,
    },
    /// Let a workload, or everything that a provider vouches for, act again
    Enable {
        #[command(flatten)]
        args: AdminArgs,
        #[command(flatten)]
        who: Who,
    },
    /// Forget the key that an EC2 instance or Azure machine first came with: the next one that comes is its key
    ForgetKey {
        #[command(flatten)]
        args: AdminArgs,
        /// The name of the provider that vouches for it
        provider: String,
        /// The subject, as `workload show` says it: `ACCOUNT/REGION/INSTANCE` of EC2, `SUBSCRIPTION/VM` of Azure
        subject: String,
    },
    /// List the providers of the configuration
    Providers {
        #[command(flatten)]
        args: AdminArgs,
    },
    /// Rules that lead from what is said of a workload to an agent
    Rule {
        #[command(flatten)]
        args: AdminArgs,
        #[command(subcommand)]
        command: rule::RuleCommand,
    },
    /// Say what would become of a token: whether it is believed, and which rule is for it
    Test {
        #[command(flatten)]
        args: AdminArgs,
        #[command(flatten)]
        test: test::TestArgs,
    },
}

#[derive(Debug, Args)]
#[group(required = true)]
pub(crate) struct Who {
    /// The workload's id
    id: Option<String>,
    /// The name of a provider
    #[arg(long, conflicts_with = "id")]
    provider: Option<String>,
}

impl WorkloadAdmin {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { args, agent } => args.open().await?.list_workloads(agent).await,
            Self::Show { args, id } => args.open().await?.show_workload(&id).await,
            Self::Disable { args, who, why } => args.open().await?.stop_workload(&who, true, why).await,
            Self::Enable { args, who } => args.open().await?.stop_workload(&who, false, String::new()).await,
            Self::ForgetKey { args, provider, subject } => {
                args.open().await?.forget_key(&provider, &subject).await
            }
            Self::Providers { args } => args.open().await?.list_providers().await,
            Self::Rule { args, command } => args.open().await?.workload_rule(command).await,
            Self::Test { args, test } => args.open().await?.test_token(test).await,
        }
    }
}

impl Opened {
    async fn list_workloads(&self, agent: Option<String>) -> Result<(), Failure> {
        let named = |a: String| AgentId::parse(&*a).map_err(|_| missing("agent", &plain(&a), "agent list"));
        let agent = agent.map(named).transpose()?;
        let all = self.store.read::<_, StoreError>(move |tx| tx.workloads(agent.as_ref(), 1000)).await?;
        let mut table =
            Table::new(&["workload", "provider", "instance", "agent", "rule", "state", "last seen"]);
        for workload in &all {
            if self.json {
                json(&self.workload_json(workload))?;
            }
            table.row([
                workload.id.to_string(),
                plain(&workload.provider),
                plain(&workload.instance),
                workload.agent.to_string(),
                plain(&workload.rule),
                self.workload_state(workload).into(),
                exact(workload.last_seen),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }

    fn workload_state(&self, w: &Workload) -> &'static str {
        let view = self.store.revoked();
        let stopped = view.workload_disabled(&w.id) || view.provider_disabled(&w.provider);
        if stopped { "disabled" } else { "active" }
    }

    fn workload_json(&self, w: &Workload) -> serde_json::Value {
        let claims: serde_json::Value = serde_json::from_str(&w.claims).unwrap_or_default();
        serde_json::json!({
            "id": w.id.as_str(), "provider": w.provider, "platform": w.platform.as_str(), "subject": w.subject,
            "instance": w.instance, "agent": w.agent.as_str(), "rule": w.rule, "claims": claims,
            "first_seen": exact(w.first_seen), "last_seen": exact(w.last_seen),
            "disabled": self.workload_state(w) == "disabled",
        })
    }

    async fn show_workload(&self, id: &str) -> Result<(), Failure> {
        let found = self.workload(id).await?;
        if self.json {
            return json(&self.workload_json(&found));
        }
        let mut lines = vec![
            format!("workload   {}", found.id),
            format!("provider   {} ({})", plain(&found.provider), found.platform),
            format!("subject    {}", plain(&found.subject)),
            format!("instance   {}", plain(&found.instance)),
            format!("agent      {}, by the rule {}", found.agent, plain(&found.rule)),
            format!("state      {}", self.workload_state(&found)),
            format!("first seen {}", exact(found.first_seen)),
            format!("last seen  {}", exact(found.last_seen)),
        ];
        let claims: serde_json::Map<_, _> = serde_json::from_str(&found.claims).unwrap_or_default();
        let claim = |(name, value): (&String, &serde_json::Value)| {
            format!("claim      {} = {}", plain(name), plain(value.as_str().unwrap_or_default()))
        };
        lines.extend(claims.iter().map(claim));
        print(lines.join("\n"))
    }

    async fn workload(&self, id: &str) -> Result<Workload, Failure> {
        let unknown = || missing("workload", &plain(id), "workload list");
        let parsed = WorkloadId::parse(id).map_err(|_| unknown())?;
        let found = self.store.read::<_, StoreError>(move |tx| tx.workload(&parsed)).await?;
        found.ok_or_else(unknown)
    }

    async fn stop_workload(&self, who: &Who, disabled: bool, why: String) -> Result<(), Failure> {
        let (target, name) = match (&who.id, &who.provider) {
            (Some(id), _) => (Foreigner::Workload(self.workload(id).await?.id), id),
            (None, Some(name)) => {
                let known = self.loaded.config.workload.provider(name);
                known.ok_or_else(|| missing("provider", &plain(name), "workload providers"))?;
                (Foreigner::provider(name), name)
            }
            (None, None) => return Err(Failure::usage("name a workload, or a provider by `--provider`")),
        };
        self.stop(Target::Foreigner(target), &plain(name), disabled, why).await
    }

    async fn forget_key(&self, provider: &str, subject: &str) -> Result<(), Failure> {
        let mut event = self.event("workload:forget-key");
        event.details.insert("provider", provider.into());
        event.details.insert("subject", subject.into());
        let (now, name) = (self.clock.now(), instance_name(provider, subject));
        let forget = move |tx: &mut Tx<'_>| {
            let gone = tx.unbind_first(ArtifactKind::EvidenceKey, &name, now)?;
            if gone {
                tx.record(event.clone());
            }
            Ok(gone)
        };
        if !self.store.transact::<_, StoreError>(forget).await? {
            return Err(Failure::refused(format!(
                "no key is bound to `{}` of the provider `{}`; `prokura workload list --json` shows the subjects",
                plain(subject),
                plain(provider)
            )));
        }
        self.done(
            "workload:forget-key",
            subject,
            "Forgotten; the next key that this instance comes with is its own.",
        )
    }

    async fn list_providers(&self) -> Result<(), Failure> {
        let view = self.store.revoked();
        let mut table = Table::new(&["provider", "platform", "issuer", "state"]);
        for provider in &self.loaded.config.workload.providers {
            let stopped = view.provider_disabled(&provider.name);
            if self.json {
                json(&serde_json::json!({
                    "name": provider.name, "platform": provider.platform().as_str(),
                    "issuers": provider.issuers(), "disabled": stopped,
                }))?;
            }
            table.row([
                provider.name.clone(),
                provider.platform().to_string(),
                provider.issuers().iter().map(|i| plain(i)).collect::<Vec<_>>().join(" "),
                if stopped { "disabled" } else { "believed" }.into(),
            ]);
        }
        if self.json { Ok(()) } else { print(table) }
    }
}
