//! How events travel: what a transmitter says of itself (SSF §"Transmitter Configuration Discovery"), where they are
//! delivered (RFC 8935), and how they are fetched (RFC 8936).

use super::{Malformed, is_text, needed, text};
use crate::json::{Object, Value, obj};

/// Events are posted to the receiver (RFC 8935).
pub const METHOD_PUSH: &str = "urn:ietf:rfc:8935";
/// Events are fetched by the receiver (RFC 8936).
pub const METHOD_POLL: &str = "urn:ietf:rfc:8936";
/// The most identifiers in one request of a receiver.
const MAX_ACKS: usize = 1000;

/// Something on the wire that is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A member is missing or malformed.
    #[error("the member `{0}` is missing or malformed")]
    Member(&'static str),
    /// The document is another issuer's.
    #[error("the document is of another issuer")]
    Issuer,
}

impl From<Malformed> for WireError {
    fn from(Malformed(name): Malformed) -> Self {
        Self::Member(name)
    }
}

/// Where the metadata of a transmitter are: the well-known part is put between host and path.
pub fn well_known(issuer: &str) -> Option<String> {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let (scheme, rest) = issuer.split_once("://")?;
    let (host, path) = rest.split_once('/').map_or((rest, String::new()), |(h, p)| (h, format!("/{p}")));
    (!host.is_empty()).then(|| format!("{scheme}://{host}/.well-known/ssf-configuration{path}"))
}

/// What a transmitter says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransmitterMetadata {
    /// `issuer`.
    pub issuer: String,
    /// `jwks_uri`.
    pub jwks_uri: Option<String>,
    /// `delivery_methods_supported`.
    pub delivery_methods: Vec<String>,
    /// `configuration_endpoint`.
    pub configuration: Option<String>,
    /// `status_endpoint`.
    pub status: Option<String>,
    /// `add_subject_endpoint`.
    pub add_subject: Option<String>,
    /// `remove_subject_endpoint`.
    pub remove_subject: Option<String>,
    /// `verification_endpoint`.
    pub verification: Option<String>,
    /// `critical_subject_members`: an event about somebody with such a member is discarded by who cannot read it.
    pub critical_members: Vec<String>,
}

const ENDPOINTS: [&str; 5] = [
    "configuration_endpoint",
    "status_endpoint",
    "add_subject_endpoint",
    "remove_subject_endpoint",
    "verification_endpoint",
];

impl TransmitterMetadata {
    /// Reads the document of `issuer`, and of nobody else (SSF §"Transmitter Configuration Validation").
    ///
    /// # Errors
    /// [`WireError`].
    pub fn read(o: &Object, issuer: &str) -> Result<Self, WireError> {
        if o.str("issuer") != Some(issuer) {
            return Err(WireError::Issuer);
        }
        let maybe = |name| Ok::<_, WireError>(text(o, name)?.map(str::to_owned));
        Ok(Self {
            issuer: issuer.to_owned(),
            jwks_uri: maybe("jwks_uri")?,
            delivery_methods: words(o, "delivery_methods_supported")?,
            configuration: maybe(ENDPOINTS[0])?,
            status: maybe(ENDPOINTS[1])?,
            add_subject: maybe(ENDPOINTS[2])?,
            remove_subject: maybe(ENDPOINTS[3])?,
            verification: maybe(ENDPOINTS[4])?,
            critical_members: words(o, "critical_subject_members")?,
        })
    }

    /// The document. Every stream begins with all subjects, and its interface takes OAuth tokens.
    pub fn to_object(&self) -> Object {
        let mut o = obj([("spec_version", "1_0".into()), ("issuer", self.issuer.as_str().into())]);
        let endpoints =
            [&self.configuration, &self.status, &self.add_subject, &self.remove_subject, &self.verification];
        for (name, value) in
            [("jwks_uri", &self.jwks_uri)].into_iter().chain(ENDPOINTS.into_iter().zip(endpoints))
        {
            super::put(&mut o, name, value.as_deref());
        }
        for (name, all) in [
            ("delivery_methods_supported", &self.delivery_methods),
            ("critical_subject_members", &self.critical_members),
        ] {
            if !all.is_empty() {
                o.insert(name, all.iter().map(String::as_str).collect());
            }
        }
        let oauth = Value::Object(obj([("spec_urn", "urn:ietf:rfc:6749".into())]));
        o.insert("authorization_schemes", Value::Array(vec![oauth]));
        o.insert("default_subjects", "ALL".into());
        o
    }
}

fn words(o: &Object, name: &'static str) -> Result<Vec<String>, WireError> {
    let Some(value) = o.get(name) else { return Ok(Vec::new()) };
    let wrong = WireError::Member(name);
    let word = |v: &Value| v.as_str().filter(|w| is_text(w)).map(str::to_owned).ok_or(wrong);
    value.as_array().filter(|all| all.len() <= MAX_ACKS).ok_or(wrong)?.iter().map(word).collect()
}

/// How a receiver wants its events (SSF §"Stream Configuration Metadata").
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// They are posted.
    Push {
        /// `endpoint_url`.
        endpoint: String,
        /// `authorization_header`: what comes with every request, a secret.
        authorization: Option<String>,
    },
    /// They are fetched, where the transmitter says.
    Poll,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Push { endpoint, .. } => write!(f, "Push({endpoint})"),
            Self::Poll => f.write_str("Poll"),
        }
    }
}

impl Delivery {
    /// Reads what a receiver asks for.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn parse(value: &Value) -> Result<Self, WireError> {
        let o = value.as_object().ok_or(WireError::Member("delivery"))?;
        match needed(o, "method")? {
            METHOD_POLL => Ok(Self::Poll),
            METHOD_PUSH => {
                let authorization = text(o, "authorization_header")?;
                if authorization.is_some_and(|a| !a.is_ascii()) {
                    return Err(WireError::Member("authorization_header"));
                }
                let endpoint = needed(o, "endpoint_url")?.to_owned();
                Ok(Self::Push { endpoint, authorization: authorization.map(str::to_owned) })
            }
            _ => Err(WireError::Member("method")),
        }
    }
}

/// Declares the codes.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// Why an event is not taken (RFC 8935 §2.4; SSF §"Verification Event").
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum DeliveryErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl DeliveryErrorCode {
            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

codes! {
    /// It cannot be read, or does not conform.
    InvalidRequest = "invalid_request",
    /// Its key is not acceptable.
    InvalidKey = "invalid_key",
    /// Its issuer is not the one of the stream.
    InvalidIssuer = "invalid_issuer",
    /// It is for others.
    InvalidAudience = "invalid_audience",
    /// Who brings it is not who may.
    AuthenticationFailed = "authentication_failed",
    /// Who brings it may not.
    AccessDenied = "access_denied",
    /// Its state is not the one that was asked for.
    InvalidState = "invalid_state",
}

/// What is said of an event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryError {
    /// `err`.
    pub code: String,
    /// `description`.
    pub description: Option<String>,
}

impl DeliveryError {
    /// With a sentence.
    pub fn new(code: DeliveryErrorCode, description: impl Into<String>) -> Self {
        Self { code: code.as_str().to_owned(), description: Some(description.into()) }
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        let mut o = obj([("err", self.code.as_str().into())]);
        super::put(&mut o, "description", self.description.as_deref());
        o
    }

    /// Reads one; whatever it may be, it says that the event was not taken.
    pub fn read(value: &Value) -> Self {
        let word =
            |name| value.as_object().and_then(|o| o.str(name)).filter(|w| is_text(w)).map(str::to_owned);
        Self { code: word("err").unwrap_or_else(|| "unknown".to_owned()), description: word("description") }
    }
}

/// What a receiver that fetches says (RFC 8936 §2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PollRequest {
    /// `maxEvents`: no more than these; none if it is 0.
    pub max_events: Option<u64>,
    /// `returnImmediately`.
    pub at_once: bool,
    /// `ack`: taken, by `jti`.
    pub acks: Vec<String>,
    /// `setErrs`: not taken, by `jti`.
    pub errors: Vec<(String, DeliveryError)>,
}

impl PollRequest {
    /// Reads it.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn read(o: &Object) -> Result<Self, WireError> {
        let max_events = match o.get("maxEvents") {
            None => None,
            Some(value) => Some(value.as_u64().ok_or(WireError::Member("maxEvents"))?),
        };
        let at_once = match o.get("returnImmediately") {
            None => false,
            Some(value) => value.as_bool().ok_or(WireError::Member("returnImmediately"))?,
        };
        Ok(Self { max_events, at_once, acks: words(o, "ack")?, errors: errors(o)? })
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        let mut o = Object::new();
        if let Some(max) = self.max_events {
            o.insert("maxEvents", max.into());
        }
        o.insert("returnImmediately", self.at_once.into());
        if !self.acks.is_empty() {
            o.insert("ack", self.acks.iter().map(String::as_str).collect());
        }
        if !self.errors.is_empty() {
            let mut errors = Object::new();
            self.errors.iter().for_each(|(id, e)| errors.insert(id.as_str(), Value::Object(e.to_object())));
            o.insert("setErrs", Value::Object(errors));
        }
        o
    }
}

fn errors(o: &Object) -> Result<Vec<(String, DeliveryError)>, WireError> {
    let Some(value) = o.get("setErrs") else { return Ok(Vec::new()) };
    let all = value.as_object().filter(|all| all.len() <= MAX_ACKS).ok_or(WireError::Member("setErrs"))?;
    Ok(all.iter().map(|(id, error)| (id.to_owned(), DeliveryError::read(error))).collect())
}

/// What a receiver that fetches gets (RFC 8936 §2.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PollAnswer {
    /// `sets`: `jti` and token.
    pub sets: Vec<(String, String)>,
    /// `moreAvailable`.
    pub more: bool,
}

impl PollAnswer {
    /// Reads it.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn read(o: &Object) -> Result<Self, WireError> {
        let wrong = WireError::Member("sets");
        let sets =
            o.get("sets").and_then(Value::as_object).filter(|all| all.len() <= MAX_ACKS).ok_or(wrong)?;
        let token = |(id, set): (&str, &Value)| Ok((id.to_owned(), set.as_str().ok_or(wrong)?.to_owned()));
        let more = match o.get("moreAvailable") {
            None => false,
            Some(value) => value.as_bool().ok_or(WireError::Member("moreAvailable"))?,
        };
        Ok(Self { sets: sets.iter().map(token).collect::<Result<_, WireError>>()?, more })
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        let mut sets = Object::new();
        self.sets.iter().for_each(|(id, set)| sets.insert(id.as_str(), set.as_str().into()));
        obj([("sets", Value::Object(sets)), ("moreAvailable", self.more.into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Limits, parse};

    fn object(text: &str) -> Object {
        parse(text.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap()
    }

    #[test]
    fn metadata_are_at_their_place_and_of_their_issuer() {
        for (issuer, at) in [
            ("https://tr.example.com", "https://tr.example.com/.well-known/ssf-configuration"),
            ("https://tr.example.com/", "https://tr.example.com/.well-known/ssf-configuration"),
            (
                "https://tr.example.com/issuer1",
                "https://tr.example.com/.well-known/ssf-configuration/issuer1",
            ),
        ] {
            assert_eq!(well_known(issuer).as_deref(), Some(at));
        }
        assert_eq!(well_known("tr.example.com"), None);
        let written = TransmitterMetadata {
            issuer: "https://tr.example.com".into(),
            jwks_uri: Some("https://tr.example.com/jwks.json".into()),
            delivery_methods: vec![METHOD_PUSH.into(), METHOD_POLL.into()],
            configuration: Some("https://tr.example.com/ssf/streams".into()),
            verification: Some("https://tr.example.com/ssf/verify".into()),
            critical_members: vec!["tenant".into()],
            ..TransmitterMetadata::default()
        };
        let o = written.to_object();
        assert_eq!(TransmitterMetadata::read(&o, "https://tr.example.com").unwrap(), written);
        assert_eq!(TransmitterMetadata::read(&o, "https://tr.example.com/"), Err(WireError::Issuer));
        assert_eq!((o.str("spec_version"), o.str("default_subjects")), (Some("1_0"), Some("ALL")));
    }

    #[test]
    fn a_delivery_is_one_of_two() {
        let read = |text: &str| Delivery::parse(&Value::Object(object(text)));
        assert_eq!(read(&format!(r#"{{"method":"{METHOD_POLL}"}}"#)).unwrap(), Delivery::Poll);
        let push = read(&format!(
            r#"{{"method":"{METHOD_PUSH}","endpoint_url":"https://r.example/e","authorization_header":"Bearer x"}}"#
        ));
        assert!(!format!("{push:?}").contains("Bearer"), "a secret is never shown");
        assert!(matches!(push.unwrap(), Delivery::Push { authorization: Some(a), .. } if a == "Bearer x"));
        for bad in [
            r#"{"method":"https://schemas.openid.net/secevent/risc/delivery-method/push"}"#.to_owned(),
            format!(r#"{{"method":"{METHOD_PUSH}"}}"#),
            format!(
                r#"{{"method":"{METHOD_PUSH}","endpoint_url":"https://r","authorization_header":"a\r\nX: b"}}"#
            ),
            format!(r#"{{"method":"{METHOD_PUSH}","endpoint_url":"https://r","authorization_header":"é"}}"#),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn polls_and_their_answers_come_back() {
        let asked = PollRequest {
            max_events: Some(5),
            at_once: true,
            acks: vec!["a".into(), "b".into()],
            errors: vec![("c".into(), DeliveryError::new(DeliveryErrorCode::InvalidKey, "no key"))],
        };
        assert_eq!(PollRequest::read(&asked.to_object()).unwrap(), asked);
        assert_eq!(PollRequest::read(&Object::new()).unwrap(), PollRequest::default());
        let answer = PollAnswer { sets: vec![("a".into(), "x.y.z".into())], more: true };
        assert_eq!(PollAnswer::read(&answer.to_object()).unwrap(), answer);
        for bad in [
            r#"{"maxEvents":-1}"#,
            r#"{"maxEvents":"5"}"#,
            r#"{"returnImmediately":"no"}"#,
            r#"{"ack":"a"}"#,
            r#"{"ack":[1]}"#,
            r#"{"setErrs":[]}"#,
        ] {
            assert!(PollRequest::read(&object(bad)).is_err(), "{bad}");
        }
        for bad in ["{}", r#"{"sets":[]}"#, r#"{"sets":{"a":1}}"#, r#"{"sets":{},"moreAvailable":1}"#] {
            assert!(PollAnswer::read(&object(bad)).is_err(), "{bad}");
        }
    }
}
