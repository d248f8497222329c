//! Whatever claims a transmitter signs, a security event is read or refused; one that is read says what it must, and is
//! read again as it was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_core::Timestamp;
use prokura_oauth::jose::{Algorithm, KeySet, SigningKey};
use prokura_oauth::json::{Limits, Value, parse};
use prokura_oauth::signals::{SecurityEvent, SetTerms, Subject, TYP, peek};
use std::sync::OnceLock;
use std::time::Duration;

const NOW: i64 = 1_700_000_000;

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Algorithm::EdDsa).expect("made"))
}

fuzz_target!(|bytes: &[u8]| {
    let keys = KeySet::of(vec![key().public()]).expect("one key");
    let terms = SetTerms {
        issuer: "i",
        audience: "a",
        algorithms: &[Algorithm::EdDsa],
        max_age: Duration::from_secs(3600),
        now: Timestamp::from_seconds(NOW),
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = peek(text);
        assert!(SecurityEvent::verify(text, &keys, &terms).is_err(), "nobody signed this");
    }
    let Ok(Value::Object(claims)) = parse(bytes, &Limits::TOKEN) else { return };
    if let Some(subject) = claims.get("sub_id") {
        let _ = Subject::parse(subject);
    }
    let Ok(token) = key().sign(TYP, &claims) else { return };
    let Ok(event) = SecurityEvent::verify(&token, &keys, &terms) else { return };
    assert!(!claims.contains_key("exp") && !claims.contains_key("sub"));
    let again = SecurityEvent::verify(&event.sign(key()).expect("signed"), &keys, &terms).expect("read again");
    assert_eq!((again.subject, again.issued_at), (event.subject, event.issued_at));
});
