//! Bindings of tools.

use crate::check::Checked;
use crate::{ConfigError, Pinning, ResourceConfig, ToolConfig};

/// Checks the bindings of a resource.
pub(super) fn check(r: &ResourceConfig) -> Checked {
    for (name, tool) in &r.tools {
        let key = |member: &str| format!("resource {}.tools.{name}{member}", r.name);
        if name.is_empty() || name.len() > 256 {
            let fix = "use the name that the server gives the tool, byte for byte";
            return Err(ConfigError::value(key(""), "a tool has a name of 1 to 256 bytes".to_owned(), fix));
        }
        words(tool, &key)?;
        if r.public && tool.target.is_some() {
            let reason = "a public resource knows nobody whom policies could speak of";
            return Err(ConfigError::value(key(".target"), reason.to_owned(), "remove it, or `public`"));
        }
        if r.pin == Pinning::Off && strict(tool) {
            let reason = "with `pin = \"off\"` the schema of a tool is not looked at";
            return Err(ConfigError::value(
                key(".arguments"),
                reason.to_owned(),
                "set `pin = \"first_use\"`",
            ));
        }
    }
    Ok(())
}

fn strict(tool: &ToolConfig) -> bool {
    tool.arguments == crate::ArgumentsConfig::Strict
}

fn words(tool: &ToolConfig, key: &dyn Fn(&str) -> String) -> Checked {
    let kind = |member: &str, kind: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
        let fits = !kind.is_empty() && kind.len() <= 128 && kind.chars().all(plain);
        let reason = "a kind of entity is written with letters, digits, `_`, `-` and `::`".to_owned();
        if fits {
            Ok(())
        } else {
            Err(ConfigError::value(key(member), reason, "write it as policies do: `Employee`"))
        }
    };
    let word = |member: &str, word: &str| {
        let fits = !word.is_empty() && word.len() <= 128 && !word.chars().any(char::is_control);
        let reason = "it is 1 to 128 bytes without control characters".to_owned();
        if fits {
            Ok(())
        } else {
            Err(ConfigError::value(key(member), reason, "write it as policies do: `view`"))
        }
    };
    if let Some(action) = &tool.action {
        word(".action", action)?;
    }
    if let Some(target) = &tool.target {
        kind(".target.kind", &target.kind)?;
    }
    let Some(rows) = &tool.rows else { return Ok(()) };
    kind(".rows.kind", &rows.kind)?;
    word(".rows.id", &rows.id)?;
    word(".rows.action", &rows.action)
}
