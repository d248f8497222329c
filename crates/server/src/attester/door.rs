//! `/challenge` and `/attest`: a challenge is given out, and comes back once, with a proof of possession and evidence that
//! is bound to both.

use super::{AttesterFault, words};
use crate::fault::Fault;
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use crate::wire::{json, json_object, peer};
use crate::workload::{self, Presented, WorkloadFault};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use prokura_attest::{Bound, Evidence, digits, instance_name};
use prokura_core::{AgentId, ClientId, Platform, Principal, Timestamp, TraceId};
use prokura_ledger::{Event, EventKind, Outcome};
use prokura_oauth::client_attestation::ClientAttestation;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::json::{Object, Value, obj};
use prokura_store::{ArtifactKind, Tx, Workload};
use std::sync::Arc;

/// A challenge (§6.1), with the digits of it that fit into Azure's nonce.
pub(crate) async fn challenge(State(app): State<Arc<AppState>>) -> Response {
    let challenge = app.attester.challenges.issue(&*app.rng, app.clock.now());
    let body = obj([
        ("attestation_challenge", challenge.as_str().into()),
        ("azure_nonce", digits(&challenge).into()),
    ]);
    json(StatusCode::OK, &body)
}

/// Evidence comes in, an attestation goes out.
pub(crate) async fn attest(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let trace = app.trace();
    let mut about = About::new(EventKind::Issuance, "attestation");
    match answer(&app, request, &trace, &mut about).await {
        Ok(response) => response,
        Err(fault) => app.refuse(&fault, &about, &trace).await,
    }
}

async fn answer(
    app: &AppState,
    request: Request,
    trace: &TraceId,
    about: &mut About,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    if !app.attester.asked.admit(peer(&parts), app.clock.now()) {
        return Err(AttesterFault::TooMany.into());
    }
    let asked = Asked::read(&json_object(&parts, body).await?)?;
    let provider = app.attester.documents.named(asked.provider.as_deref(), asked.platform);
    let provider = provider.map_err(AttesterFault::from)?;
    let (possession, key) = Possession::of_attested(app, &parts)?;
    let thumbprint = possession.key().ok_or(Fault::ProofMissing)?;
    let challenge = spend(app, possession).await?;
    let bound = Bound { challenge: &challenge, key: thumbprint };
    let evidence = app.attester.documents.verify(&provider, &asked.evidence, &bound, app.clock.now()).await;
    let evidence = evidence.map_err(AttesterFault::from)?;
    about.saw(&evidence);
    let rules = app.workloads.rules(app).await?;
    let shown = Presented::new(app, evidence, Some(&rules))?;
    let rule = shown.rule.clone().ok_or_else(|| Fault::Broken("evidence has no rule".to_owned()))?;
    about.matched(&rule.rule);
    let agent = rule.rule.agent.clone();
    workload::may_agent(app, &agent)?;
    let now = app.clock.now();
    let life = app.config.workload.attester.life.get();
    let issued_at = Timestamp::from_seconds(now.seconds());
    let attestation = ClientAttestation {
        issuer: app.config.issuer.as_str().to_owned(),
        client: ClientId::parse(agent.as_str())
            .map_err(|_| Fault::Broken("an agent's id names no client".to_owned()))?,
        key,
        issued_at,
        expires_at: issued_at.after(life).min(shown.evidence.expires_at),
        evidence: words::written(&shown.evidence),
    };
    settle(app, &shown, &agent, thumbprint, event(&shown, &agent, &attestation, thumbprint, now, trace))
        .await?;
    respond(app, &attestation, now)
}

/// What is asked.
struct Asked {
    provider: Option<String>,
    platform: Platform,
    evidence: Object,
}

impl Asked {
    fn read(body: &Object) -> Result<Self, AttesterFault> {
        if body.keys().any(|name| !["provider", "platform", "evidence"].contains(&name)) {
            return Err(AttesterFault::Body);
        }
        let provider = match body.get("provider") {
            None => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err(AttesterFault::Body),
        };
        let platform = body.str("platform").and_then(Platform::parse).ok_or(AttesterFault::Body)?;
        let evidence = body.get("evidence").and_then(Value::as_object).ok_or(AttesterFault::Body)?.clone();
        Ok(Self { provider, platform, evidence })
    }
}

/// Spends the challenge and the proof before anything is looked at that costs something or asks somebody: of any number of
/// uses at once, on whichever process, one goes on (attack D10).
async fn spend(app: &AppState, possession: Possession) -> Result<String, Fault> {
    let now = app.clock.now();
    let challenge = possession.nonce().map(str::to_owned);
    let until = app.attester.challenges.check(challenge.as_deref(), now).map_err(AttesterFault::from)?;
    let challenge = challenge.unwrap_or_default();
    let name = format!("challenge\n{challenge}");
    let first = app
        .store
        .transact::<_, Fault>(move |tx| {
            possession.spend(tx, now)?;
            Ok(tx.claim(ArtifactKind::AssertionJti, &name, now, until)?)
        })
        .await?;
    if first { Ok(challenge) } else { Err(AttesterFault::ChallengeUsed.into()) }
}

/// Puts it on record, with what is remembered of the workload. Evidence that proves nothing alone belongs to the first key
/// that it came with.
async fn settle(
    app: &AppState,
    shown: &Presented,
    agent: &AgentId,
    key: Thumbprint,
    event: Event,
) -> Result<(), Fault> {
    let row = workload::seen(app, shown, agent);
    let first_use = first_use(&shown.evidence);
    let register = workload::agent_row(agent, app.clock.now());
    let (now, written) = (app.clock.now(), row.clone());
    app.store
        .transact::<_, Fault>(move |tx| {
            if let Some(name) = &first_use {
                first_key(tx, name, key, now)?;
            }
            tx.insert_agent(&register)?;
            see(tx, row.as_ref())?;
            tx.record(event.clone());
            Ok(())
        })
        .await?;
    if let Some(row) = &written {
        workload::was_seen(app, row);
    }
    Ok(())
}

/// By what an instance is known whose evidence has no key of its own in it.
fn first_use(evidence: &Evidence) -> Option<String> {
    let alone = matches!(evidence.platform, Platform::Ec2 | Platform::AzureVm);
    alone.then(|| instance_name(&evidence.provider, &evidence.subject))
}

fn first_key(tx: &mut Tx<'_>, name: &str, key: Thumbprint, now: Timestamp) -> Result<(), Fault> {
    let key = key.to_string();
    let bound = tx.bind_first(ArtifactKind::EvidenceKey, name, key.as_bytes(), now, Timestamp::FOR_EVER)?;
    if bound == key.as_bytes() { Ok(()) } else { Err(WorkloadFault::OtherKey.into()) }
}

fn see(tx: &mut Tx<'_>, row: Option<&Workload>) -> Result<(), Fault> {
    row.map_or(Ok(()), |row| Ok(tx.see_workload(row)?))
}

fn event(
    shown: &Presented,
    agent: &AgentId,
    attestation: &ClientAttestation,
    key: Thumbprint,
    now: Timestamp,
    trace: &TraceId,
) -> Event {
    let mut event = Event::new(EventKind::Issuance, "attestation", Outcome::Permit, now, trace.clone());
    event.subject = Some(Principal::Agent(agent.clone()));
    event.client = Some(attestation.client.clone());
    event.details.insert("workload", shown.attested.workload.as_str().into());
    event.details.insert("platform", shown.evidence.platform.as_str().into());
    shown.describe(&mut event.details);
    event.details.insert("cnf", obj([("jkt", key.to_string().into())]).into());
    event.details.insert("expires_at", attestation.expires_at.seconds().into());
    event
}

fn respond(app: &AppState, attestation: &ClientAttestation, now: Timestamp) -> Result<Response, Fault> {
    let key = app.keys.signer(now).ok_or_else(|| Fault::Broken("there is no signing key".to_owned()))?;
    let jwt = attestation.sign(&key).map_err(|e| Fault::Broken(e.to_string()))?;
    let body = obj([
        ("client_attestation", jwt.into()),
        ("client_id", attestation.client.as_str().into()),
        ("expires_in", attestation.expires_at.since(now).as_secs().into()),
    ]);
    Ok(json(StatusCode::OK, &body))
}
