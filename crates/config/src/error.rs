//! Why a configuration cannot be started, and how to mend it.

/// A configuration that cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML, a key is unknown or missing, or a value does not fit.
    #[error("{place}{message}")]
    Syntax {
        /// `line 3, column 1: `, or empty where the place is not known.
        place: String,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// A value is wrong in itself or beside another.
    #[error("`{key}`: {reason}; {fix}")]
    Value {
        /// The key, as a path.
        key: String,
        /// What is wrong.
        reason: String,
        /// How to mend it.
        fix: String,
    },
}

impl ConfigError {
    pub(crate) fn value(key: impl Into<String>, reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Value { key: key.into(), reason: reason.into(), fix: fix.into() }
    }

    pub(crate) fn syntax(text: &str, e: &toml::de::Error) -> Self {
        let place = e.span().and_then(|span| text.get(..span.start)).map(|before| {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}: ")
        });
        let line = e.span().and_then(|span| text.get(span.start..)).and_then(|rest| rest.lines().next());
        Self::Syntax {
            place: place.unwrap_or_default(),
            message: told(e.message(), line.unwrap_or_default()),
        }
    }
}

/// What the reader of TOML says, in words of TOML, and with the word that was probably meant.
fn told(message: &str, line: &str) -> String {
    let message = message
        .split_once("expected struct ")
        .map_or_else(|| message.to_owned(), |(before, _)| format!("{before}expected a table: `{{ … }}`"));
    let message = message
        .replace("invalid type: map, expected a sequence", "a table stands where a list of tables belongs")
        .replace("expected a sequence", "expected a list: `[…]`")
        .replace("invalid type: map,", "invalid type: table,")
        .replace("invalid type: sequence,", "invalid type: list,");
    let table = line.strip_prefix('[').and_then(|l| l.split_once(']')).map(|(name, _)| name);
    if let Some(name) = table.filter(|_| message.starts_with("a table stands")) {
        return format!("{message}: write `[[{name}]]`");
    }
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = words.next().filter(|_| message.starts_with("unknown "));
    let meant = unknown.and_then(|word| {
        let near = words.map(|known| (distance(word, known), known)).min()?;
        // Two letters that changed places are two that are wrong.
        let most = if word.chars().count() < 4 { 1 } else { 2 };
        (near.0 <= most).then_some(near.1)
    });
    match meant {
        Some(meant) => message.replacen(", expected", &format!("; did you mean `{meant}`? Expected"), 1),
        None => message,
    }
}

/// How many letters have to be put in, taken out or changed to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn a_misspelt_word_is_told_with_the_one_that_was_meant() {
        let said = |more: &str| {
            let text = format!("issuer = \"http://localhost:9400\"\ndatabase = \"sqlite:x.db\"\n{more}\n");
            Config::parse(&text).unwrap_err().to_string()
        };
        let key = said("[[resorce]]");
        assert!(
            key.starts_with(
                "line 3, column 3: unknown field `resorce`; did you mean `resource`? Expected one of"
            ),
            "{key}"
        );
        let value = said("[approvals]\nask = \"hihg\"");
        assert!(value.contains("did you mean `high`?"), "{value}");
        assert!(!said("[zzzzz]").contains("did you mean"));
        let list = said("[policy.set]\nname = \"a\"");
        assert!(list.ends_with("a list of tables belongs: write `[[policy.set]]`"), "{list}");
        let list = said("[relations]\nask = { Employee = \"viewer\" }");
        assert!(list.contains("expected a list: `[…]`"), "{list}");
        let table = said("[[client]]\nid = \"a\"\nsecret = 1");
        assert!(!table.contains("struct") && !table.contains("Secret"), "{table}");
    }

    #[test]
    fn the_distance_of_words() {
        for (a, b, far) in [("", "abc", 3), ("kind", "kind", 0), ("nmae", "name", 2), ("taget", "target", 1)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (far, far), "{a} {b}");
        }
    }
}
