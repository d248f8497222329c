//! Signing in at another OpenID provider: there and back by the browser, then a code for an ID token behind its back.
//!
//! Invariants: what comes back belongs to the browser that left, is used once, and is from the provider it was sent to
//! (a redirect address of its own, `iss`, the ID token's issuer and nonce); nobody is known by an e-mail address that
//! the provider has not verified; one (issuer, subject) belongs to one user.

mod admit;
mod back;
mod fault;
mod flow;
mod link;
mod metadata;
mod policy;
mod token;

pub(crate) use admit::{NewPerson, make_user};
pub(super) use back::come_back;
pub(crate) use fault::ProviderFault;
pub(super) use flow::{go, links};
pub(crate) use link::{connect, connect_links, disconnect, identity_rows};

pub(crate) use policy::email_of;
pub(crate) use token::basic;

use crate::clients::ClientKeySets;
use crate::server::Secrets;
use metadata::Documents;
use prokura_config::{Config, IdTokenAlgorithm, IdentityProvider};
use prokura_core::{Clock, Rng};
use prokura_egress::Egress;
use prokura_oauth::jose::{Algorithm, SigningKey};
use std::sync::Arc;

/// How we prove at the provider who we are.
enum Credential {
    Secret(String),
    Key(SigningKey),
}

/// A configured provider, ready to be used.
pub(crate) struct Provider {
    pub(crate) config: IdentityProvider,
    credential: Credential,
}

/// The configured providers.
#[derive(Default)]
pub struct Providers(Option<Inner>);

struct Inner {
    all: Vec<Arc<Provider>>,
    egress: Egress,
    documents: Documents,
    keys: ClientKeySets,
}

/// A configured provider that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("identity provider `{name}`: {reason}")]
pub struct ProviderError {
    name: String,
    reason: String,
}

impl Providers {
    /// The providers of a configuration, with the secrets that it refers to.
    ///
    /// # Errors
    /// [`ProviderError`] if a secret is missing or a private key cannot be read.
    pub fn new(
        config: &Config,
        secrets: &Secrets,
        egress: Egress,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ProviderError> {
        let provider = |p: &IdentityProvider| {
            let refused = |reason: &str| ProviderError { name: p.name.clone(), reason: reason.to_owned() };
            let secret = secrets.providers.get(&p.name).ok_or_else(|| refused("its secret is missing"))?;
            let credential = match &p.private_key {
                None => Credential::Secret(secret.clone()),
                Some(_) => {
                    Credential::Key(signing_key(secret, p.private_key_id.as_deref()).map_err(refused)?)
                }
            };
            Ok(Arc::new(Provider { config: p.clone(), credential }))
        };
        let all = config.identity_providers.iter().map(provider).collect::<Result<_, ProviderError>>()?;
        let keys = ClientKeySets::new(egress.clone(), Arc::clone(&clock));
        Ok(Self(Some(Inner { all, documents: Documents::new(egress.clone(), clock), egress, keys })))
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Provider>> {
        self.all().find(|p| p.config.name == name).cloned()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.iter().flat_map(|i| &i.all)
    }

    /// What people call the provider, where there is one alone; else a word for any of them.
    pub(crate) fn only_title(&self) -> prokura_ui::Shown {
        let mut all = self.all();
        match (all.next(), all.next()) {
            (Some(one), None) => prokura_ui::Shown::name(one.config.title()),
            _ => prokura_ui::Shown::name(&prokura_ui::ENGLISH.provider_any.to_string()),
        }
    }

    fn inner(&self) -> Result<&Inner, ProviderFault> {
        self.0.as_ref().ok_or(ProviderFault::Unreachable)
    }
}

/// A private key in PEM (PKCS #8): its algorithm is the first that it fits.
fn signing_key(pem: &str, kid: Option<&str>) -> Result<SigningKey, &'static str> {
    use base64::Engine as _;
    let body: String = pem.lines().filter(|l| !l.starts_with("-----")).map(str::trim).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body);
    let der = der.map_err(|_| "its private key is no PEM")?;
    let read = |a| SigningKey::from_pkcs8(a, kid.unwrap_or("-"), &der).ok();
    let key = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256].into_iter().find_map(read);
    let key = key.ok_or("its private key is no PKCS #8 key of P-256, Ed25519 or RSA")?;
    match (kid, key.public().thumbprint()) {
        (None, Some(thumbprint)) => SigningKey::from_pkcs8(key.algorithm(), thumbprint, &der)
            .map_err(|_| "its private key cannot be used"),
        _ => Ok(key),
    }
}

impl Provider {
    /// The one algorithm of its ID tokens.
    fn algorithm(&self) -> Algorithm {
        match self.config.id_token_algorithm {
            IdTokenAlgorithm::RS256 => Algorithm::Rs256,
            IdTokenAlgorithm::PS256 => Algorithm::Ps256,
            IdTokenAlgorithm::ES256 => Algorithm::Es256,
            IdTokenAlgorithm::ES384 => Algorithm::Es384,
            IdTokenAlgorithm::EdDSA => Algorithm::EdDsa,
        }
    }

    /// Our assertion of who we are (RFC 7523 §3), good for a minute.
    fn assertion(
        &self,
        key: &SigningKey,
        audience: &str,
        clock: &dyn Clock,
        rng: &dyn Rng,
    ) -> Option<String> {
        let (now, client) = (clock.now().seconds(), self.config.client_id.as_str());
        let claims = prokura_oauth::json::obj([
            ("iss", client.into()),
            ("sub", client.into()),
            ("aud", audience.into()),
            ("jti", prokura_core::random_id("j_", rng).into()),
            ("iat", now.into()),
            ("exp", (now + 60).into()),
        ]);
        key.sign("JWT", &claims).ok()
    }
}
