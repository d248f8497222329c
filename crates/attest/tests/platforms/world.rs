//! A server that believes some providers.

use crate::issuer::FakeIssuer;
use prokura_attest::{AttestError, Door, Evidence, Providers, Refused};
use prokura_config::Config;
use prokura_core::{Clock, ManualClock, Timestamp};
use prokura_egress::{AllowList, Egress, EgressConfig};
use prokura_oauth::json::{Object, Value, obj};
use std::sync::Arc;
use std::time::Duration;

/// The server whose workloads these are.
pub(crate) const SERVER: &str = "https://as.example";
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) providers: Providers,
}

impl World {
    /// A server with these `[[workload.provider]]`s.
    pub(crate) fn with(providers: &str) -> Self {
        Self::by(providers, AllowList::default())
    }

    /// The same, where the operator allows to ask another server on this machine.
    pub(crate) fn allowing(providers: &str, other: &FakeIssuer) -> Self {
        Self::by(providers, AllowList::parse(&[other.address.to_string()]).unwrap())
    }

    fn by(providers: &str, allow: AllowList) -> Self {
        let text = format!("issuer = \"{SERVER}\"\ndatabase = \"sqlite::memory:\"\n{providers}");
        let config = Config::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(NOW)));
        let shared: Arc<dyn Clock> = clock.clone();
        let egress = Egress::system(EgressConfig { allow, ..EgressConfig::default() });
        Self { providers: Providers::new(&config, &egress, shared).unwrap(), clock }
    }

    /// One provider of that platform, whose issuer is the fake one, and these keys besides.
    pub(crate) fn of(platform: &str, issuer: &FakeIssuer, more: &str) -> Self {
        Self::with(&provider("prod", platform, issuer, more))
    }

    pub(crate) async fn verify(&self, jwt: &str) -> Result<Evidence, AttestError> {
        self.providers.verify_jwt(jwt, Door::Grant).await
    }

    /// Why a token is refused.
    pub(crate) async fn refusal(&self, jwt: &str) -> Refused {
        match self.verify(jwt).await {
            Err(AttestError::Refused { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A provider of the configuration, whose tokens may be signed with what the fake issuer has.
pub(crate) fn provider(name: &str, platform: &str, issuer: &FakeIssuer, more: &str) -> String {
    format!(
        "[[workload.provider]]\nname = \"{name}\"\nplatform = \"{platform}\"\nissuer = \"{}\"\nalgorithms = [\"ES256\"]\n{more}\n",
        issuer.issuer
    )
}

/// The registered claims of a token for this server, for five minutes from now.
pub(crate) fn registered(issuer: &str, subject: &str) -> Object {
    obj([
        ("iss", issuer.into()),
        ("sub", subject.into()),
        ("aud", SERVER.into()),
        ("iat", NOW.into()),
        ("nbf", NOW.into()),
        ("exp", (NOW + 300).into()),
        ("jti", "j1".into()),
    ])
}

/// The claims, with this one in place of its like; without it if it is null.
pub(crate) fn but(claims: &Object, name: &str, value: impl Into<Value>) -> Object {
    let mut changed = claims.clone();
    match value.into() {
        Value::Null => {
            changed.remove(name);
        }
        value => changed.insert(name, value),
    }
    changed
}
