//! How the client becomes known to an authorization server: by hand, by its metadata document, or by itself (RFC 7591).
//!
//! What one issuer gave is kept under that issuer and never shown to another (MCP authorization, "Authorization Server
//! Binding").

use super::auth::{ClientAuth, Kind, Registered, SecretBy, secret_by};
use super::kept::{Registration, name_of};
use super::means::Means;
use super::secret::Secret;
use super::software::Software;
use super::store::{Store, StoreError};
use super::token::printable;
use crate::discovery::Issuer;
use crate::web::{object, post};
use http::HeaderMap;
use prokura_core::Timestamp;
use prokura_oauth::json::{Object, Value, obj};
use url::Url;

/// Why the client cannot become known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// No way is open.
    #[error(
        "the authorization server `{issuer}` does not know this client: it takes {takes}. Have the client registered there \
         by hand and give its id here"
    )]
    NoWay {
        /// The issuer.
        issuer: String,
        /// What it takes.
        takes: String,
    },
    /// What was registered by hand belongs to another server.
    #[error(
        "the client `{id}` was registered at `{registered_at}`, but the MCP server now names `{issuer}`: its id is not used \
         at another authorization server. Have it registered there, if you trust that server"
    )]
    OtherIssuer {
        /// The client's id.
        id: String,
        /// Where it was registered.
        registered_at: String,
        /// The issuer now.
        issuer: String,
    },
    /// The server refused to register it.
    #[error("the authorization server does not register this client: {0}")]
    Refused(String),
    /// The server's answer is no registration.
    #[error("what `{0}` answers is no registration (RFC 7591 section 3.2.1)")]
    Answer(String),
    /// It could not be asked.
    #[error("the registration endpoint cannot be asked: {0}")]
    Unreachable(String),
    /// What is kept cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known when a client is looked for.
pub(crate) struct Looking<'a> {
    pub(crate) means: &'a Means,
    pub(crate) software: &'a Software,
    pub(crate) store: &'a dyn Store,
    pub(crate) issuer: &'a Issuer,
    /// The issuer at which clients without one were used first.
    pub(crate) bound_to: Option<&'a str>,
}

impl Looking<'_> {
    /// The redirect URI that was registered here the last time.
    pub(crate) async fn redirect_before(&self) -> Result<Option<String>, StoreError> {
        Ok(self.read().await?.and_then(|r| r.redirect_uri))
    }

    async fn read(&self) -> Result<Option<Registration>, StoreError> {
        let name = self.name();
        let document = self.store.read(&name).await?;
        document.map(|d| Registration::read(&d, &name)).transpose()
    }

    fn name(&self) -> String {
        name_of("client", &[&self.issuer.issuer, &self.software.identity()])
    }

    /// What somebody registered by hand, or the metadata document, if the server takes it.
    pub(crate) fn without_asking(&self) -> Result<Option<Registered>, RegistrationError> {
        if let Some(known) = self.known()? {
            return Ok(Some(known));
        }
        let document = self.software.document.as_ref().filter(|_| self.issuer.takes_client_documents);
        Ok(document.map(|(address, auth)| self.of(address, auth.clone(), Kind::Document)))
    }

    fn known(&self) -> Result<Option<Registered>, RegistrationError> {
        let here = &self.issuer.issuer;
        let named = self.software.known.iter().find(|k| k.issuer.as_ref() == Some(here));
        let Some(known) = named.or_else(|| self.software.known.iter().find(|k| k.issuer.is_none())) else {
            return self.only_elsewhere().map_or(Ok(None), Err);
        };
        match self.bound_to {
            Some(registered_at) if known.issuer.is_none() && registered_at != here => {
                Err(other_issuer(&known.id, registered_at, here))
            }
            _ => Ok(Some(self.of(&known.id, known.auth.clone(), Kind::Known))),
        }
    }

    /// Somebody registered the client by hand, but not here, and it has no other way to become known here.
    fn only_elsewhere(&self) -> Option<RegistrationError> {
        let elsewhere = self.software.known.first()?;
        let other_ways = self.software.registers || self.software.document.is_some();
        let at = elsewhere.issuer.as_deref().unwrap_or_default();
        (!other_ways).then(|| other_issuer(&elsewhere.id, at, &self.issuer.issuer))
    }

    fn of(&self, id: &str, auth: ClientAuth, kind: Kind) -> Registered {
        let methods = self.issuer.list("token_endpoint_auth_methods_supported");
        Registered { client_id: id.to_owned(), auth, by: secret_by(methods.as_deref()), kind }
    }

    /// The client as this issuer knows it; registers it if nothing else is open.
    pub(crate) async fn client(
        &self,
        grant: &str,
        redirect: Option<&str>,
    ) -> Result<Registered, RegistrationError> {
        if let Some(registered) = self.without_asking()? {
            return Ok(registered);
        }
        let now = self.means.clock.now();
        if let Some(kept) = self.read().await?.filter(|r| r.fits(redirect, now)) {
            return Ok(self.of_kept(&kept));
        }
        if !self.software.registers || self.issuer.registration_endpoint.is_none() {
            return Err(self.no_way());
        }
        // Whoever comes second finds what the first registered.
        let mut held = self.store.lock(&self.name()).await?;
        let kept = held.read().await?.map(|d| Registration::read(&d, &self.name())).transpose()?;
        if let Some(kept) = kept.filter(|r| r.fits(redirect, now)) {
            return Ok(self.of_kept(&kept));
        }
        let fresh = self.register(grant, redirect).await?;
        held.write(Some(&fresh.to_vec())).await?;
        Ok(self.of_kept(&fresh))
    }

    /// Forgets what was registered, because the server does not know it any more.
    pub(crate) async fn forget(&self) -> Result<(), StoreError> {
        self.store.lock(&self.name()).await?.write(None).await
    }

    fn of_kept(&self, kept: &Registration) -> Registered {
        let auth = kept.secret.clone().map_or(ClientAuth::None, ClientAuth::Secret);
        let by = if kept.by_post { SecretBy::Post } else { SecretBy::Basic };
        Registered { client_id: kept.client_id.clone(), auth, by, kind: Kind::Dynamic }
    }

    fn no_way(&self) -> RegistrationError {
        let documents =
            self.issuer.takes_client_documents.then_some("client metadata documents (and none is set here)");
        let registers = self.issuer.registration_endpoint.is_some();
        let registers =
            registers.then_some("clients that register themselves (and this one was told not to)");
        let takes: Vec<_> = [documents, registers].into_iter().flatten().collect();
        let takes =
            if takes.is_empty() { "only clients that it knows".to_owned() } else { takes.join(" and ") };
        RegistrationError::NoWay { issuer: self.issuer.issuer.clone(), takes }
    }

    async fn register(&self, grant: &str, redirect: Option<&str>) -> Result<Registration, RegistrationError> {
        let endpoint = self.issuer.registration_endpoint.as_ref().ok_or_else(|| self.no_way())?;
        let asked = self.request(grant, redirect);
        let answer =
            post(&self.means.egress, endpoint, HeaderMap::new(), "application/json", asked.to_vec()).await;
        let answer = answer.map_err(|e| RegistrationError::Unreachable(e.to_string()))?;
        let bad = || RegistrationError::Answer(endpoint.to_string());
        let told = object(&answer).map_err(|_| bad())?;
        if let Some(error) = told.str("error") {
            let description = told.str("error_description").unwrap_or_default();
            return Err(RegistrationError::Refused(printable(&format!("`{error}` {description}"))));
        }
        if !answer.status.is_success() {
            return Err(bad());
        }
        self.read_answer(&told, redirect).ok_or_else(bad)
    }

    /// The request (RFC 7591 §2): a public client if the server knows such.
    fn request(&self, grant: &str, redirect: Option<&str>) -> Object {
        let methods = self.issuer.list("token_endpoint_auth_methods_supported");
        let takes = |m: &str| methods.as_ref().is_none_or(|list| list.contains(&m));
        let method = ["none", "client_secret_basic", "client_secret_post"].into_iter().find(|m| takes(m));
        let mut o = obj([
            ("client_name", self.software.name.as_str().into()),
            ("grant_types", [grant, "refresh_token"].into_iter().collect()),
            ("token_endpoint_auth_method", method.unwrap_or("none").into()),
            ("application_type", application_type(redirect).into()),
        ]);
        if let Some(redirect) = redirect {
            o.insert("redirect_uris", [redirect].into_iter().collect());
            o.insert("response_types", ["code"].into_iter().collect());
        }
        if let Some(uri) = &self.software.uri {
            o.insert("client_uri", uri.as_str().into());
        }
        o
    }

    fn read_answer(&self, told: &Object, redirect: Option<&str>) -> Option<Registration> {
        let client_id = told.str("client_id").filter(|id| !id.is_empty())?.to_owned();
        let secret = told.str("client_secret").filter(|s| !s.is_empty());
        let methods = self.issuer.list("token_endpoint_auth_methods_supported");
        let only_public = methods.as_deref() == Some(&["none"]);
        let method = told.str("token_endpoint_auth_method").unwrap_or(match secret {
            // A server that gives a secret and does not say what for: by what it takes.
            Some(_) if only_public => "none",
            Some(_) if secret_by(methods.as_deref()) == SecretBy::Post => "client_secret_post",
            Some(_) => "client_secret_basic",
            None => "none",
        });
        let until = told.get("client_secret_expires_at").and_then(Value::as_i64).filter(|s| *s > 0);
        Some(Registration {
            issuer: self.issuer.issuer.clone(),
            client_id,
            secret: secret.filter(|_| method != "none").map(Secret::new),
            by_post: method == "client_secret_post",
            redirect_uri: redirect.map(str::to_owned),
            expires_at: until.map(Timestamp::from_seconds),
        })
    }
}

fn other_issuer(id: &str, registered_at: &str, issuer: &str) -> RegistrationError {
    RegistrationError::OtherIssuer {
        id: id.to_owned(),
        registered_at: registered_at.to_owned(),
        issuer: issuer.to_owned(),
    }
}

/// What listens on the person's machine is native (OpenID Connect Registration §2; MCP authorization, "Application Type
/// and Redirect URI Constraints").
fn application_type(redirect: Option<&str>) -> &'static str {
    match redirect.and_then(|r| Url::parse(r).ok()) {
        Some(url) if url.scheme() == "https" && !super::server::is_loopback(&url) => "web",
        _ => "native",
    }
}
