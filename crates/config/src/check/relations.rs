//! Relations: kinds and names that cannot be.

use super::Checked;
use crate::{Config, ConfigError, Span};

pub(super) fn check(config: &Config) -> Checked {
    let said = &config.relations;
    let asked = said.ask.iter().map(|(kind, all)| ("relations.ask", kind, all.as_slice()));
    let parents =
        said.parents.iter().map(|(kind, one)| ("relations.parents", kind, std::slice::from_ref(one)));
    let types = said.types.iter().map(|(kind, one)| ("relations.types", kind, std::slice::from_ref(one)));
    for (key, kind, names) in asked.chain(parents).chain(types) {
        if kind.is_empty() || !kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':')) {
            let reason = format!("`{kind}` is no kind of entity");
            return Err(ConfigError::value(key, reason, "write it as policies do: `Document`"));
        }
        if names.is_empty() {
            let reason = format!("`{kind}` names no relation");
            return Err(ConfigError::value(
                key,
                reason,
                "name those that policies ask for, or leave the kind out",
            ));
        }
        if let Some(odd) = names.iter().find(|n| !is_name(n)) {
            let reason = format!("`{odd}` cannot stand in a model");
            return Err(ConfigError::value(key, reason, "use the name that the model has"));
        }
    }
    if said.changes_last < Span::hours(1) || said.changes_last > Span::days(3650) {
        let fix = "use `1h` to `3650d`; what was written and deleted stands in the record besides";
        return Err(ConfigError::value("relations.changes_last", "it is too short or too long", fix));
    }
    Ok(())
}

/// A relation or a type of a model.
fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    !name.is_empty() && name.len() <= 50 && name.chars().all(fine)
}
