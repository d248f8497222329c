//! A policy set as text, and the version that its texts are.

use aws_lc_rs::digest::{SHA256, digest};
use prokura_config::PolicyLanguage;
use prokura_oauth::json::{self, Limits, Object, Value, obj};
use std::fmt::Write as _;

/// The largest set that is read, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// A file of policies, or of their schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Its name, as places in it are told: without the folder, where that is enough to tell it from the others.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// A policy set as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetText {
    /// In what.
    pub language: PolicyLanguage,
    /// The policies.
    pub files: Vec<TextFile>,
    /// What they may speak of.
    pub schema: Option<TextFile>,
}

/// Kept texts that cannot be read again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kept texts of a policy set cannot be read: {0}")]
pub struct UnreadableText(String);

impl SetText {
    /// The version: the SHA-256 of the texts and their names, in hexadecimal digits.
    pub fn version(&self) -> String {
        let mut object = self.to_object();
        object.insert("language", self.language.as_str().into());
        let hash = digest(&SHA256, &object.to_jcs());
        hash.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a text does not fail.
            let _written = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The texts as they are kept: `{"files": [{"name", "text"}], "schema": {"name", "text"}}`.
    pub fn to_object(&self) -> Object {
        let mut object = obj([("files", self.files.iter().map(TextFile::to_object).collect())]);
        if let Some(schema) = &self.schema {
            object.insert("schema", schema.to_object().into());
        }
        object
    }

    /// Reads texts as they are kept.
    ///
    /// # Errors
    /// [`UnreadableText`].
    pub fn from_json(language: PolicyLanguage, text: &str) -> Result<Self, UnreadableText> {
        let limits = Limits { max_bytes: 2 * MAX_BYTES, max_depth: 8 };
        let value = json::parse(text.as_bytes(), &limits).map_err(|e| UnreadableText(e.to_string()))?;
        value
            .as_object()
            .ok_or_else(|| UnreadableText("no object".to_owned()))
            .and_then(|o| Self::from_object(language, o))
    }

    /// Reads texts from an object.
    ///
    /// # Errors
    /// [`UnreadableText`] says which member cannot be used.
    pub fn from_object(language: PolicyLanguage, object: &Object) -> Result<Self, UnreadableText> {
        let wrong = |what: &str| UnreadableText(what.to_owned());
        if let Some(other) = object.keys().find(|k| !matches!(*k, "files" | "schema")) {
            return Err(UnreadableText(format!("`{other}` is not known: there are `files` and `schema`")));
        }
        let files =
            object.get("files").and_then(Value::as_array).ok_or_else(|| wrong("`files` is no list"))?;
        let files: Option<Vec<_>> = files.iter().map(TextFile::of).collect();
        let files = files
            .filter(|f| !f.is_empty())
            .ok_or_else(|| wrong("`files` needs a `name` and a `text` each"))?;
        let schema = object
            .get("schema")
            .map(|s| TextFile::of(s).ok_or_else(|| wrong("`schema` needs `name` and `text`")));
        Ok(Self { language, files, schema: schema.transpose()? })
    }

    /// A line of one of its files, for whoever looks at a place in it.
    pub fn line(&self, file: &str, line: usize) -> Option<&str> {
        let of = self.files.iter().chain(&self.schema).find(|f| f.name == file)?;
        of.text.lines().nth(line.checked_sub(1)?)
    }
}

impl TextFile {
    fn to_object(&self) -> Object {
        obj([("name", self.name.as_str().into()), ("text", self.text.as_str().into())])
    }

    fn of(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let (name, text) = (object.str("name")?, object.str("text")?);
        let fits =
            object.len() == 2 && !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control);
        fits.then(|| Self { name: name.to_owned(), text: text.to_owned() })
    }
}

/// A version as people read it: its first twelve digits.
pub fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(policy: &str) -> SetText {
        let file = |name: &str, text: &str| TextFile { name: name.into(), text: text.into() };
        SetText {
            language: PolicyLanguage::Cedar,
            files: vec![file("a.cedar", policy), file("b.cedar", "")],
            schema: Some(file("s.cedarschema", "entity User;")),
        }
    }

    #[test]
    fn what_is_kept_is_read_the_same_and_every_change_is_another_version() {
        let first = text("permit(principal, action, resource);\n// \"ä\"");
        let kept = String::from_utf8(first.to_object().to_vec()).unwrap();
        let read = SetText::from_json(PolicyLanguage::Cedar, &kept).unwrap();
        assert_eq!(read, first);
        assert_eq!(read.version(), first.version());
        let mut others = vec![text(""), first.clone(), first.clone(), first.clone()];
        others[1].language = PolicyLanguage::Polar;
        others[2].schema = None;
        others[3].files.swap(0, 1);
        for other in others {
            assert_ne!(other.version(), first.version());
        }
        assert_eq!((first.version().len(), short(&first.version()).len()), (64, 12));
        assert_eq!(first.line("a.cedar", 2), Some("// \"ä\""));
    }

    #[test]
    fn texts_of_another_form_are_refused() {
        for odd in [
            "[]",
            "{}",
            r#"{"files":[]}"#,
            r#"{"files":[{"name":"a"}]}"#,
            r#"{"files":[{"name":"a","text":"","more":1}]}"#,
            r#"{"files":[{"name":"a","text":""}],"also":1}"#,
            r#"{"files":[{"name":"a","text":""}],"schema":""}"#,
        ] {
            assert!(SetText::from_json(PolicyLanguage::Rego, odd).is_err(), "{odd}");
        }
    }
}
