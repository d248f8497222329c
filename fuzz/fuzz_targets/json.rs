//! Whatever is read is written, read back the same, has one canonical form, and is JSON to another reader too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_oauth::json::{Limits, parse};

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = parse(bytes, &Limits::MESSAGE) else { return };
    let written = value.to_vec();
    assert_eq!(parse(&written, &Limits::MESSAGE).as_ref(), Ok(&value));
    let canonical = value.to_jcs();
    let again = parse(&canonical, &Limits::MESSAGE).expect("the canonical form is read");
    assert_eq!(again.to_jcs(), canonical);
    serde_json::from_slice::<serde_json::Value>(bytes).expect("nothing is read that is not JSON");
});
