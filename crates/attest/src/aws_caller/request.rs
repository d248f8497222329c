//! The signed request as the workload shows it: parts that are read one by one, of which nothing is forwarded as it came.

use super::error::CallerError;
use super::query;
use super::region::Region;
use crate::bound::Bound;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use prokura_core::Timestamp;
use prokura_oauth::json::Object;
use std::collections::BTreeMap;
use std::time::Duration;

/// The only body there is (CVE-2020-16250, and what followed it).
pub(crate) const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
/// SHA-256 of nothing but [`BODY`].
const BODY_SHA256: &str = "ab821ae955788b0e33ebd34c208442ccfc2d406e2edc5e7a39bd6458fbb4f843";
/// The header with our challenge, which must be among the signed ones.
pub const CHALLENGE_HEADER: &str = "x-prokura-challenge";
/// The header with the thumbprint (RFC 7638) of the key that the tokens are to be bound to, signed too.
pub const KEY_HEADER: &str = "x-prokura-key";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How long a signed request is good here, whatever it says: STS itself takes it for 15 minutes.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);
/// How far ahead the clock of a workload may be.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// The longest value of a header or a parameter, in bytes: session tokens are the longest.
const MAX_VALUE: usize = 4096;
/// The longest address.
pub(super) const MAX_URL: usize = 8192;
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A request that was read. All that is left of it are values that were checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignedRequest {
    pub(crate) region: &'static Region,
    pub(crate) host: String,
    pub(crate) signature: Signature,
    /// The signed headers with their values, but for `host`.
    pub(crate) headers: BTreeMap<String, String>,
    date: Timestamp,
    good_for: Duration,
}

/// Where the signature stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// In the header `Authorization` of a `POST`.
    Header(Parameters),
    /// In the query of a `GET`, or of a `POST` without a body.
    Query { parameters: Parameters, post: bool, expires: u64, date: String, token: Option<String> },
}

/// What every signature has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) credential: String,
    pub(crate) signed: String,
    pub(crate) signature: String,
}

impl SignedRequest {
    /// Reads the members `method`, `url`, `headers` and `body`.
    pub(crate) fn read(shown: &Object) -> Result<Self, CallerError> {
        if shown.keys().any(|name| !["method", "url", "headers", "body"].contains(&name)) {
            return Err(CallerError::Member);
        }
        let (host, query) = address(shown.str("url").ok_or(CallerError::Url)?)?;
        let region =
            Region::of_sts(host).ok_or_else(|| CallerError::Host(host.chars().take(80).collect()))?;
        let headers = headers(shown, host)?;
        let post = match shown.str("method") {
            Some("POST") => true,
            Some("GET") => false,
            _ => return Err(CallerError::Method),
        };
        let body = shown.str("body").unwrap_or("");
        let (signature, date) = match query {
            None => by_header(&headers, post, body)?,
            Some(query) => by_query(query, &headers, post, body)?,
        };
        let parameters = signature.parameters();
        let signed = signed_headers(&parameters.signed, &headers)?;
        let good_for = match &signature {
            Signature::Query { expires, .. } => Duration::from_secs(*expires).min(MAX_AGE),
            Signature::Header(_) => MAX_AGE,
        };
        let signed_at = time(&date).ok_or(CallerError::Date)?;
        check_scope(&parameters.credential, region, &date)?;
        Ok(Self { region, host: host.to_owned(), signature, headers: signed, date: signed_at, good_for })
    }

    /// Whether it was signed for this challenge and this key, and not long ago.
    pub(crate) fn check(&self, bound: &Bound<'_>, now: Timestamp) -> Result<(), CallerError> {
        if self.headers.get(CHALLENGE_HEADER).map(String::as_str) != Some(bound.challenge) {
            return Err(CallerError::Challenge);
        }
        if self.headers.get(KEY_HEADER).map(String::as_str) != Some(bound.key.to_string().as_str()) {
            return Err(CallerError::Key);
        }
        if self.date > now.after(AHEAD) || now > self.date.after(self.good_for) {
            return Err(CallerError::Date);
        }
        Ok(())
    }
}

impl Signature {
    fn parameters(&self) -> &Parameters {
        match self {
            Self::Header(parameters) | Self::Query { parameters, .. } => parameters,
        }
    }
}

/// Host and query of `https://HOST/` or `https://HOST/?QUERY`, and of nothing else.
fn address(url: &str) -> Result<(&str, Option<&str>), CallerError> {
    if url.len() > MAX_URL || !url.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(CallerError::Url);
    }
    let rest = url.strip_prefix("https://").ok_or(CallerError::Url)?;
    let (host, after) = rest.split_once('/').ok_or(CallerError::Url)?;
    match after.split_once('?') {
        None if after.is_empty() => Ok((host, None)),
        Some(("", query)) if !query.contains('#') => Ok((host, Some(query))),
        _ => Err(CallerError::Url),
    }
}

/// The headers by their lower-case names. One that means nothing here is refused, and so is one that stands there twice
/// in different case.
fn headers(shown: &Object, host: &str) -> Result<BTreeMap<String, String>, CallerError> {
    let object = shown.get("headers").and_then(|h| h.as_object()).ok_or(CallerError::Headers)?;
    let mut all = BTreeMap::new();
    for (name, value) in object.iter() {
        let name = name.to_ascii_lowercase();
        let value = value.as_str().filter(|v| visible(v)).ok_or(CallerError::Headers)?;
        if !is_right(&name, value, host) {
            return Err(CallerError::Header(name.chars().take(80).collect()));
        }
        if all.insert(name.clone(), value.to_owned()).is_some() {
            return Err(CallerError::Twice(name));
        }
    }
    Ok(all)
}

fn visible(value: &str) -> bool {
    let inner = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    inner && value.len() <= MAX_VALUE && value.trim() == value && !value.contains("  ") && !value.is_empty()
}

/// Whether there is such a header here, and whether its value is the only one that it can have, where there is but one.
fn is_right(name: &str, value: &str, host: &str) -> bool {
    match name {
        "host" => value == host,
        "accept" => value == "application/json",
        "content-type" => value == FORM || value == "application/x-www-form-urlencoded",
        "content-length" => value == BODY.len().to_string(),
        "x-amz-content-sha256" => value == BODY_SHA256,
        "x-amz-security-token" => query::is_token(value),
        "authorization" | "user-agent" | "x-amz-date" | CHALLENGE_HEADER | KEY_HEADER => true,
        _ => false,
    }
}

fn by_header(
    headers: &BTreeMap<String, String>,
    post: bool,
    body: &str,
) -> Result<(Signature, String), CallerError> {
    if !post {
        return Err(CallerError::Method);
    }
    if body != BODY {
        return Err(CallerError::Body);
    }
    let authorization = headers.get("authorization").ok_or(CallerError::Authorization)?;
    let parts = authorization.strip_prefix(ALGORITHM).and_then(|p| p.strip_prefix(' '));
    let mut parts = parts.ok_or(CallerError::Authorization)?.split(',').map(str::trim_start);
    let mut part = |name: &str| parts.next().and_then(|p| p.strip_prefix(name)).map(str::to_owned);
    let (Some(credential), Some(signed), Some(signature)) =
        (part("Credential="), part("SignedHeaders="), part("Signature="))
    else {
        return Err(CallerError::Authorization);
    };
    if parts.next().is_some() {
        return Err(CallerError::Authorization);
    }
    let parameters = Parameters { credential, signed, signature }.checked()?;
    let date = headers.get("x-amz-date").ok_or(CallerError::Date)?.clone();
    Ok((Signature::Header(parameters), date))
}

fn by_query(
    text: &str,
    headers: &BTreeMap<String, String>,
    post: bool,
    body: &str,
) -> Result<(Signature, String), CallerError> {
    if !body.is_empty() {
        return Err(CallerError::Body);
    }
    let of_the_other_form = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
    if of_the_other_form.iter().any(|name| headers.contains_key(*name)) {
        return Err(CallerError::Authorization);
    }
    let mut all = query::read(text)?;
    let mut take = |name: &'static str| all.remove(name).ok_or(CallerError::Missing(name));
    if take("Action")? != "GetCallerIdentity" || take("Version")? != "2011-06-15" {
        return Err(CallerError::Body);
    }
    if take("X-Amz-Algorithm")? != ALGORITHM {
        return Err(CallerError::Authorization);
    }
    let parameters = Parameters {
        credential: take("X-Amz-Credential")?,
        signed: take("X-Amz-SignedHeaders")?,
        signature: take("X-Amz-Signature")?,
    };
    let date = take("X-Amz-Date")?;
    let expires = take("X-Amz-Expires")?;
    let expires = expires.parse().ok().filter(|e: &u64| (1..=900).contains(e) && e.to_string() == expires);
    let token = all.remove("X-Amz-Security-Token");
    let signature = Signature::Query {
        parameters: parameters.checked()?,
        post,
        expires: expires.ok_or(CallerError::Date)?,
        date: date.clone(),
        token,
    };
    Ok((signature, date))
}

impl Parameters {
    fn checked(self) -> Result<Self, CallerError> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if self.signature.len() == 64 && self.signature.bytes().all(hex) {
            Ok(self)
        } else {
            Err(CallerError::Authorization)
        }
    }
}

/// The signed headers, in order and once each, and those that must be among them.
fn signed_headers(
    list: &str,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, CallerError> {
    let names: Vec<_> = list.split(';').collect();
    if !names.is_sorted_by(|a, b| a < b) {
        return Err(CallerError::Authorization);
    }
    let mut signed = BTreeMap::new();
    for name in &names {
        if *name == "host" {
            continue;
        }
        let value = given.get(*name).filter(|_| !matches!(*name, "authorization" | "user-agent"));
        let value = value.ok_or_else(|| CallerError::Header(name.chars().take(80).collect()))?;
        signed.insert((*name).to_owned(), value.clone());
    }
    let binding = |name: &str| name.starts_with("x-");
    if let Some(unsigned) = given.keys().find(|name| binding(name) && !signed.contains_key(*name)) {
        return Err(CallerError::Unsigned(unsigned.clone()));
    }
    for needed in ["host", CHALLENGE_HEADER, KEY_HEADER] {
        if !names.contains(&needed) {
            return Err(CallerError::Unsigned(needed.to_owned()));
        }
    }
    Ok(signed)
}

/// `KEY/DATE/REGION/sts/aws4_request`, of the region that is asked and the day on which it was signed.
fn check_scope(credential: &str, region: &Region, date: &str) -> Result<(), CallerError> {
    let (key, scope) = credential.split_once('/').ok_or(CallerError::Scope)?;
    let fine = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if !(16..=128).contains(&key.len()) || !key.bytes().all(fine) {
        return Err(CallerError::Scope);
    }
    let day = date.get(..8).ok_or(CallerError::Date)?;
    if scope != format!("{day}/{}/sts/aws4_request", region.name) {
        return Err(CallerError::Scope);
    }
    Ok(())
}

/// `YYYYMMDDTHHMMSSZ`.
fn time(text: &str) -> Option<Timestamp> {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse::<i16>().ok()
    };
    let small = |at: usize| i8::try_from(digits(at..at + 2)?).ok();
    if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
        return None;
    }
    let civil =
        DateTime::new(digits(0..4)?, small(4)?, small(6)?, small(9)?, small(11)?, small(13)?, 0).ok()?;
    Some(Timestamp::from_seconds(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()))
}

#[cfg(test)]
mod tests;
