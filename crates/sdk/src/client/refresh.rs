//! Refreshing (RFC 6749 §6) and revoking (RFC 7009) what is held.

use super::auth::{ClientAuth, Kind, Registered, SecretBy};
use super::error::ClientError;
use super::inner::Inner;
use super::kept::{Kept, Registration, name_of};
use super::token::{TokenError, TokenRequest};
use prokura_egress::FetchUrl;

impl Inner {
    /// A new token for a refresh token. If no answer came, the question is repeated once with the same token: a server
    /// that rotates lets a lost answer be asked for again, and one that does not would have ended the login anyway.
    pub(crate) async fn refresh(&self, kept: &Kept) -> Result<Kept, ClientError> {
        let Some(refresh_token) = &kept.refresh_token else {
            return Err(ClientError::SignInNeeded(self.server.to_string()));
        };
        let endpoint = endpoint(&kept.token_endpoint)?;
        let client = self.client_of(kept).await?;
        let request = TokenRequest {
            endpoint: &endpoint,
            issuer: &kept.issuer,
            client: client.as_ref(),
            form: vec![
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", refresh_token.reveal().to_owned()),
                ("resource", kept.resource.clone()),
            ],
            key: kept.key.as_deref(),
            attested: None,
        };
        let given = match request.token(&self.means).await {
            Err(error) if error.is_unreachable() => request.token(&self.means).await?,
            given => given?,
        };
        if kept.bound && !given.bound {
            return Err(TokenError::NotBound.into());
        }
        Ok(kept.renewed(given, self.now()))
    }

    /// Tells the authorization server that nothing of this is needed any more. Whether it hears is not waited for
    /// twice: what is forgotten here ends by itself.
    pub(crate) async fn revoke(&self, kept: &Kept) -> Result<(), ClientError> {
        let Some(at) = &kept.revocation_endpoint else { return Ok(()) };
        let endpoint = endpoint(at)?;
        let client = self.client_of(kept).await?;
        let (token, hint) = match &kept.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&kept.access_token, "access_token"),
        };
        let form = vec![("token", token.reveal().to_owned()), ("token_type_hint", hint.to_owned())];
        let request = TokenRequest {
            endpoint: &endpoint,
            issuer: &kept.issuer,
            client: client.as_ref(),
            form,
            key: None,
            attested: None,
        };
        match request.send(&self.means).await {
            // The answer is empty (RFC 7009 §2.2), which is no JSON.
            Ok(_) | Err(TokenError::Answer { status: 200, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The client that these tokens were given to.
    async fn client_of(&self, kept: &Kept) -> Result<Option<Registered>, ClientError> {
        let Some(id) = &kept.client_id else { return Ok(None) };
        let by = if kept.by_post { SecretBy::Post } else { SecretBy::Basic };
        let of = |auth: ClientAuth, kind| Registered { client_id: id.clone(), auth, by, kind };
        if let Some(known) = self.software.known.iter().find(|k| k.id == *id) {
            return Ok(Some(of(known.auth.clone(), Kind::Known)));
        }
        if let Some((_, auth)) = self.software.document.as_ref().filter(|(address, _)| address == id) {
            return Ok(Some(of(auth.clone(), Kind::Document)));
        }
        let name = name_of("client", &[&kept.issuer, &self.software.identity()]);
        let document = self.store.read(&name).await?;
        let registration = document.map(|d| Registration::read(&d, &name)).transpose()?;
        let secret = registration.filter(|r| r.client_id == *id).and_then(|r| r.secret);
        Ok(Some(of(secret.map_or(ClientAuth::None, ClientAuth::Secret), Kind::Dynamic)))
    }
}

fn endpoint(url: &str) -> Result<FetchUrl, ClientError> {
    FetchUrl::parse(url)
        .map_err(|e| TokenError::Unreachable { endpoint: url.to_owned(), cause: e.to_string() }.into())
}
