//! Where access tokens are made: from a grant, never wider, on record first.

use crate::access::{Judge, Judged};
use crate::fault::Fault;
use crate::possession::Possession;
use crate::server::AppState;
use crate::status;
use crate::wire::json;
use axum::response::Response;
use http::StatusCode;
use prokura_config::Config;
use prokura_core::{
    AgentId, Attested, Chain, ClientId, Details, Effective, GrantId, GrantName, Held, InvalidDetail,
    NarrowingError, Passages, Principal, ResourceUri, Scope, ScopeSet, Timestamp, TokenId, TraceId,
};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::access_token::{AccessToken, GrantClaim, View};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::exchange::TokenType;
use prokura_oauth::id_token::IdToken;
use prokura_oauth::json::{Object, Value, obj};
use prokura_oauth::rich;
use prokura_oauth::token_request::DETAILS;
use prokura_oauth::workload;
use prokura_store::{Party, RevokedView, Store, Tx};
use std::sync::Arc;
use std::time::Duration;

/// The longest details of a token, in bytes: it goes into the header of every request.
const MAX_DETAILS: usize = 6 * 1024;

/// A token that is on record, or will be in the same commit, and is not signed yet.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) token: AccessToken,
    pub(crate) refresh_token: Option<String>,
    pub(crate) id_token: Option<IdToken>,
    /// What the client calls the grant, if it asked for a name.
    pub(crate) grant_name: Option<GrantName>,
}

/// What a token is made of besides its grant.
#[derive(Clone)]
pub(crate) struct Minting {
    pub(crate) client: ClientId,
    pub(crate) issuer: String,
    pub(crate) life: Duration,
    pub(crate) grant_type: GrantType,
    pub(crate) id: TokenId,
    pub(crate) trace: TraceId,
    pub(crate) now: Timestamp,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) possession: Possession,
    /// The attested instance that asks, if there is one.
    pub(crate) workload: Option<Attested>,
    /// Where tokens must be bound to a key.
    pub(crate) needs_proof: Vec<ResourceUri>,
    /// Conditional access, and what it said of the token.
    pub(crate) judge: Arc<Judge>,
    pub(crate) judged: Judged,
    /// What authority at one resource is worth at another.
    pub(crate) passages: Arc<dyn Passages + Send + Sync>,
    /// What the operator wrote.
    pub(crate) config: Arc<Config>,
}

impl Minting {
    pub(crate) fn new(
        app: &AppState,
        client: &ClientId,
        possession: Possession,
        grant_type: GrantType,
        trace: &TraceId,
    ) -> Self {
        let (now, usual) = (app.clock.now(), app.config.access_life());
        let shown = possession.workload();
        Self {
            client: client.clone(),
            issuer: app.config.issuer.as_str().to_owned(),
            life: shown.map_or(usual, |w| w.life(usual, now)),
            grant_type,
            id: TokenId::random(&*app.rng),
            trace: trace.clone(),
            now,
            authentication: None,
            workload: shown.map(|w| w.attested.clone()),
            possession,
            judge: Arc::clone(&app.judge),
            judged: Judged::default(),
            passages: Arc::clone(&app.passages),
            config: Arc::clone(&app.config),
            needs_proof: app.places.proven().map(|p| p.uri.clone()).collect(),
        }
    }

    /// The token that the grant at the end of `chain` yields: of `scopes` and `details`, which were agreed to once, what is
    /// left of the grant now; less, if conditional access takes something away.
    pub(crate) fn token(
        &self,
        chain: &Chain,
        scopes: &ScopeSet,
        details: &Details,
    ) -> Result<AccessToken, Fault> {
        let asked = Held { actions: scopes.clone(), details: details.clone() };
        self.token_within(chain, scopes, &asked)
    }

    /// As [`token`](Self::token), of the details of `asked`, which are a part of the grant beside the scopes of `asked`; the
    /// token names only `scopes` of these, for who asks saw that they bundle the tools of the details.
    pub(crate) fn token_within(
        &self,
        chain: &Chain,
        scopes: &ScopeSet,
        asked: &Held,
    ) -> Result<AccessToken, Fault> {
        let (grant, left) = (chain.leaf(), self.left(chain)?);
        let kept = scopes.intersection(&left.held.actions);
        if kept.is_empty() && !scopes.is_empty() {
            return Err(Fault::ScopeTooWide(scopes.difference(&left.held.actions)));
        }
        let cnf = self.possession.cnf();
        if cnf.key.is_none() && self.needs_proof.contains(&grant.resource) {
            return Err(Fault::ProofMissing);
        }
        let Held { details, .. } = left.held.meet(asked).map_err(|e| refused(e, asked))?;
        if rich::to_text(&details, &grant.resource).len() > MAX_DETAILS {
            return Err(Fault::DetailWider(InvalidDetail::TooMany));
        }
        let allowed = self.judge.token(self, grant, kept, &details)?;
        let issued_at = Timestamp::from_seconds(self.now.seconds());
        let life = issued_at.after(self.life).min(left.expires_at);
        Ok(AccessToken {
            issuer: self.issuer.clone(),
            audience: grant.resource.clone(),
            subject: grant.subject.clone(),
            client: self.client.clone(),
            view: View::User,
            actors: actors(chain),
            may_act: None,
            scopes: allowed.scopes,
            details,
            id: self.id.clone(),
            issued_at,
            expires_at: allowed.until.map_or(life, |until| life.min(until)),
            grant: GrantClaim { duties: left.duties, ..claim(chain) },
            authentication: self.authentication.clone(),
            cnf,
            workload: self.workload.clone(),
            status: None,
        })
    }

    /// What is left of the grant at the end of `chain`.
    pub(crate) fn left(&self, chain: &Chain) -> Result<Effective, Fault> {
        chain.effective(self.now, &*self.passages).map_err(|_| Fault::GrantOver)
    }

    /// Puts the issuance of `token` on record, and spends what was shown for it.
    pub(crate) fn settle(&self, tx: &mut Tx<'_>, token: &AccessToken) -> Result<(), Fault> {
        self.possession.spend(tx, self.now)?;
        tx.note_use(token.grants(), self.now)?;
        tx.record(self.event(token));
        Ok(())
    }

    /// As [`settle`](Self::settle), for a token of grants that are remembered: false, and nothing is done, if one of them
    /// is not what it was. It may have ended since it was looked at, and then nothing may be made any more.
    pub(crate) async fn settle_under(
        self,
        store: &Store,
        chain: &Arc<Chain>,
        token: &AccessToken,
        more: impl Fn(&mut Tx<'_>, Timestamp) -> Result<(), Fault> + Send + 'static,
    ) -> Result<bool, Fault> {
        let (chain, token) = (Arc::clone(chain), token.clone());
        let settle = move |tx: &mut Tx<'_>| {
            if !tx.unchanged(&chain.grants().map(|g| (g.id.clone(), g.revision)).collect::<Vec<_>>())? {
                return Ok(false);
            }
            more(tx, self.now)?;
            self.settle(tx, &token).map(|()| true)
        };
        store.transact(settle).await
    }

    /// The entry that says that `token` was issued.
    pub(crate) fn event(&self, token: &AccessToken) -> Event {
        let action = match self.grant_type {
            GrantType::AuthorizationCode => "token:authorization_code",
            GrantType::RefreshToken => "token:refresh_token",
            GrantType::ClientCredentials => "token:client_credentials",
            GrantType::DeviceCode => "token:device_code",
            GrantType::Ciba => "token:ciba",
            GrantType::JwtBearer => "token:jwt_bearer",
            GrantType::TokenExchange => "token:token_exchange",
        };
        let mut event =
            Event::new(EventKind::Issuance, action, Outcome::Permit, self.now, self.trace.clone());
        event.subject = Some(token.subject.clone());
        event.actors =
            token.actor().cloned().into_iter().chain(token.actors.iter().skip(1).cloned()).collect();
        event.client = Some(self.client.clone());
        event.grant = Some(token.grant.id.clone());
        event.resource = Some(token.audience.clone());
        event.details.insert("jti", token.id.as_str().into());
        event.details.insert("scope", token.scopes.to_string().into());
        if !token.details.is_empty() {
            let details = rich::to_value(&token.details, &token.audience);
            event.details.insert("authorization_details", details);
        }
        event.details.insert("expires_at", token.expires_at.seconds().into());
        if let Some(cnf) = token.cnf.to_object() {
            event.details.insert("cnf", Value::Object(cnf));
        }
        if let Some(attested) = &token.workload {
            event.details.insert("workload", Value::Object(workload::to_object(attested)));
        }
        if let Some(shown) = self.possession.workload() {
            shown.describe(&mut event.details);
        }
        if let Some(verdict) = self.judged.verdict() {
            event.details.insert("access", Value::Object(verdict.to_object()));
        }
        event
    }
}

/// What a token request asks for beside what was agreed to: fewer tools, more constraints (RFC 9396 §6). Constraints
/// that are looser change nothing, since those that were agreed to stay.
pub(crate) fn narrowed(
    agreed: &Details,
    asked: Option<&str>,
    resource: &ResourceUri,
) -> Result<Details, Fault> {
    let Some(asked) = asked else { return Ok(agreed.clone()) };
    Ok(agreed.narrow(&rich::parse(asked, resource)?)?)
}

/// Details without a scope that opens anything would be authority of their own, where the grant has more than these.
fn refused(error: NarrowingError, asked: &Held) -> Fault {
    let alone = asked.actions.iter().all(Scope::is_of_identity);
    let tool = asked.details.tools().into_iter().next().filter(|_| alone);
    match (error, tool) {
        (NarrowingError::Details(too_many), _) => Fault::DetailWider(too_many),
        (_, Some(tool)) => Fault::DetailWider(InvalidDetail::Wider(tool.to_owned())),
        (_, None) => Fault::GrantOver,
    }
}

/// Who acts, the current one first: the grantees of the chain. An agent with authority of its own is the subject and no
/// actor.
fn actors(chain: &Chain) -> Vec<AgentId> {
    let mut actors = chain.actors();
    if let Principal::Agent(subject) = &chain.leaf().subject
        && actors.last() == Some(subject)
    {
        actors.pop();
    }
    actors
}

/// How a token names the chain, without its duties.
fn claim(chain: &Chain) -> GrantClaim {
    let bounded = chain.grants().filter(|g| g.terms.budget.is_some());
    GrantClaim {
        ancestors: chain.above().iter().map(|g| g.id.clone()).collect(),
        revisions: chain.grants().map(|g| g.revision).collect(),
        budgets: bounded.map(|g| g.id.clone()).collect(),
        ..GrantClaim::of_root(chain.leaf().id.clone())
    }
}

/// A grant with everything above it, as the transaction sees it.
pub(crate) fn chain(tx: &mut Tx<'_>, id: &GrantId) -> Result<Chain, Fault> {
    tx.chain(id)?.ok_or(Fault::GrantOver)
}

/// Refuses a grant that has ended, alone or with one above it, or whose user, client, or any agent between may do nothing
/// for now (attacks C10, C11). A view that is too old to trust refuses everything.
pub(crate) fn in_force(
    view: &RevokedView,
    chain: &Chain,
    client: &ClientId,
    now: Timestamp,
) -> Result<(), Fault> {
    if !view.fresh() {
        return Err(Fault::Stale);
    }
    if chain.grants().any(|g| view.contains(&g.id) || g.usable_at(now).is_err()) {
        return Err(Fault::GrantOver);
    }
    let user_disabled = chain.leaf().user().is_some_and(|u| view.user_disabled(u));
    let agent_disabled = chain.grants().any(|g| view.agent_disabled(&g.grantee));
    if user_disabled || agent_disabled || view.client_disabled(client) {
        return Err(Fault::Disabled);
    }
    Ok(())
}

/// Refuses what rests on somebody who may do nothing for now, as the transaction itself sees it: no process has to hear of it
/// first (attack C10).
pub(crate) fn nobody_is_disabled(tx: &mut Tx<'_>, chain: &Chain, client: &ClientId) -> Result<(), Fault> {
    let user = chain.leaf().user().map(Party::User);
    let holders = chain.grants().map(|g| Party::Agent(&g.grantee));
    let parties: Vec<_> = user.into_iter().chain(holders).chain([Party::Client(client)]).collect();
    if tx.may_all(&parties)? { Ok(()) } else { Err(Fault::Disabled) }
}

impl Issued {
    /// Signs the token and answers (RFC 6749 §5.1). It is on record by now.
    pub(crate) async fn respond(self, app: &AppState) -> Result<Response, Fault> {
        let issued = self.marked(app).await?;
        Ok(issued.answer(app, &issued.body(app)?))
    }

    /// As [`respond`](Self::respond), to an exchange (RFC 8693 §2.2.1).
    pub(crate) async fn respond_exchanged(self, app: &AppState, kind: TokenType) -> Result<Response, Fault> {
        let issued = self.marked(app).await?;
        let mut body = issued.body(app)?;
        body.insert("issued_token_type", kind.as_str().into());
        Ok(issued.answer(app, &body))
    }

    /// With the place of its status, where there are lists of them.
    async fn marked(self, app: &AppState) -> Result<Self, Fault> {
        Ok(Self { token: status::mark(app, self.token).await?, ..self })
    }

    fn answer(&self, app: &AppState, body: &Object) -> Response {
        let mut response = json(StatusCode::OK, body);
        if self.token.cnf.key.is_some() {
            app.offer_nonce(&mut response);
        }
        response
    }

    fn body(&self, app: &AppState) -> Result<Object, Fault> {
        let now = app.clock.now();
        let key = app.keys.signer(now).ok_or_else(|| Fault::Broken("there is no signing key".to_owned()))?;
        let jwt = self.token.sign(&key).map_err(|e| Fault::Broken(e.to_string()))?;
        let life = self.token.expires_at.since(self.token.issued_at).as_secs();
        let id_token = self.id_token.as_ref().map(|t| t.sign(&key, &jwt)).transpose();
        let id_token = id_token.map_err(|e| Fault::Broken(e.to_string()))?;
        let mut body = obj([
            ("access_token", jwt.into()),
            ("token_type", self.token.cnf.token_type().into()),
            ("expires_in", life.into()),
        ]);
        if !self.token.scopes.is_empty() {
            body.insert("scope", self.token.scopes.to_string().into());
        }
        if !self.token.details.is_empty() {
            body.insert(DETAILS, rich::to_value(&self.token.details, &self.token.audience));
        }
        if let Some(refresh) = &self.refresh_token {
            body.insert("refresh_token", refresh.as_str().into());
        }
        if let Some(id_token) = id_token {
            body.insert("id_token", id_token.into());
        }
        if let Some(name) = &self.grant_name {
            body.insert("grant_id", name.as_str().into());
        }
        Ok(body)
    }
}
