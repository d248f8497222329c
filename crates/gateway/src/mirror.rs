//! The mirrored headers (MCP 2026-07-28, "Request Metadata"; SEP-2243).
//!
//! No decision is taken on them: they are checked against the body, and those that are forwarded are made anew
//! from the body. A lie is refused in every era, so that nothing before or behind this gateway acts on it.

use crate::envelope::{Call, Message};
use crate::method::{META_CAPABILITIES, META_VERSION};
use crate::version::{Era, Version};
use http::{HeaderMap, HeaderName};
pub(crate) use prokura_mcp::header::{METHOD, NAME, PARAM, VERSION, encode};
use prokura_mcp::header::{decode, mirrored_name};
use prokura_oauth::json::{Object, Value};

/// Why the headers of a message are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHeaders {
    /// A header and the body differ, or a header is missing, repeated or cannot be read (-32020).
    #[error("header mismatch: `{header}` {what}")]
    Mismatch {
        /// Which header.
        header: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The version is not relayed here (-32022).
    #[error("unsupported protocol version")]
    UnsupportedVersion {
        /// The version that was asked for, shortened to 64 bytes.
        requested: String,
    },
    /// A modern request lacks what it must say in `_meta` (-32602).
    #[error("`_meta` lacks `{0}`")]
    MissingMeta(&'static str),
}

fn mismatch<T>(header: &'static str, what: &'static str) -> Result<T, BadHeaders> {
    Err(BadHeaders::Mismatch { header, what })
}

/// The one value of a header; its name is for the refusal.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'a str>, BadHeaders> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return mismatch(shown, "is repeated");
    }
    match value.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => mismatch(shown, "has characters outside visible ASCII"),
    }
}

/// Checks the headers against the message and tells its version.
///
/// # Errors
/// [`BadHeaders`] says which rule was broken.
pub fn check(headers: &HeaderMap, message: &Message) -> Result<Version, BadHeaders> {
    let version = version(headers, message)?;
    let Some(call) = message.call() else { return Ok(version) };
    let required = version.era() == Era::Modern && message.request_id().is_some();
    check_method(headers, call, required)?;
    check_name(headers, call, required)?;
    check_params(headers)?;
    if required {
        check_meta(call)?;
    }
    Ok(version)
}

fn version(headers: &HeaderMap, message: &Message) -> Result<Version, BadHeaders> {
    const SHOWN: &str = "MCP-Protocol-Version";
    let header = single(headers, &VERSION, SHOWN)?;
    let body = message.call().and_then(meta).and_then(|m| m.get(META_VERSION));
    match (header, body.map(Value::as_str)) {
        (_, Some(None)) => mismatch(SHOWN, "mirrors a version that is no text"),
        (None, Some(Some(_))) => mismatch(SHOWN, "is missing"),
        (Some(header), Some(Some(body))) if header != body => mismatch(SHOWN, "differs from the body"),
        (Some(header), _) => Version::parse(header)
            .ok_or_else(|| BadHeaders::UnsupportedVersion { requested: header.chars().take(64).collect() }),
        (None, None) => Ok(Version::assumed()),
    }
}

fn check_method(headers: &HeaderMap, call: &Call, required: bool) -> Result<(), BadHeaders> {
    const SHOWN: &str = "Mcp-Method";
    match single(headers, &METHOD, SHOWN)? {
        Some(method) if method == call.method => Ok(()),
        Some(_) => mismatch(SHOWN, "differs from the body"),
        None if required => mismatch(SHOWN, "is missing"),
        None => Ok(()),
    }
}

fn check_name(headers: &HeaderMap, call: &Call, required: bool) -> Result<(), BadHeaders> {
    const SHOWN: &str = "Mcp-Name";
    let header = single(headers, &NAME, SHOWN)?;
    let Some(source) = mirrored_name(&call.method) else { return Ok(()) };
    let body = call.params.as_ref().and_then(|p| p.str(source));
    match (header, body) {
        (Some(header), Some(body)) => match decode(header) {
            Some(header) if header == body => Ok(()),
            Some(_) => mismatch(SHOWN, "differs from the body"),
            None => mismatch(SHOWN, "cannot be decoded"),
        },
        (Some(_), None) => mismatch(SHOWN, "has no counterpart in the body"),
        // For tasks the header helps routing only; the core revision does not require it.
        (None, Some(_)) if required && source != "taskId" => mismatch(SHOWN, "is missing"),
        (None, _) => Ok(()),
    }
}

/// Which parameter a header mirrors stands in the tool's schema, which only the upstream knows; so these are
/// checked for form and forwarded, and the upstream compares them.
fn check_params(headers: &HeaderMap) -> Result<(), BadHeaders> {
    const SHOWN: &str = "Mcp-Param-*";
    for name in headers.keys().filter(|n| n.as_str().starts_with(PARAM)) {
        let value = single(headers, name, SHOWN)?.unwrap_or_default();
        if decode(value).is_none() {
            return mismatch(SHOWN, "cannot be decoded");
        }
    }
    Ok(())
}

fn check_meta(call: &Call) -> Result<(), BadHeaders> {
    let meta = meta(call);
    if meta.and_then(|m| m.str(META_VERSION)).is_none() {
        return Err(BadHeaders::MissingMeta(META_VERSION));
    }
    match meta.and_then(|m| m.get(META_CAPABILITIES)) {
        Some(Value::Object(_)) => Ok(()),
        _ => Err(BadHeaders::MissingMeta(META_CAPABILITIES)),
    }
}

fn meta(call: &Call) -> Option<&Object> {
    call.params.as_ref()?.get("_meta")?.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::Limits;

    fn call(method: &str, params: &str) -> Message {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        Message::parse(text.as_bytes(), &Limits::MESSAGE).unwrap()
    }

    fn modern(name: &str) -> Message {
        let meta = format!(r#""_meta":{{"{META_VERSION}":"2026-07-28","{META_CAPABILITIES}":{{}}}}"#);
        call("tools/call", &format!(r#"{{"name":"{name}",{meta}}}"#))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    const V: (&str, &str) = ("mcp-protocol-version", "2026-07-28");
    const M: (&str, &str) = ("mcp-method", "tools/call");

    #[test]
    fn headers_that_tell_the_truth_pass() {
        assert!(check(&headers(&[V, M, ("mcp-name", "x")]), &modern("x")).is_ok());
        assert!(check(&headers(&[V, M, ("mcp-name", "=?base64?w6k=?=")]), &modern("é")).is_ok());
        let params =
            [V, M, ("mcp-name", "x"), ("mcp-param-region", "us"), ("mcp-param-a", "=?base64?w6k=?=")];
        assert!(check(&headers(&params), &modern("x")).is_ok());
        assert_eq!(check(&headers(&[]), &call("ping", "{}")).unwrap(), Version::assumed());
    }

    #[test]
    fn headers_that_lie_are_refused_in_every_era() {
        let n = ("mcp-name", "x");
        let refused: [&[(&'static str, &str)]; 9] = [
            &[M, n],
            &[("mcp-protocol-version", "2025-11-25"), M, n],
            &[V, n],
            &[V, ("mcp-method", "TOOLS/CALL"), n],
            &[V, M],
            &[V, M, ("mcp-name", "X")],
            &[V, M, n, n],
            &[V, M, ("mcp-name", "=?base64?!!?=")],
            &[V, M, n, ("mcp-param-a", "=?base64?*?=")],
        ];
        for pairs in refused {
            let answer = check(&headers(pairs), &modern("x"));
            assert!(matches!(answer, Err(BadHeaders::Mismatch { .. })), "{pairs:?}: {answer:?}");
        }
        let old = call("tools/call", r#"{"name":"x"}"#);
        for pair in [("mcp-name", "y"), ("mcp-method", "tools/list")] {
            let pairs = [("mcp-protocol-version", "2025-06-18"), pair];
            assert!(matches!(check(&headers(&pairs), &old), Err(BadHeaders::Mismatch { .. })), "{pair:?}");
        }
    }

    #[test]
    fn a_version_must_be_known_and_a_modern_request_whole() {
        let unknown = check(&headers(&[("mcp-protocol-version", "1900-01-01")]), &call("ping", "{}"));
        assert!(
            matches!(unknown, Err(BadHeaders::UnsupportedVersion { requested }) if requested == "1900-01-01")
        );
        let bare = call("tools/call", r#"{"name":"x"}"#);
        let whole = [V, M, ("mcp-name", "x")];
        assert_eq!(check(&headers(&whole), &bare), Err(BadHeaders::MissingMeta(META_VERSION)));
        let half =
            call("tools/call", &format!(r#"{{"name":"x","_meta":{{"{META_VERSION}":"2026-07-28"}}}}"#));
        assert_eq!(check(&headers(&whole), &half), Err(BadHeaders::MissingMeta(META_CAPABILITIES)));
    }
}
