//! The sample stores: models, tuples and their own tests.

use crate::yaml::{array, object, read, texts, tuple};
use prokura_oauth::json::{Object, Value};
use prokura_relations::{Ask, Index, Key, Model, ObjectName, Tuple, User, UserFilter};
use std::path::{Path, PathBuf};

/// Of the modular store, the vectors lack the module of the issue tracker, and with it two of its four files.
const WITHOUT_A_MODULE: &[&str] = &["modular/store.fga.yaml", "modular/issue-tracker.fga.yaml"];

#[test]
fn the_sample_stores_pass_their_own_tests() {
    let Some(folder) = crate::folder() else { return };
    let (mut files, mut assertions, mut failures) = (0, 0, Vec::new());
    for file in stores(&folder.join("sample-stores")) {
        let name = file.strip_prefix(folder.join("sample-stores")).unwrap().to_str().unwrap().to_owned();
        if WITHOUT_A_MODULE.contains(&name.as_str()) {
            continue;
        }
        files += 1;
        assertions += run(&name, &file, &mut failures);
    }
    assert!(failures.is_empty(), "{} of {assertions} fail:\n{}", failures.len(), failures.join("\n"));
    assert_eq!((files, assertions), (30, 356));
}

fn stores(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(stores(&path));
        } else if path.to_str().unwrap().ends_with(".fga.yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn model(store: &Object, file: &Path) -> Result<Model, String> {
    let wrong = |errors: Vec<prokura_relations::ModelError>| errors[0].to_string();
    match (store.str("model"), store.str("model_file")) {
        (Some(text), _) => Model::from_dsl(text).map_err(wrong),
        (None, Some(name)) if name.ends_with("fga.mod") => {
            let read = |name: &str| std::fs::read_to_string(file.with_file_name(name)).unwrap();
            let (core, wiki) = (read("core.fga"), read("wiki.fga"));
            Model::from_modules(&[(Some("core.fga"), &core), (Some("wiki.fga"), &wiki)]).map_err(wrong)
        }
        (None, name) => {
            let text =
                std::fs::read_to_string(file.with_file_name(name.unwrap().trim_start_matches("./"))).unwrap();
            Model::from_dsl(&text).map_err(wrong)
        }
    }
}

fn run(name: &str, file: &Path, failures: &mut Vec<String>) -> usize {
    let store = read(&std::fs::read_to_string(file).unwrap());
    let store = store.as_object().unwrap();
    let model = match model(store, file) {
        Ok(model) => model,
        Err(error) => {
            failures.push(format!("{name}: {error}"));
            return 0;
        }
    };
    let mut common = array(store, "tuples").to_vec();
    if let Some(more) = store.str("tuple_file") {
        let more =
            read(&std::fs::read_to_string(file.with_file_name(more.trim_start_matches("./"))).unwrap());
        common.extend(more.as_array().unwrap().iter().cloned());
    }
    let mut assertions = 0;
    for test in array(store, "tests") {
        let test = test.as_object().unwrap();
        let tuples = common.iter().chain(array(test, "tuples")).map(|t| tuple(t).unwrap());
        let tuples: Vec<Tuple> = tuples.collect();
        for tuple in &tuples {
            if let Err(error) = model.allows(tuple) {
                failures.push(format!("{name}: {error}"));
            }
        }
        let index = Index::load(tuples).unwrap();
        let at = format!("{name}: {}", test.str("name").unwrap_or_default());
        let mut scene = Scene { model: &model, index, at, failures };
        assertions += scene.checks(test) + scene.objects(test) + scene.users(test);
    }
    assertions
}

struct Scene<'a> {
    model: &'a Model,
    index: Index,
    at: String,
    failures: &'a mut Vec<String>,
}

/// One name, or several of them.
fn names(of: &Object, one: &str, several: &str) -> Vec<String> {
    of.str(one).map_or_else(|| texts(array(of, several)), |name| vec![name.to_owned()])
}

impl Scene<'_> {
    fn expect<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.failures.push(format!("{}: {what}: {found:?}, expected {expected:?}", self.at));
        }
    }

    fn checks(&mut self, test: &Object) -> usize {
        let mut count = 0;
        for of in array(test, "check") {
            let of = of.as_object().unwrap();
            for (user, object) in names(of, "user", "users")
                .iter()
                .flat_map(|u| names(of, "object", "objects").into_iter().map(move |o| (u.clone(), o)))
            {
                for (relation, expected) in crate::yaml::object(of, "assertions").iter() {
                    count += 1;
                    let key = Key::parse(&user, relation, &object).unwrap();
                    let found = Ask::new(self.model, &self.index)
                        .context(crate::yaml::object(of, "context"))
                        .check(&key);
                    self.expect(&key.to_string(), found, Ok(expected.as_bool().unwrap()));
                }
            }
        }
        count
    }

    fn objects(&mut self, test: &Object) -> usize {
        let mut count = 0;
        for of in array(test, "list_objects") {
            let of = of.as_object().unwrap();
            let user = User::parse(of.str("user").unwrap()).unwrap();
            for (relation, expected) in object(of, "assertions").iter() {
                count += 1;
                let ask = Ask::new(self.model, &self.index).context(object(of, "context"));
                let found = ask.objects(&user, relation, of.str("type").unwrap());
                self.expect(relation, found, Ok(texts(expected.as_array().unwrap_or_default())));
            }
        }
        count
    }

    fn users(&mut self, test: &Object) -> usize {
        let mut count = 0;
        for of in array(test, "list_users") {
            let of = of.as_object().unwrap();
            let to = ObjectName::parse(of.str("object").unwrap()).unwrap();
            let filter = array(of, "user_filter")[0].as_object().unwrap();
            let filter = UserFilter {
                kind: filter.str("type").unwrap().to_owned(),
                relation: filter.get("relation").and_then(Value::as_str).map(str::to_owned),
            };
            for (relation, expected) in object(of, "assertions").iter() {
                count += 1;
                let ask = Ask::new(self.model, &self.index).context(object(of, "context"));
                let found = ask.users(&to, relation, &filter);
                let mut names = found.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
                names.sort();
                self.expect(relation, names, texts(array(expected.as_object().unwrap(), "users")));
            }
        }
        count
    }
}
