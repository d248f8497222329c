//! The generated JSON schema, for editors and for the documentation.

use crate::Config;

/// The JSON schema of the configuration file, as pretty JSON with a final newline.
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(Config).to_value();
    name_address(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The generator knows no second names: `address` may stand in place of `issuer`.
fn name_address(schema: &mut serde_json::Value) {
    let issuer = schema["properties"]["issuer"].clone();
    schema["properties"]["address"] = issuer;
    if let Some(required) = schema["required"].as_array_mut() {
        required.retain(|name| name != "issuer");
    }
    schema["oneOf"] = serde_json::json!([{ "required": ["issuer"] }, { "required": ["address"] }]);
}
