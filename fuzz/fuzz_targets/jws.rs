//! A token without a signature is never accepted, and one with any header and claims, well signed, only if it is
//! what was expected. The input is a header, a zero byte and claims.
#![no_main]

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use prokura_core::Timestamp;
use prokura_oauth::jose::{Algorithm, Audience, Expected, KeySet, NO_TYP, verify};

const NOW: i64 = 1_700_000_000;

fuzz_target!(|bytes: &[u8]| {
    let keys = KeySet::of_secret(&[7; 32], &[Algorithm::Hs256]).expect("long enough");
    let expected = Expected::new(&["at+jwt", NO_TYP], Timestamp::from_seconds(NOW))
        .issuer("i")
        .audience(Audience::Contains("a"))
        .algorithms(&[Algorithm::Hs256]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(verify(text, &keys, &expected).is_err(), "nobody signed this");
    }
    let at = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (header, claims) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), message.as_bytes());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
    if let Ok(verified) = verify(&token, &keys, &expected) {
        assert!(verified.expires_at > Timestamp::from_seconds(NOW));
        assert_eq!(verified.claims.str("iss"), Some("i"));
        assert!(verified.claims.contains_key("aud") && !verified.header.contains_key("crit"));
    }
});
