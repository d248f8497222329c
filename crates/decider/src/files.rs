//! Policy sets as they stand in files.

use crate::text::{MAX_BYTES, SetText, TextFile};
use prokura_config::{PolicyLanguage, PolicySet};
use prokura_policy::pdp::EngineError;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// So many files of one set are read at most.
const MOST_FILES: usize = 4096;

/// Reads the files that a set names; of a folder, all files of its language, by name.
///
/// # Errors
/// Which file cannot be read, and why.
pub fn read(set: &PolicySet) -> Result<SetText, EngineError> {
    let ending = ending(set.language);
    let mut paths = Vec::new();
    for named in &set.files {
        paths.extend(found(named, ending)?);
    }
    if paths.len() > MOST_FILES {
        return Err(wrong(&set.files[0], format!("there are more than {MOST_FILES} files; name fewer")));
    }
    let mut names: HashMap<String, usize> = HashMap::new();
    for path in &paths {
        *names.entry(last(path)).or_default() += 1;
    }
    let mut left = MAX_BYTES;
    let mut file = |path: &Path| {
        let name = last(path);
        let name = if names.get(&name).is_some_and(|n| *n > 1) { path.display().to_string() } else { name };
        text(path, &mut left).map(|text| TextFile { name, text })
    };
    let files = paths.iter().map(|p| file(p)).collect::<Result<Vec<_>, _>>()?;
    let schema = set.schema.as_ref().map(|s| file(Path::new(s))).transpose()?;
    Ok(SetText { language: set.language, files, schema })
}

fn ending(language: PolicyLanguage) -> &'static str {
    match language {
        PolicyLanguage::Rego => "rego",
        PolicyLanguage::Polar => "polar",
        PolicyLanguage::Cedar | PolicyLanguage::Opa | PolicyLanguage::Authzen => "cedar",
    }
}

fn last(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

fn wrong(place: &str, why: impl Into<String>) -> EngineError {
    EngineError { place: place.to_owned(), why: why.into() }
}

fn unread(path: &Path, e: &std::io::Error) -> EngineError {
    wrong(&path.display().to_string(), format!("it cannot be read: {e}"))
}

fn found(named: &str, ending: &str) -> Result<Vec<PathBuf>, EngineError> {
    let path = PathBuf::from(named);
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(|e| unread(&path, &e))? {
        let file = entry.map_err(|e| unread(&path, &e))?.path();
        // An editor's copies begin with a point, and a test of OPA is no policy.
        let name = last(&file);
        let is_test = name.ends_with("_test.rego");
        if file.extension().is_some_and(|e| e == ending) && !name.starts_with('.') && !is_test {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(wrong(named, format!("there is no file `*.{ending}` in this folder")));
    }
    files.sort();
    Ok(files)
}

/// What stands in a file, if there is so much room left.
pub(crate) fn text(path: &Path, left: &mut usize) -> Result<String, EngineError> {
    let size = std::fs::metadata(path).map_err(|e| unread(path, &e))?.len();
    let too_large =
        || wrong(&path.display().to_string(), format!("it is too large: {MAX_BYTES} bytes are read in all"));
    if usize::try_from(size).map_or(true, |size| size > *left) {
        return Err(too_large());
    }
    let text = std::fs::read_to_string(path).map_err(|e| unread(path, &e))?;
    *left = left.checked_sub(text.len()).ok_or_else(too_large)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_config::PolicyMode;

    fn set(files: Vec<String>) -> PolicySet {
        PolicySet {
            name: "staff".into(),
            language: PolicyLanguage::Cedar,
            files,
            schema: None,
            url: None,
            token: None,
            timeout: None,
            mode: PolicyMode::On,
        }
    }

    #[test]
    fn a_folder_is_its_files_by_name_and_names_tell_files_apart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir(folder.path().join("more")).unwrap();
        for name in ["b.cedar", "a.cedar", "x.rego", ".a.cedar", "more/a.cedar", "more/c.cedar"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let names = |s: &PolicySet| read(s).unwrap().files.into_iter().map(|f| f.name).collect::<Vec<_>>();
        assert_eq!(names(&set(vec![folder.path().display().to_string()])), ["a.cedar", "b.cedar"]);
        let two = set(vec![at("a.cedar"), at("more")]);
        assert_eq!(names(&two), [at("a.cedar"), at("more/a.cedar"), "c.cedar".to_owned()]);
        let missing = read(&set(vec![at("none.cedar")])).unwrap_err();
        assert!(missing.place.ends_with("none.cedar") && missing.why.contains("cannot be read"), "{missing}");
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        assert!(read(&set(vec![at("empty")])).unwrap_err().why.contains("no file `*.cedar`"));
    }
}
