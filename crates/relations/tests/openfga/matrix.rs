//! `consolidated_1_1_tests.yaml` and `abac_tests.yaml`: each assertion with the tuples written, and where OpenFGA does so too,
//! with the tuples sent with the question.

use crate::yaml::{array, object, read, texts, tuple};
use prokura_oauth::json::{Object, Value};
use prokura_relations::{Ask, AskError, Index, Key, Model, ObjectName, Tuple, User, UserFilter};

/// How OpenFGA counts: assertions of the files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    check: usize,
    objects: usize,
    users: usize,
}

#[test]
fn the_assertions_of_openfga_hold() {
    let Some(folder) = crate::folder() else { return };
    let (mut counts, mut failures) = (Counts::default(), Vec::new());
    for file in ["consolidated_1_1_tests.yaml", "abac_tests.yaml"] {
        let all = read(&std::fs::read_to_string(folder.join(file)).unwrap());
        for test in array(all.as_object().unwrap(), "tests") {
            run(test.as_object().unwrap(), &mut counts, &mut failures);
        }
    }
    assert_eq!(counts, Counts { check: 485, objects: 345, users: 386 });
    assert!(failures.is_empty(), "{} of OpenFGA's assertions fail:\n{}", failures.len(), failures.join("\n"));
}

fn run(test: &Object, counts: &mut Counts, failures: &mut Vec<String>) {
    let name = test.str("name").unwrap();
    let stages = array(test, "stages");
    let mut written: Vec<Tuple> = Vec::new();
    for (i, stage) in stages.iter().enumerate() {
        let stage = stage.as_object().unwrap();
        let model = match Model::from_dsl(stage.str("model").unwrap()) {
            Ok(model) => model,
            Err(errors) => {
                failures.push(format!("{name}: stage {i}: model: {}", errors[0]));
                continue;
            }
        };
        let tuples: Vec<_> = array(stage, "tuples").iter().map(|t| tuple(t).unwrap()).collect();
        for tuple in &tuples {
            if let Err(error) = model.allows(tuple) {
                failures.push(format!("{name}: stage {i}: {error}"));
            }
        }
        written.extend(tuples.iter().cloned());
        let stored =
            Scene { model: &model, index: Index::load(written.iter().cloned()).unwrap(), more: Vec::new() };
        stored.all(stage, &format!("{name}: stage {i}"), failures);
        if stages.len() == 1 && tuples.len() <= 100 {
            let sent = Scene { model: &model, index: Index::new(), more: tuples };
            sent.all(stage, &format!("{name}: stage {i}: sent"), failures);
        }
        counts.check += array(stage, "checkAssertions").len();
        counts.objects += array(stage, "listObjectsAssertions").len();
        counts.users += array(stage, "listUsersAssertions").len();
    }
}

struct Scene<'a> {
    model: &'a Model,
    index: Index,
    more: Vec<Tuple>,
}

/// The error codes of OpenFGA's API.
fn code(error: &AskError, check: bool) -> i64 {
    match error {
        AskError::UnknownType(_) if !check => 2021,
        AskError::UnknownRelation { .. } if !check => 2022,
        AskError::InvalidTuple { .. } => 2027,
        AskError::TooDeep(_) => 2002,
        _ => 2000,
    }
}

impl Scene<'_> {
    fn all(&self, stage: &Object, name: &str, failures: &mut Vec<String>) {
        for (i, of) in array(stage, "checkAssertions").iter().enumerate() {
            let (of, at) = (of.as_object().unwrap(), format!("{name}: check {i}"));
            let found = self.with(of, |ask| self.check(ask, object(of, "tuple")));
            let expected = of.get("expectation").and_then(Value::as_bool);
            compare(&at, of, found.map_err(|e| code(&e, true)), expected.unwrap_or(false), failures);
        }
        for (i, of) in array(stage, "listObjectsAssertions").iter().enumerate() {
            let (of, at) = (of.as_object().unwrap(), format!("{name}: list objects {i}"));
            let found = self.with(of, |ask| self.objects(ask, object(of, "request")));
            compare(&at, of, found, texts(array(of, "expectation")), failures);
        }
        for (i, of) in array(stage, "listUsersAssertions").iter().enumerate() {
            let (of, at) = (of.as_object().unwrap(), format!("{name}: list users {i}"));
            let found = self.with(of, |ask| self.users(ask, object(of, "request")));
            compare(&at, of, found.map_err(|e| code(&e, false)), texts(array(of, "expectation")), failures);
        }
    }

    fn with<T>(&self, of: &Object, f: impl FnOnce(&Ask<'_, Index>) -> T) -> T {
        let mut more = self.more.clone();
        // A tuple that cannot even be read is sent as one of a type that no model has.
        let unreadable = || Tuple::parse("nobody:x", "nothing", "nowhere:x").unwrap();
        more.extend(array(of, "contextualTuples").iter().map(|t| tuple(t).unwrap_or_else(unreadable)));
        f(&Ask::new(self.model, &self.index).context(object(of, "context")).contextual(&more))
    }

    fn check(&self, ask: &Ask<'_, Index>, of: &Object) -> Result<bool, AskError> {
        ask.check(&Key::parse(
            of.str("user").unwrap(),
            of.str("relation").unwrap(),
            of.str("object").unwrap(),
        )?)
    }

    /// What is listed, and that each of it is given.
    fn objects(&self, ask: &Ask<'_, Index>, of: &Object) -> Result<Vec<String>, i64> {
        let (user, relation, kind) =
            (of.str("user").unwrap(), of.str("relation").unwrap(), of.str("type").unwrap());
        let parsed = User::parse(user).map_err(|_| 2000)?;
        if self.model.knows_user(&parsed).is_err() {
            return Err(2000);
        }
        let found = ask.objects(&parsed, relation, kind).map_err(|e| code(&e, false))?;
        for object in &found {
            assert_eq!(
                ask.check(&Key::parse(user, relation, object).unwrap()),
                Ok(true),
                "{object}#{relation}@{user}"
            );
        }
        Ok(found)
    }

    fn users(&self, ask: &Ask<'_, Index>, of: &Object) -> Result<Vec<String>, AskError> {
        let relation = of.str("relation").unwrap();
        let object = ObjectName::parse(of.str("object").unwrap())?;
        let filter = UserFilter::parse(array(of, "filters")[0].as_str().unwrap())?;
        let found = ask.users(&object, relation, &filter)?;
        let mut names: Vec<_> = found.iter().map(ToString::to_string).collect();
        for user in &names {
            let key = Key::parse(user, relation, object.as_str()).unwrap();
            assert_eq!(ask.check(&key), Ok(true), "{key}");
        }
        names.sort();
        Ok(names)
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(
    at: &str,
    of: &Object,
    found: Result<T, i64>,
    expected: T,
    failures: &mut Vec<String>,
) {
    let expected = of.get("errorCode").and_then(Value::as_i64).map_or(Ok(expected), Err);
    if found != expected {
        failures.push(format!("{at}: {found:?}, expected {expected:?}"));
    }
}
