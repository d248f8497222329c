//! Access tokens of other issuers (RFC 9068, and what Keycloak, Entra, Okta and Auth0 make instead of it), and the
//! answers of their introspection (RFC 7662 §2.2), read as one type.
//!
//! What is expected was chosen before the token was seen: the issuer to the byte, its own keys and no others, the
//! algorithms, the type, the audiences. Names that a token brings along (its subject, its client) are names of that
//! issuer; whoever uses them puts the issuer beside them.

mod profile;
mod words;

pub use profile::{ClaimPath, Profile};
pub use words::{Word, Words};

use crate::jose::{Algorithm, Audience, Expected, JoseError, KeySet, decode, verify};
use crate::json::{self, Limits, Object, Value};
use prokura_core::{Scope, ScopeSet, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;

/// The longest name of a subject, client or actor, in bytes (OpenID Connect Core §2 allows a subject 255).
const MAX_NAME: usize = 512;
/// The deepest chain of actors that is read.
const MAX_ACTORS: usize = crate::access_token::MAX_ACTORS;
/// The most roles that are read.
const MAX_ROLES: usize = 1024;

/// Whether a person stands behind a token, or software alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A person, for whom the client acts.
    Person,
    /// The client itself, with authority of its own (RFC 6749 §4.4).
    Software,
}

/// What an access token of another issuer says.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignToken {
    /// The issuer, to the byte.
    pub issuer: String,
    /// Who the subject is, in the issuer's words; the client where it acts for itself.
    pub subject: String,
    /// What the subject is.
    pub kind: Subject,
    /// The client, in the issuer's words.
    pub client: String,
    /// The issuer's `act`, unrolled: the current actor first (RFC 8693 §4.1). Information, never authority.
    pub actors: Vec<String>,
    /// The audience that was expected and found.
    pub audience: String,
    /// The words of its scope, in the issuer's vocabulary.
    pub scopes: ScopeSet,
    /// Roles or permissions of whoever the subject is, in the issuer's vocabulary.
    pub roles: BTreeSet<String>,
    /// `jti`.
    pub id: Option<String>,
    /// `iat`, if the token says.
    pub issued_at: Option<Timestamp>,
    /// `exp`; of an introspected token that does not say, when it has to be asked about again.
    pub expires_at: Timestamp,
    /// All claims, as they were verified.
    pub claims: Object,
}

/// A token that is no access token for this resource. Which of these it was is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// Signature, type, issuer or time does not hold.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// The audience is none of those that are expected here.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or cannot be read.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(String),
    /// It is another token of the same issuer: an ID token, a refresh token.
    #[error("it is no access token: {0}")]
    Class(&'static str),
    /// The issuer says that it is not active (RFC 7662 §2.2).
    #[error("the issuer says that the token is not active")]
    Inactive,
}

/// How tokens of one issuer are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The issuer, to the byte.
    pub issuer: String,
    /// Whose way of writing tokens it has.
    pub profile: Profile,
    /// The accepted `typ`s, in any case, in place of the profile's own.
    pub types: Option<Vec<String>>,
    /// The accepted algorithms.
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may differ.
    pub leeway: Duration,
    /// The longest accepted life of a token.
    pub max_lifetime: Duration,
    /// Where the subject stands, in place of the profile's own.
    pub subject: Option<ClaimPath>,
    /// Where the client stands, in place of the profile's own.
    pub client: Option<ClaimPath>,
    /// Where the scope stands, in place of the profile's own.
    pub scope: Option<ClaimPath>,
    /// Where roles stand, in place of the profile's own.
    pub roles: Option<Vec<ClaimPath>>,
}

impl Rules {
    /// How far clocks may differ if nothing is said.
    pub const LEEWAY: Duration = Duration::from_secs(10);
    /// The longest life of a token if nothing is said.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

    /// The rules of a profile, with its own algorithms, types and claims.
    pub fn new(issuer: impl Into<String>, profile: Profile) -> Self {
        Self {
            issuer: issuer.into(),
            profile,
            types: None,
            algorithms: profile.algorithms().to_vec(),
            leeway: Self::LEEWAY,
            max_lifetime: Self::MAX_LIFETIME,
            subject: None,
            client: None,
            scope: None,
            roles: None,
        }
    }

    /// Verifies a signed token: by a key of this issuer, of an accepted type, from exactly this issuer, for one of
    /// these audiences, in time, and no ID token.
    ///
    /// # Errors
    /// [`ForeignError`]; all of them mean `401 invalid_token`.
    pub fn verify(
        &self,
        compact: &str,
        keys: &KeySet,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<ForeignToken, ForeignError> {
        let types = self.accepted_types();
        let expected = Expected {
            leeway: self.leeway,
            max_lifetime: Some(self.max_lifetime),
            ..Expected::new(&types, now)
                .issuer(&self.issuer)
                .audience(Audience::Any)
                .algorithms(&self.algorithms)
        };
        let verified = verify(compact, keys, &expected)?;
        self.profile.check_class(&verified.header, &verified.claims).map_err(ForeignError::Class)?;
        self.read(verified.claims, audiences, verified.expires_at)
    }

    /// Reads what the issuer answered about a token (RFC 7662 §2.2) that was asked about at `now`. An answer
    /// without `exp` holds until `again`.
    ///
    /// # Errors
    /// [`ForeignError`].
    pub fn introspected(
        &self,
        answer: Object,
        audiences: &[String],
        now: Timestamp,
        again: Timestamp,
    ) -> Result<ForeignToken, ForeignError> {
        if answer.get("active").and_then(Value::as_bool) != Some(true) {
            return Err(ForeignError::Inactive);
        }
        if answer.get("iss").is_some_and(|iss| iss.as_str() != Some(self.issuer.as_str())) {
            return Err(JoseError::Issuer.into());
        }
        let date = |name: &str| match answer.get(name) {
            None => Ok(None),
            Some(v) => v
                .as_i64()
                .map(|s| Some(Timestamp::from_seconds(s)))
                .ok_or_else(|| ForeignError::Claim(name.into())),
        };
        let expires_at = date("exp")?.unwrap_or(again);
        if now >= expires_at.after(self.leeway) {
            return Err(JoseError::Expired.into());
        }
        if [date("nbf")?, date("iat")?].into_iter().flatten().any(|t| t > now.after(self.leeway)) {
            return Err(JoseError::NotYet.into());
        }
        self.read(answer, audiences, expires_at)
    }

    fn accepted_types(&self) -> Vec<&str> {
        match &self.types {
            Some(types) => types.iter().map(String::as_str).collect(),
            None => self.profile.types().to_vec(),
        }
    }

    fn read(
        &self,
        claims: Object,
        audiences: &[String],
        expires_at: Timestamp,
    ) -> Result<ForeignToken, ForeignError> {
        let audience = accepted_audience(&claims, audiences)?;
        let client = self.client_of(&claims)?;
        let kind = self.profile.kind(&claims, &client);
        let subject = match kind {
            Subject::Software => client.clone(),
            Subject::Person => self.subject_of(&claims)?,
        };
        let scopes = self.scopes_of(&claims)?;
        let roles = match &self.roles {
            Some(paths) => texts_at(&claims, paths)?,
            None => texts_at(&claims, &self.profile.roles(kind, &audience))?,
        };
        Ok(ForeignToken {
            issuer: self.issuer.clone(),
            subject,
            kind,
            client,
            actors: actors(&claims)?,
            audience,
            scopes,
            roles,
            id: claims.str("jti").map(str::to_owned),
            issued_at: claims.get("iat").and_then(Value::as_i64).map(Timestamp::from_seconds),
            expires_at,
            claims,
        })
    }

    fn client_of(&self, claims: &Object) -> Result<String, ForeignError> {
        match &self.client {
            Some(path) => name_at(claims, path),
            None => first_name(claims, self.profile.client()),
        }
    }

    fn subject_of(&self, claims: &Object) -> Result<String, ForeignError> {
        match &self.subject {
            Some(path) => name_at(claims, path),
            None => first_name(claims, self.profile.subject()),
        }
    }

    /// The scope: words with spaces between them (RFC 9068 §2.2.3), or a list of words. No scope is no authority.
    fn scopes_of(&self, claims: &Object) -> Result<ScopeSet, ForeignError> {
        let path = self.scope.clone().unwrap_or_else(|| ClaimPath::of(&[self.profile.scope()]));
        let malformed = || ForeignError::Claim(path.to_string());
        match path.find(claims) {
            None => Ok(ScopeSet::default()),
            Some(Value::String(text)) => ScopeSet::parse(text).map_err(|_| malformed()),
            Some(Value::Array(list)) => {
                let word = |v: &Value| v.as_str().and_then(|s| Scope::parse(s).ok()).ok_or_else(malformed);
                list.iter().map(word).collect()
            }
            Some(_) => Err(malformed()),
        }
    }
}

/// Which issuer a signed token says it is from, and the `kid` of its header, before anything is verified; `None` if
/// it is no signed token, and so perhaps an opaque one.
pub fn claimed(compact: &str) -> Option<(Option<String>, Option<String>)> {
    let mut parts = compact.split('.');
    let (header, claims) = (object(parts.next()?)?, object(parts.next()?)?);
    (parts.next().is_some() && parts.next().is_none()).then_some(())?;
    Some((claims.str("iss").map(str::to_owned), header.str("kid").map(str::to_owned)))
}

fn object(part: &str) -> Option<Object> {
    json::parse(&decode(part)?, &Limits::TOKEN).ok()?.into_object()
}

fn accepted_audience(claims: &Object, accepted: &[String]) -> Result<String, ForeignError> {
    let named: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    accepted.iter().find(|a| named.contains(&a.as_str())).cloned().ok_or(ForeignError::Audience)
}

fn first_name(claims: &Object, candidates: &[&str]) -> Result<String, ForeignError> {
    let present = candidates.iter().find(|name| claims.contains_key(name));
    name_at(claims, &ClaimPath::of(&[present.or(candidates.first()).copied().unwrap_or_default()]))
}

fn name_at(claims: &Object, path: &ClaimPath) -> Result<String, ForeignError> {
    let named = path.find(claims).and_then(Value::as_str).filter(|s| !s.is_empty() && s.len() <= MAX_NAME);
    named.map(str::to_owned).ok_or_else(|| ForeignError::Claim(path.to_string()))
}

fn texts_at(claims: &Object, paths: &[ClaimPath]) -> Result<BTreeSet<String>, ForeignError> {
    let mut found = BTreeSet::new();
    for path in paths {
        let malformed = || ForeignError::Claim(path.to_string());
        let Some(value) = path.find(claims) else { continue };
        for role in value.as_array().ok_or_else(malformed)? {
            found.insert(role.as_str().ok_or_else(malformed)?.to_owned());
        }
        if found.len() > MAX_ROLES {
            return Err(malformed());
        }
    }
    Ok(found)
}

fn actors(claims: &Object) -> Result<Vec<String>, ForeignError> {
    let bad = || ForeignError::Claim("act".into());
    let (mut chain, mut at) = (Vec::new(), claims);
    while let Some(act) = at.get("act") {
        at = act.as_object().ok_or_else(bad)?;
        chain.push(name_at(at, &ClaimPath::of(&["sub"])).map_err(|_| bad())?);
        if chain.len() > MAX_ACTORS {
            return Err(bad());
        }
    }
    Ok(chain)
}

#[cfg(test)]
mod tests;
