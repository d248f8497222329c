//! Authorization codes: made when a user agrees, redeemed once (RFC 6749 §4.1.3, RFC 7636 §4.6).

use super::mint::{Issued, Minting, chain, in_force, narrowed, nobody_is_disabled};
use super::payload::{CodePayload, RefreshPayload, bound_key};
use crate::clients::{Client, ClientKind, Documents};
use crate::consent::carries;
use crate::fault::{CodeFault, Fault};
use crate::identity;
use crate::interaction::{Asked, Codes, Granted};
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use prokura_core::{AgentId, ClientId, Clock, GrantId, ResourceUri, Rng, Timestamp, TraceId, random_id};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::confirmation::Confirmation;
use prokura_oauth::pkce::{CodeChallenge, CodeVerifier};
use prokura_store::{Artifact, ArtifactKind, Consumed, RevokedView, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;

/// The member of [`Asked::request`] with the PKCE challenge.
pub(crate) const CHALLENGE: &str = "code_challenge";
/// The member of [`Asked::request`] with the `nonce` of the ID token.
pub(crate) const NONCE: &str = "nonce";

/// Makes codes for the pages.
pub(crate) struct CodeMaker {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) life: Duration,
}

impl Codes for CodeMaker {
    fn issue(&self, tx: &mut Tx<'_>, asked: &Asked, granted: &Granted) -> Result<String, StoreError> {
        let (code, now) = (random_id("code_", &*self.rng), self.clock.now());
        let challenge = asked.request.str(CHALLENGE).and_then(|c| CodeChallenge::parse(c).ok());
        let payload = CodePayload {
            client: asked.client.clone(),
            redirect: asked.redirect.clone(),
            resource: asked.resource.clone(),
            scope: granted.scope.clone(),
            details: granted.details.clone(),
            challenge: challenge.ok_or_else(|| StoreError::Corrupt {
                column: "artifacts.payload",
                detail: "an interaction has no proof key".to_owned(),
            })?,
            key: bound_key(&asked.request)?,
            trace: asked.trace.clone(),
            nonce: asked.request.str(NONCE).map(str::to_owned),
            name: granted.name.clone(),
            authentication: Some(Authentication::new(granted.auth_at, granted.acr, &granted.amr)),
        };
        tx.put_artifact(
            ArtifactKind::Code,
            &code,
            Some(&granted.grant),
            &payload.to_vec(),
            now.after(self.life),
        )?;
        tx.record(issued(&payload, granted, now));
        Ok(code)
    }
}

fn issued(payload: &CodePayload, granted: &Granted, now: Timestamp) -> Event {
    let mut event =
        Event::new(EventKind::Issuance, "code:issue", Outcome::Permit, now, payload.trace.clone());
    event.subject = Some(prokura_core::Principal::User(granted.user.id.clone()));
    event.client = Some(payload.client.clone());
    event.grant = Some(granted.grant.clone());
    event.resource = Some(payload.resource.clone());
    event.details.insert("scope", payload.scope.to_string().into());
    event
}

/// What comes with a code.
pub(crate) struct Redemption {
    pub(crate) code: String,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) verifier: CodeVerifier,
    pub(crate) resource: Option<ResourceUri>,
    /// Narrower authorization details.
    pub(crate) details: Option<String>,
}

/// Everything that the transaction needs.
struct Job {
    asked: Redemption,
    client: Arc<Client>,
    minting: Minting,
    refresh: Option<(String, Duration)>,
    registered_for: Duration,
    view: Arc<RevokedView>,
}

/// What became of it, in a transaction that is to be kept.
enum Redeemed {
    Done(Box<Issued>),
    Replayed(GrantId),
}

/// Redeems a code.
pub(crate) async fn redeem(
    app: &AppState,
    client: &Arc<Client>,
    asked: Redemption,
    possession: Possession,
    trace: &TraceId,
    about: &mut About,
) -> Result<Issued, Fault> {
    let refresh = client
        .may(GrantType::RefreshToken)
        .then(|| (random_id("rt_", &*app.rng), app.config.tokens.refresh.get()));
    let job = Job {
        asked,
        client: Arc::clone(client),
        minting: Minting::new(app, &client.id, possession, GrantType::AuthorizationCode, trace),
        refresh,
        registered_for: app.config.registration.expires_after.get(),
        view: app.store.revoked_view(),
    };
    match app.store.transact(move |tx| job.run(tx)).await? {
        Redeemed::Done(issued) => Ok(*issued),
        Redeemed::Replayed(grant) => {
            about.grant = Some(grant);
            Err(Fault::Code(CodeFault::Used))
        }
    }
}

impl Job {
    /// Everything is checked before the code is spent, so that what can be mended can be sent again (attack A13).
    fn run(&self, tx: &mut Tx<'_>) -> Result<Redeemed, Fault> {
        let now = self.minting.now;
        let code = tx.artifact(ArtifactKind::Code, &self.asked.code)?;
        let code = code.ok_or(Fault::Code(CodeFault::Unknown))?;
        let payload = CodePayload::read(&code.payload)?;
        let grant = code.grant.clone().ok_or_else(|| Fault::Broken("a code has no grant".to_owned()))?;
        if code.consumed_at.is_some() {
            return self.replayed(tx, &grant, &payload);
        }
        self.check(&code, &payload)?;
        let details = narrowed(&payload.details, self.asked.details.as_deref(), &payload.resource)?;
        let minting = Minting {
            trace: payload.trace.clone(),
            authentication: payload.authentication.clone(),
            ..self.minting.clone()
        };
        let chain = chain(tx, &grant)?;
        in_force(&self.view, &chain, &self.client.id, now)?;
        nobody_is_disabled(tx, &chain, &self.client.id)?;
        carries(tx, &self.minting.config, &chain, &self.client, now)?;
        let grant = chain.leaf();
        match tx.consume(ArtifactKind::Code, &self.asked.code, now)? {
            Consumed::Won(_) => {}
            Consumed::Already(_) => return self.replayed(tx, &grant.id, &payload),
            Consumed::Absent | Consumed::Expired => return Err(Fault::Code(CodeFault::Unknown)),
        }
        let token = minting.token(&chain, &payload.scope, &details)?;
        minting.settle(tx, &token)?;
        let refresh_token = self.put_refresh(tx, &payload, &grant.id, grant.expires_at)?;
        seen(tx, &self.client, &grant.grantee, now, self.registered_for)?;
        let id_token = identity::id_token(tx, &token, payload.nonce.as_deref())?;
        Ok(Redeemed::Done(Box::new(Issued { token, refresh_token, id_token, grant_name: payload.name })))
    }

    fn check(&self, code: &Artifact, payload: &CodePayload) -> Result<(), Fault> {
        if code.expires_at <= self.minting.now {
            return Err(Fault::Code(CodeFault::Unknown));
        }
        if payload.client != self.client.id {
            return Err(Fault::Code(CodeFault::OtherClient));
        }
        if self.asked.redirect_uri.as_ref().is_some_and(|uri| *uri != payload.redirect) {
            return Err(Fault::Code(CodeFault::Redirect));
        }
        if self.asked.resource.as_ref().is_some_and(|r| *r != payload.resource) {
            return Err(Fault::ResourceOther);
        }
        // Whoever got hold of code and verifier still lacks the key (RFC 9449 §11.9).
        if payload.key.is_some() && payload.key != self.minting.possession.key() {
            return Err(Fault::Code(CodeFault::Key));
        }
        payload.challenge.prove(&self.asked.verifier).map_err(|_| Fault::Code(CodeFault::Verifier))
    }

    /// A code that was used before: somebody else has it too, so everything that came of it ends (attack A10).
    fn replayed(&self, tx: &mut Tx<'_>, grant: &GrantId, payload: &CodePayload) -> Result<Redeemed, Fault> {
        let event = |client: &ClientId| {
            let mut event = Event::new(
                EventKind::Grant,
                "grant:revoke",
                Outcome::Permit,
                self.minting.now,
                payload.trace.clone(),
            )
            .because("code_replayed");
            event.client = Some(client.clone());
            event.resource = Some(payload.resource.clone());
            event
        };
        let ended = tx.revoke_tree(grant, "system", "a code was used twice", self.minting.now)?;
        if let Some(ended) = ended {
            let mut event = event(&payload.client);
            ended.describe(&mut event);
            tx.record(event);
        }
        Ok(Redeemed::Replayed(grant.clone()))
    }

    fn put_refresh(
        &self,
        tx: &mut Tx<'_>,
        payload: &CodePayload,
        grant: &GrantId,
        grant_ends: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let Some((secret, life)) = &self.refresh else { return Ok(None) };
        let cnf = self.minting.possession.of_refresh(&self.client);
        let stored = first_refresh(payload, cnf);
        let until = self.minting.now.after(*life).min(grant_ends);
        tx.put_artifact(ArtifactKind::RefreshToken, secret, Some(grant), &stored.to_vec(), until)?;
        Ok(Some(secret.clone()))
    }
}

/// A user let the client in: a document is worth keeping, a registration stays.
pub(super) fn seen(
    tx: &mut Tx<'_>,
    client: &Client,
    agent: &AgentId,
    now: Timestamp,
    registered_for: Duration,
) -> Result<(), StoreError> {
    match &client.kind {
        ClientKind::Published(document) => Documents::keep(tx, document, agent),
        ClientKind::Registered => tx.touch_client(&client.id, now, now.after(registered_for)),
        ClientKind::Configured => Ok(()),
    }
}

fn first_refresh(code: &CodePayload, cnf: Confirmation) -> RefreshPayload {
    RefreshPayload {
        client: code.client.clone(),
        resource: code.resource.clone(),
        scope: code.scope.clone(),
        details: code.details.clone(),
        repeats: 0,
        exchanged: None,
        cnf,
        trace: code.trace.clone(),
        authentication: code.authentication.clone(),
    }
}
