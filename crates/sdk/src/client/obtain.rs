//! Getting a token anew, by whatever way the client has.

use super::auth::{Kind, Registered, SecretBy};
use super::code::{Attempt, AuthorizationError, Wanted};
use super::device::{self, Begun, DeviceScreen};
use super::dpop::{Dpop, ProofKey};
use super::error::ClientError;
use super::inner::Inner;
use super::kept::Kept;
use super::registration::Looking;
use super::scope::Choice;
use super::token::{Given, TokenError, TokenRequest};
use super::visit::UserAgent;
use super::way::Way;
use crate::discovery::{Issuer, ProtectedResource, issuer_metadata, legacy_issuer, protected_resource};
use prokura_core::ScopeSet;
use prokura_egress::FetchUrl;
use std::sync::Arc;

/// What a refusal said (RFC 6750 §3, RFC 9728 §5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenged {
    pub(crate) resource_metadata: Option<String>,
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) error: String,
    pub(crate) description: String,
    pub(crate) sign_in: SignInAsked,
}

/// What a server asks of the person's sign-in (RFC 9470 §3), to be passed on as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SignInAsked {
    pub(crate) acr_values: Option<String>,
    pub(crate) max_age: Option<u64>,
}

impl Challenged {
    /// Whether another sign-in is what is missing (RFC 9470 §3); renewing the token does not help then.
    pub(crate) fn asks_for_sign_in(&self) -> bool {
        self.error == "insufficient_user_authentication"
    }
}

impl SignInAsked {
    /// As parameters of a request for authorization (RFC 9470 §4).
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let acr = self.acr_values.clone().map(|acr| ("acr_values", acr));
        acr.into_iter().chain(self.max_age.map(|most| ("max_age", most.to_string())))
    }
}

/// Who grants access to the server, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// What the MCP server says of itself; `None` if it is one of 2025-03-26, which says nothing.
    pub resource: Option<ProtectedResource>,
    /// The authorization server that was chosen.
    pub issuer: Issuer,
}

/// All that a token request of any way needs.
pub(super) struct Asking<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) endpoint: &'a FetchUrl,
    pub(super) resource: String,
    pub(super) scope: ScopeSet,
    pub(super) key: Option<Arc<ProofKey>>,
    pub(super) bound_to: Option<String>,
    pub(super) sign_in: SignInAsked,
}

impl Asking<'_> {
    /// A request with what every grant says.
    pub(super) fn request<'r>(
        &'r self,
        client: Option<&'r Registered>,
        grant: &str,
        more: Vec<(&'static str, String)>,
    ) -> TokenRequest<'r> {
        let mut form = vec![("grant_type", grant.to_owned()), ("resource", self.resource.clone())];
        form.extend(more);
        TokenRequest {
            endpoint: self.endpoint,
            issuer: &self.issuer.issuer,
            client,
            form,
            key: self.key.as_deref(),
            attested: None,
        }
    }

    pub(super) fn scope_parameter(&self) -> Vec<(&'static str, String)> {
        if self.scope.is_empty() { Vec::new() } else { vec![("scope", self.scope.to_string())] }
    }

    /// # Errors
    /// [`ClientError::NotServed`] if the server says which grants it serves, and this is not among them.
    pub(super) fn served(&self, grant: &'static str) -> Result<(), ClientError> {
        if self.issuer.lists("grant_types_supported", grant, true) {
            return Ok(());
        }
        Err(ClientError::NotServed { issuer: self.issuer.issuer.clone(), grant })
    }
}

impl Inner {
    /// Finds out who grants access now. A server may have moved to another authorization server since.
    pub(crate) async fn discover(
        &self,
        challenge: &Challenged,
        kept: Option<&Kept>,
    ) -> Result<Discovered, ClientError> {
        let egress = &self.means.egress;
        let at = challenge.resource_metadata.as_deref();
        let Some(resource) = protected_resource(egress, &self.server, at).await? else {
            let issuer = legacy_issuer(egress, &self.server.origin()).await?;
            return Ok(Discovered { resource: None, issuer });
        };
        let issuer = issuer_metadata(egress, self.choose(&resource, kept)).await?;
        Ok(Discovered { resource: Some(resource), issuer })
    }

    /// Of several authorization servers: the one that gave the tokens, else one that knows this client, else the first.
    fn choose<'a>(&self, resource: &'a ProtectedResource, kept: Option<&Kept>) -> &'a str {
        let listed = |issuer: &str| resource.issuers.iter().find(|i| *i == issuer).map(String::as_str);
        let before = kept.and_then(|k| listed(&k.issuer));
        let known = || self.software.known.iter().find_map(|k| listed(k.issuer.as_deref()?));
        before.or_else(known).or(resource.issuers.first().map(String::as_str)).unwrap_or_default()
    }

    /// A token anew.
    pub(crate) async fn obtain(
        &self,
        found: &Discovered,
        challenge: &Challenged,
        kept: Option<&Kept>,
    ) -> Result<Kept, ClientError> {
        let issuer = &found.issuer;
        let same = kept.filter(|k| k.issuer == issuer.issuer);
        let endpoint = issuer.token_endpoint.as_ref().ok_or_else(|| AuthorizationError::NoEndpoint {
            issuer: issuer.issuer.clone(),
            member: "token_endpoint",
        })?;
        let held = same.map(|k| k.asked.union(&k.granted)).unwrap_or_default();
        let choice = Choice {
            challenged: challenge.scope.as_ref(),
            held: &held,
            also: &self.scopes,
            resource: found.resource.as_ref(),
            issuer,
            refreshes: self.way.refreshes(),
        };
        let asking = Asking {
            issuer,
            endpoint,
            resource: found
                .resource
                .as_ref()
                .map_or_else(|| self.server.resource(), |r| &r.resource)
                .to_owned(),
            scope: match self.exact || matches!(self.way, Way::Exchange(_)) {
                true => choice.wanted(challenge.error == "insufficient_scope"),
                false => choice.scopes(),
            },
            key: self.key(found, same).await?,
            bound_to: kept.map(|k| k.issuer.clone()),
            sign_in: challenge.sign_in.clone(),
        };
        let (given, client) = self.ask(&asking).await?;
        self.keep(found, asking, given, client.as_ref())
    }

    /// The key to bind to, if there is to be one; the one of before if the issuer is.
    async fn key(
        &self,
        found: &Discovered,
        same: Option<&Kept>,
    ) -> Result<Option<Arc<ProofKey>>, ClientError> {
        let needed = found.resource.as_ref().is_some_and(|r| r.dpop_required);
        let served = found.issuer.lists("dpop_signing_alg_values_supported", "ES256", false);
        match self.dpop {
            Dpop::Never if needed => Err(ClientError::DpopNeeded(self.server.to_string())),
            Dpop::Always if !served => Err(ClientError::DpopNotServed(found.issuer.issuer.clone())),
            Dpop::IfServed if !served && needed => {
                Err(ClientError::DpopNotServed(found.issuer.issuer.clone()))
            }
            Dpop::Never => Ok(None),
            Dpop::IfServed if !served => Ok(None),
            Dpop::IfServed | Dpop::Always => self.own_key(&found.issuer.issuer, same).await.map(Some),
        }
    }

    fn keep(
        &self,
        found: &Discovered,
        asking: Asking<'_>,
        given: Given,
        client: Option<&Registered>,
    ) -> Result<Kept, ClientError> {
        let must = self.dpop == Dpop::Always || found.resource.as_ref().is_some_and(|r| r.dpop_required);
        if must && !given.bound {
            return Err(TokenError::NotBound.into());
        }
        Ok(Kept {
            server: self.server.resource().to_owned(),
            resource: asking.resource,
            issuer: found.issuer.issuer.clone(),
            token_endpoint: asking.endpoint.to_string(),
            revocation_endpoint: found.issuer.revocation_endpoint.as_ref().map(ToString::to_string),
            client_id: client.map(|c| c.client_id.clone()),
            by_post: client.is_some_and(|c| c.by == SecretBy::Post),
            access_token: given.access_token,
            bound: given.bound,
            expires_at: self.end_of(given.expires_in),
            // Whoever can say who it is at any time has nothing to gain by a secret that lasts; and what somebody handed
            // over lasts as long as they hand it over.
            refresh_token: given
                .refresh_token
                .filter(|_| !matches!(self.way, Way::Workload(_) | Way::Attested(_) | Way::Exchange(_))),
            granted: given.scope.unwrap_or_else(|| asking.scope.clone()),
            asked: asking.scope,
            key: asking.key.filter(|_| given.bound),
        })
    }

    async fn ask(&self, asking: &Asking<'_>) -> Result<(Given, Option<Registered>), ClientError> {
        match &self.way {
            Way::Browser(agent) => self.twice(asking, Person::Browser(&**agent)).await,
            Way::Device(screen) => self.twice(asking, Person::Device(&**screen)).await,
            Way::Own => self.by_itself(asking).await,
            Way::Workload(source) => self.as_workload(asking, &**source).await,
            Way::Attested(workload) => self.as_attested(asking, workload).await,
            Way::Enterprise(enterprise) => self.by_enterprise(asking, enterprise).await,
            Way::Exchange(exchange) => self.by_exchange(asking, exchange).await,
            Way::Stored => Err(ClientError::SignInNeeded(self.server.to_string())),
        }
    }

    /// A server that has forgotten a client that registered itself is told of it anew, once.
    async fn twice(
        &self,
        asking: &Asking<'_>,
        person: Person<'_>,
    ) -> Result<(Given, Option<Registered>), ClientError> {
        let looking = self.looking(asking);
        match self.by_person(asking, &looking, &person).await {
            Err((error, Some(Kind::Dynamic))) if is_forgotten(&error) => {
                looking.forget().await?;
                self.by_person(asking, &looking, &person).await.map_err(|(error, _)| error)
            }
            done => done.map_err(|(error, _)| error),
        }
    }

    pub(super) fn looking<'a>(&'a self, asking: &'a Asking<'_>) -> Looking<'a> {
        Looking {
            means: &self.means,
            software: &self.software,
            store: &*self.store,
            issuer: asking.issuer,
            bound_to: asking.bound_to.as_deref(),
        }
    }

    async fn by_person(
        &self,
        asking: &Asking<'_>,
        looking: &Looking<'_>,
        person: &Person<'_>,
    ) -> Result<(Given, Option<Registered>), (ClientError, Option<Kind>)> {
        match person {
            Person::Browser(agent) => self.by_browser(asking, looking, *agent).await,
            Person::Device(screen) => self.by_device(asking, looking, *screen).await,
        }
    }

    async fn by_browser(
        &self,
        asking: &Asking<'_>,
        looking: &Looking<'_>,
        agent: &dyn UserAgent,
    ) -> Result<(Given, Option<Registered>), (ClientError, Option<Kind>)> {
        let early = |e: ClientError| (e, None);
        let attempt = Attempt::begin(&self.means, asking.issuer).map_err(|e| early(e.into()))?;
        let before = looking.redirect_before().await.map_err(|e| early(e.into()))?;
        let visit = agent.ready(before.as_deref()).await.map_err(|e| early(e.into()))?;
        let redirect_uri = visit.redirect_uri().to_owned();
        let client =
            looking.client("authorization_code", Some(&redirect_uri)).await.map_err(|e| early(e.into()))?;
        let later = |e: ClientError| (e, Some(client.kind));
        let wanted = Wanted {
            issuer: asking.issuer,
            client: &client,
            redirect_uri: &redirect_uri,
            scope: &asking.scope,
            resource: &asking.resource,
            key: asking.key.as_deref(),
            sign_in: &asking.sign_in,
        };
        let url = attempt.url(&self.means, &wanted).await.map_err(|e| later(e.into()))?;
        let answer = visit.visit(&url, &attempt.state).await.map_err(|e| later(e.into()))?;
        let code = attempt.code(&answer).map_err(|e| later(e.into()))?;
        let form = vec![
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", attempt.verifier.reveal().to_owned()),
        ];
        let request = asking.request(Some(&client), "authorization_code", form);
        let given = request.token(&self.means).await.map_err(|e| later(e.into()))?;
        Ok((given, Some(client)))
    }

    async fn by_device(
        &self,
        asking: &Asking<'_>,
        looking: &Looking<'_>,
        screen: &dyn DeviceScreen,
    ) -> Result<(Given, Option<Registered>), (ClientError, Option<Kind>)> {
        let issuer = asking.issuer;
        let missing = || AuthorizationError::NoEndpoint {
            issuer: issuer.issuer.clone(),
            member: "device_authorization_endpoint",
        };
        let endpoint =
            issuer.device_authorization_endpoint.as_ref().ok_or_else(|| (missing().into(), None))?;
        let client = looking.client(device::GRANT, None).await.map_err(|e| (e.into(), None))?;
        let later = |e: ClientError| (e, Some(client.kind));
        let mut form = asking.scope_parameter();
        form.push(("resource", asking.resource.clone()));
        let request = TokenRequest {
            endpoint,
            issuer: &issuer.issuer,
            client: Some(&client),
            form,
            key: None,
            attested: None,
        };
        let told = request.naming_its_client().send(&self.means).await.map_err(|e| later(e.into()))?;
        let begun = Begun::read(&told).map_err(|e| later(e.into()))?;
        screen.show(&begun.shown);
        let mut request = asking.request(Some(&client), "", Vec::new());
        request.form.retain(|(name, _)| *name != "grant_type");
        let given = begun.wait(&self.means, request).await.map_err(|e| later(e.into()))?;
        Ok((given, Some(client)))
    }
}

/// A person, and how to reach one.
enum Person<'a> {
    Browser(&'a dyn UserAgent),
    Device(&'a dyn DeviceScreen),
}

fn is_forgotten(error: &ClientError) -> bool {
    match error {
        ClientError::Token(e) | ClientError::Authorization(AuthorizationError::Pushed(e)) => {
            e.is("invalid_client")
        }
        _ => false,
    }
}
