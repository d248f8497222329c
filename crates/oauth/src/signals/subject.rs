//! Whom an event is about (RFC 9493; SSF §"Subject Members in SSF Events").

use super::{Malformed, is_text, needed};
use crate::json::{Object, Value, obj};
use std::net::IpAddr;

/// The most identifiers in `aliases`, addresses in `ip-addresses`, and members of a complex subject.
const MAX_PARTS: usize = 32;
/// What says that a subject has members.
const COMPLEX: &str = "complex";

/// One way to name one subject (RFC 9493 §3.2; SSF §"Additional Subject Identifier Formats").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectId {
    /// `account`: an `acct` URI (RFC 7565).
    Account(String),
    /// `aliases`: several identifiers of one subject, none of them `aliases` itself.
    Aliases(Vec<SubjectId>),
    /// `did`: a DID URL.
    Did(String),
    /// `email`.
    Email(String),
    /// `iss_sub`: by the word of an issuer.
    IssSub {
        /// `iss`.
        issuer: String,
        /// `sub`.
        subject: String,
    },
    /// `opaque`: a word that both parties know.
    Opaque(String),
    /// `phone_number` (E.164).
    Phone(String),
    /// `uri`.
    Uri(String),
    /// `jwt_id`: by a token.
    JwtId {
        /// `iss`.
        issuer: String,
        /// `jti`.
        id: String,
    },
    /// `saml_assertion_id`: by an assertion of SAML 2.0.
    SamlAssertion {
        /// `issuer`.
        issuer: String,
        /// `assertion_id`.
        id: String,
    },
    /// `ip-addresses`: where it was seen.
    Addresses(Vec<IpAddr>),
    /// A format that nobody here knows; what else stands in it is not kept.
    Other(String),
}

/// The primary subject of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One identifier.
    Simple(SubjectId),
    /// Several members, all of which describe the one subject.
    Complex(Complex),
}

/// A complex subject: at least one member, each name once (SSF §"Complex Subject Members").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complex(Vec<(String, SubjectId)>);

/// A subject that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It is no object.
    #[error("a subject is an object with `format`")]
    NotObject,
    /// A member is missing or malformed.
    #[error("the member `{0}` of a subject is missing or malformed")]
    Member(&'static str),
    /// `aliases` within `aliases`, or `complex` within `complex`.
    #[error("a subject is nested where it may not be")]
    Nested,
}

impl From<Malformed> for SubjectError {
    fn from(Malformed(name): Malformed) -> Self {
        Self::Member(name)
    }
}

impl SubjectId {
    /// Reads an identifier.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn parse(value: &Value) -> Result<Self, SubjectError> {
        Self::read(value.as_object().ok_or(SubjectError::NotObject)?)
    }

    fn read(o: &Object) -> Result<Self, SubjectError> {
        let text = |name| needed(o, name).map(str::to_owned);
        Ok(match needed(o, "format")? {
            "account" => Self::Account(scheme(text("uri")?, "acct:", "uri")?),
            "aliases" => Self::Aliases(aliases(o)?),
            "did" => Self::Did(scheme(text("url")?, "did:", "url")?),
            "email" => Self::Email(email(text("email")?)?),
            "iss_sub" => Self::IssSub { issuer: text("iss")?, subject: text("sub")? },
            "opaque" => Self::Opaque(text("id")?),
            "phone_number" => Self::Phone(text("phone_number")?),
            "uri" => Self::Uri(uri(text("uri")?)?),
            "jwt_id" => Self::JwtId { issuer: text("iss")?, id: text("jti")? },
            "saml_assertion_id" => Self::SamlAssertion { issuer: text("issuer")?, id: text("assertion_id")? },
            "ip-addresses" => Self::Addresses(addresses(o)?),
            COMPLEX => return Err(SubjectError::Nested),
            other => Self::Other(other.to_owned()),
        })
    }

    /// The name of its format.
    pub fn format(&self) -> &str {
        match self {
            Self::Account(_) => "account",
            Self::Aliases(_) => "aliases",
            Self::Did(_) => "did",
            Self::Email(_) => "email",
            Self::IssSub { .. } => "iss_sub",
            Self::Opaque(_) => "opaque",
            Self::Phone(_) => "phone_number",
            Self::Uri(_) => "uri",
            Self::JwtId { .. } => "jwt_id",
            Self::SamlAssertion { .. } => "saml_assertion_id",
            Self::Addresses(_) => "ip-addresses",
            Self::Other(format) => format,
        }
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        let mut o = obj([("format", self.format().into())]);
        let mut put = |name: &'static str, value: &str| o.insert(name, value.into());
        match self {
            Self::Account(uri) | Self::Uri(uri) => put("uri", uri),
            Self::Did(url) => put("url", url),
            Self::Email(email) => put("email", email),
            Self::Opaque(id) => put("id", id),
            Self::Phone(number) => put("phone_number", number),
            Self::IssSub { issuer, subject } => {
                put("iss", issuer);
                put("sub", subject);
            }
            Self::JwtId { issuer, id } => {
                put("iss", issuer);
                put("jti", id);
            }
            Self::SamlAssertion { issuer, id } => {
                put("issuer", issuer);
                put("assertion_id", id);
            }
            Self::Aliases(all) => o.insert("identifiers", all.iter().map(Self::to_object).collect()),
            Self::Addresses(all) => o.insert("ip-addresses", all.iter().map(ToString::to_string).collect()),
            Self::Other(_) => {}
        }
        o
    }

    /// Every identifier that it stands for: itself, or those of `aliases`.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::Aliases(all) => all,
            one => std::slice::from_ref(one),
        }
    }
}

fn scheme(text: String, scheme: &str, name: &'static str) -> Result<String, SubjectError> {
    let rest = text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
    if rest && !text.contains(char::is_whitespace) { Ok(text) } else { Err(SubjectError::Member(name)) }
}

fn uri(text: String) -> Result<String, SubjectError> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.as_bytes());
    let fine = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let good = scheme.is_some_and(|s| s.first().is_some_and(u8::is_ascii_alphabetic) && s.iter().all(fine));
    if good && !text.contains(char::is_whitespace) { Ok(text) } else { Err(SubjectError::Member("uri")) }
}

fn email(text: String) -> Result<String, SubjectError> {
    let good = text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if good && !text.contains(char::is_whitespace) { Ok(text) } else { Err(SubjectError::Member("email")) }
}

fn list<'a>(o: &'a Object, name: &'static str) -> Result<&'a [Value], SubjectError> {
    let all = o.get(name).and_then(Value::as_array).filter(|all| (1..=MAX_PARTS).contains(&all.len()));
    all.ok_or(SubjectError::Member(name))
}

fn aliases(o: &Object) -> Result<Vec<SubjectId>, SubjectError> {
    let read = |value| match SubjectId::parse(value)? {
        SubjectId::Aliases(_) => Err(SubjectError::Nested),
        one => Ok(one),
    };
    list(o, "identifiers")?.iter().map(read).collect()
}

fn addresses(o: &Object) -> Result<Vec<IpAddr>, SubjectError> {
    let read = |value: &Value| value.as_str()?.parse().ok();
    let all = list(o, "ip-addresses")?.iter().map(|v| read(v).ok_or(SubjectError::Member("ip-addresses")));
    all.collect()
}

impl Subject {
    /// Somebody whom `issuer` calls `subject`.
    pub fn iss_sub(issuer: &str, subject: &str) -> Self {
        Self::Simple(SubjectId::IssSub { issuer: issuer.to_owned(), subject: subject.to_owned() })
    }

    /// A word that both parties know.
    pub fn opaque(id: &str) -> Self {
        Self::Simple(SubjectId::Opaque(id.to_owned()))
    }

    /// Reads a subject.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub fn parse(value: &Value) -> Result<Self, SubjectError> {
        let o = value.as_object().ok_or(SubjectError::NotObject)?;
        if o.str("format") == Some(COMPLEX) {
            Complex::read(o).map(Self::Complex)
        } else {
            SubjectId::read(o).map(Self::Simple)
        }
    }

    /// As it is written.
    pub fn to_object(&self) -> Object {
        match self {
            Self::Simple(id) => id.to_object(),
            Self::Complex(complex) => complex.to_object(),
        }
    }

    /// Whether an event about `self` is one that `wanted` asks for (SSF §"Subject Matching"). Where one of them is simple
    /// and the other is not, a member that equals the simple one suffices.
    pub fn matches(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Simple(a), Self::Simple(b)) => a == b,
            (Self::Complex(a), Self::Complex(b)) => {
                a.0.iter().all(|(name, id)| b.member(name).is_none_or(|other| other == id))
            }
            (Self::Complex(many), Self::Simple(one)) | (Self::Simple(one), Self::Complex(many)) => {
                many.0.iter().any(|(_, id)| id == one)
            }
        }
    }
}

impl Complex {
    /// A subject of these members; `None` if there are none, or too many, or a name is there twice.
    pub fn new(members: Vec<(String, SubjectId)>) -> Option<Self> {
        let twice = |at: usize| members[..at].iter().any(|(name, _)| *name == members[at].0);
        let good = !members.is_empty() && members.len() <= MAX_PARTS && !(0..members.len()).any(twice);
        let named = |name: &str| name != "format" && is_text(name);
        (good && members.iter().all(|(name, _)| named(name))).then_some(Self(members))
    }

    fn read(o: &Object) -> Result<Self, SubjectError> {
        let members = o.iter().filter(|(name, value)| *name != "format" && value.as_object().is_some());
        let read = |(name, value): (&str, &Value)| Ok((name.to_owned(), SubjectId::parse(value)?));
        let members = members.map(read).collect::<Result<Vec<_>, SubjectError>>()?;
        Self::new(members).ok_or(SubjectError::Member("format"))
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&SubjectId> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, id)| id)
    }

    /// The names of its members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn to_object(&self) -> Object {
        let mut o = obj([("format", COMPLEX.into())]);
        for (name, id) in &self.0 {
            o.insert(name.as_str(), Value::Object(id.to_object()));
        }
        o
    }
}

#[cfg(test)]
mod tests {
    use super::super::MAX_TEXT;
    use super::*;
    use crate::json::{Limits, parse};
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Subject, SubjectError> {
        Subject::parse(&parse(text.as_bytes(), &Limits::TOKEN).unwrap())
    }

    #[test]
    fn every_format_of_the_standards_comes_back() {
        for good in [
            r#"{"format":"account","uri":"acct:example.user@service.example.com"}"#,
            r#"{"format":"email","email":"user@example.com"}"#,
            r#"{"format":"iss_sub","iss":"https://issuer.example.com/","sub":"145234573"}"#,
            r#"{"format":"opaque","id":"11112222333344445555"}"#,
            r#"{"format":"phone_number","phone_number":"+12065550100"}"#,
            r#"{"format":"did","url":"did:example:123456/did/url/path?versionId=1"}"#,
            r#"{"format":"uri","uri":"https://user.example.com/"}"#,
            r#"{"format":"uri","uri":"urn:uuid:4e851e98-83c4-4743-a5da-150ecb53042f"}"#,
            r#"{"format":"aliases","identifiers":[{"format":"email","email":"a@b.c"},{"format":"opaque","id":"1"}]}"#,
            r#"{"format":"jwt_id","iss":"https://idp.example.com/1/","jti":"B70BA622"}"#,
            r#"{"format":"saml_assertion_id","issuer":"https://idp.example.com/1/","assertion_id":"_8e8"}"#,
            r#"{"format":"ip-addresses","ip-addresses":["10.29.37.75","2001:db8::8a2e:370:7334"]}"#,
            r#"{"format":"complex","user":{"format":"email","email":"a@b.c"},"tenant":{"format":"opaque","id":"t"}}"#,
        ] {
            let value = parse(good.as_bytes(), &Limits::TOKEN).unwrap();
            assert_eq!(Value::Object(read(good).unwrap().to_object()), value, "{good}");
        }
        let other = read(r#"{"format":"catalog_item","catalog_id":"c0384"}"#).unwrap();
        assert_eq!(other, Subject::Simple(SubjectId::Other("catalog_item".into())));
        let more = read(r#"{"format":"opaque","id":"1","note":"nobody knows this"}"#).unwrap();
        assert_eq!(more, Subject::opaque("1"));
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for bad in [
            "1",
            "{}",
            r#"{"format":7}"#,
            r#"{"format":"email"}"#,
            r#"{"format":"email","email":"nobody"}"#,
            r#"{"format":"email","email":"a b@c"}"#,
            r#"{"format":"email","email":["a@b"]}"#,
            r#"{"format":"opaque","id":""}"#,
            r#"{"format":"opaque","id":"a\u0000b"}"#,
            r#"{"format":"iss_sub","iss":"https://i"}"#,
            r#"{"format":"did","url":"https://x"}"#,
            r#"{"format":"account","uri":"acct:"}"#,
            r#"{"format":"uri","uri":"no scheme"}"#,
            r#"{"format":"aliases","identifiers":[]}"#,
            r#"{"format":"aliases","identifiers":[{"format":"aliases","identifiers":[{"format":"opaque","id":"1"}]}]}"#,
            r#"{"format":"ip-addresses","ip-addresses":["10.0.0.256"]}"#,
            r#"{"format":"complex"}"#,
            r#"{"format":"complex","user":{"format":"complex","user":{"format":"opaque","id":"1"}}}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let long = format!(r#"{{"format":"opaque","id":"{}"}}"#, "x".repeat(MAX_TEXT + 1));
        assert!(read(&long).is_err());
    }

    #[test]
    fn subjects_match_as_the_framework_says() {
        let tenant = r#""tenant":{"format":"opaque","id":"t"}"#;
        let user = r#""user":{"format":"email","email":"j@example.com"}"#;
        let complex = |members: &str| read(&format!(r#"{{"format":"complex",{members}}}"#)).unwrap();
        let group = |id: &str| format!(r#""group":{{"format":"did","url":"did:example:{id}"}}"#);
        let happened = complex(&format!("{tenant},{user}"));
        assert!(happened.matches(&complex(tenant)));
        let stricter = r#""device":{"format":"ip-addresses","ip-addresses":["10.29.37.75"]}"#;
        assert!(complex(user).matches(&complex(&format!("{user},{stricter}"))));
        let (one, other) =
            (complex(&format!("{user},{}", group("1"))), complex(&format!("{user},{}", group("2"))));
        assert!(!one.matches(&other) && one.matches(&one));
        let email = read(r#"{"format":"email","email":"j@example.com"}"#).unwrap();
        assert!(happened.matches(&email) && email.matches(&email) && !email.matches(&Subject::opaque("j")));
        assert!(!complex(tenant).matches(&email));
    }

    fn id() -> impl Strategy<Value = SubjectId> {
        let word = "[ -~]{1,20}";
        prop_oneof![
            word.prop_map(SubjectId::Opaque),
            (word, word).prop_map(|(issuer, subject)| SubjectId::IssSub { issuer, subject }),
            (word, word).prop_map(|(issuer, id)| SubjectId::JwtId { issuer, id }),
            "[a-z.]{1,9}@[a-z.]{1,9}".prop_map(SubjectId::Email),
            proptest::collection::vec(any::<IpAddr>(), 1..4).prop_map(SubjectId::Addresses),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ids in proptest::collection::vec(id(), 1..5)) {
            let simple = Subject::Simple(SubjectId::Aliases(ids.clone()));
            let named = (0..).map(|n: usize| format!("m{n}")).zip(ids).collect();
            for subject in [simple, Subject::Complex(Complex::new(named).unwrap())] {
                let written = Value::Object(subject.to_object());
                prop_assert_eq!(Subject::parse(&written).unwrap(), subject);
            }
        }
    }
}
