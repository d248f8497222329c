//! Identity assertion JWT authorization grants (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant-04): by them an
//! identity provider lets a client act for a user at another authorization server, without asking the user there (MCP
//! "Enterprise-Managed Authorization").

use crate::authentication::Authentication;
use crate::jose::{Audience, Expected, JoseError, KeySet, SigningKey, decode, verify};
use crate::json::{self, Limits, Object, Value};
use prokura_core::{ScopeSet, Timestamp};
use std::time::Duration;

/// The `typ` (§3.1).
pub const TYP: &str = "oauth-id-jag+jwt";
/// The forms of that `typ` that are accepted.
const TYPES: [&str; 2] = [TYP, "application/oauth-id-jag+jwt"];
/// The word in the metadata of a server that takes them (§7.2).
pub const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
/// How far clocks may differ.
pub const LEEWAY: Duration = Duration::from_secs(10);
/// The longest `jti`, `sub` or name in a chain, in bytes.
const MAX_WORD: usize = 256;
/// The deepest chain of actors that is read.
const MAX_ACTORS: usize = 5;

/// What an identity provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdJag {
    /// `iss`: who vouches.
    pub issuer: String,
    /// `sub`: for whom, by the issuer's word.
    pub subject: String,
    /// `aud`: at which authorization server, and no other.
    pub audience: String,
    /// `client_id`: which client, by that server's word.
    pub client: String,
    /// `jti`.
    pub id: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `resource`: where.
    pub resource: Option<String>,
    /// `scope`: for what.
    pub scope: Option<ScopeSet>,
    /// `email`, and whether the issuer has verified it.
    pub email: Option<(String, bool)>,
    /// `act`, unrolled: who acts for the subject, the current one first.
    pub actors: Vec<String>,
    /// `auth_time`, `acr`, `amr`, where this server says them; those of others are in their own words.
    pub authentication: Option<Authentication>,
}

/// An assertion that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdJagError {
    /// Signature, type, issuer, audience or time does not hold.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// A claim is missing or malformed.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
}

/// What an assertion says of itself, before anything is verified: only to find the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peek {
    /// Whether its `typ` is that of an ID-JAG.
    pub is_id_jag: bool,
    /// `iss`.
    pub issuer: String,
    /// `kid`.
    pub kid: Option<String>,
}

/// Looks at an assertion that nothing is known of yet.
pub fn peek(compact: &str) -> Option<Peek> {
    let mut parts = compact.split('.');
    let (header, claims) = (object(parts.next()?)?, object(parts.next()?)?);
    let typ = header.str("typ").unwrap_or_default();
    Some(Peek {
        is_id_jag: TYPES.iter().any(|t| t.eq_ignore_ascii_case(typ)),
        issuer: claims.str("iss")?.to_owned(),
        kid: header.str("kid").map(str::to_owned),
    })
}

fn object(part: &str) -> Option<Object> {
    json::parse(&decode(part)?, &Limits::TOKEN).ok()?.into_object()
}

impl IdJag {
    /// Signs it.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        key.sign(TYP, &self.claims())
    }

    fn claims(&self) -> Object {
        let mut o = Object::default();
        o.insert("iss", self.issuer.as_str().into());
        o.insert("sub", self.subject.as_str().into());
        o.insert("aud", self.audience.as_str().into());
        o.insert("client_id", self.client.as_str().into());
        o.insert("jti", self.id.as_str().into());
        o.insert("iat", self.issued_at.seconds().into());
        o.insert("exp", self.expires_at.seconds().into());
        if let Some(resource) = &self.resource {
            o.insert("resource", resource.as_str().into());
        }
        if let Some(scope) = &self.scope {
            o.insert("scope", scope.to_string().into());
        }
        if let Some((email, verified)) = &self.email {
            o.insert("email", email.as_str().into());
            o.insert("email_verified", (*verified).into());
        }
        if let Some(act) = act_claim(&self.actors) {
            o.insert("act", act);
        }
        if let Some(authentication) = &self.authentication {
            authentication.insert_into(&mut o);
        }
        o
    }

    /// Verifies an assertion of `issuer` for the server `audience`, which must be the only one and a single string.
    /// Client, resource and `jti` are still to be checked.
    ///
    /// # Errors
    /// [`IdJagError`]; all of them mean `invalid_grant`.
    pub fn verify(
        compact: &str,
        keys: &KeySet,
        issuer: &str,
        audience: &str,
        longest: Duration,
        now: Timestamp,
    ) -> Result<Self, IdJagError> {
        let expected = Expected {
            leeway: LEEWAY,
            max_lifetime: Some(longest),
            ..Expected::new(&TYPES, now).issuer(issuer).audience(Audience::Exactly(audience))
        };
        let verified = verify(compact, keys, &expected)?;
        let o = &verified.claims;
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: word(o, "sub")?,
            audience: audience.to_owned(),
            client: text(o, "client_id")?.ok_or(IdJagError::Claim("client_id"))?,
            id: word(o, "jti")?,
            issued_at: verified.issued_at.ok_or(IdJagError::Claim("iat"))?,
            expires_at: verified.expires_at,
            resource: text(o, "resource")?,
            scope: scope(o)?,
            email: email(o)?,
            actors: actors(o)?,
            authentication: None,
        })
    }
}

fn text(o: &Object, name: &'static str) -> Result<Option<String>, IdJagError> {
    match o.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= 2048 => Ok(Some(text.clone())),
        Some(_) => Err(IdJagError::Claim(name)),
    }
}

fn word(o: &Object, name: &'static str) -> Result<String, IdJagError> {
    let fine = |w: &&str| !w.is_empty() && w.len() <= MAX_WORD && !w.chars().any(char::is_control);
    o.str(name).filter(fine).map(str::to_owned).ok_or(IdJagError::Claim(name))
}

fn scope(o: &Object) -> Result<Option<ScopeSet>, IdJagError> {
    let scope = text(o, "scope")?.map(|s| ScopeSet::parse(&s)).transpose();
    scope.map_err(|_| IdJagError::Claim("scope"))
}

/// Only a `true` says that it is verified, not some text.
fn email(o: &Object) -> Result<Option<(String, bool)>, IdJagError> {
    let verified = o.get("email_verified").and_then(Value::as_bool) == Some(true);
    Ok(text(o, "email")?.map(|email| (email, verified)))
}

fn act_claim(actors: &[String]) -> Option<Value> {
    actors.iter().rev().fold(None, |inner, actor| {
        let mut o = Object::default();
        o.insert("sub", actor.as_str().into());
        if let Some(inner) = inner {
            o.insert("act", inner);
        }
        Some(Value::Object(o))
    })
}

fn actors(claims: &Object) -> Result<Vec<String>, IdJagError> {
    let (mut chain, mut at) = (Vec::new(), claims);
    while let Some(act) = at.get("act") {
        at = act.as_object().ok_or(IdJagError::Claim("act"))?;
        chain.push(word(at, "sub").map_err(|_| IdJagError::Claim("act"))?);
        if chain.len() > MAX_ACTORS {
            return Err(IdJagError::Claim("act"));
        }
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;

    const IDP: &str = "https://idp.example";
    const AS: &str = "https://as.example";

    fn assertion() -> IdJag {
        IdJag {
            issuer: IDP.into(),
            subject: "U1".into(),
            audience: AS.into(),
            client: "https://agent.example/client.json".into(),
            id: "j1".into(),
            issued_at: Timestamp::from_seconds(1000),
            expires_at: Timestamp::from_seconds(1300),
            resource: Some("https://as.example/mcp/crm".into()),
            scope: Some(ScopeSet::parse("a b").unwrap()),
            email: Some(("ada@example.org".into(), true)),
            actors: vec!["agt_planner".into(), "agt_front".into()],
            authentication: None,
        }
    }

    fn verified(typ: &str, claims: &Object) -> Result<IdJag, IdJagError> {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = KeySet::of(vec![key.public()]).unwrap();
        let compact = key.sign(typ, claims).unwrap();
        let longest = Duration::from_secs(600);
        IdJag::verify(&compact, &keys, IDP, AS, longest, Timestamp::from_seconds(1010))
    }

    #[test]
    fn an_assertion_comes_back_and_says_who_acts() {
        assert_eq!(verified(TYP, &assertion().claims()).unwrap(), assertion());
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let peeked = peek(&assertion().sign(&key).unwrap()).unwrap();
        assert!(peeked.is_id_jag && peeked.issuer == IDP);
        assert!(!peek(&key.sign("JWT", &assertion().claims()).unwrap()).unwrap().is_id_jag);
        assert_eq!(peek("x.y.z"), None);
    }

    #[test]
    fn what_is_another_type_or_malformed_is_refused() {
        for typ in ["JWT", "at+jwt", "oauth-id-jag", ""] {
            assert!(verified(typ, &assertion().claims()).is_err(), "{typ}");
        }
        let changes: Vec<(&str, Value)> = vec![
            ("iss", "https://idp.example/".into()),
            ("aud", "https://as.example/".into()),
            ("aud", Value::Array(vec![AS.into()])),
            ("aud", "https://as.example/token".into()),
            ("sub", "".into()),
            ("sub", 7_i64.into()),
            ("jti", "".into()),
            ("jti", "x".repeat(257).into()),
            ("client_id", 7_i64.into()),
            ("iat", "1000".into()),
            ("exp", 900_i64.into()),
            ("exp", 9000_i64.into()),
            ("resource", Value::Array(vec!["https://as.example/mcp/crm".into()])),
            ("scope", Value::Array(vec!["a".into()])),
            ("scope", "a\"b".into()),
            ("act", "agt_planner".into()),
            ("act", json::obj([("iss", IDP.into())]).into()),
        ];
        for (name, value) in changes {
            let mut claims = assertion().claims();
            claims.insert(name, value.clone());
            assert!(verified(TYP, &claims).is_err(), "{name} {value}");
        }
        for missing in ["sub", "jti", "client_id", "iat", "exp", "aud", "iss"] {
            let mut claims = assertion().claims();
            claims.remove(missing);
            assert!(verified(TYP, &claims).is_err(), "{missing}");
        }
    }

    #[test]
    fn d04_a_chain_that_is_too_deep_is_refused() {
        let deep = IdJag { actors: vec!["a".into(); MAX_ACTORS + 1], ..assertion() };
        assert_eq!(verified(TYP, &deep.claims()), Err(IdJagError::Claim("act")));
        let bare = IdJag { actors: vec!["a".into(); MAX_ACTORS], email: None, ..assertion() };
        assert_eq!(verified(TYP, &bare.claims()).unwrap().actors.len(), MAX_ACTORS);
    }

    #[test]
    fn only_true_says_that_an_address_is_verified() {
        for said in [Value::from("true"), 1_i64.into(), Value::Null, false.into()] {
            let mut claims = assertion().claims();
            claims.insert("email_verified", said.clone());
            assert!(!verified(TYP, &claims).unwrap().email.unwrap().1, "{said}");
        }
    }
}
