//! `prokura grant`: stored authority, and its end.

use super::{AdminArgs, OPERATOR, Opened, missing};
use crate::failure::Failure;
use crate::show::{Names, Table, exact, json, plain, print};
use clap::{Args, Subcommand};
use prokura_core::{AgentId, Evidence, Grant, GrantId, GrantState, Grantor, Principal, Timestamp};
use prokura_oauth::rich;
use prokura_store::StoreError;
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
    List {
        /// Only grants of this person's authority
        #[arg(long)]
        user: Option<String>,
        /// Only grants that this agent holds
        #[arg(long, conflicts_with = "user")]
        agent: Option<String>,
        /// Ended, paused and expired ones too
        #[arg(long)]
        all: bool,
    },
    /// Show one grant
    Show {
        /// Its id
        id: String,
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

impl GrantCommand {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let opened = self.args.open().await?;
        match self.what {
            What::List { user, agent, all } => opened.list_grants(user, agent, all).await,
            What::Show { id } => {
                let grant = opened.grant(&id).await?;
                let names = opened.names(std::slice::from_ref(&grant)).await?;
                opened.show_grant(&grant, &names)
            }
            What::Revoke { id, why } => opened.revoke_grant(&id, why).await,
        }
    }
}

impl Opened {
    async fn grant(&self, id: &str) -> Result<Grant, Failure> {
        let unknown = || missing("grant", &plain(id), "grant list --all");
        let parsed = GrantId::parse(id).map_err(|_| unknown())?;
        let found = self.store.read::<_, StoreError>(move |tx| tx.grant(&parsed)).await?;
        found.ok_or_else(unknown)
    }

    async fn names(&self, grants: &[Grant]) -> Result<Names, Failure> {
        let who = grants.iter().flat_map(|g| [g.subject.clone(), Principal::Agent(g.grantee.clone())]);
        let names = Names::look_up(&self.store, &self.loaded.config, who.collect(), Default::default());
        Ok(names.await?)
    }

    async fn list_grants(
        &self,
        user: Option<String>,
        agent: Option<String>,
        all: bool,
    ) -> Result<(), Failure> {
        let mut grants = match (user, agent) {
            (Some(login), _) => {
                let user = self.user_named(&login).await?;
                self.store.read::<_, StoreError>(move |tx| tx.grants_of_user(&user)).await?
            }
            (None, Some(agent)) => {
                let agent =
                    AgentId::parse(&*agent).map_err(|_| missing("agent", &plain(&agent), "agent list"))?;
                self.store.read::<_, StoreError>(move |tx| tx.grants_to(&agent)).await?
            }
            (None, None) => self.store.read::<_, StoreError>(|tx| tx.newest_grants()).await?,
        };
        let now = self.clock.now();
        grants.retain(|g| all || g.usable_at(now).is_ok());
        let names = self.names(&grants).await?;
        if self.json {
            return grants.iter().try_for_each(|g| json(&as_json(g)));
        }
        let mut table = Table::new(&["grant", "who acts for whom", "may", "state", "until"]);
        for grant in &grants {
            let (chain, may) = (chain(grant, &names), may(grant));
            table.row([grant.id.to_string(), chain, may, state(grant, now).into(), exact(grant.expires_at)]);
        }
        print(table)
    }

    fn show_grant(&self, grant: &Grant, names: &Names) -> Result<(), Failure> {
        if self.json {
            return json(&as_json(grant));
        }
        let mut lines = vec![
            chain(grant, names),
            format!("may      {}", may(grant)),
            format!("at       {}", grant.resource),
            format!("state    {}", state(grant, self.clock.now())),
            format!("from     {}", exact(grant.not_before)),
            format!("until    {}", exact(grant.expires_at)),
            format!("made by  {}", grantor(grant)),
        ];
        for detail in grant.details.iter() {
            lines.insert(2, format!("only     {}", plain(detail_sentence(detail, &ENGLISH).as_str())));
        }
        if let GrantState::Revoked(end) = &grant.state {
            lines.push(format!("ended    {} by {}: {}", exact(end.at), plain(&end.by), plain(&end.why)));
        }
        print(lines.join("\n"))
    }

    async fn revoke_grant(&self, id: &str, why: String) -> Result<(), Failure> {
        let grant = self.grant(id).await?;
        let mut event = self.event("grant:revoke");
        (event.subject, event.resource) = (Some(grant.subject), Some(grant.resource));
        event.actors = vec![grant.grantee];
        event.reasons = vec![why.clone()];
        let (now, grant) = (self.clock.now(), grant.id);
        let ended = self.store.transact::<_, StoreError>(move |tx| {
            let ended = tx.revoke_tree(&grant, OPERATOR, &why, now)?;
            if let Some(ended) = &ended {
                let mut event = event.clone();
                ended.clone().describe(&mut event);
                tx.record(event);
            }
            Ok(ended.map(|ended| ended.below))
        });
        let said = match ended.await? {
            None => "It had ended before; nothing was changed.".to_owned(),
            Some(0) => "Revoked; the next call is refused.".to_owned(),
            Some(n) => format!("Revoked, with {n} below it; the next call is refused."),
        };
        self.done("grant:revoke", id, said)
    }

    async fn user_named(&self, login: &str) -> Result<prokura_core::UserId, Failure> {
        let name = login.to_owned();
        let user = self.store.read::<_, StoreError>(move |tx| tx.user_by_name(&name)).await?;
        user.map(|u| u.id).ok_or_else(|| missing("user", &plain(login), "user list"))
    }
}

fn chain(grant: &Grant, names: &Names) -> String {
    let (subject, agent) = (names.of(&grant.subject), names.of(&Principal::Agent(grant.grantee.clone())));
    let place = names.place(&grant.resource);
    if grant.subject == Principal::Agent(grant.grantee.clone()) {
        return format!("{agent} → {place}");
    }
    format!("{subject} → {agent} → {place}")
}

fn state(grant: &Grant, now: Timestamp) -> &'static str {
    match &grant.state {
        GrantState::Revoked(_) => "revoked",
        GrantState::Suspended => "paused",
        GrantState::Active if grant.expires_at <= now => "expired",
        GrantState::Active => "in force",
    }
}

/// The scopes; where there are none, the tools of the details.
fn may(grant: &Grant) -> String {
    if grant.actions.is_empty() {
        return plain(&grant.details.tools().into_iter().collect::<Vec<_>>().join(" "));
    }
    grant.actions.to_string()
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
            Evidence::Configuration | Evidence::Consent { .. } => "the configuration".to_owned(),
        },
    }
}

fn as_json(grant: &Grant) -> serde_json::Value {
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
        }, "ended": ended,
    })
}
