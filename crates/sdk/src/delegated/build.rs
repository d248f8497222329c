//! What a verifier is told.

use super::Verifier;
use prokura_core::{Clock, InvalidResource, InvalidTrustDomain, ResourceUri, SystemClock, TrustDomain};
use prokura_egress::{AllowList, Egress, EgressConfig, FetchUrl, InvalidUrl};
use prokura_oauth::foreign::{Profile, Rules};
use prokura_verify::{IntrospectionOptions, IssuerOptions, Present, TrustedIssuer};
use std::sync::Arc;
use std::time::Duration;

/// A verifier that cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVerifier {
    /// The issuer's address.
    #[error("the issuer: {0}")]
    Issuer(#[from] InvalidUrl),
    /// A resource.
    #[error("a resource: {0}")]
    Resource(#[from] InvalidResource),
    /// The trust domain.
    #[error("the trust domain: {0}")]
    TrustDomain(#[from] InvalidTrustDomain),
    /// Nothing would ever be taken.
    #[error("name the resource whose tokens are taken (`resource`), or a trust domain (`transactions`)")]
    Nothing,
    /// Transactions of calls at nobody.
    #[error("name the resources whose calls are taken by their transaction tokens")]
    NoCalls,
}

/// A verifier under construction.
pub struct Builder {
    issuer: String,
    resource: Option<String>,
    introspection: Option<(String, String)>,
    transactions: Option<(String, Vec<String>)>,
    egress: Option<Egress>,
    clock: Arc<dyn Clock>,
}

impl Builder {
    pub(super) fn of(issuer: String) -> Self {
        let clock = Arc::new(SystemClock);
        Self { issuer, resource: None, introspection: None, transactions: None, egress: None, clock }
    }

    /// The resource that this is, by the address that stands in `aud` of tokens for it.
    #[must_use]
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.resource = Some(uri.into());
        self
    }

    /// As which client the issuer is asked, and by which secret ([`Verifier::introspected`]).
    #[must_use]
    pub fn introspect(mut self, client: impl Into<String>, secret: impl Into<String>) -> Self {
        self.introspection = Some((client.into(), secret.into()));
        self
    }

    /// Takes transaction tokens of this trust domain, of calls that were made at these resources and no others: a token
    /// that was made for a call at one server is no reason to do anything at another.
    #[must_use]
    pub fn transactions(mut self, trust_domain: impl Into<String>, calls_at: &[&str]) -> Self {
        self.transactions = Some((trust_domain.into(), calls_at.iter().map(|r| (*r).to_owned()).collect()));
        self
    }

    /// Fetches metadata and keys in this way. Else: with the certificate authorities of this machine, from the issuer
    /// wherever it is.
    #[must_use]
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = Some(egress);
        self
    }

    /// Takes the time from here: for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Puts it together. Nothing is fetched before the first token.
    ///
    /// # Errors
    /// [`InvalidVerifier`] says what is missing or wrong.
    pub fn build(self) -> Result<Verifier, InvalidVerifier> {
        let resource = self.resource.as_deref().map(ResourceUri::parse_exact).transpose()?;
        let transactions = self.transactions.as_ref().map(transactions).transpose()?;
        if resource.is_none() && transactions.is_none() {
            return Err(InvalidVerifier::Nothing);
        }
        let egress = match self.egress {
            Some(egress) => egress,
            None => {
                let allow = AllowList::default().and_named(&FetchUrl::parse(&self.issuer)?);
                Egress::system(EgressConfig { allow, ..EgressConfig::default() })
            }
        };
        let introspection = self.introspection.map(|(client, secret)| IntrospectionOptions {
            endpoint: None,
            client,
            secret: secret.into(),
            present: Present::Basic,
            // What is behind a chain can end at any moment: nothing is believed twice.
            keep: Duration::ZERO,
        });
        let rules = Rules::new(self.issuer.as_str(), Profile::Rfc9068);
        let options = IssuerOptions { introspection, ..IssuerOptions::new(rules) };
        let issuer = TrustedIssuer::new(options, egress, Arc::clone(&self.clock));
        Ok(Verifier::new(issuer, resource, transactions, self.clock))
    }
}

fn transactions(said: &(String, Vec<String>)) -> Result<(TrustDomain, Vec<ResourceUri>), InvalidVerifier> {
    let (domain, calls) = said;
    if calls.is_empty() {
        return Err(InvalidVerifier::NoCalls);
    }
    let calls = calls.iter().map(|uri| ResourceUri::parse_exact(uri)).collect::<Result<_, _>>()?;
    Ok((TrustDomain::parse(domain)?, calls))
}
