//! Attestation-based client authentication (§5, §7): the attestation comes in a header, and with it a proof that its
//! sender has its key, made for a challenge of ours.

use super::{AttesterFault, words};
use crate::fault::Fault;
use crate::possession::Possession;
use crate::server::AppState;
use http::HeaderValue;
use http::request::Parts;
use prokura_attest::Evidence;
use prokura_core::{ClientId, Timestamp};
use prokura_oauth::client_attestation::{
    AttestationError, ClientAttestation, HEADER, POP_HEADER, Pop, of_headers,
};
use prokura_store::{ArtifactKind, StoreError};

/// A workload that authenticated by its attestation.
pub(crate) struct Attested {
    /// The client that the attestation is about: the agent's name.
    pub(crate) client: ClientId,
    /// What was verified when it was attested.
    pub(crate) evidence: Evidence,
    /// What its tokens are bound to.
    pub(crate) possession: Possession,
}

/// Whether a request comes with an attestation.
pub(crate) fn is_shown(app: &AppState, parts: &Parts) -> bool {
    app.attester.is_on() && parts.headers.contains_key(HEADER)
}

/// Who the workload of a request is. `said` is the `client_id` of the request, if it has one.
pub(crate) async fn attested(app: &AppState, parts: &Parts, said: Option<&str>) -> Result<Attested, Fault> {
    let now = app.clock.now();
    let compact = header(parts, HEADER)?.ok_or(AttesterFault::Attestation(AttestationError::NoProof))?;
    let keys = app.keys.published();
    let attestation = ClientAttestation::verify(compact, &keys, app.config.issuer.as_str(), now);
    let attestation = attestation.map_err(AttesterFault::from)?;
    if said.is_some_and(|said| said != attestation.client.as_str()) {
        return Err(AttesterFault::Client.into());
    }
    let mut evidence = words::read(&attestation, compact).ok_or(AttesterFault::Stale)?;
    let possession = Possession::of_nobody(app, parts)?;
    match header(parts, POP_HEADER)? {
        Some(pop) => {
            by_its_own_proof(app, pop, &attestation, now).await?;
            // The key was shown; which one the token is bound to, if to any, is the client's choice (§5.2).
            evidence.key = None;
        }
        None => by_dpop(app, &possession, &attestation, now)?,
    }
    Ok(Attested { client: attestation.client, evidence, possession })
}

fn header<'a>(parts: &'a Parts, name: &'static str) -> Result<Option<&'a str>, Fault> {
    let values = parts.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    of_headers(name, values).map_err(|e| AttesterFault::from(e).into())
}

/// `OAuth-Client-Attestation-PoP` (§7.2): for us, just now, for a challenge of ours, once.
async fn by_its_own_proof(
    app: &AppState,
    pop: &str,
    attestation: &ClientAttestation,
    now: Timestamp,
) -> Result<(), Fault> {
    let pop = Pop::verify(pop, attestation, app.config.issuer.as_str(), now).map_err(AttesterFault::from)?;
    app.attester.challenges.check(pop.challenge.as_deref(), now).map_err(AttesterFault::from)?;
    let key = attestation.thumbprint().ok_or(AttesterFault::Stale)?;
    let (name, until) = (pop.replay_key(key), pop.until());
    let claim = move |tx: &mut prokura_store::Tx<'_>| tx.claim(ArtifactKind::AssertionJti, &name, now, until);
    let first = app.store.transact::<_, StoreError>(claim).await?;
    if first { Ok(()) } else { Err(AttesterFault::Replayed.into()) }
}

/// The DPoP proof as proof of both (§7.3): by the same key, with a challenge of ours as its nonce. It is spent where it
/// yields a token.
fn by_dpop(
    app: &AppState,
    possession: &Possession,
    attestation: &ClientAttestation,
    now: Timestamp,
) -> Result<(), Fault> {
    let refused = |error| Fault::from(AttesterFault::Attestation(error));
    let key = possession.key().ok_or_else(|| refused(AttestationError::NoProof))?;
    if attestation.thumbprint() != Some(key) {
        return Err(refused(AttestationError::OtherKey));
    }
    app.attester.challenges.check(possession.nonce(), now).map_err(AttesterFault::from)?;
    Ok(())
}
