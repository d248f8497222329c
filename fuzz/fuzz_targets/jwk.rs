//! Whatever is read as a key, or as a set of keys, is published without private members and read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_oauth::jose::{Algorithm, KeySet, VerifyingKey};
use prokura_oauth::json::{Limits, parse};

fuzz_target!(|bytes: &[u8]| {
    let Some(object) = parse(bytes, &Limits::DOCUMENT).ok().and_then(|v| v.into_object()) else { return };
    if let Ok(key) = VerifyingKey::from_jwk(&object, &Algorithm::PUBLIC) {
        let published = key.to_jwk();
        assert!(!published.contains_key("d") && !published.contains_key("k"));
        let again = VerifyingKey::from_jwk(&published, &Algorithm::PUBLIC).expect("published keys are read");
        assert_eq!(again.thumbprint(), key.thumbprint());
    }
    if let Ok(keys) = KeySet::from_jwks(&object, &Algorithm::PUBLIC) {
        let again = KeySet::from_jwks(&keys.to_jwks(), &Algorithm::PUBLIC).expect("published sets are read");
        assert_eq!(again.len(), keys.len());
    }
});
