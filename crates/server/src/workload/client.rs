//! Evidence as a client's authentication (RFC 7523 §2.2 with the audience rule of RFC 10070; SPIFFE client
//! authentication): a configured client shows, on any grant, what its infrastructure says of it, and no secret of its own.

use super::{InForce, Presented, WorkloadFault};
use crate::authenticate::Authenticated;
use crate::clients::{Client, ClientWorkload};
use crate::fault::Fault;
use crate::possession::{At, Possession};
use crate::record::About;
use crate::server::AppState;
use http::request::Parts;
use prokura_attest::{Door, Evidence};
use prokura_config::Replay;
use prokura_core::Platform;
use prokura_oauth::client_metadata::AuthMethod;
use prokura_oauth::confirmation::Thumbprint;
use std::sync::Arc;

/// Where a client authenticates, and what it says it is.
pub(crate) struct Caller<'a> {
    pub(crate) parts: &'a Parts,
    /// Where proofs of possession are read; none where they are not.
    pub(crate) at: Option<At>,
    /// Its `client_id`, if it says one.
    pub(crate) said: Option<&'a str>,
    /// The certificate that it showed itself by, if it did.
    pub(crate) certificate: Option<Thumbprint>,
}

/// The client of an assertion that its platform signed. With `svid` it says that it is a JWT-SVID.
pub(crate) async fn by_assertion(
    app: &AppState,
    jwt: &str,
    svid: bool,
    caller: &Caller<'_>,
    about: &mut About,
) -> Result<Authenticated, Fault> {
    let evidence = app.workloads.providers.verify_jwt(jwt, Door::ClientAuthentication).await;
    let evidence = evidence.map_err(|e| Fault::WorkloadClient(e.into()))?;
    if svid && evidence.platform != Platform::Spiffe {
        return Err(Fault::WorkloadClient(WorkloadFault::NotTheClient));
    }
    authenticated(app, evidence, caller, about).await
}

/// The client whose workload this is, with whatever is bound to a key or spent checked and written down: evidence that may
/// be shown once authenticates once, on whichever process it arrives (attack C2).
pub(crate) async fn authenticated(
    app: &AppState,
    evidence: Evidence,
    caller: &Caller<'_>,
    about: &mut About,
) -> Result<Authenticated, Fault> {
    let rules = app.workloads.rules(app).await?;
    about.saw(&evidence);
    let (client, shown) = found(app, evidence, &rules, caller.said).map_err(as_client)?;
    let shown = Presented { certificate: caller.certificate, ..shown };
    about.client = Some(client.id.clone());
    let agent = client.agent.clone().ok_or(Fault::UnknownClient)?;
    let key = match caller.at {
        Some(at) if binds(app, &shown) => Possession::shown(app, caller.parts, at, &client)?.key(),
        _ => None,
    };
    let key = key.or(caller.certificate);
    shown.check_key(key).map_err(as_client)?;
    let row = app.workloads.register.due(&shown, &agent, app.clock.now());
    let spending = shown.spending(app, key, row)?;
    if spending.is_due() {
        let (spent, now) = (spending.clone(), app.clock.now());
        app.store.transact(move |tx| spent.settle(tx, now)).await.map_err(as_client)?;
        if let Some(row) = spending.row() {
            app.workloads.register.written(row);
        }
    }
    Ok(Authenticated { client, workload: Some(Arc::new(shown)) })
}

/// The client that the evidence is of: the one that is named, or the only one that was set up with this workload. A
/// workload that has a name of its own may name the client by it (SPIFFE client authentication §3).
fn found(
    app: &AppState,
    evidence: Evidence,
    rules: &InForce,
    said: Option<&str>,
) -> Result<(Arc<Client>, Presented), Fault> {
    let named = |c: &Client| said.is_none_or(|said| said == c.id.as_str() || said == evidence.subject);
    let set_up = app.clients.configured().filter(|c| c.metadata.auth_method == AuthMethod::Workload);
    let mut fitting = set_up.filter(|c| named(c) && fits(c, &evidence, rules));
    let (Some(client), None) = (fitting.next(), fitting.next()) else {
        return Err(Fault::WorkloadClient(WorkloadFault::NotTheClient));
    };
    if app.store.revoked().client_disabled(&client.id) {
        return Err(Fault::UnknownClient);
    }
    let client = Arc::clone(client);
    let mut shown = Presented::new(app, evidence, None)?;
    if let Some(ClientWorkload::Rule(name)) = &client.workload {
        shown.rule = rules.named(name).cloned();
    }
    Ok((client, shown))
}

/// Whether any client is set up with the workload that this is.
pub(super) fn fits_any(app: &AppState, evidence: &Evidence, rules: &InForce) -> bool {
    let set_up = app.clients.configured().filter(|c| c.metadata.auth_method == AuthMethod::Workload);
    set_up.into_iter().any(|c| fits(c, evidence, rules))
}

fn fits(client: &Client, evidence: &Evidence, rules: &InForce) -> bool {
    match &client.workload {
        Some(ClientWorkload::Rule(name)) => rules.named(name).is_some_and(|r| {
            *r.rule.provider == *evidence.provider && r.rule.mismatches(evidence).is_empty() && !r.stored
        }),
        Some(ClientWorkload::Subject { provider, subject }) => {
            **provider == *evidence.provider && *subject == evidence.subject
        }
        None => false,
    }
}

/// Whether a proof of possession says anything about this evidence.
fn binds(app: &AppState, shown: &Presented) -> bool {
    let provider = app.workloads.config().provider(&shown.evidence.provider);
    let first_key = provider.is_some_and(|p| p.replay() == Replay::FirstKey);
    first_key || shown.evidence.key.is_some() || shown.rule.as_ref().is_some_and(|r| r.rule.needs_key)
}

/// A refusal of evidence, as the refusal of a client.
fn as_client(fault: Fault) -> Fault {
    match fault {
        Fault::Workload(why) => Fault::WorkloadClient(why),
        other => other,
    }
}
