//! A message is forwarded as it was read, and what it touches is the same when it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prokura_gateway::wire::{Era, Message, of_notification, of_request};
use prokura_oauth::json::Limits;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(bytes, &Limits::MESSAGE) else { return };
    let forwarded = message.clone().into_bytes();
    let again = Message::parse(&forwarded, &Limits::MESSAGE).expect("what is forwarded is a message");
    assert_eq!(again, message);
    let touches = |message: &Message, era| match message {
        Message::Request(_, call) => of_request(call, era).ok(),
        Message::Notification(call) => of_notification(call, era).ok(),
        Message::Response(..) => None,
    };
    for era in [Era::Modern, Era::Legacy] {
        assert_eq!(touches(&again, era), touches(&message, era));
    }
});
