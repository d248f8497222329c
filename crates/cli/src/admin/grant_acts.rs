//! `prokura grant narrow|suspend|resume|revoke`: what an operator does to a grant. Nothing is ever added to one.

use super::{OPERATOR, Opened, missing};
use crate::failure::Failure;
use crate::show::{ahead, json, plain, print};
use clap::Args;
use prokura_core::{AgentId, Edit, GrantId, ScopeSet};
use prokura_server::standing::{Act, Actor, Done, Refusal};
use prokura_store::StoreError;

/// What is taken away.
#[derive(Debug, Args)]
#[group(id = "taken", required = true, multiple = true)]
pub(super) struct NarrowArgs {
    /// Take this scope away; may be said several times
    #[arg(long, value_name = "SCOPE", group = "taken")]
    without: Vec<String>,
    /// Take the detail at this place away, counted from 1 in the order of `grant show`
    #[arg(long, value_name = "PLACE", group = "taken")]
    without_detail: Vec<usize>,
    /// This agent may hold no part any more
    #[arg(long, value_name = "AGENT", group = "taken")]
    without_agent: Vec<String>,
    /// Nobody else may hold a part any more
    #[arg(long, group = "taken")]
    nobody_else: bool,
    /// End it at this time, like `2026-12-24T18:00:00Z`, or after so long, like `2h`
    #[arg(long, value_name = "TIME", group = "taken")]
    until: Option<String>,
}

impl NarrowArgs {
    fn edit(&self, opened: &Opened) -> Result<Edit, Failure> {
        let scopes = self.without.join(" ");
        let scopes = if scopes.is_empty() { Ok(ScopeSet::default()) } else { ScopeSet::parse(&scopes) };
        let agents = self
            .without_agent
            .iter()
            .map(|id| AgentId::parse(id.as_str()).map_err(|_| missing("agent", &plain(id), "agent list")));
        let place = |place: &usize| {
            place.checked_sub(1).ok_or_else(|| Failure::usage("`--without-detail` counts from 1"))
        };
        let until = self.until.as_deref().map(|text| ahead(text, opened.clock.now())).transpose();
        Ok(Edit {
            scopes: scopes.map_err(|e| Failure::usage(format!("`--without`: {e}")))?,
            details: self.without_detail.iter().map(place).collect::<Result<_, _>>()?,
            agents: agents.collect::<Result<_, _>>()?,
            passing_on: self.nobody_else,
            until: until.map_err(|e| Failure::usage(format!("`--until`: {e}")))?,
            ..Edit::default()
        })
    }
}

impl Opened {
    pub(super) async fn narrow_grant(&self, id: &str, args: &NarrowArgs, why: String) -> Result<(), Failure> {
        let act = Act::Narrow(args.edit(self)?);
        let done = self.act(id, act, why).await?;
        let holds = super::grant::may(&done.grant);
        self.said(
            "grant:narrow",
            &done,
            format!("Narrowed to {holds}; tokens of before are refused from now on."),
        )
    }

    pub(super) async fn suspend_grant(&self, id: &str, why: String) -> Result<(), Failure> {
        let done = self.act(id, Act::Suspend, why).await?;
        let said =
            "Paused, with everything below it; the next call is refused. `prokura grant resume` undoes it.";
        self.said("grant:suspend", &done, said.to_owned())
    }

    pub(super) async fn resume_grant(&self, id: &str, why: String) -> Result<(), Failure> {
        let done = self.act(id, Act::Resume, why).await?;
        let said = match done.grant.state {
            prokura_core::GrantState::Active => "In force again.",
            _ => "What else stopped it is over, but its owner paused it too, and only its owner undoes that.",
        };
        self.said("grant:resume", &done, said.to_owned())
    }

    pub(super) async fn revoke_grant(&self, id: &str, why: String) -> Result<(), Failure> {
        let done = match self.try_act(id, Act::Revoke, why).await? {
            Err(Refusal::Over) => {
                return self.done("grant:revoke", id, "It had ended before; nothing was changed.");
            }
            other => other.map_err(Failure::refused)?,
        };
        let said = match done.below {
            0 => "Revoked; the next call is refused.".to_owned(),
            n => format!("Revoked, with {n} below it; the next call is refused."),
        };
        self.done("grant:revoke", id, said)
    }

    async fn act(&self, id: &str, act: Act, why: String) -> Result<Done, Failure> {
        self.try_act(id, act, why).await?.map_err(Failure::refused)
    }

    async fn try_act(&self, id: &str, act: Act, why: String) -> Result<Result<Done, Refusal>, Failure> {
        let grant: GrantId = self.grant(id).await?.id;
        let actor = Actor { by: OPERATOR.to_owned(), owner: None, why, event: self.event(act.action()) };
        let done = self.store.transact::<_, StoreError>(move |tx| act.run(tx, &grant, None, &actor));
        Ok(done.await?)
    }

    fn said(&self, what: &str, done: &Done, said: String) -> Result<(), Failure> {
        if self.json {
            return json(&serde_json::json!({ "done": what, "grant": super::grant::as_json(&done.grant) }));
        }
        print(said)
    }
}
