//! The generated JSON schema, for editors and for the documentation.

use crate::Config;

/// The JSON schema of the configuration file, as pretty JSON with a final newline.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
