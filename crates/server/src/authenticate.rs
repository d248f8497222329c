//! Who is the client: exactly by the method that it registered.

use crate::certificates;
use crate::clients::Client;
use crate::fault::Fault;
use crate::possession::At;
use crate::record::About;
use crate::server::AppState;
use crate::workload::{Caller, Presented, by_assertion, by_certificate, svid_shown};
use http::header::AUTHORIZATION;
use http::request::Parts;
use prokura_core::ClientId;
use prokura_oauth::assertion::{self, AssertionError, ClientAssertion};
use prokura_oauth::certificate::Certificate;
use prokura_oauth::client_metadata::AuthMethod;
use prokura_oauth::form::Form;
use prokura_oauth::jose::JoseError;
use prokura_oauth::token_request::{Credentials, CredentialsError, Shown};
use prokura_store::{ArtifactKind, StoreError};
use std::sync::Arc;

/// A client that authenticated, and the workload that it showed itself to be, if it authenticates so.
pub(crate) struct Authenticated {
    pub(crate) client: Arc<Client>,
    pub(crate) workload: Option<Arc<Presented>>,
}

/// The client of a request, authenticated. `at` is where proofs of possession are read, if they are here.
pub(crate) async fn client(
    app: &AppState,
    parts: &Parts,
    form: &Form,
    at: Option<At>,
    about: &mut About,
) -> Result<Authenticated, Fault> {
    let headers: Vec<_> =
        parts.headers.get_all(AUTHORIZATION).iter().map(|v| v.to_str().unwrap_or("")).collect();
    about.by_header = !headers.is_empty();
    let credentials = Credentials::read(&headers, form)?;
    if let Shown::Assertion { jwt, svid } = &credentials.shown
        && is_of_a_platform(app, &credentials)
    {
        let caller = Caller { parts, at, said: credentials.client.as_deref(), certificate: None };
        return by_assertion(app, jwt, *svid, &caller, about).await;
    }
    if let Some(svid) = svid_shown(app, parts, credentials.client.as_deref())
        && credentials.shown == Shown::Nothing
    {
        let caller = Caller { parts, at, said: credentials.client.as_deref(), certificate: None };
        return by_certificate(app, svid, caller, about).await;
    }
    let (id, kid) = claimed(&credentials)?;
    about.client = Some(id.clone());
    let client = app.clients.find(&id).await?;
    let method = client.metadata.auth_method;
    let by_certificate = method.uses_certificate() && credentials.shown == Shown::Nothing;
    if credentials.shown.method() != method && !by_certificate {
        return Err(Fault::Method(method));
    }
    match &credentials.shown {
        Shown::Nothing => certificate(app, &client, certificates::of(parts)).await?,
        Shown::Basic { secret, raw } => secret_is(&client, &[secret, raw])?,
        Shown::Post { secret } => secret_is(&client, &[secret])?,
        Shown::Assertion { jwt, .. } => assertion(app, &client, jwt, kid.as_deref()).await?,
    }
    Ok(Authenticated { client, workload: None })
}

/// Whether an assertion is a platform's, and not the client's own: it says that it is an SVID, the client that is named
/// authenticates so, or no client is named and its issuer is a platform's. Who signs as a client names itself as the issuer,
/// so that no assertion is both.
fn is_of_a_platform(app: &AppState, credentials: &Credentials) -> bool {
    let Shown::Assertion { jwt, svid } = &credentials.shown else { return false };
    let is_claimed = || app.workloads.providers.claimed(jwt).is_some();
    match credentials.client.as_deref() {
        _ if *svid => true,
        Some(said) => app.clients.is_workload(said) || (!app.clients.is_configured(said) && is_claimed()),
        None => is_claimed(),
    }
}

/// Which client a request says it is of, and the `kid` of its assertion.
fn claimed(credentials: &Credentials) -> Result<(ClientId, Option<String>), Fault> {
    let said = credentials.client.as_deref().map(|id| ClientId::parse(id).map_err(|_| Fault::UnknownClient));
    let said = said.transpose()?;
    let Shown::Assertion { jwt, .. } = &credentials.shown else {
        return Ok((said.ok_or(CredentialsError::NoClient)?, None));
    };
    let (id, kid) =
        assertion::claimed_client(jwt).ok_or(Fault::Assertion(AssertionError::Jose(JoseError::Malformed)))?;
    if said.is_some_and(|said| said != id) {
        return Err(Fault::Assertion(AssertionError::Subject));
    }
    Ok((id, kid))
}

/// What is shown on the connection, for a client that authenticates by it.
async fn certificate(app: &AppState, client: &Client, shown: Option<&Certificate>) -> Result<(), Fault> {
    match client.metadata.auth_method {
        AuthMethod::TlsClientAuth => app.certificates.is_issued_to(client, shown, app.clock.now()),
        AuthMethod::SelfSignedTlsClientAuth => {
            certificates::is_registered(&*app.clients.keys(client, None).await?, shown)
        }
        _ => Ok(()),
    }
}

fn secret_is(client: &Client, shown: &[&String]) -> Result<(), Fault> {
    let digest = client.secret.as_ref().ok_or(Fault::Secret)?;
    // Every form is compared, so that the time does not say which one it was.
    let fits = shown.iter().fold(false, |fits, secret| digest.is_of(secret) | fits);
    if fits { Ok(()) } else { Err(Fault::Secret) }
}

async fn assertion(app: &AppState, client: &Client, jwt: &str, kid: Option<&str>) -> Result<(), Fault> {
    let keys = app.clients.keys(client, kid).await?;
    let now = app.clock.now();
    let issuer = app.config.issuer.as_str();
    let check = |audience: &str| assertion::verify_client(jwt, &keys, &client.id, audience, now);
    let verified = match check(issuer) {
        Err(AssertionError::Jose(JoseError::Audience))
            if app.config.tokens.accept_token_endpoint_audience =>
        {
            check(&format!("{issuer}/token"))
        }
        other => other,
    };
    claim(app, &client.id, verified?).await
}

/// An assertion authenticates once, on whichever process it arrives (attack C2).
async fn claim(app: &AppState, client: &ClientId, assertion: ClientAssertion) -> Result<(), Fault> {
    let (seen, now) = (format!("{client}\n{}", assertion.jti), app.clock.now());
    let until = assertion.until;
    let claim = move |tx: &mut prokura_store::Tx<'_>| tx.claim(ArtifactKind::AssertionJti, &seen, now, until);
    let first = app.store.transact::<_, StoreError>(claim).await?;
    if first { Ok(()) } else { Err(Fault::Replayed) }
}
