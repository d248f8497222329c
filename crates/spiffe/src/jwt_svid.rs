//! JWT-SVIDs (the JWT-SVID standard): verified by the keys of the trust domain that they name.

use crate::bundle::ALGORITHMS;
use crate::{Bundle, SpiffeId, TrustDomain};
use prokura_core::Timestamp;
use prokura_oauth::foreign;
use prokura_oauth::jose::{Audience, Claims, Expected, JoseError, KeySet, NO_TYP, verify};
use prokura_oauth::json::{Object, Value};
use std::time::Duration;

/// The types that a JWT-SVID may have (§2.3).
const TYPES: [&str; 3] = [NO_TYP, "JWT", "JOSE"];

/// A JWT-SVID that was verified.
#[derive(Debug, Clone, PartialEq)]
pub struct JwtSvid {
    /// Whose it is: a workload of the trust domain.
    pub id: SpiffeId,
    /// All its audiences; the expected one is among them.
    pub audiences: Vec<String>,
    /// `iat`, if it says.
    pub issued_at: Option<Timestamp>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `jti`, if it has one. Agents give one SVID several times, so a repetition is no attack by itself.
    pub token_id: Option<String>,
    /// All claims.
    pub claims: Object,
}

/// What a JWT-SVID has to be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The audiences of which it must name one.
    pub audiences: &'a [&'a str],
    /// Whether it may name no other audience beside that (RFC 7523bis).
    pub alone: bool,
    /// The time now.
    pub now: Timestamp,
    /// How far the clock of the trust domain may differ.
    pub leeway: Duration,
    /// The longest accepted life.
    pub max_lifetime: Duration,
}

/// Why a JWT-SVID is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtSvidError {
    /// Signature, algorithm, type or time does not hold.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// `sub` is no SPIFFE ID of a workload.
    #[error("its `sub` is no SPIFFE ID with a path: received `{0}`")]
    Subject(String),
    /// It is of another trust domain.
    #[error("it is of another trust domain: expected `{expected}`, received `{received}`")]
    Domain {
        /// The trust domain whose bundle was asked.
        expected: TrustDomain,
        /// The one that it names.
        received: TrustDomain,
    },
    /// It is for somebody else, or for others too.
    #[error("its `aud` is not as expected: expected {expected}, received [{}]", received.join(", "))]
    Audience {
        /// What was expected.
        expected: String,
        /// What it says.
        received: Vec<String>,
    },
}

/// What a token says of itself before anything is verified: the trust domain of its `sub`, and its `kid`. `None` if it
/// is no signed token about a SPIFFE ID. It chooses among bundles that the operator named, and nothing else.
pub fn claimed(compact: &str) -> Option<(TrustDomain, Option<String>)> {
    let (subject, kid) = foreign::claimed_subject(compact)?;
    Some((SpiffeId::parse(&subject).ok()?.trust_domain().clone(), kid))
}

impl JwtSvid {
    /// Verifies a JWT-SVID of `domain` by its bundle (§4).
    ///
    /// # Errors
    /// [`JwtSvidError`]; the first thing that is not as wanted.
    pub fn verify(
        compact: &str,
        domain: &TrustDomain,
        bundle: &Bundle,
        wanted: &Wanted<'_>,
    ) -> Result<Self, JwtSvidError> {
        let Claims { claims, expires_at, issued_at, .. } = signed(compact, bundle, wanted)?;
        let subject = claims.str("sub").unwrap_or_default();
        let id = SpiffeId::parse(subject).ok().filter(|id| !id.path().is_empty());
        let id = id.ok_or_else(|| JwtSvidError::Subject(subject.to_owned()))?;
        if id.trust_domain() != domain {
            let received = id.trust_domain().clone();
            return Err(JwtSvidError::Domain { expected: domain.clone(), received });
        }
        let audiences = audiences(&claims);
        wanted.check(&audiences)?;
        let token_id = claims.str("jti").map(str::to_owned);
        Ok(Self { id, audiences, issued_at, expires_at, token_id, claims })
    }
}

impl Wanted<'_> {
    fn check(&self, received: &[String]) -> Result<(), JwtSvidError> {
        let named = received.iter().any(|aud| self.audiences.contains(&aud.as_str()));
        let others = received.iter().any(|aud| !self.audiences.contains(&aud.as_str()));
        if named && !(self.alone && (others || received.len() > 1)) {
            return Ok(());
        }
        let one_of = self.audiences.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(" or ");
        let expected = if self.alone { format!("{one_of} and no other") } else { one_of };
        Err(JwtSvidError::Audience { expected, received: received.to_vec() })
    }
}

/// The claims, if one of the keys signed them. Without a `kid` (§2.2 leaves it open) any key of the domain may have.
fn signed(compact: &str, bundle: &Bundle, wanted: &Wanted<'_>) -> Result<Claims, JoseError> {
    let expected = Expected {
        leeway: wanted.leeway,
        max_lifetime: Some(wanted.max_lifetime),
        ..Expected::new(&TYPES, wanted.now).audience(Audience::Any).algorithms(&ALGORITHMS)
    };
    let named = foreign::claimed(compact).is_some_and(|(_, kid)| kid.is_some());
    if named || bundle.jwt.len() < 2 {
        return verify(compact, &bundle.jwt, &expected);
    }
    let mut last = Err(JoseError::UnknownKey);
    for key in bundle.jwt.iter() {
        let Ok(alone) = KeySet::of(vec![key.clone()]) else { continue };
        last = verify(compact, &alone, &expected);
        if !matches!(last, Err(JoseError::Signature | JoseError::UnknownKey)) {
            break;
        }
    }
    last
}

fn audiences(claims: &Object) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
