//! Whatever a server says of relations to a gateway that follows it: what is read is written and read back the same, nothing
//! panics, and nothing is known of it before all of it was heard.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_core::Timestamp;
use prokura_decider::relations::{Followed, Page, Place};
use prokura_oauth::json::{Limits, Value, parse};
use prokura_relations::Tuple;

fuzz_target!(|bytes: &[u8]| {
    if let Some(place) = std::str::from_utf8(bytes).ok().and_then(Place::parse) {
        assert_eq!(Place::parse(&place.to_string()), Some(place));
    }
    let mut followed = Followed::default();
    // One page after the other, with line ends between them.
    for line in bytes.split(|b| *b == b'\n') {
        let Ok(value) = parse(line, &Limits::DOCUMENT) else { continue };
        if let Ok(tuple) = Tuple::from_json(&value) {
            assert_eq!(Tuple::from_json(&tuple.to_json().into()), Ok(tuple));
        }
        let Some(page) = value.as_object().and_then(|page| Page::read(page).ok()) else { continue };
        assert_eq!(Page::read(&page.to_object()).as_ref(), Ok(&page));
        let all = value.as_object().and_then(|page| page.get("all")).and_then(Value::as_bool) == Some(true);
        let known = followed.view().len();
        match followed.take(page, Timestamp::from_seconds(1_700_000_000)) {
            Ok(believed) => {
                assert!(all || !believed && followed.view().len() == known, "half of it is believed")
            }
            Err(_) => assert_eq!(followed.asks().0, "", "it is asked anew, from the beginning"),
        }
    }
});
