//! JWT claims (RFC 7519 §4.1): typed, and checked against what is expected.

use super::jws::read_object;
use super::{Algorithm, JoseError, KeySet, verify_jws};
use crate::json::{Object, Value};
use prokura_core::Timestamp;
use std::time::Duration;

/// In [`Expected::types`]: a token without `typ` is accepted.
pub const NO_TYP: &str = "";

/// Whom a token must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// `aud` is this one string: not an array, not even of one.
    Exactly(&'a str),
    /// `aud` is this string, or an array of strings with it among them.
    Contains(&'a str),
    /// Not looked at, but if it is there it must be a string or an array of strings.
    Any,
}

/// What a token must be. Everything here was chosen before the token was seen.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The accepted `typ`s, in any case (RFC 7515 §4.1.9); [`NO_TYP`] stands for its absence. None are
    /// accepted if there are none.
    pub types: &'a [&'a str],
    /// The exact `iss`; `None` if it is not looked at.
    pub issuer: Option<&'a str>,
    /// Whom it must be for.
    pub audience: Audience<'a>,
    /// The accepted algorithms, beyond the pinning by the key.
    pub algorithms: &'a [Algorithm],
    /// The time now.
    pub now: Timestamp,
    /// How far the issuer's clock may differ.
    pub leeway: Duration,
    /// The longest accepted time from `iat` (or now, if that is earlier or missing) to `exp`.
    pub max_lifetime: Option<Duration>,
}

impl<'a> Expected<'a> {
    /// A token of one of these types, with any public-key algorithm, no leeway and no longest life. It accepts
    /// no audience but the empty one and does not look at the issuer, so both are to be said.
    pub fn new(types: &'a [&'a str], now: Timestamp) -> Self {
        Self {
            types,
            issuer: None,
            audience: Audience::Exactly(""),
            algorithms: &Algorithm::PUBLIC,
            now,
            leeway: Duration::ZERO,
            max_lifetime: None,
        }
    }

    /// From exactly this issuer.
    #[must_use]
    pub fn issuer(self, issuer: &'a str) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    /// For this audience.
    #[must_use]
    pub fn audience(self, audience: Audience<'a>) -> Self {
        Self { audience, ..self }
    }

    /// With one of these algorithms.
    #[must_use]
    pub fn algorithms(self, algorithms: &'a [Algorithm]) -> Self {
        Self { algorithms, ..self }
    }
}

/// A token that is what was expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// The protected header.
    pub header: Object,
    /// All claims. `iss`, `sub` and `jti` are strings and `aud` a string or an array of strings, if present.
    pub claims: Object,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
}

/// Verifies a JWT: its signature, its type, and its claims.
///
/// # Errors
/// [`JoseError`]; the first thing that is not as expected.
pub fn verify(compact: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Claims, JoseError> {
    let jws = verify_jws(compact, keys, expected.algorithms)?;
    check_type(&jws.header, expected.types)?;
    let claims = read_object(&jws.payload)?;
    check_texts(&claims)?;
    if expected.issuer.is_some_and(|issuer| claims.str("iss") != Some(issuer)) {
        return Err(JoseError::Issuer);
    }
    check_audience(&claims, expected.audience)?;
    let (expires_at, issued_at) = check_time(&claims, expected)?;
    Ok(Claims { header: jws.header, claims, expires_at, issued_at })
}

fn check_type(header: &Object, types: &[&str]) -> Result<(), JoseError> {
    let typ = match header.get("typ") {
        None => NO_TYP,
        Some(Value::String(typ)) if !typ.is_empty() => typ,
        Some(_) => return Err(JoseError::Type),
    };
    if types.iter().any(|t| t.eq_ignore_ascii_case(typ)) { Ok(()) } else { Err(JoseError::Type) }
}

fn check_texts(claims: &Object) -> Result<(), JoseError> {
    for name in ["iss", "sub", "jti"] {
        if claims.get(name).is_some_and(|v| v.as_str().is_none()) {
            return Err(JoseError::Claim(name));
        }
    }
    Ok(())
}

fn check_audience(claims: &Object, audience: Audience<'_>) -> Result<(), JoseError> {
    let named: Vec<&str> = match claims.get("aud") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            several.iter().map(|v| v.as_str().ok_or(JoseError::Claim("aud"))).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(JoseError::Claim("aud")),
    };
    let fits = match audience {
        Audience::Any => true,
        Audience::Exactly(one) => claims.str("aud") == Some(one),
        Audience::Contains(one) => named.contains(&one),
    };
    if fits { Ok(()) } else { Err(JoseError::Audience) }
}

fn check_time(claims: &Object, expected: &Expected<'_>) -> Result<(Timestamp, Option<Timestamp>), JoseError> {
    let (now, leeway) = (expected.now, expected.leeway);
    let expires_at = numeric_date(claims, "exp")?.ok_or(JoseError::Claim("exp"))?;
    let issued_at = numeric_date(claims, "iat")?;
    let not_before = numeric_date(claims, "nbf")?;
    if now >= expires_at.after(leeway) {
        return Err(JoseError::Expired);
    }
    if [issued_at, not_before].into_iter().flatten().any(|t| t > now.after(leeway)) {
        return Err(JoseError::NotYet);
    }
    if let Some(longest) = expected.max_lifetime {
        let from = issued_at.map_or(now, |t| t.min(now));
        if expires_at.since(from) > longest.saturating_add(leeway) {
            return Err(JoseError::TooLong);
        }
    }
    Ok((expires_at, issued_at))
}

/// A `NumericDate`: seconds, perhaps with a fraction (RFC 7519 §2), up to the year 9999.
pub(crate) fn numeric_date(claims: &Object, name: &'static str) -> Result<Option<Timestamp>, JoseError> {
    const LAST: f64 = 253_402_300_799.0;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.as_number().ok_or(JoseError::Claim(name))?;
    let seconds = number.as_f64();
    if !(0.0..=LAST).contains(&seconds) {
        return Err(JoseError::Claim(name));
    }
    // Within these bounds a double holds microseconds to a few dozen of them.
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    let micros = (seconds * 1e6) as i64;
    Ok(Some(number.as_i64().map_or(Timestamp::from_micros(micros), Timestamp::from_seconds)))
}
