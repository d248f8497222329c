//! Security event tokens as the framework profiles them (RFC 8417; SSF §"Security Event Token Profile").

use super::{
    Circumstances, DeliveryErrorCode, Event, EventError, Malformed, Subject, SubjectError, needed, put, text,
};
use crate::jose::{Algorithm, JoseError, KeySet, SigningKey, decode, numeric_date, verify_jws};
use crate::json::{self, Limits, Object, Value};
use prokura_core::Timestamp;
use std::time::Duration;

/// The `typ`, which is never left out (SSF §"Explicit Typing of SETs").
pub const TYP: &str = "secevent+jwt";
/// The forms of that `typ` that are accepted.
const TYPES: [&str; 2] = [TYP, "application/secevent+jwt"];
/// How far clocks may differ.
pub const LEEWAY: Duration = Duration::from_secs(60);

/// What somebody says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// `iss`: who says it.
    pub issuer: String,
    /// `aud`: to whom.
    pub audience: Vec<String>,
    /// `jti`.
    pub id: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `txn`: what else came of the same cause.
    pub transaction: Option<String>,
    /// `sub_id`: about whom.
    pub subject: Subject,
    /// What.
    pub event: Event,
    /// When, by whom and why.
    pub circumstances: Circumstances,
}

/// What a token must be. Everything here was chosen before the token was seen.
#[derive(Debug, Clone, Copy)]
pub struct SetTerms<'a> {
    /// The exact `iss`.
    pub issuer: &'a str,
    /// To whom it must be addressed, among others.
    pub audience: &'a str,
    /// The accepted algorithms.
    pub algorithms: &'a [Algorithm],
    /// How long ago it may have been made. It has no end of its own, so this bounds for how long its `jti` is kept.
    pub max_age: Duration,
    /// The time now.
    pub now: Timestamp,
}

/// A token that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// Form, header, key or signature.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// A claim that must not be there: other tokens have it (SSF §"Distinguishing SETs from other Kinds of JWTs").
    #[error("a security event has no `{0}`")]
    Forbidden(&'static str),
    /// A claim is missing or malformed.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// It was made too long ago.
    #[error("the event was issued too long ago")]
    TooOld,
    /// Its subject.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// Its event.
    #[error(transparent)]
    Event(#[from] EventError),
}

impl From<Malformed> for SetError {
    fn from(Malformed(name): Malformed) -> Self {
        Self::Claim(name)
    }
}

impl SetError {
    /// What the transmitter is told (RFC 8935 §2.4).
    pub fn code(&self) -> DeliveryErrorCode {
        match self {
            Self::Jose(JoseError::Issuer) => DeliveryErrorCode::InvalidIssuer,
            Self::Jose(JoseError::Audience) => DeliveryErrorCode::InvalidAudience,
            Self::Jose(JoseError::UnknownKey | JoseError::Signature | JoseError::Algorithm) => {
                DeliveryErrorCode::InvalidKey
            }
            _ => DeliveryErrorCode::InvalidRequest,
        }
    }
}

/// What a token says of itself, before anything is verified: only to find the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// `kid`.
    pub kid: Option<String>,
    /// `jti`, to answer by.
    pub id: Option<String>,
}

/// Looks at a token that nothing is known of yet.
pub fn peek(compact: &str) -> Option<Peek> {
    let mut parts = compact.split('.');
    let (header, claims) = (object(parts.next()?)?, object(parts.next()?)?);
    Some(Peek { kid: header.str("kid").map(str::to_owned), id: claims.str("jti").map(str::to_owned) })
}

fn object(part: &str) -> Option<Object> {
    json::parse(&decode(part)?, &Limits::TOKEN).ok()?.into_object()
}

impl SecurityEvent {
    /// When it happened: what the event says, or when it was told.
    pub fn happened_at(&self) -> Timestamp {
        self.circumstances.at.unwrap_or(self.issued_at)
    }

    /// Signs it.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        key.sign(TYP, &self.claims())
    }

    /// Its claims.
    pub fn claims(&self) -> Object {
        let mut o = Object::new();
        put(&mut o, "iss", Some(&self.issuer));
        let aud = match self.audience.as_slice() {
            [one] => one.as_str().into(),
            several => several.iter().map(String::as_str).collect(),
        };
        o.insert("aud", aud);
        put(&mut o, "jti", Some(&self.id));
        o.insert("iat", self.issued_at.seconds().into());
        put(&mut o, "txn", self.transaction.as_deref());
        o.insert("sub_id", Value::Object(self.subject.to_object()));
        o.insert("events", Value::Object(self.event.to_claim(&self.circumstances)));
        o
    }

    /// Verifies a token. Whether its `jti` was seen before is still to be asked.
    ///
    /// # Errors
    /// [`SetError`]; the first thing that is not as it must be.
    pub fn verify(compact: &str, keys: &KeySet, terms: &SetTerms<'_>) -> Result<Self, SetError> {
        let jws = verify_jws(compact, keys, terms.algorithms)?;
        let typ = jws.header.str("typ").unwrap_or_default();
        if !TYPES.iter().any(|t| t.eq_ignore_ascii_case(typ)) {
            return Err(JoseError::Type.into());
        }
        let claims = json::parse(&jws.payload, &Limits::TOKEN).map_err(JoseError::Json)?;
        Self::read(&claims.into_object().ok_or(JoseError::Malformed)?, terms)
    }

    fn read(o: &Object, terms: &SetTerms<'_>) -> Result<Self, SetError> {
        if let Some(name) = ["exp", "sub"].into_iter().find(|name| o.contains_key(name)) {
            return Err(SetError::Forbidden(name));
        }
        if o.str("iss") != Some(terms.issuer) {
            return Err(JoseError::Issuer.into());
        }
        let audience = audience(o)?;
        if !audience.iter().any(|a| a == terms.audience) {
            return Err(JoseError::Audience.into());
        }
        let issued_at = numeric_date(o, "iat")?.ok_or(SetError::Claim("iat"))?;
        if issued_at > terms.now.after(LEEWAY) {
            return Err(JoseError::NotYet.into());
        }
        if terms.now.since(issued_at) > terms.max_age {
            return Err(SetError::TooOld);
        }
        let (event, circumstances) = Event::parse(o.get("events").ok_or(SetError::Claim("events"))?)?;
        if circumstances.at.is_some_and(|at| at > terms.now.after(LEEWAY)) {
            // What has not happened would hide everything that happens until then.
            return Err(EventError::Member("event_timestamp").into());
        }
        Ok(Self {
            issuer: terms.issuer.to_owned(),
            audience,
            id: needed(o, "jti")?.to_owned(),
            issued_at,
            transaction: text(o, "txn")?.map(str::to_owned),
            subject: Subject::parse(o.get("sub_id").ok_or(SetError::Claim("sub_id"))?)?,
            event,
            circumstances,
        })
    }
}

fn audience(o: &Object) -> Result<Vec<String>, SetError> {
    let wrong = SetError::Claim("aud");
    match o.get("aud") {
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => {
            let read = |v: &Value| v.as_str().map(str::to_owned);
            several.iter().map(read).collect::<Option<_>>().ok_or(wrong)
        }
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::obj;

    const IDP: &str = "https://idp.example";
    const US: &str = "https://as.example";
    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn told() -> SecurityEvent {
        SecurityEvent {
            issuer: IDP.into(),
            audience: vec![US.into()],
            id: "j1".into(),
            issued_at: NOW,
            transaction: Some("8675309".into()),
            subject: Subject::iss_sub(IDP, "U1"),
            event: Event::SessionRevoked,
            circumstances: Circumstances {
                at: Some(NOW.before(DAY)),
                reason_admin: vec![("en".into(), "policy".into())],
                ..Circumstances::default()
            },
        }
    }

    fn verified(typ: &str, claims: &Object) -> Result<SecurityEvent, SetError> {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        SecurityEvent::verify(&key.sign(typ, claims).unwrap(), &keys, &terms(&[Algorithm::Es256]))
    }

    fn terms(algorithms: &[Algorithm]) -> SetTerms<'_> {
        SetTerms { issuer: IDP, audience: US, algorithms, max_age: DAY, now: NOW }
    }

    #[test]
    fn what_is_signed_is_read_and_says_when_it_happened() {
        assert_eq!(verified(TYP, &told().claims()).unwrap(), told());
        assert_eq!(verified("application/SecEvent+JWT", &told().claims()).unwrap(), told());
        assert_eq!(told().happened_at(), NOW.before(DAY));
        let several = SecurityEvent { audience: vec!["https://x".into(), US.into()], ..told() };
        assert_eq!(verified(TYP, &several.claims()).unwrap(), several);
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let peeked = peek(&told().sign(&key).unwrap()).unwrap();
        assert_eq!((peeked.kid.as_deref(), peeked.id.as_deref()), (Some(key.kid()), Some("j1")));
    }

    #[test]
    fn a_token_of_another_type_or_with_claims_of_others_is_refused() {
        for typ in ["JWT", "at+jwt", "", "secevent"] {
            assert_eq!(verified(typ, &told().claims()), Err(JoseError::Type.into()), "{typ}");
        }
        for name in ["exp", "sub"] {
            let mut claims = told().claims();
            claims.insert(name, 1_900_000_000_i64.into());
            assert_eq!(verified(TYP, &claims), Err(SetError::Forbidden(name)));
        }
        let changes: Vec<(&str, Value, DeliveryErrorCode)> = vec![
            ("iss", "https://idp.example/".into(), DeliveryErrorCode::InvalidIssuer),
            ("aud", "https://as.example/".into(), DeliveryErrorCode::InvalidAudience),
            ("aud", 7_i64.into(), DeliveryErrorCode::InvalidRequest),
            ("jti", "".into(), DeliveryErrorCode::InvalidRequest),
            ("jti", "x".repeat(2049).into(), DeliveryErrorCode::InvalidRequest),
            ("iat", NOW.after(LEEWAY).seconds().saturating_add(1).into(), DeliveryErrorCode::InvalidRequest),
            ("iat", NOW.before(DAY).seconds().saturating_sub(1).into(), DeliveryErrorCode::InvalidRequest),
            ("sub_id", "U1".into(), DeliveryErrorCode::InvalidRequest),
            ("events", Value::Array(Vec::new()), DeliveryErrorCode::InvalidRequest),
        ];
        for (name, value, code) in changes {
            let mut claims = told().claims();
            claims.insert(name, value.clone());
            assert_eq!(verified(TYP, &claims).unwrap_err().code(), code, "{name} {value}");
        }
        for missing in ["iss", "aud", "jti", "iat", "sub_id", "events"] {
            let mut claims = told().claims();
            claims.remove(missing);
            assert!(verified(TYP, &claims).is_err(), "{missing}");
        }
    }

    #[test]
    fn what_has_not_happened_yet_is_refused() {
        let at = NOW.after(LEEWAY).after(Duration::from_secs(1));
        let future = SecurityEvent {
            circumstances: Circumstances { at: Some(at), ..Circumstances::default() },
            ..told()
        };
        let refused = verified(TYP, &future.claims()).unwrap_err();
        assert_eq!(refused, EventError::Member("event_timestamp").into());
    }

    #[test]
    fn an_algorithm_or_a_key_that_was_not_agreed_is_refused() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let compact = told().sign(&key).unwrap();
        let own = KeySet::of(vec![key.public()]).unwrap();
        let refused = |keys: &KeySet, algorithms: &[Algorithm]| {
            SecurityEvent::verify(&compact, keys, &terms(algorithms)).unwrap_err().code()
        };
        assert_eq!(refused(&own, &[Algorithm::Rs256]), DeliveryErrorCode::InvalidKey);
        assert_eq!(refused(&KeySet::default(), &[Algorithm::Es256]), DeliveryErrorCode::InvalidKey);
        let unsigned = format!("{}.", compact.rsplit_once('.').unwrap().0);
        assert!(SecurityEvent::verify(&unsigned, &own, &terms(&[Algorithm::Es256])).is_err());
        assert_eq!(peek("x.y.z"), None);
        let bare = obj([("jti", 1_i64.into())]);
        assert_eq!(peek(&key.sign(TYP, &bare).unwrap()).unwrap().id, None);
    }
}
