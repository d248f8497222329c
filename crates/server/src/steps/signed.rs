//! Signed requests (RFC 9101), at all endpoints that take authorization requests.

use crate::clients::Client;
use crate::fault::Fault;
use crate::server::AppState;
use prokura_oauth::authorize::ParameterError;
use prokura_oauth::form::Form;
use prokura_oauth::jose::Algorithm;
use prokura_oauth::request_object::{RequestObject, RequestObjectError, claimed_kid, verify_request};
use prokura_store::{ArtifactKind, StoreError, Tx};

/// The parameters of the request object that `form` brings, in whose place they come; `None` if it brings none.
/// `algorithm` is the one that the client registered for them.
pub(super) async fn parameters(
    app: &AppState,
    client: &Client,
    form: &Form,
    algorithm: Option<Algorithm>,
) -> Result<Option<Form>, Fault> {
    let Some(jwt) = form.value("request") else { return Ok(None) };
    if form.has("request_uri") {
        return Err(Fault::Parameter(ParameterError::Value("request_uri")));
    }
    let keys = app.clients.keys(client, claimed_kid(jwt).as_deref()).await.map_err(|fault| match fault {
        Fault::Keys(_) => Fault::RequestObject(RequestObjectError::NoKeys),
        other => other,
    })?;
    let issuer = app.config.issuer.as_str();
    let object = verify_request(jwt, &keys, &client.id, issuer, algorithm, app.clock.now())?;
    claim(app, client, &object).await?;
    Ok(Some(object.parameters))
}

/// A request object counts once, on whichever process it arrives: whoever sees one go by cannot begin with it again.
async fn claim(app: &AppState, client: &Client, object: &RequestObject) -> Result<(), Fault> {
    let (now, until) = (app.clock.now(), object.until);
    let seen = format!("request object\n{}\n{}", client.id, object.jti);
    let claim = move |tx: &mut Tx<'_>| tx.claim(ArtifactKind::AssertionJti, &seen, now, until);
    let first = app.store.transact::<_, StoreError>(claim).await?;
    if first { Ok(()) } else { Err(Fault::RequestObjectReplayed) }
}
