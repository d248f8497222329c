//! Authorization details (RFC 9396) of type `mcp_tool`: a limit in the token that must be kept wherever the token is taken.

use super::Caller;
use super::refusal::Refusal;
use prokura_core::{Details, ResourceUri};
use prokura_mcp::envelope::Message;
use prokura_mcp::method::arguments;
use prokura_oauth::json::Value;
use prokura_oauth::rich;

const LIMITED: Refusal = Refusal::InvalidToken("the token has authorization details that are not kept here");

/// The limits of a caller's token. Where messages are not read none can be kept, so no token with limits is taken.
pub(super) fn of(caller: &Caller, resource: &ResourceUri, reads_messages: bool) -> Result<Details, Refusal> {
    let details = rich::of_claims(&caller.0.claims, resource).map_err(|_| LIMITED)?;
    if details.is_empty() || reads_messages { Ok(details) } else { Err(LIMITED) }
}

/// Whether a message keeps them.
pub(super) fn check(details: &Details, message: &Message) -> Result<(), Refusal> {
    let Some(call) = message.call().filter(|_| !details.is_empty()) else { return Ok(()) };
    let Some(arguments) = arguments(call) else { return Ok(()) };
    let tool = call.params.as_ref().and_then(|p| p.get("name")).and_then(Value::as_str).unwrap_or_default();
    details.check(tool, Some(arguments)).map_err(|_| Refusal::Details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::Limits;

    #[test]
    fn a_call_beyond_the_details_is_refused() {
        let resource = ResourceUri::parse("https://rs.example/mcp").unwrap();
        let text = r#"[{"type":"mcp_tool","actions":["a"],"constraints":[["<=",".days",30]]}]"#;
        let details = rich::parse(text, &resource).unwrap();
        let call = |name: &str, arguments: &str| {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments}}}}}"#
            );
            check(&details, &Message::parse(text.as_bytes(), &Limits::MESSAGE).unwrap()).is_ok()
        };
        assert!(call("a", r#"{"days":30}"#));
        assert!(!call("a", r#"{"days":31}"#) && !call("a", "{}") && !call("b", r#"{"days":1}"#));
        let list =
            Message::parse(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, &Limits::MESSAGE).unwrap();
        assert!(check(&details, &list).is_ok());
    }
}
