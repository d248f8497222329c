//! X.509-SVIDs on the connection (SPIFFE client authentication §3.2): a workload shows a certificate of its trust domain,
//! names its SPIFFE ID as the `client_id`, and gets tokens that are bound to the certificate (RFC 8705 §3).
//!
//! The listener proved that it has the key. Whose certificate it is, is asked for each request anew, by the bundle that
//! counts then: neither a connection that goes on nor one that is resumed outlives what vouched for it (attack D9).

use super::WorkloadFault;
use super::client::{Caller, authenticated, fits_any};
use super::grant::{Wanted, give};
use crate::authenticate::Authenticated;
use crate::certificates;
use crate::fault::Fault;
use crate::grants::Issued;
use crate::possession::Possession;
use crate::record::About;
use crate::server::AppState;
use http::header::AUTHORIZATION;
use http::request::Parts;
use prokura_attest::Evidence;
use prokura_core::TraceId;
use prokura_oauth::certificate::Certificate;
use prokura_oauth::client_metadata::GrantType;
use prokura_oauth::form::Form;
use prokura_oauth::token_request::TokenRequest;

/// The certificate of the connection, if it claims to be the X.509-SVID of who the request says it is: `said` is its
/// SPIFFE ID, or a client that is set up with a workload.
pub(crate) fn shown<'a>(app: &AppState, parts: &'a Parts, said: Option<&str>) -> Option<&'a Certificate> {
    let (certificate, said) = (certificates::of(parts)?, said?);
    let claimed = app.workloads.providers.claimed_by(certificate)?;
    (claimed.as_str() == said || app.clients.is_workload(said)).then_some(certificate)
}

/// The client whose workload has this X.509-SVID.
pub(crate) async fn by_certificate(
    app: &AppState,
    certificate: &Certificate,
    caller: Caller<'_>,
    about: &mut About,
) -> Result<Authenticated, Fault> {
    let evidence = verified(app, certificate).await?;
    let caller = Caller { certificate: Some(certificate.thumbprint()), ..caller };
    authenticated(app, evidence, &caller, about).await
}

/// A workload asks for a token of its own by its X.509-SVID alone, and no client is set up with it: rules lead from it to
/// an agent, as from any evidence. `None` if the request is another.
pub(crate) async fn own(
    app: &AppState,
    parts: &Parts,
    form: &Form,
    trace: &TraceId,
    about: &mut About,
) -> Result<Option<Issued>, Fault> {
    let Some(certificate) = alone(app, parts, form) else { return Ok(None) };
    let TokenRequest::ClientCredentials { scope, resource, details: None } = TokenRequest::read(form)? else {
        return Ok(None);
    };
    let evidence = verified(app, certificate).await?;
    let rules = app.workloads.rules(app).await?;
    if fits_any(app, &evidence, &rules) {
        return Ok(None);
    }
    let asked = Wanted {
        scope,
        resource,
        by: GrantType::ClientCredentials,
        only: None,
        certificate: Some(certificate.thumbprint()),
    };
    let possession = Possession::of_nobody(app, parts)?;
    give(app, None, evidence, asked, possession, trace, about).await.map(Some).map_err(as_client)
}

/// The certificate, if the request shows nothing else, names the SPIFFE ID that it claims, and asks for itself.
fn alone<'a>(app: &AppState, parts: &'a Parts, form: &Form) -> Option<&'a Certificate> {
    let asks_for_itself = form.value("grant_type") == Some(GrantType::ClientCredentials.as_str());
    let shows_more = parts.headers.contains_key(AUTHORIZATION)
        || ["client_secret", "client_assertion", "client_assertion_type"]
            .iter()
            .any(|p| form.value(p).is_some());
    let said = form.value("client_id").filter(|said| !app.clients.is_workload(said));
    if asks_for_itself && !shows_more { shown(app, parts, said) } else { None }
}

async fn verified(app: &AppState, certificate: &Certificate) -> Result<Evidence, Fault> {
    let evidence = app.workloads.providers.verify_certificate(certificate).await;
    evidence.map_err(|e| Fault::WorkloadClient(e.into()))
}

/// A refusal of evidence, as the refusal of a client.
fn as_client(fault: Fault) -> Fault {
    match fault {
        Fault::Workload(why @ (WorkloadFault::NoRule(_) | WorkloadFault::Over)) => Fault::WorkloadClient(why),
        other => other,
    }
}
