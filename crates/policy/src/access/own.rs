//! What a situation says of itself: facts that nobody needs to be asked for.

use super::situation::{Facts, Situation, Sources};
use prokura_core::{Fact, FactName, FactValue, Timestamp};
use std::sync::Arc;

/// The facts that follow from the situation alone: `network.address`, `sign_in.acr`, `workload.id`,
/// `workload.provider`, `workload.platform`, and `workload.CLAIM` for each claim that the token says of the workload.
#[derive(Debug, Clone, Copy)]
pub struct OwnFacts<'a>(pub &'a Situation<'a>);

impl OwnFacts<'_> {
    fn of_now(&self, value: FactValue, source: &str) -> Option<Arc<Fact>> {
        self.of(value, source, self.0.now)
    }

    #[allow(clippy::unnecessary_wraps, reason = "every way of it ends in an option")]
    fn of(&self, value: FactValue, source: &str, observed_at: Timestamp) -> Option<Arc<Fact>> {
        Some(Arc::new(Fact { value, source: source.into(), observed_at, max_age: None }))
    }

    fn workload(&self, claim: &str) -> Option<Arc<Fact>> {
        let attested = self.0.workload?;
        let value = match claim {
            "id" => attested.workload.as_str(),
            "provider" => &attested.provider,
            "platform" => attested.platform.as_str(),
            claim => attested.claims.get(claim)?.as_str(),
        };
        self.of(FactValue::Text(value.into()), &attested.provider, attested.at)
    }

    /// As old as the sign-in: a test may ask for a fresh one by `max_age`.
    fn sign_in(&self) -> Option<Arc<Fact>> {
        let sign_in = self.0.sign_in?;
        self.of(FactValue::Text(sign_in.acr.as_str().into()), "the token", sign_in.at)
    }
}

impl Facts for OwnFacts<'_> {
    fn fact(&self, name: &FactName) -> Option<Arc<Fact>> {
        let (root, rest) = name.as_str().split_once('.')?;
        match (root, rest) {
            ("network", "address") => {
                let address = self.0.address?.to_canonical().to_string();
                self.of_now(FactValue::Text(address.into()), "the connection")
            }
            ("workload", claim) => self.workload(claim),
            ("sign_in", "acr") => self.sign_in(),
            _ => None,
        }
    }
}

/// Knows nothing but what a situation says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct OwnSources;

impl Sources for OwnSources {
    fn facts<'a>(&'a self, situation: &'a Situation<'a>) -> Box<dyn Facts + 'a> {
        Box::new(OwnFacts(situation))
    }
}
