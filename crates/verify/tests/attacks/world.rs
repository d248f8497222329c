//! A resource that believes one or two issuers.

use crate::issuer::FakeIssuer;
use prokura_core::{Clock, ManualClock, Timestamp};
use prokura_egress::{AllowList, Egress, EgressConfig};
use prokura_oauth::foreign::{ForeignToken, Profile, Rules};
use prokura_verify::{IntrospectionOptions, IssuerOptions, Present, Source, TrustedIssuer, Verifier};
use std::sync::Arc;
use std::time::Duration;

/// The audience of every resource here.
pub(crate) const AUDIENCE: &str = "https://rs.example/mcp";

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) verifier: Verifier<ForeignToken>,
}

impl World {
    /// A resource that believes these issuers.
    pub(crate) fn believing(issuers: &[&FakeIssuer]) -> Self {
        Self::with(issuers, |options| options)
    }

    pub(crate) fn with(issuers: &[&FakeIssuer], change: impl Fn(IssuerOptions) -> IssuerOptions) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_800_000_000)));
        let lines: Vec<_> = issuers.iter().map(|i| i.address.to_string()).collect();
        let allow = AllowList::parse(&lines).unwrap();
        let egress = Egress::system(EgressConfig { allow, ..EgressConfig::default() });
        let source = |issuer: &&FakeIssuer| {
            let options = change(IssuerOptions::new(Rules::new(issuer.issuer.clone(), Profile::Rfc9068)));
            let shared: Arc<dyn Clock> = clock.clone();
            let issuer = Arc::new(TrustedIssuer::new(options, egress.clone(), shared));
            Source { issuer, audiences: vec![AUDIENCE.into()] }
        };
        let sources = issuers.iter().map(source).collect();
        let shared: Arc<dyn Clock> = clock.clone();
        Self { verifier: Verifier::new(sources, shared, Box::new(|_, token| Ok(token))), clock }
    }

    /// The first of the issuers is asked about opaque tokens, and its answers hold for 30 s.
    pub(crate) fn introspecting(issuers: &[&FakeIssuer]) -> Self {
        let first = issuers[0].issuer.clone();
        Self::with(issuers, move |options| {
            if options.rules.issuer != first {
                return options;
            }
            let introspection = IntrospectionOptions {
                endpoint: None,
                client: "gateway:1".into(),
                secret: "s%cret".to_owned().into(),
                present: Present::Basic,
                keep: Duration::from_secs(30),
            };
            IssuerOptions { introspection: Some(introspection), ..options }
        })
    }

    pub(crate) fn token(&self, issuer: &FakeIssuer) -> String {
        issuer.sign("at+jwt", &issuer.claims(AUDIENCE, &*self.clock))
    }

    pub(crate) async fn takes(&self, token: &str) -> bool {
        self.verifier.verify(token).await.is_ok()
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
