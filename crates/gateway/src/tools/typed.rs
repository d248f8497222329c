//! Typed arguments: what policies decide on is of the types that the tool names, and is what is forwarded.

use super::Tool;
use crate::binding::Binding;
use crate::fault::Fault;
use prokura_mcp::schema::{Misfit, Why, object_has_twins};
use prokura_oauth::json::Object;

/// Checks arguments before they are decided on. Where no schema is known, only that no two readers could differ about them.
///
/// # Errors
/// [`Fault::Arguments`] if they do not fit; [`Fault::ToolSchema`] if the tool has no schema that can be used.
pub(crate) fn check_arguments(
    tool: Option<&Tool>,
    binding: &Binding,
    arguments: Option<&Object>,
) -> Result<(), Fault> {
    let Some(arguments) = arguments else { return Ok(()) };
    if object_has_twins(arguments) {
        return Err(Fault::Arguments(Misfit { place: ".".to_owned(), why: Why::Variant }));
    }
    match tool.map(|tool| &tool.schema) {
        Some(Ok(Some(schema))) => schema.check(arguments, binding.unnamed()).map_err(Fault::Arguments),
        Some(Err(bad)) => Err(Fault::ToolSchema(bad.clone())),
        Some(Ok(None)) | None if binding.strict => Err(Fault::ToolUnknown),
        Some(Ok(None)) | None => Ok(()),
    }
}
