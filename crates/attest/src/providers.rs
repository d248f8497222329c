//! The providers of the configuration, and the way of a token through them.

use crate::error::{AttestError, Refused};
use crate::evidence::Evidence;
use crate::preset;
use crate::review::Review;
use crate::spiffe::{BundlePlace, InvalidBundle, TrustBundle};
use crate::token::{Audiences, Door, TokenRules};
use prokura_config::{Config, WorkloadProvider};
use prokura_core::{Clock, Platform, Timestamp};
use prokura_egress::{Egress, FetchUrl, InvalidRoots, InvalidUrl, Trust};
use prokura_oauth::jose::{Algorithm, Peek, peek};
use prokura_spiffe::{SpiffeId, TrustDomain};
use prokura_verify::{IssuerKeys, KeyOptions, KeyPlace, KeySource};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A provider that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProvider {
    /// An address cannot be asked.
    #[error("`workload.provider {provider}.{key}`: {error}")]
    Address {
        /// The provider.
        provider: String,
        /// The key.
        key: &'static str,
        /// Why not.
        error: InvalidUrl,
    },
    /// A file of certificate authorities cannot be read.
    #[error("`workload.provider {provider}.{key}`: `{path}` cannot be read: {error}")]
    File {
        /// The provider.
        provider: String,
        /// The key.
        key: &'static str,
        /// The file.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The bundle of a trust domain cannot come from there.
    #[error("`workload.provider {provider}`: {error}")]
    Bundle {
        /// The provider.
        provider: String,
        /// Why not.
        error: InvalidBundle,
    },
    /// It holds no certificate authority.
    #[error("`workload.provider {provider}.{key}`: {error}")]
    Roots {
        /// The provider.
        provider: String,
        /// The key.
        key: &'static str,
        /// Why not.
        error: InvalidRoots,
    },
}

/// An issuer of a provider: how its tokens are read, and by which keys. The keys of two issuers never meet.
struct Authority {
    rules: TokenRules,
    keys: Arc<dyn KeySource>,
}

/// A provider of the configuration.
pub struct Provider {
    name: Arc<str>,
    config: WorkloadProvider,
    authorities: Vec<Authority>,
    audiences: Audiences,
    review: Option<Review>,
    /// Of a SPIFFE trust domain.
    bundle: Option<Arc<TrustBundle>>,
}

impl Provider {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What the configuration says of it.
    pub fn config(&self) -> &WorkloadProvider {
        &self.config
    }
}

/// Where a provider stands, and which of its issuers.
type At = (usize, usize);

/// The providers of the configuration: those whose word about workloads is believed, and nobody else's.
pub struct Providers {
    all: Vec<Provider>,
    by_issuer: HashMap<String, At>,
    by_domain: HashMap<TrustDomain, At>,
    clock: Arc<dyn Clock>,
}

impl Providers {
    /// The providers of `config`; nothing is fetched before the first token. `egress` is how strangers' addresses are
    /// asked; hosts that a provider names may be asked besides.
    ///
    /// # Errors
    /// [`InvalidProvider`] names the provider, the key and the reason.
    pub fn new(config: &Config, egress: &Egress, clock: Arc<dyn Clock>) -> Result<Self, InvalidProvider> {
        let mut providers =
            Self { all: Vec::new(), by_issuer: HashMap::new(), by_domain: HashMap::new(), clock };
        for provider in &config.workload.providers {
            let made = providers.make(config, provider, egress)?;
            let at = providers.all.len();
            for (number, authority) in made.authorities.iter().enumerate() {
                if let Some(issuer) = &authority.rules.issuer {
                    providers.by_issuer.insert(issuer.clone(), (at, number));
                }
            }
            if let Some(bundle) = &made.bundle {
                providers.by_domain.insert(bundle.domain().clone(), (at, 0));
            }
            providers.all.push(made);
        }
        Ok(providers)
    }

    /// The provider and the bundle of the trust domain of `id`, which has to be that trust domain byte for byte.
    pub(crate) fn bundle_of(&self, id: &SpiffeId) -> Option<(&Provider, &TrustBundle)> {
        let (at, _) = self.by_domain.get(id.trust_domain())?;
        let provider = self.all.get(*at)?;
        provider.bundle.as_deref().map(|bundle| (provider, bundle))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.all.iter()
    }

    /// The provider of that name.
    pub fn named(&self, name: &str) -> Option<&Provider> {
        self.all.iter().find(|p| *p.name == *name)
    }

    /// The provider whose token this says it is; nothing is verified.
    pub fn claimed(&self, jwt: &str) -> Option<&Provider> {
        self.find(&peek(jwt)?).map(|(provider, _)| provider)
    }

    /// Verifies a token and says what it says of its workload. Which provider it is of is looked up by what the token
    /// says, in the configuration; everything else is read after the keys of that provider verified it.
    ///
    /// # Errors
    /// [`AttestError`]; what it says is for administrators.
    pub async fn verify_jwt(&self, jwt: &str, door: Door) -> Result<Evidence, AttestError> {
        let claimed = peek(jwt).ok_or(AttestError::NoToken)?;
        let found = self.find(&claimed);
        let (provider, authority) =
            found.ok_or_else(|| AttestError::UnknownIssuer { received: claimed.issuer.clone() })?;
        let name = || Arc::clone(&provider.name);
        let keys = authority.keys.keys(claimed.kid.as_deref()).await;
        let keys = keys.map_err(|error| AttestError::Unavailable { provider: name(), error })?;
        let refused = |why| AttestError::Refused { provider: name(), why };
        let evidence = provider.read(authority, jwt, &keys, door, self.clock.now()).map_err(refused)?;
        if let Some(review) = &provider.review {
            review.ask(jwt, &evidence).await.map_err(refused)?;
        }
        Ok(evidence)
    }

    fn find(&self, claimed: &Peek) -> Option<(&Provider, &Authority)> {
        let by_issuer = claimed.issuer.as_deref().and_then(|issuer| self.by_issuer.get(issuer));
        let by_domain = || {
            let domain = preset::trust_domain(claimed.subject.as_deref()?)?;
            self.by_domain.get(&domain)
        };
        let (at, number) = by_issuer.or_else(by_domain)?;
        let provider = self.all.get(*at)?;
        Some((provider, provider.authorities.get(*number)?))
    }

    fn make(
        &self,
        config: &Config,
        provider: &WorkloadProvider,
        egress: &Egress,
    ) -> Result<Provider, InvalidProvider> {
        let own = config.issuer.as_str();
        let token_endpoint = config.workload.accept_token_endpoint_audience.then(|| format!("{own}/token"));
        let always: Vec<_> =
            std::iter::once(own.to_owned()).chain(provider.audience.iter().cloned()).collect();
        let authority = |issuer: String| {
            let keys = keys(provider, &issuer, egress, Arc::clone(&self.clock))?;
            Ok(Authority { rules: rules(provider, Some(issuer)), keys: Arc::new(keys) })
        };
        let bundle = trust_domain(provider, egress, &self.clock)?.map(Arc::new);
        let of_bundle = bundle.iter().map(|bundle| {
            Ok(Authority { rules: rules(provider, None), keys: Arc::clone(bundle) as Arc<dyn KeySource> })
        });
        Ok(Provider {
            name: provider.name.as_str().into(),
            authorities: provider
                .issuers()
                .into_iter()
                .map(authority)
                .chain(of_bundle)
                .collect::<Result<_, _>>()?,
            audiences: Audiences {
                always,
                grant: token_endpoint.into_iter().collect(),
                several: provider.several_audiences,
            },
            review: provider.review.as_ref().map(|r| self.review(provider, r, egress)).transpose()?,
            bundle,
            config: provider.clone(),
        })
    }

    fn review(
        &self,
        provider: &WorkloadProvider,
        review: &prokura_config::TokenReview,
        egress: &Egress,
    ) -> Result<Review, InvalidProvider> {
        let server = address(provider, "review.server", &review.server)?;
        let (key, file) = match &review.ca_file {
            Some(file) => ("review.ca_file", Some(file)),
            None => ("ca_file", provider.ca_file.as_ref()),
        };
        let trust = file.map(|f| roots(provider, key, f)).transpose()?;
        let at =
            format!("{}/apis/authentication.k8s.io/v1/tokenreviews", server.as_str().trim_end_matches('/'));
        let url = address(provider, "review.server", &at)?;
        Ok(Review::new(
            egress.for_named(&[server], trust),
            url,
            PathBuf::from(&review.token_file),
            Arc::clone(&self.clock),
        ))
    }
}

impl Provider {
    fn read(
        &self,
        authority: &Authority,
        jwt: &str,
        keys: &prokura_oauth::jose::KeySet,
        door: Door,
        now: Timestamp,
    ) -> Result<Evidence, Refused> {
        let token = authority.rules.verify(jwt, keys, door, &self.audiences, now)?;
        let said = preset::read(&self.config, &token.claims)?;
        let told = said.claims.keys().filter(|name| self.config.claim_is_told(name)).cloned().collect();
        Ok(Evidence {
            provider: Arc::clone(&self.name),
            platform: self.config.platform(),
            subject: said.subject,
            instance: said.instance,
            claims: said.claims,
            told,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            id: token.id,
            digest: token.digest,
            key: token.key,
        })
    }
}

fn rules(provider: &WorkloadProvider, issuer: Option<String>) -> TokenRules {
    TokenRules {
        issuer,
        is_svid: provider.platform() == Platform::Spiffe,
        algorithms: algorithms(provider),
        leeway: provider.leeway.get(),
        max_life: provider.max_life().get(),
    }
}

fn algorithms(provider: &WorkloadProvider) -> Vec<Algorithm> {
    match &provider.algorithms {
        Some(named) => named.iter().filter_map(|a| Algorithm::parse(a.as_str())).collect(),
        None => preset::algorithms(provider.platform()).to_vec(),
    }
}

/// The keys of an issuer, looked for where the configuration says: the issuer's own words about that come later.
fn keys(
    provider: &WorkloadProvider,
    issuer: &str,
    egress: &Egress,
    clock: Arc<dyn Clock>,
) -> Result<IssuerKeys, InvalidProvider> {
    let address = |key, text: &str| address(provider, key, text);
    let metadata = match &provider.metadata_url {
        Some(text) => address("metadata_url", text)?,
        // OpenID Connect Discovery §4: appended, whatever else the path has.
        None => {
            address("issuer", &format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?
        }
    };
    let mut named = vec![metadata.clone()];
    let place = match (&provider.jwks_uri, &provider.jwks_file, &provider.jwks) {
        (Some(uri), ..) => {
            let url = address("jwks_uri", uri)?;
            named.push(url.clone());
            KeyPlace::At(url)
        }
        (_, Some(file), _) => KeyPlace::File(PathBuf::from(file)),
        (.., Some(text)) => KeyPlace::Given(text.clone()),
        _ => KeyPlace::Metadata,
    };
    let trust = provider.ca_file.as_deref().map(|f| roots(provider, "ca_file", f)).transpose()?;
    let options = KeyOptions {
        issuer: issuer.to_owned(),
        algorithms: algorithms(provider),
        metadata,
        keys: place,
        max_age: provider.keys_max_age.get(),
        token: provider.token_file.as_ref().map(PathBuf::from),
    };
    Ok(IssuerKeys::new(options, egress.for_named(&named, trust), clock))
}

/// The bundle of a SPIFFE trust domain; none of other platforms.
fn trust_domain(
    provider: &WorkloadProvider,
    egress: &Egress,
    clock: &Arc<dyn Clock>,
) -> Result<Option<TrustBundle>, InvalidProvider> {
    let Some(name) = &provider.trust_domain else { return Ok(None) };
    let wrong = |error| InvalidProvider::Bundle { provider: provider.name.clone(), error };
    let domain = TrustDomain::parse(name).map_err(|e| wrong(e.into()))?;
    let trust = provider.ca_file.as_deref().map(|f| roots(provider, "ca_file", f)).transpose()?;
    let place = BundlePlace::of(provider, egress, trust, clock).map_err(wrong)?;
    Ok(Some(TrustBundle::new(domain, place, provider.keys_max_age.get(), Arc::clone(clock))))
}

fn address(provider: &WorkloadProvider, key: &'static str, text: &str) -> Result<FetchUrl, InvalidProvider> {
    FetchUrl::parse(text).map_err(|error| InvalidProvider::Address {
        provider: provider.name.clone(),
        key,
        error,
    })
}

fn roots(provider: &WorkloadProvider, key: &'static str, path: &str) -> Result<Trust, InvalidProvider> {
    let name = || provider.name.clone();
    let pem = std::fs::read(path).map_err(|error| InvalidProvider::File {
        provider: name(),
        key,
        path: path.to_owned(),
        error,
    })?;
    Trust::only(&[pem]).map_err(|error| InvalidProvider::Roots { provider: name(), key, error })
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all.iter().map(|p| &p.name)).finish()
    }
}
