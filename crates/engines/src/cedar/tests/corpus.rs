//! Cedar's own suites through our index and walk: decisions, reasons and failures of each request (cedar-policy/
//! cedar-integration-tests, Apache-2.0). `docs/policy-conformance.md` has the figures.

use super::*;
use prokura_oauth::json::{Limits, parse};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The suites; `None`, said aloud, where they are absent. In CI they must be there.
fn suites() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let path = std::env::var_os("PROKURA_VECTORS").map_or_else(beside, PathBuf::from).join("cedar");
    if path.exists() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "Cedar's suites are missing in CI");
    eprintln!("SKIPPED: no vectors `cedar`; set PROKURA_VECTORS");
    None
}

/// Files by their names.
type Files = HashMap<String, Vec<u8>>;

/// The files of an archive: gzip (RFC 1952) around tar (POSIX ustar).
fn unpacked(archive: &[u8]) -> Files {
    let flags = archive[3];
    let mut at = 10;
    if flags & 8 != 0 {
        at += archive[at..].iter().position(|b| *b == 0).unwrap() + 1;
    }
    let tar = miniz_oxide::inflate::decompress_to_vec(&archive[at..]).unwrap();
    let (mut files, mut at) = (Files::new(), 0);
    while let Some(header) = tar.get(at..at + 512).filter(|h| h[0] != 0) {
        let text =
            |field: &[u8]| String::from_utf8(field.split(|b| *b == 0).next().unwrap().to_vec()).unwrap();
        let size = usize::from_str_radix(text(&header[124..136]).trim(), 8).unwrap();
        files.insert(text(&header[..100]), tar[at + 512..at + 512 + size].to_vec());
        at += 512 + size.div_ceil(512) * 512;
    }
    files
}

fn json(bytes: &[u8]) -> Value {
    let text = without_nul(std::str::from_utf8(bytes).unwrap(), "u0000", "\\ue000");
    parse(text.as_bytes(), &Limits { max_bytes: 64 << 20, max_depth: 256 }).unwrap()
}

/// The text with NUL replaced by a character that the corpus does not use: our JSON reader lets no name in that has NUL, and
/// no request can have one. `escape` is how the text writes it behind a backslash.
fn without_nul(text: &str, escape: &str, instead: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(beyond) = after.strip_prefix(escape) {
            out.push_str(instead);
            rest = beyond;
        } else {
            let next = after.chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[at..at + 1 + next]);
            rest = &after[next..];
        }
    }
    out + rest
}

/// The policies without their annotations: the corpus has them at random, and we refuse those that nobody knows. Each
/// stands in a line of its own.
fn plain(policies: &str) -> String {
    policies.lines().filter(|l| !l.starts_with('@')).collect::<Vec<_>>().join("\n")
}

fn object(value: &Value) -> &Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        other => panic!("{other:?}"),
    }
}

fn name(value: &Value) -> EntityId {
    let named = match object(value).get("__entity") {
        Some(inner) => object(inner),
        None => object(value),
    };
    EntityId::verbatim(named.str("type").unwrap(), named.str("id").unwrap())
}

/// The hand-written data leaves it to the schema to say what is a reference.
fn explicit(value: &Value) -> Value {
    match value {
        Value::Object(o) if o.len() == 2 && o.str("type").is_some() && o.str("id").is_some() => {
            obj([("__entity", value.clone())]).into()
        }
        Value::Object(o) if !o.contains_key("__entity") => {
            Value::Object(o.iter().map(|(k, v)| (k, explicit(v))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(explicit).collect()),
        other => other.clone(),
    }
}

fn entities(file: &Value, implicit: bool) -> Known {
    let read = |value: &Value| {
        let entity = object(value);
        let attributes = entity.get("attrs").cloned().unwrap_or(Value::Object(Object::new()));
        let attributes = if implicit { explicit(&attributes) } else { attributes };
        let mut attributes = object(&attributes).clone();
        if let Some(tags) = entity.get("tags") {
            attributes.insert("__tags", tags.clone());
        }
        let parents = list(entity.get("parents")).iter().map(name).collect();
        Entity { id: name(entity.get("uid").unwrap()), attributes, parents }
    };
    Known::of(list(Some(file)).iter().map(read))
}

/// Figures of a run.
#[derive(Debug, Default)]
struct Figures {
    cases: usize,
    validated: usize,
    requests: usize,
    failures: Vec<String>,
}

/// What Cedar's validator of this version says of the texts as they are.
fn is_valid(policies: &str, schema: &str) -> bool {
    let (Ok(policies), Ok((schema, _))) =
        (policies.parse(), cedar_policy::Schema::from_cedarschema_str(schema))
    else {
        return false;
    };
    let validator = cedar_policy::Validator::new(schema);
    validator.validate(&policies, cedar_policy::ValidationMode::Strict).validation_passed()
}

fn case(title: &str, test: &Object, read: &dyn Fn(&str) -> Vec<u8>, implicit: bool, figures: &mut Figures) {
    let raw = |name: &str| String::from_utf8(read(test.str(name).unwrap())).unwrap();
    let text = |name: &str| without_nul(&raw(name), "0", "\\u{e000}");
    let source = [Source::new("p", plain(&text("policies")))];
    let schema = Source::new("s", text("schema"));
    figures.cases += 1;
    let valid = CedarEngine::load(&source, Some(schema));
    // The corpus is of Cedar 4.10: where the verdict is another, this version's validator must say so too.
    if valid.is_ok() == (test.get("shouldValidate") == Some(&Value::Bool(true))) {
        figures.validated += 1;
    } else if valid.is_ok() != is_valid(&raw("policies"), &raw("schema")) {
        figures.failures.push(format!("{title}: valid is {}, and not so for Cedar", valid.is_ok()));
    }
    let engine = match valid.or_else(|_| CedarEngine::load(&source, None)) {
        Ok(engine) => engine,
        Err(why) => return figures.failures.push(format!("{title}: {why:?}")),
    };
    let known = entities(&json(&read(test.str("entities").unwrap())), implicit);
    for request in list(test.get("requests")) {
        let told = compare(&engine, &known, object(request));
        figures.requests += 1;
        figures.failures.extend(told.err().map(|why| format!("{title}: {why}")));
    }
}

/// One request: decision, reasons and failures.
fn compare(engine: &CedarEngine, known: &Known, request: &Object) -> Result<(), String> {
    let part = |which: &str| request.get(which).map(name).unwrap();
    let own = |id: EntityId| known.entity(&id);
    let (principal, resource) = (part("principal"), part("resource"));
    // Whoever is not in the directory is not known: a bare entity would be.
    let stranger = Entity::bare(EntityId::verbatim("Nobody", ""));
    let asked = Asked::of(own(principal.clone()).map_or(stranger.clone(), |e| (*e).clone()), "", stranger);
    let context = object(request.get("context").unwrap());
    let question = Question { context, arguments: None, ..asked.question(known) };
    let (lent, action) = (Lent::default(), part("action"));
    let session = Session::raw(&question, [Uid::of(&principal), Uid::of(&action), Uid::of(&resource)], &lent);
    let found = engine.index.find(&session);
    let outcome = engine.outcome(&session, &found);
    let at =
        |rule: &Rule| format!("policy{}", engine.rules.iter().position(|r| std::ptr::eq(r, rule)).unwrap());
    let texts = |which: &str| -> BTreeSet<String> {
        list(request.get(which)).iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let allow = outcome.forbids.is_empty() && !outcome.permits.is_empty();
    let decided = if outcome.forbids.is_empty() { &outcome.permits } else { &outcome.forbids };
    let reasons: BTreeSet<String> = decided.iter().map(|r| at(r)).collect();
    let failed: BTreeSet<String> = outcome.failed.iter().map(|(r, _)| at(r)).collect();
    let ours = (if allow { "allow" } else { "deny" }, reasons, failed);
    let theirs = (request.str("decision").unwrap(), texts("reason"), texts("errors"));
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{:?}: {ours:?}, and Cedar {theirs:?}", request.str("description")))
    }
}

#[test]
fn the_hand_written_tests_of_cedar_come_out_the_same() {
    let Some(suites) = suites() else { return };
    let mut figures = Figures::default();
    for group in ["decimal", "example_use_cases", "ip", "multi"] {
        for file in std::fs::read_dir(suites.join("tests").join(group)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|e| e == "json") {
                let test = json(&std::fs::read(&path).unwrap());
                let read = |name: &str| std::fs::read(suites.join(name)).unwrap();
                case(&path.display().to_string(), object(&test), &read, true, &mut figures);
            }
        }
    }
    assert_eq!(figures.failures, Vec::<String>::new());
    println!("{} cases, {} requests", figures.cases, figures.requests);
    assert!(figures.cases >= 20 && figures.requests >= 50, "{figures:?}");
}

/// The corpus: every fourth case in CI, else every twentieth; all of it where `PROKURA_CORPUS` is `all`.
#[test]
fn the_corpus_of_cedar_comes_out_the_same() {
    let Some(suites) = suites() else { return };
    let files = unpacked(&std::fs::read(suites.join("corpus-tests.tar.gz")).unwrap());
    let mut tests: Vec<&String> =
        files.keys().filter(|n| n.ends_with(".json") && !n.ends_with(".entities.json")).collect();
    tests.sort();
    assert_eq!(tests.len(), 7809);
    let step = match (std::env::var("PROKURA_CORPUS").as_deref(), std::env::var("CI").as_deref()) {
        (Ok("all"), _) => 1,
        (_, Ok("true")) => 4,
        _ => 20,
    };
    let part = |first: usize| {
        let mut figures = Figures::default();
        for title in tests.iter().skip(first).step_by(step * 2) {
            let read = |name: &str| files[name].clone();
            case(title, object(&json(&files[*title])), &read, false, &mut figures);
        }
        figures
    };
    let (a, b) = std::thread::scope(|scope| {
        let other = scope.spawn(|| part(step));
        (part(0), other.join().unwrap())
    });
    let failures: Vec<_> = a.failures.iter().chain(&b.failures).collect();
    let sum = |of: fn(&Figures) -> usize| of(&a) + of(&b);
    let (cases, requests, validated) = (sum(|f| f.cases), sum(|f| f.requests), sum(|f| f.validated));
    println!("{cases} cases, {requests} requests, {} differ; {validated} validate as told", failures.len());
    assert!(
        failures.is_empty(),
        "{} differ, the first: {:#?}",
        failures.len(),
        &failures[..failures.len().min(20)]
    );
    assert!(cases * step >= 7809 && validated * 100 > cases * 99, "{a:?}");
}
