//! Mirrored headers: what of a message stands in the head of its request too (MCP 2026-07-28, "Request Metadata";
//! SEP-2243). Whoever decides reads the message; a header is only ever compared with it, or made from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use std::borrow::Cow;

/// `MCP-Protocol-Version`.
pub const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// `Mcp-Method`.
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// `Mcp-Name`.
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// What the headers that mirror a tool's parameters begin with.
pub const PARAM: &str = "mcp-param-";

/// The parameter that `Mcp-Name` mirrors, for methods that have one (SEP-2243; SEP-2663 for tasks).
pub fn mirrored_name(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// The value that a header carries: as it is, or in the Base64 form (MCP 2026-07-28, "Value Encoding").
///
/// # Errors
/// `None` if it has the form and cannot be decoded to UTF-8.
pub fn decode(value: &str) -> Option<Cow<'_, str>> {
    let Some(inner) = value.strip_prefix("=?base64?").and_then(|v| v.strip_suffix("?=")) else {
        return Some(Cow::Borrowed(value));
    };
    let bytes = STANDARD.decode(inner).ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The header value that carries `text`, in the Base64 form where it must be.
pub fn encode(text: &str) -> Cow<'_, str> {
    let visible = text.bytes().all(|b| matches!(b, 0x20..=0x7e));
    let trimmed = !text.is_empty() && text.trim_matches(' ') == text;
    let looks_encoded = text.starts_with("=?base64?") && text.ends_with("?=");
    if visible && trimmed && !looks_encoded {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("=?base64?{}?=", STANDARD.encode(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_undone_by_decoding() {
        for text in ["x", "é", " a", "", "=?base64?literal?=", "a\nb", "=?base64?="] {
            assert_eq!(decode(&encode(text)).unwrap(), text, "{text:?}");
            assert!(encode(text).bytes().all(|b| (0x20..=0x7e).contains(&b)));
        }
    }
}
