//! What is kept while a device waits: under the device code what it needs to ask, under the user code the question,
//! and then the answer.

use crate::interaction::Asked;
use prokura_core::{ClientId, GrantId, ResourceUri, ScopeSet, Timestamp, TraceId};
use prokura_oauth::authentication::Authentication;
use prokura_oauth::device::UserCode;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use prokura_store::StoreError;
use std::time::Duration;

/// The device that waits for the answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceAsk {
    /// What the person compares.
    pub code: UserCode,
    /// Where the answer is left: the mark of the code, so that a copy of the store leads nobody to the page.
    pub key: String,
    /// When the device asked.
    pub at: Timestamp,
    /// The question is over from then on.
    pub until: Timestamp,
    /// The address that the device asked from, as it is shown.
    pub from: String,
    /// That address as it is counted and compared.
    pub place: String,
}

/// What a device code is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Polling {
    pub(crate) client: ClientId,
    pub(crate) resource: ResourceUri,
    /// The mark of its user code.
    pub(crate) key: String,
    pub(crate) until: Timestamp,
    pub(crate) interval: Duration,
    /// When the device last asked.
    pub(crate) last: Timestamp,
    pub(crate) trace: TraceId,
}

/// What the person answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allowed {
        grant: GrantId,
        scope: ScopeSet,
        /// How the person signed in.
        authentication: Authentication,
    },
    Refused,
}

impl DeviceAsk {
    pub(crate) fn to_object(&self) -> Object {
        obj([
            ("code", self.code.letters().into()),
            ("key", self.key.as_str().into()),
            ("at", self.at.micros().into()),
            ("until", self.until.micros().into()),
            ("from", self.from.as_str().into()),
            ("place", self.place.as_str().into()),
        ])
    }

    pub(crate) fn read(o: &Object) -> Option<Self> {
        Some(Self {
            code: UserCode::parse(o.str("code")?).ok()?,
            key: o.str("key")?.to_owned(),
            at: time(o, "at")?,
            until: time(o, "until")?,
            from: o.str("from")?.to_owned(),
            place: o.str("place")?.to_owned(),
        })
    }
}

impl Polling {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        obj([
            ("client", self.client.as_str().into()),
            ("resource", self.resource.as_str().into()),
            ("key", self.key.as_str().into()),
            ("until", self.until.micros().into()),
            ("interval", self.interval.as_secs().into()),
            ("last", self.last.micros().into()),
            ("trace", self.trace.as_str().into()),
        ])
        .to_vec()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let o = object(bytes)?;
            Some(Self {
                client: ClientId::parse(o.str("client")?).ok()?,
                resource: ResourceUri::parse_exact(o.str("resource")?).ok()?,
                key: o.str("key")?.to_owned(),
                until: time(&o, "until")?,
                interval: Duration::from_secs(o.get("interval")?.as_u64()?),
                last: time(&o, "last")?,
                trace: TraceId::parse(o.str("trace")?).ok()?,
            })
        };
        read().ok_or_else(corrupt)
    }
}

impl Outcome {
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Allowed { grant, scope, authentication } => {
                let mut o = obj([("grant", grant.as_str().into()), ("scope", scope.to_string().into())]);
                authentication.insert_into(&mut o);
                o.to_vec()
            }
            Self::Refused => obj([("refused", true.into())]).to_vec(),
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let o = object(bytes)?;
            if o.contains_key("refused") {
                return Some(Self::Refused);
            }
            let grant = GrantId::parse(o.str("grant")?).ok()?;
            let authentication = Authentication::read(&o).ok()??;
            Some(Self::Allowed { grant, scope: ScopeSet::parse(o.str("scope")?).ok()?, authentication })
        };
        read().ok_or_else(corrupt)
    }
}

/// The question that a user code leads to.
pub(super) fn question(payload: &[u8]) -> Option<Asked> {
    Asked::read(&object(payload)?)
}

fn object(bytes: &[u8]) -> Option<Object> {
    json::parse(bytes, &Limits::DOCUMENT).ok()?.into_object()
}

fn time(o: &Object, name: &str) -> Option<Timestamp> {
    o.get(name).and_then(Value::as_i64).map(Timestamp::from_micros)
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { column: "artifacts.payload", detail: "it cannot be read back".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::Acr;

    #[test]
    fn what_is_stored_comes_back() {
        let polling = Polling {
            client: ClientId::parse("tv").unwrap(),
            resource: ResourceUri::parse("https://as.example/mcp/x").unwrap(),
            key: "k".into(),
            until: Timestamp::from_micros(7),
            interval: Duration::from_secs(10),
            last: Timestamp::from_micros(-3),
            trace: TraceId::parse("tr_1").unwrap(),
        };
        assert_eq!(Polling::read(&polling.to_vec()).unwrap(), polling);
        let allowed = Outcome::Allowed {
            grant: GrantId::parse("g_1").unwrap(),
            scope: ScopeSet::parse("a b").unwrap(),
            authentication: Authentication::new(Timestamp::from_seconds(9), Acr::Mfa, "pwd otp"),
        };
        for outcome in [allowed, Outcome::Refused] {
            assert_eq!(Outcome::read(&outcome.to_vec()).unwrap(), outcome);
        }
        assert!(Outcome::read(b"{}").is_err() && Polling::read(b"x").is_err());
    }
}
