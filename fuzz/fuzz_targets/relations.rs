//! Whatever text is given as a model of relations, it is read or refused with a place; one that is read answers every question
//! about any tuple within its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_relations::{Ask, AskError, Index, Key, Limits, Model, Project, Tuple, User};

fuzz_target!(|text: &str| {
    match Project::read(text, None) {
        Ok(project) => {
            assert!(project.files().all(|f| f.ends_with(".fga") && f.split('/').all(|part| part != "..")))
        }
        Err(errors) => assert!(!errors.is_empty()),
    }
    let model = match Model::from_dsl(text) {
        Ok(model) => model,
        Err(errors) => {
            assert!(errors.iter().all(|e| e.line_and_column().is_some_and(|(l, c)| l > 0 && c > 0)));
            return;
        }
    };
    let mut tuples = Vec::new();
    for kind in model.kinds() {
        for relation in kind.relations.keys() {
            for user in model.kinds().map(|k| format!("{}:1", k.name)) {
                let Ok(tuple) = Tuple::parse(&user, relation, &format!("{}:1", kind.name)) else { return };
                tuples.extend(model.allows(&tuple).is_ok().then_some(tuple));
            }
        }
    }
    let Ok(index) = Index::load(tuples.into_iter().take(64)) else { return };
    let ask = Ask::new(&model, &index).limits(Limits { steps: 500, ..Limits::MEMORY });
    for kind in model.kinds().take(4) {
        for relation in kind.relations.keys().take(8) {
            let object = format!("{}:1", kind.name);
            let Ok(key) = Key::parse(&object, relation, &object) else { return };
            match (ask.check(&key), ask.objects(&key.user, relation, &kind.name)) {
                (Ok(given), Ok(listed)) => assert_eq!(given, listed.contains(&object), "{key}"),
                (Err(AskError::Condition(_) | AskError::TooDeep(_) | AskError::TooMuch(_)), _)
                | (_, Err(_)) => {}
                (Err(other), _) => panic!("{other}"),
            }
            assert_eq!(User::parse(&key.user.to_string()), Ok(key.user));
        }
    }
});
