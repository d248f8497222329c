//! Taken here: an identity provider vouches for a user and a client gets a token, without anybody being asked (RFC 7523,
//! ID-JAG §4.4). Whose word counts, and for what, stands in the configuration.
//!
//! What a provider lets a client do for a user is one root grant, which the user sees and can end; each assertion makes
//! a child of it that lives as long as its token. There is no refresh token: whoever wants more brings a new assertion,
//! so that the provider stays the one who decides.

use super::super::mint::{Issued, Minting, in_force, nobody_is_disabled};
use super::person::person;
use crate::clients::{Client, ClientKind, Documents};
use crate::fault::{Fault, IdJagFault};
use crate::places::{Place, without_offline};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_config::IdJagIssuer;
use prokura_core::{
    AgentId, Chain, ChildRequest, Details, Evidence, Grant, GrantId, GrantState, Grantor, NoPassage,
    Principal, ResourceUri, Scope, ScopeSet, Terms, Timestamp, TraceId, UserId, random_id,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::id_jag::{self, IdJag};
use prokura_store::{Agent, ArtifactKind, RevokedView, Tx, User};
use std::sync::Arc;
use std::time::Duration;

/// How many hops may be made below what a provider gives.
const DEPTH: u8 = 5;

/// What comes with an assertion.
pub(crate) struct Asserted {
    pub(crate) assertion: String,
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) resource: Option<ResourceUri>,
}

/// Everything that the transaction needs.
pub(super) struct Job {
    pub(super) said: IdJag,
    pub(super) trusted: IdJagIssuer,
    pub(super) minting: Minting,
    /// For a user who is made.
    pub(super) fresh: UserId,
    pub(super) spare: String,
    client: Arc<Client>,
    resource: ResourceUri,
    /// The most that this provider can give at this resource.
    most: ScopeSet,
    scopes: ScopeSet,
    agent: Agent,
    ids: [GrantId; 2],
    lasts: Duration,
    view: Arc<RevokedView>,
}

/// Takes an assertion.
pub(crate) async fn accept(
    app: &AppState,
    client: &Arc<Client>,
    asked: Asserted,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    let (trusted, said) = verified(app, &asked.assertion).await?;
    if said.client != client.id.as_str() {
        return Err(Fault::IdJag(IdJagFault::Client));
    }
    let place = place(app, &said, asked.resource.as_ref())?;
    about.resource = Some(place.uri.clone());
    let most = most(&trusted, &place)?;
    let job = Job {
        scopes: scopes(&said, asked.scope.as_ref(), &most, &place)?,
        most,
        resource: place.uri.clone(),
        minting: Minting::new(app, &client.id, possession, GrantType::JwtBearer, trace),
        fresh: UserId::random(&*app.rng),
        spare: random_id("", &*app.rng).to_lowercase(),
        agent: Agent {
            id: client.agent.clone().unwrap_or_else(|| AgentId::random(&*app.rng)),
            name: client.name().to_owned(),
            disabled: false,
            created_at: app.clock.now(),
        },
        ids: [GrantId::random(&*app.rng), GrantId::random(&*app.rng)],
        lasts: app.config.tokens.grant.get(),
        view: app.store.revoked_view(),
        client: Arc::clone(client),
        said,
        trusted,
    };
    app.store.transact(move |tx| job.run(tx)).await
}

/// The assertion, and whose it is. Its issuer is believed only as far as to look for it in the configuration.
async fn verified(app: &AppState, assertion: &str) -> Result<(IdJagIssuer, IdJag), Fault> {
    let refused = |why| Fault::IdJag(why);
    let peeked = id_jag::peek(assertion).filter(|p| p.is_id_jag).ok_or(refused(IdJagFault::Kind))?;
    let trusted = app.config.id_jag.issuers.iter().find(|i| i.issuer == peeked.issuer);
    // What this server says is for others: nobody redeems here what was made here.
    let own = app.config.issuer.as_str();
    let trusted = trusted.filter(|i| i.issuer != own).ok_or(refused(IdJagFault::Issuer))?;
    if app.store.revoked().issuer_disabled(&trusted.issuer) {
        return Err(Fault::Disabled);
    }
    let keys = app.clients.keys_at(&trusted.jwks_uri, peeked.kid.as_deref()).await?;
    let (longest, now) = (trusted.max_life.get(), app.clock.now());
    let said = IdJag::verify(assertion, &keys, &trusted.issuer, own, longest, now);
    Ok((trusted.clone(), said.map_err(|e| refused(IdJagFault::Verify(e)))?))
}

/// The resource that the assertion names, or the request where the assertion names none.
fn place(app: &AppState, said: &IdJag, asked: Option<&ResourceUri>) -> Result<Arc<Place>, Fault> {
    let Some(named) = &said.resource else { return app.places.asked(asked.map(ResourceUri::as_str)) };
    let place = ResourceUri::parse(named).ok().and_then(|uri| app.places.at(&uri));
    let place = place.ok_or(Fault::IdJag(IdJagFault::Resource))?;
    if asked.is_some_and(|asked| *asked != place.uri) {
        return Err(Fault::IdJag(IdJagFault::Resource));
    }
    Ok(place)
}

fn most(trusted: &IdJagIssuer, place: &Place) -> Result<ScopeSet, Fault> {
    if trusted.resources.as_ref().is_some_and(|all| !all.contains(&place.name)) {
        return Err(Fault::IdJag(IdJagFault::Resource));
    }
    let Some(names) = &trusted.scopes else { return Ok(place.scopes.clone()) };
    let given = names.iter().map(Scope::parse).collect::<Result<ScopeSet, _>>()?;
    Ok(given.intersection(&place.scopes))
}

/// What is in the assertion, in the request and in the configuration alike.
fn scopes(said: &IdJag, asked: Option<&ScopeSet>, most: &ScopeSet, place: &Place) -> Result<ScopeSet, Fault> {
    let asked = asked.map(without_offline).filter(|s| !s.is_empty());
    let scopes = match (&said.scope, &asked) {
        (Some(said), Some(asked)) => said.intersection(asked),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => place.first.clone(),
    };
    let scopes = scopes.intersection(most);
    if scopes.is_empty() { Err(Fault::ScopeTooWide(asked.unwrap_or_default())) } else { Ok(scopes) }
}

impl Job {
    /// The `jti` is spent in the same step as the token is put on record, so that of any number of uses, on whichever
    /// process, one counts.
    fn run(&self, tx: &mut Tx<'_>) -> Result<Issued, Fault> {
        let now = self.minting.now;
        let seen = format!("id-jag\n{}\n{}", self.said.issuer, self.said.id);
        let until = self.said.expires_at.after(id_jag::LEEWAY).after(Duration::from_secs(1));
        if !tx.claim(ArtifactKind::AssertionJti, &seen, now, until)? {
            return Err(Fault::IdJag(IdJagFault::Replayed));
        }
        let user = person(self, tx)?;
        let agent = tx.agent_for_client(&self.client.id, &self.agent)?;
        let root = self.root(tx, &user, &agent.id)?;
        let root =
            Chain::of_root(root).ok_or_else(|| Fault::Broken("a root grant has parents".to_owned()))?;
        in_force(&self.view, &root, &self.client.id, now)?;
        nobody_is_disabled(tx, &root, &self.client.id)?;
        let child = self.child(tx, root)?;
        let mut token = self.minting.token(&child, &self.scopes, &Details::default())?;
        token.actors.extend(self.actors_before()?);
        self.minting.settle(tx, &token)?;
        if let ClientKind::Published(document) = &self.client.kind {
            Documents::keep(tx, document, &agent.id)?;
        }
        Ok(Issued { token, refresh_token: None, id_token: None, grant_name: None })
    }

    /// Who acted before this client, by the provider's word: said on, since who acts must not be forgotten.
    fn actors_before(&self) -> Result<Vec<AgentId>, Fault> {
        let name = &self.trusted.name;
        let ours = |word: &String| AgentId::parse(format!("{}{name}:{word}", AgentId::PREFIX));
        let actors = self.said.actors.iter().map(ours).collect::<Result<_, _>>();
        actors.map_err(|_| Fault::IdJag(IdJagFault::Verify(id_jag::IdJagError::Claim("act"))))
    }

    /// What the provider lets this client do for this user here. What the user ended stays ended.
    fn root(&self, tx: &mut Tx<'_>, user: &User, agent: &AgentId) -> Result<Grant, Fault> {
        let now = self.minting.now;
        let kept = tx.find_asserted_grant(&user.id, agent, &self.resource, &self.said.issuer)?;
        match kept {
            Some(kept) if kept.expires_at <= now && kept.state == GrantState::Active => {}
            Some(kept) if self.scopes.is_within(&kept.actions) => return Ok(kept),
            Some(kept) if matches!(kept.state, GrantState::Revoked(_)) => return Ok(kept),
            Some(kept) => return self.widened(tx, kept),
            None => {}
        }
        let root = self.grant(0, user, agent, self.most.clone(), now.after(self.lasts));
        tx.insert_grant(&root)?;
        tx.record(self.made("grant:make", &root));
        Ok(root)
    }

    /// The configuration lets the provider give more than when the grant was made.
    fn widened(&self, tx: &mut Tx<'_>, kept: Grant) -> Result<Grant, Fault> {
        let changed = Grant { actions: kept.actions.union(&self.most), ..kept };
        tx.update_grant(&changed)?;
        tx.record(self.made("grant:change", &changed));
        Ok(Grant { revision: changed.revision + 1, ..changed })
    }

    /// What this one assertion opens: a child that ends with the token.
    fn child(&self, tx: &mut Tx<'_>, root: Chain) -> Result<Chain, Fault> {
        let now = self.minting.now;
        let asked = ChildRequest {
            id: self.ids[1].clone(),
            grantee: root.leaf().grantee.clone(),
            resource: self.resource.clone(),
            actions: self.scopes.clone(),
            details: Details::default(),
            not_before: now,
            expires_at: Timestamp::from_seconds(now.seconds()).after(self.minting.life),
            terms: Terms::default(),
            evidence: self.evidence(),
        };
        let child = Chain::child(&[&root], asked, now, &NoPassage).map_err(|_| Fault::GrantOver)?;
        let child = Grant { grantor: root.leaf().grantor.clone(), ..child };
        tx.insert_grant(&child)?;
        tx.record(self.made("grant:make", &child));
        Chain::new(vec![root.into_leaf()], child).map_err(|e| Fault::Broken(e.to_string()))
    }

    fn evidence(&self) -> Evidence {
        Evidence::IdJag { issuer: self.said.issuer.clone(), jti: self.said.id.clone() }
    }

    fn grant(&self, n: usize, user: &User, agent: &AgentId, actions: ScopeSet, until: Timestamp) -> Grant {
        Grant {
            id: self.ids[n].clone(),
            parents: Vec::new(),
            subject: Principal::User(user.id.clone()),
            grantor: Grantor::Operator,
            grantee: agent.clone(),
            resource: self.resource.clone(),
            actions,
            details: Details::default(),
            not_before: self.minting.now,
            expires_at: until,
            depth_left: DEPTH,
            terms: Terms::default(),
            evidence: self.evidence(),
            state: GrantState::Active,
            revision: 0,
        }
    }

    fn made(&self, action: &str, grant: &Grant) -> Event {
        let mut event = self.event(EventKind::Grant, action);
        event.subject = Some(grant.subject.clone());
        event.actors = vec![grant.grantee.clone()];
        event.grant = Some(grant.id.clone());
        event.details.insert("scope", grant.actions.to_string().into());
        event
    }

    /// An event of this assertion, with what it rests on. The assertion itself is never recorded.
    pub(super) fn event(&self, kind: EventKind, action: &str) -> Event {
        let (now, trace) = (self.minting.now, self.minting.trace.clone());
        let mut event = Event::new(kind, action, Outcome::Permit, now, trace).because("id_jag");
        event.client = Some(self.client.id.clone());
        event.resource = Some(self.resource.clone());
        event.details.insert("assertion", self.said.id.as_str().into());
        event.details.insert("assertion_issuer", self.said.issuer.as_str().into());
        event
    }
}
