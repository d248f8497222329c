//! What a tool says of its effects (MCP 2025-11-25, `ToolAnnotations`): hints, and nothing to rely on.

use prokura_oauth::json::{Object, Value};

/// The hints, with the pessimistic defaults of the protocol where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hints {
    /// It changes nothing.
    pub read_only: bool,
    /// It may take away or overwrite.
    pub destructive: bool,
    /// To do it again changes nothing more.
    pub idempotent: bool,
    /// It reaches beyond a closed domain.
    pub open_world: bool,
}

impl Default for Hints {
    fn default() -> Self {
        Self { read_only: false, destructive: true, idempotent: false, open_world: true }
    }
}

impl Hints {
    /// The hints of `annotations`.
    pub fn of(annotations: Option<&Object>) -> Self {
        let said =
            |name, default| annotations.and_then(|a| a.get(name)).and_then(Value::as_bool).unwrap_or(default);
        let default = Self::default();
        Self {
            read_only: said("readOnlyHint", default.read_only),
            destructive: said("destructiveHint", default.destructive),
            idempotent: said("idempotentHint", default.idempotent),
            open_world: said("openWorldHint", default.open_world),
        }
    }

    /// The hints as far as they may be believed: what warns, always; what reassures, only where somebody `approved` it.
    #[must_use]
    pub fn believed(self, approved: bool) -> Self {
        if approved { self } else { Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::obj;

    #[test]
    fn nobody_is_reassured_by_what_nobody_approved() {
        let kind = obj([
            ("readOnlyHint", true.into()),
            ("destructiveHint", false.into()),
            ("idempotentHint", true.into()),
            ("openWorldHint", false.into()),
        ]);
        let hints = Hints::of(Some(&kind));
        assert!(hints.read_only && !hints.destructive && hints.idempotent && !hints.open_world);
        assert_eq!(hints.believed(false), Hints::default());
        assert_eq!(hints.believed(true), hints);
        assert_eq!(Hints::of(None), Hints::default());
        let odd = obj([("readOnlyHint", "true".into()), ("destructiveHint", 0.into())]);
        assert_eq!(Hints::of(Some(&odd)), Hints::default(), "what is no boolean says nothing");
    }
}
