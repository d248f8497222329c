//! Tokens of a user that do not say who acts (what RFC 8693 §1.1 calls impersonation): only by a policy that the operator
//! wrote, with its reason in the record.

use super::child::{Chains, made};
use super::person::Looked;
use crate::consent::groups_of;
use crate::fault::{ExchangeFault, Fault};
use crate::grants::Minting;
use crate::places::{InvalidPlace, Places};
use prokura_config::{Config, ImpersonationRule};
use prokura_core::{
    Chain, ClientId, Details, Evidence, Grant, GrantId, GrantState, Grantor, MayAct, Principal, ResourceUri,
    Scope, ScopeSet, Terms, Timestamp,
};
use prokura_store::{RevokedView, Tx, fold_name};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What stands before the name of the policy in the evidence of a grant.
const PREFIX: &str = "impersonation:";

/// A policy.
#[derive(Debug)]
pub(super) struct Impersonation {
    pub(super) name: String,
    pub(super) reason: String,
    clients: BTreeSet<String>,
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
    /// What it gives where.
    given: Vec<(ResourceUri, ScopeSet)>,
    lasts: Duration,
}

/// All of them, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Impersonations(Vec<Impersonation>);

impl Impersonations {
    pub(super) fn new(config: &Config, places: &Places) -> Result<Self, InvalidPlace> {
        let all = config.impersonations.iter().map(|r| Impersonation::new(r, places));
        Ok(Self(all.collect::<Result<_, _>>()?))
    }

    /// The policy by which `looked` may be had, and what it gives there.
    pub(super) fn find(
        &self,
        tx: &mut Tx<'_>,
        looked: &Looked<'_>,
    ) -> Result<(&Impersonation, ScopeSet), Fault> {
        let refused = Fault::Exchange(ExchangeFault::Impersonation);
        let Some(user) = tx.user(looked.user)? else { return Err(refused) };
        let names = [user.id.as_str().to_owned(), fold_name(&user.name)];
        let groups = groups_of(tx, looked.config, looked.user, looked.now)?;
        for policy in self.0.iter().filter(|p| p.clients.contains(looked.client.as_str())) {
            let known =
                names.iter().any(|name| policy.users.contains(name)) || !groups.is_disjoint(&policy.groups);
            let given = policy.given.iter().find(|(at, _)| at == looked.resource);
            if let (true, Some((_, given))) = (known, given) {
                return Ok((policy, given.clone()));
            }
        }
        Err(refused)
    }

    /// The policy that a grant rests on, if it is still there.
    pub(super) fn behind(&self, grant: &Grant) -> Option<&Impersonation> {
        let Evidence::Exchange { by } = &grant.evidence else { return None };
        let name = by.strip_prefix(PREFIX)?;
        self.0.iter().find(|p| p.name == name)
    }
}

impl Impersonation {
    fn new(r: &ImpersonationRule, places: &Places) -> Result<Self, InvalidPlace> {
        let most = r.scopes.iter().map(Scope::parse).collect::<Result<ScopeSet, _>>()?;
        let place = |name: &String| {
            let place = places.named(name)?;
            Some((place.uri.clone(), most.intersection(&place.scopes)))
        };
        Ok(Self {
            name: r.name.clone(),
            reason: r.reason.clone(),
            clients: r.clients.iter().cloned().collect(),
            users: r
                .users
                .iter()
                .map(|u| if u.starts_with("usr_") { u.clone() } else { fold_name(u) })
                .collect(),
            groups: r.groups.iter().cloned().collect(),
            given: r.resources.iter().filter_map(place).collect(),
            lasts: r.lasts.get(),
        })
    }

    /// The grant that the policy leads to, made or used again. What was taken back is not made again; what the client itself
    /// gave back may be.
    pub(super) fn root(
        &self,
        tx: &mut Tx<'_>,
        (chains, view): (&Chains, &RevokedView),
        (looked, given): (&Looked<'_>, ScopeSet),
        (id, minting): (&GrantId, &Minting),
    ) -> Result<Arc<Chain>, Fault> {
        let evidence = Evidence::Exchange { by: format!("{PREFIX}{}", self.name) };
        let subject = Principal::User(looked.user.clone());
        let before = tx.roots_at(&subject, looked.agent, looked.resource)?;
        let given_back =
            |g: &Grant| matches!(&g.state, GrantState::Revoked(end) if end.by == looked.client.as_str());
        let newest = before.into_iter().find(|g| g.evidence == evidence && !given_back(g));
        let kept = match newest {
            Some(g) if g.state != GrantState::Active => return Err(Fault::GrantOver),
            Some(g) if g.expires_at > looked.now && g.actions == given => Some(g.id),
            _ => None,
        };
        let fresh = kept.is_none();
        let id = kept.unwrap_or_else(|| id.clone());
        if fresh {
            tx.insert_grant(&self.grant(&id, looked, given, evidence, subject))?;
        }
        let chain = chains.of(tx, &id)?;
        crate::grants::in_force(view, &chain, looked.client, looked.now)?;
        if fresh {
            let mut event = made(chain.leaf(), &chain, looked.client, looked.now, &minting.trace);
            event.details.insert("reason", self.reason.as_str().into());
            tx.record(event);
        }
        Ok(chain)
    }

    /// Nothing can be made below it: whoever gets such a token cannot pass it on.
    fn grant(
        &self,
        id: &GrantId,
        looked: &Looked<'_>,
        actions: ScopeSet,
        evidence: Evidence,
        subject: Principal,
    ) -> Grant {
        Grant {
            id: id.clone(),
            parents: Vec::new(),
            subject,
            grantor: Grantor::Operator,
            grantee: looked.agent.clone(),
            resource: looked.resource.clone(),
            actions,
            details: Details::default(),
            not_before: looked.now,
            expires_at: Timestamp::from_seconds(looked.now.seconds()).after(self.lasts),
            depth_left: 0,
            terms: Terms { may_act: MayAct::Only(BTreeSet::new()), ..Terms::default() },
            evidence,
            state: GrantState::Active,
            revision: 0,
        }
    }

    /// Whether it still is for this client.
    pub(super) fn is_for(&self, client: &ClientId) -> bool {
        self.clients.contains(client.as_str())
    }
}
