//! What happened (CAEP §"Event Types"; SSF §"Verification", §"Stream Updated Event").

use super::circumstances::{circumstances, write_circumstances};
use super::{Circumstances, Malformed, is_text, needed, put, text};
use crate::json::{Object, Value};
use std::fmt;

/// The sorts of events that have a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A session was revoked.
    SessionRevoked,
    /// A claim of a token has changed.
    TokenClaimsChange,
    /// A credential was created, changed, revoked or deleted.
    CredentialChange,
    /// The way somebody signed in has become surer or less sure.
    AssuranceLevelChange,
    /// A device complies, or no longer does.
    DeviceComplianceChange,
    /// A session was begun.
    SessionEstablished,
    /// A session was seen.
    SessionPresented,
    /// The risk has changed.
    RiskLevelChange,
    /// A stream shows that it works.
    Verification,
    /// The transmitter changed the status of a stream.
    StreamUpdated,
}

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

impl EventType {
    /// Every sort.
    pub const ALL: [Self; 10] = [
        Self::SessionRevoked,
        Self::TokenClaimsChange,
        Self::CredentialChange,
        Self::AssuranceLevelChange,
        Self::DeviceComplianceChange,
        Self::SessionEstablished,
        Self::SessionPresented,
        Self::RiskLevelChange,
        Self::Verification,
        Self::StreamUpdated,
    ];

    /// The last part of its address, by which people know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::SessionRevoked => "session-revoked",
            Self::TokenClaimsChange => "token-claims-change",
            Self::CredentialChange => "credential-change",
            Self::AssuranceLevelChange => "assurance-level-change",
            Self::DeviceComplianceChange => "device-compliance-change",
            Self::SessionEstablished => "session-established",
            Self::SessionPresented => "session-presented",
            Self::RiskLevelChange => "risk-level-change",
            Self::Verification => "verification",
            Self::StreamUpdated => "stream-updated",
        }
    }

    /// Whether it is about a stream itself.
    pub fn is_of_the_stream(self) -> bool {
        matches!(self, Self::Verification | Self::StreamUpdated)
    }

    /// Its address.
    pub fn uri(self) -> String {
        format!("{}{}", if self.is_of_the_stream() { SSF } else { CAEP }, self.word())
    }

    /// The sort with that address, byte for byte.
    pub fn parse(uri: &str) -> Option<Self> {
        let (word, of_the_stream) =
            uri.strip_prefix(SSF).map(|w| (w, true)).or(uri.strip_prefix(CAEP).map(|w| (w, false)))?;
        Self::ALL.into_iter().find(|t| t.word() == word && t.is_of_the_stream() == of_the_stream)
    }
}

/// Declares an enumeration of words on the wire.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl $name {
            /// Its word on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The value of that word, byte for byte.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    /// Who made it happen (CAEP §"Optional Event Claims").
    Initiator {
        /// An administrator.
        Admin = "admin",
        /// The user.
        User = "user",
        /// A policy.
        Policy = "policy",
        /// A system or platform.
        System = "system",
    }
    /// What was done with a credential.
    CredentialChangeType {
        /// It was made.
        Create = "create",
        /// It no longer counts.
        Revoke = "revoke",
        /// It was replaced.
        Update = "update",
        /// It was removed.
        Delete = "delete",
    }
    /// Whether the assurance rose or fell.
    Direction {
        /// It rose.
        Increase = "increase",
        /// It fell.
        Decrease = "decrease",
    }
    /// Whether a device does as it should.
    Compliance {
        /// It does.
        Compliant = "compliant",
        /// It does not.
        NotCompliant = "not-compliant",
    }
    /// How high the risk is.
    RiskLevel {
        /// Low.
        Low = "LOW",
        /// Medium.
        Medium = "MEDIUM",
        /// High.
        High = "HIGH",
    }
    /// Whether events leave on a stream (SSF §"Stream Status").
    StreamStatus {
        /// They do.
        Enabled = "enabled",
        /// They are held.
        Paused = "paused",
        /// They are dropped.
        Disabled = "disabled",
    }
}

/// `credential-change`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialChange {
    /// `credential_type`: one of CAEP's words or another that both parties know.
    pub credential_type: String,
    /// `change_type`.
    pub change: CredentialChangeType,
    /// `friendly_name`.
    pub friendly_name: Option<String>,
    /// `x509_issuer`.
    pub x509_issuer: Option<String>,
    /// `x509_serial`.
    pub x509_serial: Option<String>,
    /// `fido2_aaguid`.
    pub fido2_aaguid: Option<String>,
}

/// `assurance-level-change`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssuranceLevelChange {
    /// `namespace`: in whose words the levels are.
    pub namespace: String,
    /// `current_level`.
    pub current: String,
    /// `previous_level`.
    pub previous: Option<String>,
    /// `change_direction`.
    pub direction: Option<Direction>,
}

/// `session-established` and `session-presented`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionSeen {
    /// `fp_ua`: qualities of the browser.
    pub user_agent: Option<String>,
    /// `acr`; only where a session is established.
    pub acr: Option<String>,
    /// `amr`; only where a session is established.
    pub amr: Vec<String>,
    /// `ext_id`.
    pub external: Option<String>,
}

/// `risk-level-change`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskLevelChange {
    /// `principal`: what sort of subject it is (`USER`, `DEVICE`, …).
    pub principal: String,
    /// `current_level`.
    pub current: RiskLevel,
    /// `previous_level`.
    pub previous: Option<RiskLevel>,
    /// `risk_reason`.
    pub reason: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `session-revoked`.
    SessionRevoked,
    /// `token-claims-change`, with the claims and their new values.
    TokenClaimsChange(Object),
    /// `credential-change`.
    CredentialChange(CredentialChange),
    /// `assurance-level-change`.
    AssuranceLevelChange(AssuranceLevelChange),
    /// `device-compliance-change`.
    DeviceComplianceChange {
        /// `previous_status`.
        previous: Compliance,
        /// `current_status`.
        current: Compliance,
    },
    /// `session-established`.
    SessionEstablished(SessionSeen),
    /// `session-presented`.
    SessionPresented(SessionSeen),
    /// `risk-level-change`.
    RiskLevelChange(RiskLevelChange),
    /// `verification`, with the receiver's own word if it asked for it.
    Verification(Option<String>),
    /// `stream-updated`.
    StreamUpdated {
        /// `status`.
        status: StreamStatus,
        /// `reason`.
        reason: Option<String>,
    },
    /// An event that has no meaning here, by its address.
    Other(String),
}

/// An event that does not conform to its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// `events` is not an object with exactly one event.
    #[error("`events` holds exactly one event")]
    Count,
    /// A member is missing or malformed.
    #[error("the member `{0}` of the event is missing or malformed")]
    Member(&'static str),
}

impl From<Malformed> for EventError {
    fn from(Malformed(name): Malformed) -> Self {
        Self::Member(name)
    }
}

impl Event {
    /// Its sort, if it has a meaning here.
    pub fn kind(&self) -> Option<EventType> {
        Some(match self {
            Self::SessionRevoked => EventType::SessionRevoked,
            Self::TokenClaimsChange(_) => EventType::TokenClaimsChange,
            Self::CredentialChange(_) => EventType::CredentialChange,
            Self::AssuranceLevelChange(_) => EventType::AssuranceLevelChange,
            Self::DeviceComplianceChange { .. } => EventType::DeviceComplianceChange,
            Self::SessionEstablished(_) => EventType::SessionEstablished,
            Self::SessionPresented(_) => EventType::SessionPresented,
            Self::RiskLevelChange(_) => EventType::RiskLevelChange,
            Self::Verification(_) => EventType::Verification,
            Self::StreamUpdated { .. } => EventType::StreamUpdated,
            Self::Other(_) => return None,
        })
    }

    /// Its address.
    pub fn uri(&self) -> String {
        match self {
            Self::Other(uri) => uri.clone(),
            known => known.kind().map(EventType::uri).unwrap_or_default(),
        }
    }

    /// Reads the claim `events`.
    ///
    /// # Errors
    /// [`EventError`].
    pub fn parse(events: &Value) -> Result<(Self, Circumstances), EventError> {
        let mut all = events.as_object().ok_or(EventError::Count)?.iter();
        let (Some((uri, members)), None) = (all.next(), all.next()) else { return Err(EventError::Count) };
        let o = members.as_object().ok_or(EventError::Count)?;
        if !is_text(uri) {
            return Err(EventError::Count);
        }
        let Some(kind) = EventType::parse(uri) else {
            return Ok((Self::Other(uri.to_owned()), Circumstances::default()));
        };
        Ok((Self::read(kind, o)?, circumstances(o)?))
    }

    fn read(kind: EventType, o: &Object) -> Result<Self, EventError> {
        Ok(match kind {
            EventType::SessionRevoked => Self::SessionRevoked,
            EventType::TokenClaimsChange => {
                let claims = o.get("claims").and_then(Value::as_object).filter(|c| !c.is_empty());
                Self::TokenClaimsChange(claims.ok_or(EventError::Member("claims"))?.clone())
            }
            EventType::CredentialChange => Self::CredentialChange(credential(o)?),
            EventType::AssuranceLevelChange => Self::AssuranceLevelChange(assurance(o)?),
            EventType::DeviceComplianceChange => Self::DeviceComplianceChange {
                previous: word(o, "previous_status", Compliance::parse)?,
                current: word(o, "current_status", Compliance::parse)?,
            },
            EventType::SessionEstablished => Self::SessionEstablished(seen(o, true)?),
            EventType::SessionPresented => Self::SessionPresented(seen(o, false)?),
            EventType::RiskLevelChange => Self::RiskLevelChange(risk(o)?),
            EventType::Verification => Self::Verification(text(o, "state")?.map(str::to_owned)),
            EventType::StreamUpdated => Self::StreamUpdated {
                status: word(o, "status", StreamStatus::parse)?,
                reason: text(o, "reason")?.map(str::to_owned),
            },
        })
    }

    /// The claim `events`.
    pub fn to_claim(&self, circumstances: &Circumstances) -> Object {
        let mut o = self.members();
        write_circumstances(circumstances, &mut o);
        let mut events = Object::new();
        events.insert(self.uri(), Value::Object(o));
        events
    }

    fn members(&self) -> Object {
        let mut o = Object::new();
        match self {
            Self::SessionRevoked | Self::Other(_) => {}
            Self::TokenClaimsChange(claims) => o.insert("claims", Value::Object(claims.clone())),
            Self::CredentialChange(c) => write_credential(c, &mut o),
            Self::AssuranceLevelChange(a) => {
                put(&mut o, "namespace", Some(&a.namespace));
                put(&mut o, "current_level", Some(&a.current));
                put(&mut o, "previous_level", a.previous.as_deref());
                put(&mut o, "change_direction", a.direction.map(Direction::as_str));
            }
            Self::DeviceComplianceChange { previous, current } => {
                put(&mut o, "previous_status", Some(previous.as_str()));
                put(&mut o, "current_status", Some(current.as_str()));
            }
            Self::SessionEstablished(s) | Self::SessionPresented(s) => write_seen(s, &mut o),
            Self::RiskLevelChange(r) => {
                put(&mut o, "principal", Some(&r.principal));
                put(&mut o, "current_level", Some(r.current.as_str()));
                put(&mut o, "previous_level", r.previous.map(RiskLevel::as_str));
                put(&mut o, "risk_reason", r.reason.as_deref());
            }
            Self::Verification(state) => put(&mut o, "state", state.as_deref()),
            Self::StreamUpdated { status, reason } => {
                put(&mut o, "status", Some(status.as_str()));
                put(&mut o, "reason", reason.as_deref());
            }
        }
        o
    }
}

fn word<T>(o: &Object, name: &'static str, parse: fn(&str) -> Option<T>) -> Result<T, EventError> {
    parse(needed(o, name)?).ok_or(EventError::Member(name))
}

pub(super) fn maybe_word<T>(
    o: &Object,
    name: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, EventError> {
    text(o, name)?.map(|word| parse(word).ok_or(EventError::Member(name))).transpose()
}

fn credential(o: &Object) -> Result<CredentialChange, EventError> {
    let maybe = |name| Ok::<_, EventError>(text(o, name)?.map(str::to_owned));
    Ok(CredentialChange {
        credential_type: needed(o, "credential_type")?.to_owned(),
        change: word(o, "change_type", CredentialChangeType::parse)?,
        friendly_name: maybe("friendly_name")?,
        x509_issuer: maybe("x509_issuer")?,
        x509_serial: maybe("x509_serial")?,
        fido2_aaguid: maybe("fido2_aaguid")?,
    })
}

fn write_credential(c: &CredentialChange, o: &mut Object) {
    put(o, "credential_type", Some(&c.credential_type));
    put(o, "change_type", Some(c.change.as_str()));
    put(o, "friendly_name", c.friendly_name.as_deref());
    put(o, "x509_issuer", c.x509_issuer.as_deref());
    put(o, "x509_serial", c.x509_serial.as_deref());
    put(o, "fido2_aaguid", c.fido2_aaguid.as_deref());
}

fn assurance(o: &Object) -> Result<AssuranceLevelChange, EventError> {
    Ok(AssuranceLevelChange {
        namespace: needed(o, "namespace")?.to_owned(),
        current: needed(o, "current_level")?.to_owned(),
        previous: text(o, "previous_level")?.map(str::to_owned),
        direction: maybe_word(o, "change_direction", Direction::parse)?,
    })
}

fn seen(o: &Object, established: bool) -> Result<SessionSeen, EventError> {
    let maybe = |name| Ok::<_, EventError>(text(o, name)?.map(str::to_owned));
    let (acr, amr) = if established { (maybe("acr")?, amr(o)?) } else { (None, Vec::new()) };
    Ok(SessionSeen { user_agent: maybe("fp_ua")?, acr, amr, external: maybe("ext_id")? })
}

fn amr(o: &Object) -> Result<Vec<String>, EventError> {
    let wrong = EventError::Member("amr");
    let Some(value) = o.get("amr") else { return Ok(Vec::new()) };
    let one = |v: &Value| v.as_str().filter(|w| is_text(w)).map(str::to_owned).ok_or(wrong);
    value.as_array().ok_or(wrong)?.iter().map(one).collect()
}

fn write_seen(s: &SessionSeen, o: &mut Object) {
    put(o, "fp_ua", s.user_agent.as_deref());
    put(o, "acr", s.acr.as_deref());
    if !s.amr.is_empty() {
        o.insert("amr", s.amr.iter().map(String::as_str).collect());
    }
    put(o, "ext_id", s.external.as_deref());
}

fn risk(o: &Object) -> Result<RiskLevelChange, EventError> {
    Ok(RiskLevelChange {
        principal: needed(o, "principal")?.to_owned(),
        current: word(o, "current_level", RiskLevel::parse)?,
        previous: maybe_word(o, "previous_level", RiskLevel::parse)?,
        reason: text(o, "risk_reason")?.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;
