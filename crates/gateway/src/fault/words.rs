//! Sentences of refusals that are too long for the table.

use crate::oblige::Withheld;
use prokura_core::Selector;

pub(super) const TOOL_CHANGED: &str =
    "the server describes this tool otherwise than before: an administrator must look at it first";
pub(super) const TOOL_NEW: &str = "this tool must be approved by an administrator first";
pub(super) const TOOL_UNKNOWN: &str =
    "the server does not say which arguments this tool takes, so they cannot be checked";
pub(super) const TOOLS_UNREAD: &str = "the descriptions of tools cannot be read; try again soon";

pub(super) fn unmet(obligation: &str) -> String {
    format!("a policy allows it only with `{obligation}`, which cannot be done here")
}

pub(super) fn untold(at: &Selector) -> String {
    format!("a policy lets `{at}` be only what the user agreed to or a trusted source named")
}

pub(super) fn withheld(why: &Withheld) -> String {
    format!("the result is withheld by a policy of this organisation: {why}")
}
