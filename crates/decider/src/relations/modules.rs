//! Models of several files, kept as one text: `{"schema": "1.2", "contents": [{"file": "core.fga", "text": "module core…"}]}`.
//! OpenFGA has no form for it but its own JSON, in which places of errors are lost.

use prokura_oauth::json::{Object, Value, obj};
use prokura_relations::{Model, ModelError, Project};

/// What a modular model is kept as: the files that `fga.mod` lists, each as `read` finds it.
///
/// # Errors
/// Everything that is wrong with `fga.mod`, called `name`, and every file that cannot be read; never empty. Whether it makes
/// a model is for [`read_model`](super::read_model).
pub fn together(
    name: &str,
    text: &str,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<String, Vec<ModelError>> {
    let project = Project::read(text, Some(name))?;
    let (mut contents, mut errors) = (Vec::new(), Vec::new());
    for file in project.files() {
        match read(file) {
            Ok(text) => contents.push(Value::Object(obj([("file", file.into()), ("text", text.into())]))),
            Err(why) => errors.push(project.wrong(file, &why)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let model = obj([("schema", "1.2".into()), ("contents", Value::Array(contents))]);
    Ok(String::from_utf8_lossy(&model.to_vec()).into_owned())
}

/// The files of such a text; `None` if it is another.
pub fn modules(model: &Object) -> Option<Vec<(&str, &str)>> {
    let known = model.keys().all(|k| matches!(k, "schema" | "contents"));
    let contents = model.get("contents").and_then(Value::as_array).filter(|all| !all.is_empty() && known)?;
    if model.str("schema") != Some("1.2") {
        return None;
    }
    contents.iter().map(|one| one.as_object().and_then(|o| Some((o.str("file")?, o.str("text")?)))).collect()
}

/// Reads the JSON of a model: of modules, or as OpenFGA's API has it.
pub(super) fn read_json(model: &Object) -> Result<Model, Vec<ModelError>> {
    match modules(model) {
        Some(files) => {
            let files: Vec<_> = files.into_iter().map(|(file, text)| (Some(file), text)).collect();
            Model::from_modules(&files)
        }
        None => Model::from_json(model),
    }
}
