//! What came back, and how long it may be kept.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderName};
use std::time::Duration;

/// A document that was fetched whole.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The status: 200 for `get`; anything but a redirect for `post_form`.
    pub status: u16,
    /// The media type without parameters, in lower case.
    pub content_type: Option<String>,
    /// What `Cache-Control` says.
    pub cache: CacheControl,
    /// `ETag`, as it was sent.
    pub etag: Option<String>,
    /// The content, within the limit.
    pub body: Bytes,
}

/// What `Cache-Control` says (RFC 9111 §5.2.2), as far as it matters to a shared cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheControl {
    /// `s-maxage`, else `max-age`; a number too large to read is the largest.
    pub max_age: Option<Duration>,
    /// `no-store`, `no-cache` or `private`: it should not be kept.
    pub no_store: bool,
}

impl CacheControl {
    /// How long the document may be kept: what the header says, within `least` and `most`; `least` if it should
    /// not be kept at all or nothing is said.
    pub fn keep_for(&self, least: Duration, most: Duration) -> Duration {
        let said = self.max_age.filter(|_| !self.no_store).unwrap_or(least);
        said.clamp(least, most)
    }

    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let mut shared = None;
        for line in headers.get_all(CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok()) {
            for directive in line.split(',') {
                let (name, value) = directive.trim().split_once('=').unwrap_or((directive.trim(), ""));
                match name.to_ascii_lowercase().as_str() {
                    "no-store" | "no-cache" | "private" => found.no_store = true,
                    "max-age" => found.max_age = smaller(found.max_age, seconds(value)),
                    "s-maxage" => shared = smaller(shared, seconds(value)),
                    _ => {}
                }
            }
        }
        found.max_age = shared.or(found.max_age);
        found
    }
}

/// Two values disagree: the more careful one counts.
fn smaller(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn seconds(value: &str) -> Option<Duration> {
    let digits = value.trim().trim_matches('"');
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::from(u32::MAX))))
}

/// The media type without parameters, if there is exactly one `Content-Type`.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = single(headers, &CONTENT_TYPE)?;
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&b);
    (!essence.is_empty() && essence.bytes().all(token)).then_some(essence)
}

/// `application/json`, or a type that is JSON by its suffix (RFC 6839 §3.1).
pub(crate) fn is_json(media_type: &str) -> bool {
    let subtype = media_type.strip_prefix("application/");
    subtype.is_some_and(|s| s == "json" || s.strip_suffix("+json").is_some_and(|n| !n.is_empty()))
}

/// The encoding that was applied, if any was.
pub(crate) fn foreign_encoding(headers: &HeaderMap) -> Option<&[u8]> {
    let all = headers.get_all(CONTENT_ENCODING).iter().map(http::HeaderValue::as_bytes);
    all.into_iter().find(|v| !v.eq_ignore_ascii_case(b"identity"))
}

pub(crate) fn etag(headers: &HeaderMap) -> Option<String> {
    single(headers, &ETAG).filter(|e| e.len() <= 256).map(str::to_owned)
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(n, v): &(&'static str, &'static str)| {
            (HeaderName::from_static(n), http::HeaderValue::from_static(v))
        };
        lines.iter().map(pair).collect()
    }

    fn cache(line: &'static str) -> CacheControl {
        CacheControl::read(&headers(&[("cache-control", line)]))
    }

    #[test]
    fn a_document_is_kept_within_the_bounds_whatever_is_said() {
        let (least, most) = (Duration::from_secs(300), Duration::from_secs(86_400));
        let kept = |line| cache(line).keep_for(least, most).as_secs();
        for (line, secs) in [
            ("max-age=3600", 3600),
            ("max-age=\"3600\"", 3600),
            ("public, Max-Age=600, s-maxage=900", 900),
            ("max-age=315360000", 86_400),
            ("max-age=99999999999999999999999", 86_400),
            ("max-age=3600, max-age=600", 600),
            ("max-age=0", 300),
            ("max-age=-1", 300),
            ("max-age=x", 300),
            ("", 300),
            ("no-store, max-age=3600", 300),
            ("no-cache", 300),
            ("private, max-age=3600", 300),
        ] {
            assert_eq!(kept(line), secs, "{line}");
        }
    }

    #[test]
    fn json_is_told_by_exactly_one_content_type() {
        let json = |lines: &[_]| media_type(&headers(lines)).is_some_and(|t| is_json(&t));
        assert!(json(&[("content-type", "application/json")]));
        assert!(json(&[("content-type", "Application/JSON; charset=utf-8")]));
        assert!(json(&[("content-type", "application/jwk-set+json")]));
        for odd in [
            "text/html",
            "text/json",
            "application/json, text/html",
            "application/jsonp",
            "application/+json",
            "",
        ] {
            assert!(!json(&[("content-type", odd)]), "{odd}");
        }
        assert!(!json(&[]));
        assert!(!json(&[("content-type", "application/json"), ("content-type", "application/json")]));
    }

    #[test]
    fn every_encoding_but_identity_is_foreign() {
        let foreign = |lines: &[_]| foreign_encoding(&headers(lines)).is_some();
        assert!(!foreign(&[]) && !foreign(&[("content-encoding", "Identity")]));
        for odd in ["gzip", "br", "identity, gzip", "", "x"] {
            assert!(foreign(&[("content-encoding", odd)]), "{odd}");
        }
        assert!(foreign(&[("content-encoding", "identity"), ("content-encoding", "gzip")]));
    }
}
