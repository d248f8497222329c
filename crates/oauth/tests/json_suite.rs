//! JSONTestSuite: what must parse parses, what must not does not, and nothing crashes.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod vectors;

use prokura_oauth::json::{Limits, Problem, Value, parse};

/// Vectors that RFC 8259 allows and this reader refuses on purpose, with the rule that refuses them.
const STRICTER: [(&str, Problem); 3] = [
    ("y_object_duplicated_key.json", Problem::DuplicateMember),
    ("y_object_duplicated_key_and_value.json", Problem::DuplicateMember),
    ("y_object_escaped_null_in_key.json", Problem::NulInName),
];

#[test]
fn every_verdict_is_as_labelled() {
    let Some(folder) = vectors::folder("json/test_parsing") else { return };
    let mut counts = [0; 3];
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let read = parse(&std::fs::read(&path).unwrap(), &Limits::MESSAGE);
        let stricter = STRICTER.iter().find(|(n, _)| *n == name).map(|(_, problem)| *problem);
        match (name.as_bytes()[0], stricter) {
            (_, Some(problem)) => assert_eq!(read.unwrap_err().problem(), problem, "{name}"),
            (b'y', _) => check_round_trip(&read.unwrap_or_else(|e| panic!("{name}: {e}"))),
            (b'n', _) => assert!(read.is_err(), "{name}"),
            _ => drop(read.map(|value| check_round_trip(&value))),
        }
        let kind = b"yni".iter().position(|k| *k == name.as_bytes()[0]).unwrap();
        counts[kind] += 1;
    }
    assert_eq!(counts, [95, 188, 35], "the suite is complete");
}

fn check_round_trip(value: &Value) {
    assert_eq!(parse(&value.to_vec(), &Limits::MESSAGE).as_ref(), Ok(value));
    let canonical = value.to_jcs();
    assert_eq!(parse(&canonical, &Limits::MESSAGE).unwrap().to_jcs(), canonical);
}
