//! Rows and sentences of refusals that are too long for the table.

use super::{Row, own, row};
use crate::mapping::MappingError;
use crate::oblige::Withheld;
use crate::ruling::Refused;
use http::StatusCode;
use prokura_core::Selector;

pub(super) const TOOL_CHANGED: &str =
    "the server describes this tool otherwise than before: an administrator must look at it first";
pub(super) const TOOL_NEW: &str = "this tool must be approved by an administrator first";
pub(super) const TOOL_UNKNOWN: &str =
    "the server does not say which arguments this tool takes, so they cannot be checked";
pub(super) const TOOLS_UNREAD: &str = "the descriptions of tools cannot be read; try again soon";

/// Where mappings of servers are read, the codes are those of the COAZ-MCP binding, "Error Handling".
pub(super) fn policy(refused: &Refused) -> Row {
    match (refused.is_coaz(), refused.is_unanswered()) {
        (false, _) => own(StatusCode::FORBIDDEN, "policy", refused.sentence()),
        (true, false) => row(StatusCode::FORBIDDEN, -32001, "policy", refused.sentence()),
        (true, true) => {
            let sentence = "who decides could not be asked; try again soon";
            row(StatusCode::SERVICE_UNAVAILABLE, -32603, "policy_unanswered", sentence)
        }
    }
}

/// The same, of a mapping from which no question can be made.
pub(super) fn mapping(why: &MappingError) -> Row {
    row(StatusCode::BAD_REQUEST, -32602, "mapping", format!("COAZ mapping error: {why}"))
}

pub(super) fn unmet(obligation: &str) -> String {
    format!("a policy allows it only with `{obligation}`, which cannot be done here")
}

pub(super) fn untold(at: &Selector) -> String {
    format!("a policy lets `{at}` be only what the user agreed to or a trusted source named")
}

pub(super) fn withheld(why: &Withheld) -> String {
    format!("the result is withheld by a policy of this organisation: {why}")
}
