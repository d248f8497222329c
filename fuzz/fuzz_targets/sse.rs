//! However a stream is cut, it has the same events; and what is framed anew is one event with the same data.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_gateway::wire::{Decoder, Event, SseError};

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Event>, SseError> {
    let (mut decoder, mut out) = (Decoder::new(1 << 16), Vec::new());
    pieces.into_iter().try_for_each(|piece| decoder.push(piece, &mut out))?;
    Ok(out)
}

fuzz_target!(|bytes: &[u8]| {
    let whole = decode([bytes]);
    assert_eq!(decode(bytes.chunks(1)), whole);
    assert_eq!(decode(bytes.chunks(7)), whole);
    for event in whole.unwrap_or_default() {
        let again = decode([event.encode().as_bytes()]).expect("an event is an event");
        assert!(again.len() <= 1);
        assert_eq!(again.first().and_then(|e| e.data.clone()), event.data);
    }
});
