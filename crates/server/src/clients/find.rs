//! One lookup for every sort of client.

use super::client::{Client, ClientKind, ClientWorkload, SecretDigest, VerifyWith};
use super::{ClientKeySets, Documents};
use crate::fault::{Fault, IdJagFault};
use crate::places::Places;
use crate::server::{Secrets, ServerError};
use prokura_config::{ClientConfig, Config};
use prokura_core::{AgentId, ClientId, Clock, ScopeSet};
use prokura_oauth::ciba::DeliveryMode;
use prokura_oauth::client_metadata::{
    ApplicationType, AuthMethod, Backchannel, CertificateName, ClientKeys, ClientMetadata, GrantType,
};
use prokura_oauth::jose::{Algorithm, KeySet};
use prokura_oauth::json::{self, Limits, Value};
use prokura_oauth::redirect::RedirectUri;
use prokura_store::{Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The shortest secret that is taken from the operator: it is hashed once, so it must be hard to guess.
const MIN_SECRET: usize = 32;

/// Every client there is.
pub struct Clients {
    configured: HashMap<ClientId, Arc<Client>>,
    documents: Documents,
    key_sets: ClientKeySets,
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Clients {
    pub(crate) fn new(
        config: &Config,
        places: &Places,
        secrets: &Secrets,
        documents: Documents,
        key_sets: ClientKeySets,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServerError> {
        let build = |c: &ClientConfig| configured(c, places, secrets).map(|c| (c.id.clone(), Arc::new(c)));
        let configured = config.clients.iter().map(build).collect::<Result<_, _>>()?;
        Ok(Self { configured, documents, key_sets, store, clock })
    }

    /// The client of that id, if it may do anything.
    ///
    /// # Errors
    /// [`Fault::UnknownClient`] if there is none, or it is disabled or expired; [`Fault::Document`] if its
    /// document is not usable; [`Fault::Store`].
    pub async fn find(&self, id: &ClientId) -> Result<Arc<Client>, Fault> {
        if self.store.revoked().client_disabled(id) {
            return Err(Fault::UnknownClient);
        }
        if let Some(client) = self.configured.get(id) {
            return Ok(Arc::clone(client));
        }
        if Documents::is_address(id.as_str()) {
            let document = self.documents.find(id).await.map_err(Fault::Document)?;
            return Ok(Arc::new(published(document)));
        }
        let (wanted, now) = (id.clone(), self.clock.now());
        let row = self.store.read(move |tx| tx.client(&wanted)).await?;
        let live = |c: &prokura_store::Client| !c.disabled && c.expires_at.is_none_or(|at| at > now);
        registered(row.filter(live).ok_or(Fault::UnknownClient)?).map(Arc::new)
    }

    /// The keys that verify the assertions of `client`.
    pub(crate) async fn keys(&self, client: &Client, kid: Option<&str>) -> Result<Arc<KeySet>, Fault> {
        match &client.keys {
            VerifyWith::Keys(keys) => Ok(Arc::clone(keys)),
            VerifyWith::At(url) => self.key_sets.find(url, kid).await.map_err(|e| Fault::Keys(e.public())),
            VerifyWith::Nothing => Err(Fault::Keys("the client has no keys".to_owned())),
        }
    }

    /// The keys of an identity provider, at the address that the configuration names.
    pub(crate) async fn keys_at(&self, address: &str, kid: Option<&str>) -> Result<Arc<KeySet>, Fault> {
        let address = address.parse().map_err(|_| Fault::Broken(format!("`{address}` is no address")))?;
        let found = self.key_sets.find(&address, kid).await;
        found.map_err(|e| Fault::IdJag(IdJagFault::Keys(e.public())))
    }

    /// Whether the configured client of that id authenticates by what its infrastructure says of it.
    pub(crate) fn is_workload(&self, id: &str) -> bool {
        let found = ClientId::parse(id).ok().and_then(|id| self.configured.get(&id));
        found.is_some_and(|c| c.metadata.auth_method == AuthMethod::Workload)
    }

    /// Whether the configuration has a client of that id.
    pub(crate) fn is_configured(&self, id: &str) -> bool {
        ClientId::parse(id).is_ok_and(|id| self.configured.contains_key(&id))
    }

    /// The clients of the configuration.
    pub(crate) fn configured(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.configured.values()
    }

    /// What the configuration gives an agent at a resource, by all its clients.
    pub(crate) fn given_to(&self, agent: &AgentId, resource: &prokura_core::ResourceUri) -> ScopeSet {
        let of_agent = self.configured.values().filter(|c| c.agent.as_ref() == Some(agent));
        of_agent.filter_map(|c| c.own.get(resource)).fold(ScopeSet::default(), |all, s| all.union(s))
    }
}

fn published(document: Arc<super::Document>) -> Client {
    Client {
        id: document.client.clone(),
        keys: verify_with(&document.metadata),
        metadata: document.metadata.clone(),
        kind: ClientKind::Published(document),
        secret: None,
        agent: None,
        workload: None,
        own: BTreeMap::new(),
        introspects: Vec::new(),
    }
}

/// A registered client as it was stored.
pub(crate) fn registered(row: prokura_store::Client) -> Result<Client, Fault> {
    let corrupt = |detail: String| Fault::Store(StoreError::Corrupt { column: "clients.metadata", detail });
    let value =
        json::parse(row.metadata.as_bytes(), &Limits::DOCUMENT).map_err(|e| corrupt(e.to_string()))?;
    let object = value.as_object().ok_or_else(|| corrupt("no object".to_owned()))?;
    let metadata = ClientMetadata::from_registration(object).map_err(|e| corrupt(e.to_string()))?;
    Ok(Client {
        id: row.id,
        kind: ClientKind::Registered,
        keys: verify_with(&metadata),
        metadata,
        secret: row.secret_hash.map(SecretDigest::stored),
        agent: Some(row.agent),
        workload: None,
        own: BTreeMap::new(),
        introspects: Vec::new(),
    })
}

fn verify_with(metadata: &ClientMetadata) -> VerifyWith {
    match &metadata.keys {
        None => VerifyWith::Nothing,
        Some(ClientKeys::At(url)) => VerifyWith::At(url.clone()),
        Some(ClientKeys::Inline(jwks)) => match KeySet::from_jwks(jwks, &Algorithm::PUBLIC) {
            Ok(keys) => VerifyWith::Keys(Arc::new(keys)),
            Err(_) => VerifyWith::Nothing,
        },
    }
}

fn configured(c: &ClientConfig, places: &Places, secrets: &Secrets) -> Result<Client, ServerError> {
    let wrong = |reason: String| ServerError::Client { id: c.id.clone(), reason };
    let id = ClientId::parse(c.id.as_str()).map_err(|e| wrong(e.to_string()))?;
    let addresses = |uris: &[String]| {
        let read = |u: &String| RedirectUri::parse(u).map_err(|e| wrong(format!("`{u}`: {e}")));
        uris.iter().map(read).collect::<Result<Vec<_>, _>>()
    };
    let secret = secrets.clients.get(&c.id).map(|secret| match secret.len() {
        0..MIN_SECRET => {
            Err(wrong(format!("its secret is shorter than {MIN_SECRET} characters: make a new one")))
        }
        _ => Ok(SecretDigest::of(secret)),
    });
    let metadata = ClientMetadata {
        name: Some(c.name().to_owned()),
        redirect_uris: addresses(&c.redirect_uris)?,
        post_logout_redirect_uris: addresses(&c.post_logout_redirect_uris)?,
        grant_types: c.grant_types.iter().map(|g| grant_type(*g)).collect(),
        auth_method: auth_method(c.auth()),
        keys: keys_of(c, secrets).map_err(wrong)?,
        scope: None,
        application_type: ApplicationType::Web,
        client_uri: None,
        logo_uri: None,
        policy_uri: None,
        tos_uri: None,
        details_types: c.authorization_details_types.clone(),
        software_id: None,
        software_version: None,
        signs_requests: c.require_signed_request_object,
        request_algorithm: None,
        dpop_bound: c.dpop_bound_access_tokens,
        certificate_bound: c.tls_client_certificate_bound_access_tokens,
        certificate_name: certificate_name(c),
        backchannel: backchannel(c).map_err(wrong)?,
    };
    let keys = verify_with(&metadata);
    if matches!((&keys, &metadata.keys), (VerifyWith::Nothing, Some(_))) {
        return Err(wrong("its keys cannot be used".to_owned()));
    }
    let mut own = BTreeMap::new();
    for grant in &c.grants {
        let place = places
            .named(&grant.resource)
            .ok_or_else(|| wrong(format!("no resource `{}`", grant.resource)))?;
        let scopes = ScopeSet::parse(&grant.scopes.join(" ")).map_err(|e| wrong(e.to_string()))?;
        own.insert(place.uri.clone(), scopes);
    }
    Ok(Client {
        kind: ClientKind::Configured,
        metadata,
        secret: secret.transpose()?,
        keys,
        agent: Some(agent_id(c).map_err(wrong)?),
        workload: c.workload.as_ref().and_then(workload),
        own,
        introspects: c.introspects.iter().filter_map(|n| places.named(n)).map(|p| p.uri.clone()).collect(),
        id,
    })
}

fn agent_id(c: &ClientConfig) -> Result<AgentId, String> {
    let name = c.agent.as_deref().unwrap_or(&c.id);
    let id = if name.starts_with(AgentId::PREFIX) {
        name.to_owned()
    } else {
        format!("{}{name}", AgentId::PREFIX)
    };
    AgentId::parse(id).map_err(|e| format!("`agent`: {e}"))
}

fn keys_of(c: &ClientConfig, secrets: &Secrets) -> Result<Option<ClientKeys>, String> {
    if let Some(uri) = &c.jwks_uri {
        return uri
            .parse()
            .map(|url| Some(ClientKeys::At(url)))
            .map_err(|_| "`jwks_uri` is no address".to_owned());
    }
    let Some(bytes) = secrets.client_keys.get(&c.id) else { return Ok(None) };
    match json::parse(bytes, &Limits::DOCUMENT) {
        Ok(Value::Object(jwks)) => Ok(Some(ClientKeys::Inline(jwks))),
        Ok(_) => Err("`jwks_file` holds no object".to_owned()),
        Err(e) => Err(format!("`jwks_file`: {e}")),
    }
}

fn certificate_name(c: &ClientConfig) -> Option<CertificateName> {
    let subject = c.tls_client_auth_subject_dn.clone().map(CertificateName::Subject);
    let dns = || c.tls_client_auth_san_dns.clone().map(CertificateName::Dns);
    let uri = || c.tls_client_auth_san_uri.clone().map(CertificateName::Uri);
    subject.or_else(dns).or_else(uri)
}

fn workload(w: &prokura_config::ClientWorkload) -> Option<ClientWorkload> {
    match (&w.rule, &w.provider, &w.subject) {
        (Some(rule), ..) => Some(ClientWorkload::Rule(rule.clone())),
        (None, Some(provider), Some(subject)) => {
            Some(ClientWorkload::Subject { provider: provider.clone(), subject: subject.clone() })
        }
        _ => None,
    }
}

/// How it asks users who are elsewhere, if it does.
fn backchannel(c: &ClientConfig) -> Result<Option<Backchannel>, String> {
    if !c.grant_types.contains(&prokura_config::GrantType::Ciba) {
        return Ok(None);
    }
    let mode = match c.backchannel_token_delivery_mode {
        prokura_config::DeliveryMode::Poll => DeliveryMode::Poll,
        prokura_config::DeliveryMode::Ping => DeliveryMode::Ping,
    };
    let endpoint = c.backchannel_client_notification_endpoint.as_deref().map(url::Url::parse).transpose();
    let endpoint = endpoint.map_err(|e| format!("`backchannel_client_notification_endpoint`: {e}"))?;
    let known =
        |word: &str| Algorithm::parse(word).filter(|a| Algorithm::PUBLIC.contains(a)).ok_or(word.to_owned());
    let algorithm = c.backchannel_authentication_request_signing_alg.as_deref().map(known).transpose();
    let algorithm =
        algorithm.map_err(|word| format!("`{word}` is no algorithm that requests are signed by"))?;
    let found = Backchannel { mode, endpoint, algorithm };
    let fix = "`backchannel_client_notification_endpoint` must be an https address".to_owned();
    if found.fits() { Ok(Some(found)) } else { Err(fix) }
}

fn grant_type(configured: prokura_config::GrantType) -> GrantType {
    match configured {
        prokura_config::GrantType::AuthorizationCode => GrantType::AuthorizationCode,
        prokura_config::GrantType::RefreshToken => GrantType::RefreshToken,
        prokura_config::GrantType::ClientCredentials => GrantType::ClientCredentials,
        prokura_config::GrantType::DeviceCode => GrantType::DeviceCode,
        prokura_config::GrantType::Ciba => GrantType::Ciba,
        prokura_config::GrantType::JwtBearer => GrantType::JwtBearer,
        prokura_config::GrantType::TokenExchange => GrantType::TokenExchange,
    }
}

fn auth_method(configured: prokura_config::AuthMethod) -> AuthMethod {
    match configured {
        prokura_config::AuthMethod::None => AuthMethod::None,
        prokura_config::AuthMethod::ClientSecretBasic => AuthMethod::ClientSecretBasic,
        prokura_config::AuthMethod::ClientSecretPost => AuthMethod::ClientSecretPost,
        prokura_config::AuthMethod::PrivateKeyJwt => AuthMethod::PrivateKeyJwt,
        prokura_config::AuthMethod::TlsClientAuth => AuthMethod::TlsClientAuth,
        prokura_config::AuthMethod::SelfSignedTlsClientAuth => AuthMethod::SelfSignedTlsClientAuth,
        prokura_config::AuthMethod::Workload => AuthMethod::Workload,
    }
}
