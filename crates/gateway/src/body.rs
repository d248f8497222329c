//! The body of a request: what it may be, how large, and how long it may take to come.

use crate::answer::media_type;
use crate::fault::Fault;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, header};
use http_body_util::BodyExt as _;
use std::time::Duration;

/// How long a body may take to come whole.
const IN_TIME: Duration = Duration::from_secs(30);

/// Whether a `POST` brings JSON and takes what may come back.
///
/// # Errors
/// [`Fault::MediaType`]: also for what a page can send without asking first (`text/plain`), and for anything
/// encoded, so that a small body cannot become a large one. [`Fault::NotAcceptable`].
pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), Fault> {
    let single = |name: HeaderName| headers.get_all(name).iter().count() == 1;
    if !single(header::CONTENT_TYPE) || !is_json(headers) {
        return Err(Fault::MediaType);
    }
    let encoded = |v: &http::HeaderValue| !v.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(encoded) {
        return Err(Fault::MediaType);
    }
    if accepts(headers, "application/json") && accepts(headers, "text/event-stream") {
        Ok(())
    } else {
        Err(Fault::NotAcceptable)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let whole = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut parameters = whole.split(';').skip(1).map(str::trim).filter(|p| !p.is_empty());
    let utf8 = |p: &str| {
        p.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    media_type(headers).eq_ignore_ascii_case("application/json") && parameters.all(utf8)
}

/// Whether a request takes answers of this type; without `Accept` it takes all (RFC 9110 §12.5.1).
pub(crate) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return true;
    }
    let group = kind.split('/').next().unwrap_or_default();
    let fits = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        let same = name.eq_ignore_ascii_case(kind)
            || name == "*/*"
            || name.strip_suffix("/*").is_some_and(|g| g.eq_ignore_ascii_case(group));
        same && !refused
    };
    values.filter_map(|v| v.to_str().ok()).any(|v| v.split(',').any(fits))
}

/// Reads the body, never more than `max` bytes of it.
///
/// # Errors
/// [`Fault::TooLarge`] as soon as that is known; [`Fault::SlowBody`].
pub(crate) async fn read(headers: &HeaderMap, body: Body, max: usize) -> Result<Bytes, Fault> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| usize::try_from(n).unwrap_or(usize::MAX) > max) {
        return Err(Fault::TooLarge);
    }
    match tokio::time::timeout(IN_TIME, collect(body, max)).await {
        Ok(whole) => whole,
        Err(_) => Err(Fault::SlowBody),
    }
}

async fn collect(mut body: Body, max: usize) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::SlowBody)?.into_data() else { continue };
        if whole.len() + data.len() > max {
            return Err(Fault::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn only_plain_json_is_taken() {
        let ok = |types: &[&str], encoding: Option<&str>| {
            let mut pairs: Vec<_> = types.iter().map(|t| (header::CONTENT_TYPE, *t)).collect();
            pairs.extend(encoding.map(|e| (header::CONTENT_ENCODING, e)));
            check_headers(&headers(&pairs)).is_ok()
        };
        assert!(
            ok(&["application/json"], None) && ok(&["Application/JSON; charset=UTF-8"], Some("identity"))
        );
        for types in [
            &[][..],
            &["text/plain"],
            &["application/json", "application/json"],
            &["application/json, text/plain"],
            &["application/json; charset=utf-16"],
            &["application/jsonx"],
            &["application/json; boundary=x"],
        ] {
            assert!(!ok(types, None), "{types:?}");
        }
        assert!(!ok(&["application/json"], Some("gzip")));
    }

    #[test]
    fn both_kinds_of_answer_must_be_taken() {
        let ok = |accept: &str| {
            check_headers(&headers(&[(header::CONTENT_TYPE, "application/json"), (header::ACCEPT, accept)]))
                .is_ok()
        };
        assert!(ok("application/json, text/event-stream") && ok("*/*") && ok("application/*;q=0.5, text/*"));
        assert!(
            !ok("application/json") && !ok("text/html") && !ok("text/event-stream, application/json;q=0")
        );
    }
}
