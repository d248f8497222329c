//! How grants are drawn: who acts for whom, what each may at most do, how it stands.

use super::allowed::permissions;
use crate::people::{People, Visit};
use crate::standing::OWNER;
use prokura_core::{AgentId, ClientId, Evidence, Grant, GrantId, GrantState, Timestamp};
use prokura_store::{Held, StoreError, TreeNode, Tx};
use prokura_ui::{Branch, ENGLISH, Form, Hop, Ident, Shown, Stand, When, detail_sentence};
use std::collections::BTreeMap;

/// What is known of whom grants name.
pub(super) struct Drawer {
    names: BTreeMap<AgentId, String>,
    clients: BTreeMap<AgentId, Vec<ClientId>>,
    /// Why those are stopped that are.
    causes: BTreeMap<GrantId, Vec<String>>,
}

/// The forms that stop a grant and put it in force again; only those that would do something.
pub(super) struct Forms {
    pub(super) suspend: Option<Form>,
    pub(super) resume: Option<Form>,
}

/// Whose authority it is, at the beginning of every chain.
pub(super) fn you(name: &str) -> Hop {
    Hop::actor(name, ENGLISH.chain_you.to_string())
}

/// Why a grant is stopped, if it is.
pub(super) fn causes(tx: &mut Tx<'_>, grant: &Grant) -> Result<Vec<String>, StoreError> {
    if grant.state == GrantState::Suspended { tx.causes(&Held::Grant(grant.id.clone())) } else { Ok(vec![]) }
}

/// How a grant itself stands, whatever is above it.
pub(super) fn stand(grant: &Grant, causes: &[String], now: Timestamp) -> Stand {
    match grant.state {
        GrantState::Revoked(_) => Stand::Ended,
        _ if grant.expires_at <= now => Stand::Expired,
        GrantState::Suspended if matches!(causes, [only] if only == OWNER) => Stand::Paused,
        GrantState::Suspended => Stand::Stopped,
        GrantState::Active => Stand::Active,
    }
}

/// The forms for its owner.
pub(super) fn forms(people: &People, visit: &Visit, grant: &Grant, causes: &[String]) -> Forms {
    let form = |verb: &str| people.form(visit, &format!("/account/grants/{}/{verb}", grant.id));
    let paused = causes.iter().any(|cause| cause == OWNER);
    let living = !matches!(grant.state, GrantState::Revoked(_)) && grant.expires_at > people.now();
    Forms {
        suspend: (living && grant.state == GrantState::Active).then(|| form("suspend")),
        resume: (living && paused).then(|| form("resume")),
    }
}

impl Drawer {
    /// Looks up whom these grants name.
    pub(super) fn of<'g>(
        tx: &mut Tx<'_>,
        grants: impl Iterator<Item = &'g Grant>,
    ) -> Result<Self, StoreError> {
        let mut drawer = Self { names: BTreeMap::new(), clients: BTreeMap::new(), causes: BTreeMap::new() };
        for grant in grants {
            drawer.meet(tx, &grant.grantee)?;
            if grant.state == GrantState::Suspended {
                drawer.causes.insert(grant.id.clone(), causes(tx, grant)?);
            }
        }
        Ok(drawer)
    }

    /// Looks up one more.
    pub(super) fn meet(&mut self, tx: &mut Tx<'_>, agent: &AgentId) -> Result<(), StoreError> {
        if !self.names.contains_key(agent) {
            let name = tx.agent(agent)?.map_or_else(|| agent.to_string(), |a| a.name);
            self.names.insert(agent.clone(), name);
            self.clients.insert(agent.clone(), tx.clients_of_agent(agent)?);
        }
        Ok(())
    }

    pub(super) fn name<'a>(&'a self, agent: &'a AgentId) -> &'a str {
        self.names.get(agent).map_or(agent.as_str(), String::as_str)
    }

    pub(super) fn clients(&self, agent: &AgentId) -> &[ClientId] {
        self.clients.get(agent).map_or(&[], Vec::as_slice)
    }

    /// What a grant allows at most, as sentences.
    #[allow(clippy::unused_self, reason = "everything that draws is asked of it")]
    pub(super) fn permissions(&self, people: &People, grant: &Grant) -> Vec<Shown> {
        let scopes = permissions(people.place(&grant.resource), &grant.actions).into_iter().map(|(_, s)| s);
        scopes.chain(grant.details.iter().map(|d| detail_sentence(d, &ENGLISH))).collect()
    }

    /// Who holds a grant, for whom, and the place where it may be used. `above` is the name of who passed it on.
    pub(super) fn hops(&self, people: &People, grant: &Grant, above: Option<&str>) -> Vec<Hop> {
        let acts = match above {
            None => ENGLISH.chain_agent.to_string(),
            Some(name) => ENGLISH.chain_agent_for.with("name", Shown::name(name)).to_string(),
        };
        vec![Hop::actor(self.name(&grant.grantee), acts), place(people, grant)]
    }

    /// What came of a grant, which stands first in `tree`; without it.
    pub(super) fn branches(&self, people: &People, tree: &[TreeNode], stopped: bool) -> Vec<Branch> {
        let Some((_, below)) = tree.split_first() else { return vec![] };
        let mut branches = Vec::new();
        // Of those above the next one: the name, and whether it or one further up is stopped.
        let mut above = vec![(tree[0].grant.grantee.clone(), stopped)];
        for node in below {
            above.truncate(node.depth);
            let (parent, stopped) =
                above.last().cloned().unwrap_or_else(|| (tree[0].grant.grantee.clone(), stopped));
            let causes = self.causes.get(&node.grant.id).map_or(&[][..], Vec::as_slice);
            let own = stand(&node.grant, causes, people.now());
            let shown = if own.is_active() && stopped { Stand::Above } else { own };
            above.push((node.grant.grantee.clone(), !shown.is_active()));
            branches.push(self.branch(people, node, shown, self.name(&parent)));
        }
        let depths: Vec<usize> = below.iter().map(|node| node.depth).collect();
        Branch::nest(&mut branches, &depths);
        branches
    }

    fn branch(&self, people: &People, node: &TreeNode, stand: Stand, above: &str) -> Branch {
        let grant = &node.grant;
        Branch {
            hops: self.hops(people, grant, Some(above)),
            permissions: self.permissions(people, grant),
            stand,
            last_used: node.used.map(|at| people.when(at)),
            expires: people.when(grant.expires_at),
            id: Ident::new(grant.id.as_str()),
            href: people.path(&format!("/account/grants/{}", grant.id)),
            below: 0,
            more: node.more,
            closes: 0,
        }
    }
}

/// The place where a grant may be used, with how much may be done there.
pub(super) fn place(people: &People, grant: &Grant) -> Hop {
    let place = people.place(&grant.resource);
    Hop::place(place.map_or(grant.resource.as_str(), |p| p.name.as_str()), limit(grant))
}

/// How much a grant allows at most, in a few words.
pub(super) fn limit(grant: &Grant) -> String {
    match grant.actions.len() + grant.details.iter().len() {
        1 => ENGLISH.chain_limit_one.to_string(),
        n => ENGLISH.chain_limit.with("n", n).to_string(),
    }
}

/// How a client is told from others that call themselves the same: the host of its address, or its id.
pub(super) fn host(client: &ClientId) -> String {
    let host = url::Url::parse(client.as_str()).ok().and_then(|u| u.host_str().map(str::to_owned));
    host.unwrap_or_else(|| client.to_string())
}

impl People {
    /// A time as it is read now.
    pub(crate) fn when(&self, at: Timestamp) -> When {
        When::at(at.seconds(), self.now().seconds(), &ENGLISH)
    }

    /// When a grant ends if nobody uses it, where that is before its end.
    pub(super) fn unused_until(&self, grant: &Grant, last_use: Option<Timestamp>) -> Option<Timestamp> {
        if !grant.parents.is_empty() || !matches!(grant.evidence, Evidence::Consent { .. }) {
            return None;
        }
        let disuse = crate::standing::disuse(&self.config)?;
        let until = last_use.unwrap_or(grant.not_before).max(grant.not_before).after(disuse);
        (until < grant.expires_at).then_some(until)
    }
}
