//! Bindings: what the operator says that single tools are for policies. The operator's word stands above the server's.

use crate::fault::Fault;
use crate::ruling::Refused;
use prokura_config::{ArgumentsConfig, Risk, RowsConfig, ToolConfig};
use prokura_core::{Member, Node, Obligation, Path, Rows, Step};
use prokura_mcp::schema::Unnamed;
use prokura_mcp::tool::Hints;
use prokura_oauth::json::{Object, Value, obj};
use prokura_policy::pdp::EntityId;

/// What a tool is for policies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Binding {
    /// What policies call what it does.
    pub(crate) action: Option<String>,
    /// What it is done to, where an argument names it.
    pub(crate) target: Option<Target>,
    /// Which list in its result is released row by row.
    pub(crate) rows: Option<Obligation>,
    /// Whether arguments are refused that its schema does not name.
    pub(crate) strict: bool,
    /// Whether what it answers may name the targets of later calls.
    pub(crate) trusted: bool,
    risk: Option<Risk>,
    reversible: Option<bool>,
}

/// An entity that an argument names.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// What sort of entity.
    pub(crate) kind: String,
    path: Path,
}

impl Binding {
    /// Takes a binding of the configuration.
    pub(crate) fn new(config: &ToolConfig) -> Self {
        Self {
            action: config.action.clone(),
            target: config.target.as_ref().map(|t| Target { kind: t.kind.clone(), path: t.id.clone() }),
            rows: config.rows.as_ref().map(rows),
            strict: config.arguments == ArgumentsConfig::Strict,
            trusted: config.trusted,
            risk: config.risk,
            reversible: config.reversible,
        }
    }

    /// What is done with arguments that no schema names.
    pub(crate) fn unnamed(&self) -> Unnamed {
        if self.strict { Unnamed::Refused } else { Unnamed::Pass }
    }

    /// What stands in the context as `tool`: its name, and what is believed of its effects. The operator's word is taken as
    /// it is, and of the server's what warns.
    pub(crate) fn facts(&self, name: &str, hints: Hints, approved: bool) -> Object {
        let hints = hints.believed(approved);
        let risk = self.risk.unwrap_or(match hints {
            Hints { destructive: true, read_only: false, .. } => Risk::High,
            Hints { read_only: true, .. } => Risk::Low,
            _ => Risk::Medium,
        });
        obj([
            ("name", name.into()),
            ("read_only", hints.read_only.into()),
            ("destructive", (hints.destructive && !hints.read_only).into()),
            ("idempotent", hints.idempotent.into()),
            ("open_world", hints.open_world.into()),
            ("risk", risk.as_str().into()),
            ("reversible", self.reversible.unwrap_or(hints.read_only || !hints.destructive).into()),
            ("approved", approved.into()),
            ("trusted", self.trusted.into()),
        ])
    }
}

fn rows(config: &RowsConfig) -> Obligation {
    let RowsConfig { at, kind, id, action, references } = config.clone();
    Obligation::Rows(Rows { at, kind, id, action, references: references.into_iter().collect() })
}

impl Target {
    /// The entity that these arguments name: by a text, or by a whole number.
    ///
    /// # Errors
    /// [`Fault::Policy`] if they name none, or if two readers could differ about which.
    pub(crate) fn of(&self, arguments: Option<&Object>) -> Result<EntityId, Fault> {
        let unnamed = || Fault::Policy(Box::new(Refused::untargeted(&self.path)));
        let id = arguments.and_then(|a| self.find(a)).ok_or_else(unnamed)?;
        EntityId::new(&self.kind, &id).map_err(|_| unnamed())
    }

    fn find(&self, arguments: &Object) -> Option<String> {
        let (first, rest) = self.path.steps().split_first()?;
        let Step::Member(name) = first else { return None };
        prokura_oauth::json::case_variant(arguments, &[name]).is_none().then_some(())?;
        let value = rest.iter().try_fold(arguments.get(name)?, |at, step| match (step, at) {
            (Step::Member(name), Value::Object(o)) => match at.member(name) {
                Member::Value(_) => o.get(name),
                Member::Absent | Member::Unclear => None,
            },
            (Step::Item(index), Value::Array(items)) => items.get(*index),
            _ => None,
        })?;
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(n) => n.as_i64().map(|n| n.to_string()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn found(path: &str, arguments: &str) -> Option<String> {
        let target = Target { kind: "Employee".to_owned(), path: Path::parse(path).unwrap() };
        let arguments = parse(arguments.as_bytes(), &Limits::MESSAGE).unwrap().into_object().unwrap();
        target.of(Some(&arguments)).ok().map(|id| id.to_string())
    }

    #[test]
    fn e15_a_target_is_named_by_one_argument_that_nobody_reads_otherwise() {
        assert_eq!(found(".id", r#"{"id":"e7"}"#).as_deref(), Some(r#"Employee::"e7""#));
        assert_eq!(found(".id", r#"{"id":7}"#).as_deref(), Some(r#"Employee::"7""#));
        assert_eq!(found(".a.ids[1]", r#"{"a":{"ids":["x","y"]}}"#).as_deref(), Some(r#"Employee::"y""#));
        for (path, odd) in [
            (".id", r#"{}"#),
            (".id", r#"{"id":"e7","ID":"e8"}"#),
            (".id", "{\"id\":\"e7\",\"i\u{200b}d\":\"e8\"}"),
            (".a.id", r#"{"a":{"id":"e7","Id":"e8"}}"#),
            (".id", r#"{"id":["e7"]}"#),
            (".id", r#"{"id":7.0}"#),
            (".id", r#"{"id":1e2}"#),
            (".id", r#"{"id":99999999999999999999}"#),
            (".id", r#"{"id":""}"#),
            (".id", r#"{"id":null}"#),
        ] {
            assert_eq!(found(path, odd), None, "{odd}");
        }
    }

    #[test]
    fn hints_tighten_and_the_operator_has_the_last_word() {
        let harmless = Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
        let fact = |binding: &Binding, hints, approved, name: &str| {
            binding.facts("x", hints, approved).get(name).cloned().unwrap()
        };
        let plain = Binding::default();
        assert_eq!(fact(&plain, harmless, false, "read_only"), Value::Bool(false));
        assert_eq!(fact(&plain, harmless, false, "risk"), "high".into());
        assert_eq!(fact(&plain, harmless, true, "risk"), "low".into());
        assert_eq!(fact(&plain, Hints::default(), true, "reversible"), Value::Bool(false));
        let said = Binding { risk: Some(Risk::Medium), reversible: Some(true), ..Binding::default() };
        assert_eq!(fact(&said, Hints::default(), false, "risk"), "medium".into());
        assert_eq!(fact(&said, Hints::default(), false, "reversible"), Value::Bool(true));
    }
}
