//! `prokura grant`: stored authority, and its end.

use super::grant_acts::NarrowArgs;
use super::grant_tree::{Drawn, before};
use super::{AdminArgs, Opened, missing};
use crate::failure::Failure;
use crate::show::{Names, Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_core::{
    AgentId, Evidence, Grant, GrantId, GrantState, Grantor, MayAct, Principal, ResourceUri, Timestamp,
};
use prokura_oauth::rich;
use prokura_store::{GrantFilter, Held, StoreError, Tx};
use prokura_ui::{ENGLISH, detail_sentence};

/// Grants: what an agent may do with somebody's authority
#[derive(Debug, Args)]
pub(crate) struct GrantCommand {
    #[command(flatten)]
    args: AdminArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List grants in force, newest first
    List(Which),
    /// Show one grant
    Show {
        /// Its id
        id: String,
    },
    /// Draw what came of grants: each hop, what it may at most do, until when, how it stands
    Tree {
        /// Only of this grant
        #[arg(conflicts_with_all = ["user", "agent"])]
        id: Option<String>,
        /// Only of this person's authority
        #[arg(long, conflicts_with = "agent")]
        user: Option<String>,
        /// Only of what this agent holds
        #[arg(long)]
        agent: Option<String>,
        /// Ended and expired ones too
        #[arg(long)]
        all: bool,
    },
    /// Take something away from a grant; tokens of before are refused from then on
    Narrow {
        /// Its id
        id: String,
        #[command(flatten)]
        taken: NarrowArgs,
        /// Why, for the record and for its owner
        #[arg(long, default_value = "narrowed by an administrator")]
        why: String,
    },
    /// Pause a grant and everything below it, at the next call
    Suspend {
        /// Its id
        id: String,
        /// Why, for the record and for its owner
        #[arg(long, default_value = "paused by an administrator")]
        why: String,
    },
    /// Put a paused grant in force again, unless its owner paused it
    Resume {
        /// Its id
        id: String,
        /// Why, for the record and for its owner
        #[arg(long, default_value = "put in force again by an administrator")]
        why: String,
    },
    /// End a grant and everything below it, at the next call
    Revoke {
        /// Its id
        id: String,
        /// Why, for the record and for its owner
        #[arg(long, default_value = "revoked by an administrator")]
        why: String,
    },
}

/// Which grants.
#[derive(Debug, Args)]
struct Which {
    /// Only grants of this person's authority
    #[arg(long)]
    user: Option<String>,
    /// Only grants that this agent holds
    #[arg(long)]
    agent: Option<String>,
    /// Only grants for this resource of the configuration
    #[arg(long)]
    resource: Option<String>,
    /// Only those that nothing is above
    #[arg(long)]
    roots: bool,
    /// Paused ones too
    #[arg(long)]
    paused: bool,
    /// Ended, paused and expired ones too
    #[arg(long)]
    all: bool,
    /// Only those after this one, which was the last of a list before
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl GrantCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List(which) => opened.list_grants(which).await,
            What::Tree { id, user, agent, all } => {
                let drawn = match (id, user, agent) {
                    (Some(id), ..) => Drawn::One(id),
                    (_, Some(user), _) => Drawn::User(user),
                    (.., Some(agent)) => Drawn::Agent(agent),
                    _ => Drawn::All,
                };
                opened.draw_trees(drawn, all).await
            }
            What::Narrow { id, taken, why } => opened.narrow_grant(&id, &taken, why).await,
            What::Suspend { id, why } => opened.suspend_grant(&id, why).await,
            What::Resume { id, why } => opened.resume_grant(&id, why).await,
            What::Show { id } => {
                let grant = opened.grant(&id).await?;
                let of = grant.id.clone();
                let above = opened.store.read::<_, StoreError>(move |tx| above(tx, &of)).await?;
                let all: Vec<Grant> = above.iter().chain([&grant]).cloned().collect();
                let names = opened.names(&all).await?;
                opened.show_grant(&above, &grant, &names).await
            }
            What::Revoke { id, why } => opened.revoke_grant(&id, why).await,
        }
    }
}

impl Opened {
    pub(super) async fn grant(&self, id: &str) -> Result<Grant, Failure> {
        let unknown = || missing("grant", &plain(id), "grant list --all");
        let parsed = GrantId::parse(id).map_err(|_| unknown())?;
        let found = self.store.read::<_, StoreError>(move |tx| tx.grant(&parsed)).await?;
        found.ok_or_else(unknown)
    }

    pub(super) async fn names(&self, grants: &[Grant]) -> Result<Names, Failure> {
        let who = grants.iter().flat_map(|g| [g.subject.clone(), Principal::Agent(g.grantee.clone())]);
        let names = Names::look_up(&self.store, &self.loaded.config, who.collect(), Default::default());
        Ok(names.await?)
    }

    async fn list_grants(&self, which: Which) -> Result<(), Failure> {
        let now = self.clock.now();
        let filter = GrantFilter {
            subject: match &which.user {
                Some(login) => Some(Principal::User(self.user_named(login).await?)),
                None => None,
            },
            grantee: which.agent.as_deref().map(agent_id).transpose()?,
            resource: which.resource.as_deref().map(|name| self.resource_named(name)).transpose()?,
            roots: which.roots,
            living_at: (!which.all).then_some(now),
            after: which.after.as_deref().map(grant_id).transpose()?,
            limit: which.limit,
        };
        let read = self.store.read::<_, StoreError>(move |tx| {
            let mut grants = tx.grants_where(&filter)?;
            grants.retain(|g| which.all || which.paused || g.usable_at(now).is_ok());
            grants.into_iter().map(|g| Ok((above(tx, &g.id)?, g))).collect::<Result<Vec<_>, StoreError>>()
        });
        let grants: Vec<(Vec<Grant>, Grant)> = read.await?;
        if self.json {
            return grants.iter().try_for_each(|(_, g)| json(&as_json(g)));
        }
        let all: Vec<Grant> = grants.iter().flat_map(|(above, g)| above.iter().chain([g]).cloned()).collect();
        let names = self.names(&all).await?;
        let mut table = Table::new(&["grant", "who acts for whom", "may", "state", "until"]);
        for (above, grant) in &grants {
            let (chain, may) = (chain(above, grant, &names), may(grant));
            let state = state(grant, stopped(above, now), now);
            table.row([grant.id.to_string(), chain, may, state.into(), exact(grant.expires_at)]);
        }
        print(table)
    }

    async fn show_grant(&self, above: &[Grant], grant: &Grant, names: &Names) -> Result<(), Failure> {
        let (id, now) = (grant.id.clone(), self.clock.now());
        let known = self
            .store
            .read::<_, StoreError>(move |tx| Ok((tx.used(&id, now)?, tx.causes(&Held::Grant(id.clone()))?)));
        let (used, causes) = known.await?;
        if self.json {
            let mut all = as_json(grant);
            if let Some(object) = all.as_object_mut() {
                object.insert("last_used".to_owned(), used.map(exact).into());
                object.insert("causes".to_owned(), causes.into());
            }
            return json(&all);
        }
        let mut lines = vec![
            chain(above, grant, names),
            format!("may      {}", may(grant)),
            format!("at       {}", grant.resource),
            format!("state    {}", state(grant, stopped(above, now), now)),
            format!("from     {}", exact(grant.not_before)),
            format!("until    {}", exact(grant.expires_at)),
            format!("used     {}", used.map_or_else(|| "not yet".to_owned(), exact)),
            format!("passing  {}", passing(grant)),
            format!("made by  {}", grantor(grant)),
        ];
        if !causes.is_empty() {
            lines.push(format!("paused   for {}", plain(&causes.join(", "))));
        }
        if !grant.parents.is_empty() {
            let parents: Vec<_> = grant.parents.iter().map(GrantId::as_str).collect();
            lines.push(format!("under    {}", parents.join(" ")));
        }
        for detail in grant.details.iter() {
            lines.insert(2, format!("only     {}", plain(detail_sentence(detail, &ENGLISH).as_str())));
        }
        if let GrantState::Revoked(end) = &grant.state {
            lines.push(format!("ended    {} by {}: {}", exact(end.at), plain(&end.by), plain(&end.why)));
        }
        print(lines.join("\n"))
    }

    fn resource_named(&self, name: &str) -> Result<ResourceUri, Failure> {
        let config = &self.loaded.config;
        let found = config.resources.iter().find(|r| r.name == name).map(|r| config.resource_uri(r));
        found.ok_or_else(|| missing("resource", &plain(name), "resource list"))
    }

    pub(super) async fn user_named(&self, login: &str) -> Result<prokura_core::UserId, Failure> {
        let name = login.to_owned();
        let user = self.store.read::<_, StoreError>(move |tx| tx.user_by_name(&name)).await?;
        user.map(|u| u.id).ok_or_else(|| missing("user", &plain(login), "user list"))
    }
}

fn agent_id(id: &str) -> Result<AgentId, Failure> {
    AgentId::parse(id).map_err(|_| missing("agent", &plain(id), "agent list"))
}

fn grant_id(id: &str) -> Result<GrantId, Failure> {
    GrantId::parse(id).map_err(|_| missing("grant", &plain(id), "grant list --all"))
}

/// The grants that one stands below, from the root on.
pub(super) fn above(tx: &mut Tx<'_>, grant: &GrantId) -> Result<Vec<Grant>, StoreError> {
    let mut above = Vec::new();
    for id in tx.ancestors(grant)?.iter().rev() {
        above.extend(tx.grant(id)?);
    }
    Ok(above)
}

fn chain(above: &[Grant], grant: &Grant, names: &Names) -> String {
    let agent = names.of(&Principal::Agent(grant.grantee.clone()));
    format!("{}{agent} → {}", before(above, grant, names), names.place(&grant.resource))
}

/// How a grant stands; what is in force itself may stand below something that is not.
pub(super) fn state(grant: &Grant, stopped_above: bool, now: Timestamp) -> &'static str {
    match &grant.state {
        GrantState::Revoked(_) => "revoked",
        GrantState::Suspended => "paused",
        GrantState::Active if grant.expires_at <= now => "expired",
        GrantState::Active if stopped_above => "stopped above",
        GrantState::Active => "in force",
    }
}

/// Whether nothing may be done with one of these.
pub(super) fn stopped<'a>(above: impl IntoIterator<Item = &'a Grant>, now: Timestamp) -> bool {
    above.into_iter().any(|grant| grant.usable_at(now).is_err())
}

/// The scopes; where there are none, the tools of the details.
pub(super) fn may(grant: &Grant) -> String {
    if grant.actions.is_empty() {
        return plain(&grant.details.tools().into_iter().collect::<Vec<_>>().join(" "));
    }
    grant.actions.to_string()
}

/// Who may hold a part.
fn passing(grant: &Grant) -> String {
    match &grant.terms.may_act {
        _ if grant.depth_left == 0 => "to nobody".to_owned(),
        MayAct::ByRule => "to agents that the rules let".to_owned(),
        MayAct::Only(agents) if agents.is_empty() => "to nobody".to_owned(),
        MayAct::Only(agents) => {
            format!("to {}", agents.iter().map(AgentId::as_str).collect::<Vec<_>>().join(" "))
        }
    }
}

fn details(grant: &Grant) -> serde_json::Value {
    serde_json::from_str(&rich::to_text(&grant.details, &grant.resource)).unwrap_or_default()
}

fn grantor(grant: &Grant) -> String {
    match &grant.grantor {
        Grantor::User(id) => id.to_string(),
        Grantor::Agent(id) => id.to_string(),
        Grantor::Operator => match &grant.evidence {
            Evidence::IdJag { issuer, .. } => format!("the identity provider {}", plain(issuer)),
            Evidence::Policy => "rules about workloads".to_owned(),
            Evidence::Administrator { consent } => format!("the enterprise consent {}", plain(consent)),
            Evidence::Exchange { by } => format!("the rule {}", plain(by)),
            Evidence::Approval { task, .. } => format!("the approval {task}"),
            Evidence::Configuration | Evidence::Consent { .. } => "the configuration".to_owned(),
        },
    }
}

pub(super) fn as_json(grant: &Grant) -> serde_json::Value {
    let parents: Vec<_> = grant.parents.iter().map(GrantId::as_str).collect();
    let ended = match &grant.state {
        GrantState::Revoked(end) => {
            serde_json::json!({ "at": exact(end.at), "by": end.by, "why": end.why })
        }
        _ => serde_json::Value::Null,
    };
    serde_json::json!({
        "id": grant.id.as_str(), "parents": parents, "subject": grant.subject.as_str(),
        "grantee": grant.grantee.as_str(), "grantor": grantor(grant), "resource": grant.resource.as_str(),
        "scope": grant.actions.to_string(), "authorization_details": details(grant), "not_before": exact(grant.not_before),
        "expires_at": exact(grant.expires_at), "state": match &grant.state {
            GrantState::Active => "active", GrantState::Suspended => "suspended", GrantState::Revoked(_) => "revoked",
        }, "ended": ended, "revision": grant.revision, "depth_left": grant.depth_left, "may_act": match &grant.terms.may_act {
            MayAct::ByRule => serde_json::Value::Null,
            MayAct::Only(agents) => agents.iter().map(AgentId::as_str).collect(),
        },
    })
}
