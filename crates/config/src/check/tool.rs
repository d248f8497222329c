//! Bindings of tools.

use crate::check::Checked;
use crate::{AuthzenMapping, ConfigError, Pinning, ResourceConfig, ToolConfig};
use prokura_core::Action;

/// Checks the bindings of a resource.
pub(super) fn check(r: &ResourceConfig) -> Checked {
    mapping(r)?;
    for (name, tool) in &r.tools {
        let key = |member: &str| format!("resource {}.tools.{name}{member}", r.name);
        if name.is_empty() || name.len() > 256 {
            let fix = "use the name that the server gives the tool, byte for byte";
            return Err(ConfigError::value(key(""), "a tool has a name of 1 to 256 bytes".to_owned(), fix));
        }
        words(tool, &key)?;
        reached(r, name, &key)?;
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

/// What a server says of its tools is read where it is pinned, and where there is a subject that it cannot change.
fn mapping(r: &ResourceConfig) -> Checked {
    let key = || format!("resource {}.authzen_mapping", r.name);
    if r.authzen_mapping == AuthzenMapping::Off {
        return Ok(());
    }
    if r.public {
        let reason = "a public resource knows nobody whom policies could speak of";
        return Err(ConfigError::value(key(), reason.to_owned(), "remove it, or `public`"));
    }
    if r.pin == Pinning::Off {
        let reason = "with `pin = \"off\"` nobody would see a mapping change";
        return Err(ConfigError::value(key(), reason.to_owned(), "set `pin = \"approve\"`"));
    }
    Ok(())
}

/// A binding that is meant for another name than the tool's would go by unseen, and with it what it asks for.
fn reached(r: &ResourceConfig, name: &str, key: &dyn Fn(&str) -> String) -> Checked {
    let tool = Action::tool(name);
    if r.public || r.scopes.values().any(|s| s.actions.iter().any(|a| a.matches(&tool))) {
        return Ok(());
    }
    let reason = format!("no scope opens the tool `{name}`, so nobody can call it");
    let fix = format!("write `tool:{name}` into the `actions` of a scope, or the name as it stands there");
    Err(ConfigError::value(key(""), reason, fix))
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

#[cfg(test)]
mod tests {
    use crate::{AuthzenMapping, Config};

    fn read(resource: &str) -> Result<Config, String> {
        let text = format!(
            "issuer = \"http://localhost:9400\"\ndatabase = \"sqlite::memory:\"\n[[resource]]\nname = \"crm\"\nupstream = \
             \"http://127.0.0.1:9500/mcp\"\n{resource}\n[resource.scopes]\na = {{ title = \"A\", actions = [\"tool:a\"] }}\n"
        );
        Config::parse(&text).map_err(|e| e.to_string())
    }

    #[test]
    fn a_binding_of_a_tool_that_no_scope_opens_is_refused() {
        let bound = |tool: &str, scope: &str| {
            let text = format!(
                "issuer = \"http://localhost:9400\"\ndatabase = \"sqlite::memory:\"\n[[resource]]\nname = \"crm\"\n\
                 upstream = \"http://127.0.0.1:9500/mcp\"\n[resource.scopes]\n\
                 a = {{ title = \"A\", actions = [\"{scope}\"] }}\n[resource.tools.{tool}]\nrisk = \"high\"\n"
            );
            Config::parse(&text).map(drop).map_err(|e| e.to_string())
        };
        assert_eq!(bound("delete", "tool:delete"), Ok(()));
        assert_eq!(bound("delete", "tool:del*"), Ok(()));
        for scope in ["tool:Delete", "tool:deleted", "resource:delete", "prompt:delete"] {
            let said = bound("delete", scope).unwrap_err();
            assert!(said.starts_with("`resource crm.tools.delete`: no scope opens"), "{said}");
        }
    }

    #[test]
    fn mappings_are_read_only_where_they_are_pinned_and_somebody_is_known() {
        let off = read("").unwrap();
        assert_eq!(off.resources[0].authzen_mapping, AuthzenMapping::Off);
        let on = read("authzen_mapping = \"read\"").unwrap();
        assert_eq!(on.resources[0].authzen_mapping, AuthzenMapping::Read);
        assert!(read("authzen_mapping = \"read\"\npin = \"off\"").unwrap_err().contains("pin = \"approve\""));
        assert!(read("authzen_mapping = \"read\"\npublic = true").unwrap_err().contains("knows nobody"));
        assert!(read("authzen_mapping = \"trust\"").unwrap_err().contains("trust"));
    }
}
