//! Wycheproof: signatures, keys, and what of the mixed file is about signatures.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod vectors;

use prokura_oauth::jose::{Algorithm, KeyError, KeySet, VerifyingKey, verify_jws};
use prokura_oauth::json::{Limits, Object, Value, parse};

/// Vectors labelled valid that are refused here all the same, with the reason. Nothing that is labelled
/// invalid is accepted.
const STRICTER: [(i64, &str); 6] = [
    (346, "the key says PS256 and the token PS384: an algorithm is pinned by its key"),
    (350, "the key says PS256 and the token PS384: an algorithm is pinned by its key"),
    (347, "the key says ES521, which no registered algorithm is called"),
    (351, "the key says ES521, which no registered algorithm is called"),
    (372, "the header's base64url has a question mark in it"),
    (373, "the payload's base64url has a question mark in it"),
];

/// Vectors labelled invalid whose token is, byte for byte, that of vector 357, which is labelled valid (by their
/// comments they were to have padding, which `jose_attacks.rs` tries): no verifier can judge both as labelled.
const CONTRADICTORY: [i64; 2] = [367, 370];

/// What was done with the cases of one file.
#[derive(Debug, PartialEq, Eq, Default)]
struct Counts {
    as_labelled: usize,
    stricter: usize,
    contradictory: usize,
    encryption: usize,
}

struct Case<'a> {
    group: &'a Object,
    test: &'a Object,
}

impl Case<'_> {
    fn id(&self) -> i64 {
        self.test.get("tcId").and_then(Value::as_i64).unwrap()
    }

    /// The key or set that verifies: the public one where there is one.
    fn key(&self) -> &Object {
        let member = |name| self.group.get(name).and_then(Value::as_object);
        member("public").or_else(|| member("private")).unwrap()
    }

    /// As a verifier would be set up: public keys, or, for a shared secret, that one HMAC.
    fn keys(&self, change: impl Fn(&mut Object)) -> Result<KeySet, KeyError> {
        let mut key = self.key().clone();
        change(&mut key);
        let holds_secret = |k: &Object| k.str("kty") == Some("oct");
        let list = key.get("keys").and_then(Value::as_array);
        let secret = holds_secret(&key)
            || list.is_some_and(|l| l.iter().any(|k| holds_secret(k.as_object().unwrap())));
        let allowed = if secret { Algorithm::SECRET.as_slice() } else { Algorithm::PUBLIC.as_slice() };
        match list {
            Some(_) => KeySet::from_jwks(&key, allowed),
            None => KeySet::of(vec![VerifyingKey::from_jwk(&key, allowed)?]),
        }
    }

    /// The token; one with JSON serialisation stands as an object in some files, as its text in others.
    fn jws(&self) -> String {
        let jws = self.test.get("jws").unwrap();
        jws.as_str().map_or_else(|| jws.to_string(), str::to_owned)
    }

    fn is_accepted(&self, change: impl Fn(&mut Object)) -> bool {
        let all: Vec<_> = Algorithm::PUBLIC.into_iter().chain(Algorithm::SECRET).collect();
        self.keys(change).is_ok_and(|keys| verify_jws(&self.jws(), &keys, &all).is_ok())
    }
}

fn run(file: &str, mut each: impl FnMut(&Case<'_>)) -> Option<Counts> {
    let path = vectors::folder(&format!("jose/{file}"))?;
    let value = parse(&std::fs::read(path).unwrap(), &Limits::MESSAGE).unwrap();
    let mut counts = Counts::default();
    let mut twin = None;
    for group in value.as_object().unwrap().get("testGroups").unwrap().as_array().unwrap() {
        let group = group.as_object().unwrap();
        for test in group.get("tests").unwrap().as_array().unwrap() {
            let case = Case { group, test: test.as_object().unwrap() };
            if !case.test.contains_key("jws") {
                counts.encryption += 1;
                continue;
            }
            let signatures = file == "json_web_signature_test.json";
            let labelled = case.test.str("result") == Some("valid");
            let accepted = case.is_accepted(|_| {});
            if signatures && CONTRADICTORY.contains(&case.id()) {
                assert!(!labelled && accepted && Some(case.jws()) == twin, "{file} {}", case.id());
                counts.contradictory += 1;
            } else if signatures && STRICTER.iter().any(|(id, _)| *id == case.id()) {
                assert!(labelled && !accepted, "{file} {}", case.id());
                counts.stricter += 1;
            } else {
                assert_eq!(accepted, labelled, "{file} {}: {:?}", case.id(), case.test.str("comment"));
                counts.as_labelled += 1;
            }
            if signatures && case.id() == 357 {
                twin = Some(case.jws());
            }
            each(&case);
        }
    }
    eprintln!("{file}: {counts:?}");
    Some(counts)
}

#[test]
fn c09_signatures_are_judged_as_labelled() {
    let counts = run("json_web_signature_test.json", |case| {
        // Where only the key's `alg` is at odds with the token, the signature itself is good.
        if [346, 347, 350, 351].contains(&case.id()) {
            assert!(case.is_accepted(|key| drop(key.remove("alg"))), "{}", case.id());
        }
    });
    let Some(counts) = counts else { return };
    assert_eq!(counts, Counts { as_labelled: 393, stricter: 6, contradictory: 2, encryption: 0 });
}

#[test]
fn c05_keys_are_judged_as_labelled() {
    let Some(counts) = run("json_web_key_test.json", |_| {}) else { return };
    assert_eq!(counts, Counts { as_labelled: 26, stricter: 0, contradictory: 0, encryption: 0 });
}

#[test]
fn c09_the_signatures_of_the_mixed_file_are_judged_as_labelled() {
    let Some(counts) = run("json_web_crypto_test.json", |_| {}) else { return };
    assert_eq!(counts, Counts { as_labelled: 49, stricter: 0, contradictory: 0, encryption: 34 });
}
