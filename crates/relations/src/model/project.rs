//! `fga.mod`: which files a modular model is made of (OpenFGA, "Modular Models").
//!
//! It is YAML of a fixed form, and read as such: two scalars and a list of file names. What YAML has besides (anchors, tags,
//! documents, texts over several lines) has no place in it and is refused.

use super::raw::{ModelError, Place};
use std::sync::Arc;

/// A model may be made of so many files.
const MOST: usize = 500;

/// The files of a modular model, as `fga.mod` lists them.
#[derive(Debug, Clone)]
pub struct Project {
    files: Vec<Item>,
}

#[derive(Debug, Clone)]
struct Item {
    text: String,
    at: Place,
}

struct Reader<'a> {
    file: Option<Arc<str>>,
    lines: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'a>>>,
    errors: Vec<ModelError>,
}

impl Project {
    /// Reads the text of `fga.mod`; `file` is named in errors.
    ///
    /// # Errors
    /// Everything that is wrong with it; never empty.
    pub fn read(text: &str, file: Option<&str>) -> Result<Self, Vec<ModelError>> {
        let lines = text.lines().enumerate().peekable();
        Reader { file: file.map(Arc::from), lines, errors: Vec::new() }.project()
    }

    /// The files, from the folder of `fga.mod`, in their order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|item| item.text.as_str())
    }

    /// That something is wrong with a file that is listed.
    pub fn wrong(&self, file: &str, why: &str) -> ModelError {
        let nowhere = Place::Text(None, 1, 1);
        let at = self.files.iter().find(|item| item.text == file).map_or(&nowhere, |item| &item.at);
        ModelError::at(at, format!("`{file}`: {why}"))
    }
}

/// What stands on a line before a comment.
fn content(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('#', None) if at == 0 || line[..at].ends_with([' ', '\t']) => return line[..at].trim_end(),
            _ => {}
        }
    }
    line.trim_end()
}

impl<'a> Reader<'a> {
    fn place(&self, line: usize, column: usize) -> Place {
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Place::Text(self.file.clone(), number(line), number(column))
    }

    fn fail(&mut self, at: &Place, why: impl Into<String>) {
        self.errors.push(ModelError::at(at, why));
    }

    /// The next line on which something stands, if `fits` takes it: its number and what stands there.
    fn next(&mut self, fits: impl Fn(&str) -> bool) -> Option<(usize, &'a str)> {
        loop {
            let (n, line) = *self.lines.peek()?;
            let text = content(line);
            if text.trim().is_empty() {
                self.lines.next();
            } else if fits(text) {
                self.lines.next();
                return Some((n, text));
            } else {
                return None;
            }
        }
    }

    fn project(mut self) -> Result<Project, Vec<ModelError>> {
        let (mut schema, mut contents) = (None, None);
        let mut seen = Vec::new();
        while let Some((n, line)) = self.next(|_| true) {
            let at = self.place(n, 0);
            let Some((key, rest)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t', '-']))
            else {
                self.fail(&at, "write `schema: '1.2'` and `contents:` with a list of files");
                continue;
            };
            if seen.contains(&key) {
                self.fail(&at, format!("`{key}` stands there twice"));
            }
            seen.push(key);
            let value = (n, line.len() - rest.trim_start().len(), rest.trim());
            match key {
                "schema" => schema = Some(value),
                // What the whole is called says nothing about what it means.
                "module" => {}
                "contents" => contents = Some(self.contents(value)),
                other => self.fail(
                    &at,
                    format!("`{other}` is not known: there are `schema`, `module` and `contents`"),
                ),
            }
        }
        self.schema(schema);
        let first = self.place(0, 0);
        match &contents {
            None => self.fail(&first, "`contents` is missing: list the files of the model"),
            Some(files) if files.is_empty() && self.errors.is_empty() => {
                self.fail(&first, "`contents` names no file");
            }
            Some(files) if files.len() > MOST => self.fail(&first, format!("a model may have {MOST} files")),
            Some(_) => {}
        }
        if self.errors.is_empty() {
            Ok(Project { files: contents.unwrap_or_default() })
        } else {
            Err(self.errors)
        }
    }

    fn schema(&mut self, schema: Option<(usize, usize, &str)>) {
        let Some((n, column, text)) = schema else {
            let first = self.place(0, 0);
            return self.fail(&first, "`schema` is missing: write `schema: '1.2'`");
        };
        let at = self.place(n, column);
        match scalar(text) {
            // YAML reads 1.2 without quotes as a number; what is meant is plain.
            Some("1.2") => {}
            Some(other) => self.fail(&at, format!("schema `{other}` has no modules: write `schema: '1.2'`")),
            None => self.fail(&at, "the schema's version is missing: write `schema: '1.2'`"),
        }
    }

    /// A list: an item with a `-` on each line, or all of them in `[…]`.
    fn contents(&mut self, (n, column, text): (usize, usize, &str)) -> Vec<Item> {
        let mut found = Vec::new();
        if let Some(inner) = text.strip_prefix('[') {
            let Some(inner) = inner.strip_suffix(']') else {
                let at = self.place(n, column);
                self.fail(&at, "`]` is missing at the end of the line");
                return found;
            };
            let mut from = column + 1;
            for item in inner.split(',') {
                let at = self.place(n, from + (item.len() - item.trim_start().len()));
                from += item.len() + 1;
                self.item(item.trim(), at, &mut found);
            }
            return found;
        }
        if !text.is_empty() {
            let at = self.place(n, column);
            self.fail(&at, "`contents` is a list: write each file on a line of its own, after `- `");
        }
        while let Some((n, line)) = self.next(|line| line.trim_start().starts_with('-')) {
            let item = line.trim_start().trim_start_matches('-');
            let at = self.place(n, line.len() - item.trim_start().len());
            self.item(item.trim(), at, &mut found);
        }
        found
    }

    fn item(&mut self, text: &str, at: Place, found: &mut Vec<Item>) {
        let Some(file) = scalar(text) else { return self.fail(&at, "the name of a file is missing") };
        let file = file.replace('\\', "/");
        let leaves = file.starts_with('/') || file.contains(':') || file.split('/').any(|part| part == "..");
        if !file.ends_with(".fga") {
            self.fail(&at, format!("`{file}` is no file of a model: its name ends in `.fga`"));
        } else if leaves {
            self.fail(&at, format!("`{file}` is not below the folder of `fga.mod`"));
        } else if found.iter().any(|other| other.text == file) {
            self.fail(&at, format!("`{file}` stands there twice"));
        } else {
            found.push(Item { text: file, at });
        }
    }
}

/// A text, with or without quotes; none if it is empty or something else.
fn scalar(text: &str) -> Option<&str> {
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.strip_suffix(quote).filter(|t| !t.is_empty() && !t.contains([quote, '\\']));
        }
    }
    let plain = !text.starts_with(['&', '*', '!', '|', '>', '{', '[', '%', '@', '`', '?']);
    (plain && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<(u32, u32)> {
        let all = Project::read(text, Some("fga.mod")).unwrap_err();
        all.iter().map(|e| e.line_and_column().unwrap()).collect()
    }

    #[test]
    fn files_are_read_in_their_order() {
        let lines = "# ours\nschema: '1.2'\nmodule: acme\ncontents:\n  - core.fga\n\n  # of team 1\n  - \"team1/board.fga\"   # open\n  - team1\\project.fga\n";
        let project = Project::read(lines, None).unwrap();
        assert_eq!(project.files().collect::<Vec<_>>(), ["core.fga", "team1/board.fga", "team1/project.fga"]);
        for same in [
            "schema: \"1.2\"\ncontents: [core.fga, 'team1/board.fga']\n",
            "contents:\n- core.fga\n- team1/board.fga\nschema: 1.2",
            "schema: '1.2'\r\ncontents:\r\n  - core.fga\r\n  - team1/board.fga\r\n",
        ] {
            let project = Project::read(same, None).unwrap();
            assert_eq!(project.files().collect::<Vec<_>>(), ["core.fga", "team1/board.fga"], "{same}");
        }
        let missing = project.wrong("team1/board.fga", "there is no such file");
        assert_eq!(missing.to_string(), "8:5: `team1/board.fga`: there is no such file");
    }

    /// The cases of openfga/language, `tests/data/fga-mod-transformer-cases.yaml` (Apache-2.0): what is wrong and where,
    /// lines and columns counted from 1.
    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, places) in [
            ("module: acme\ncontents:\n  - core.fga\n", vec![(1, 1)]),
            ("schema: true\nmodule: acme\ncontents:\n  - core.fga\n", vec![(1, 9)]),
            ("schema: \"1.1\"\nmodule: acme\ncontents:\n  - core.fga\n", vec![(1, 9)]),
            ("schema: \"1.2\"\nmodule: acme\n", vec![(1, 1)]),
            ("schema: \"1.2\"\nmodule: acme\ncontents: true\n", vec![(3, 11)]),
            ("schema: \"1.2\"\nmodule: acme\ncontents:\n  - true\n  - 1\n", vec![(4, 5), (5, 5)]),
            ("schema: \"1.2\"\nmodule: acme\ncontents:\n  - core.txt\n", vec![(4, 5)]),
        ] {
            assert_eq!(errors(text), places, "{text}");
        }
    }

    #[test]
    fn nothing_outside_the_folder_is_read() {
        for bad in [
            "../core.fga",
            "a/../../core.fga",
            "/etc/core.fga",
            "C:\\core.fga",
            "..\\core.fga",
            "&a core.fga",
            "",
        ] {
            let text = format!("schema: '1.2'\ncontents:\n  - {bad}\n");
            assert!(Project::read(&text, None).is_err(), "{bad}");
        }
        for bad in [
            "",
            "schema: '1.2'\ncontents: []\n",
            "schema: '1.2'\nschema: '1.2'\ncontents:\n  - a.fga\n",
            "schema: '1.2'\ncontents:\n  - a.fga\n  - a.fga\n",
            "schema: '1.2'\ncontents: [a.fga\n",
            "schema: '1.2'\nextends: x\ncontents:\n  - a.fga\n",
        ] {
            assert!(Project::read(bad, None).is_err(), "{bad}");
        }
    }
}
