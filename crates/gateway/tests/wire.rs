//! Properties of what strangers can send: nothing panics, and what is read is what is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use http::{HeaderMap, HeaderName, HeaderValue};
use prokura_gateway::wire::{Decoder, Era, Event, Message, Touch, check, decode, encode, of_request};
use prokura_oauth::json::Limits;
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(bytes: &[u8]) -> Option<Message> {
    Message::parse(bytes, &Limits::MESSAGE).ok()
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[\\x00-\\x1f\"\\\\/\u{2028}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

fn any_message() -> impl Strategy<Value = Value> {
    let id = prop_oneof![any::<i64>().prop_map(Value::from), "\\PC{0,8}".prop_map(Value::from)];
    let params = prop::collection::btree_map("[a-z]{1,8}", any_json(), 0..4);
    (prop::option::of(id), "[a-zA-Z/_]{1,20}", prop::option::of(params)).prop_map(|(id, method, params)| {
        let mut message = json!({"jsonrpc": "2.0", "method": method});
        if let Some(id) = id {
            message["id"] = id;
        }
        if let Some(params) = params {
            message["params"] = params.into_iter().collect();
        }
        message
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = || prop::option::of("[^\\x00\r\n]{0,12}");
    (text(), text(), prop::option::of("[^\\x00]{0,24}"), prop::option::of(any::<u32>()))
        .prop_map(|(event, id, data, retry)| Event { event, id, data, retry: retry.map(u64::from) })
}

fn decode_all(pieces: &[&[u8]]) -> Vec<Event> {
    let (mut decoder, mut out) = (Decoder::new(1 << 20), Vec::new());
    for piece in pieces {
        if decoder.push(piece, &mut out).is_err() {
            break;
        }
    }
    out
}

proptest! {
    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _message = parse(&bytes);
        let _events = decode_all(&[&bytes]);
        let _value = decode(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_message_means_the_same_to_another_parser(message in any_message()) {
        let parsed = parse(message.to_string().as_bytes()).expect("a message");
        let forwarded = parsed.clone().into_bytes();
        prop_assert_eq!(serde_json::from_slice::<Value>(&forwarded).unwrap(), message);
        prop_assert_eq!(parse(&forwarded), Some(parsed));
    }

    #[test]
    fn a_message_with_any_member_repeated_is_none(message in any_message(), again in any_json()) {
        let text = message.to_string();
        for member in message.as_object().unwrap().keys() {
            let doubled = format!("{},{}:{}}}", &text[..text.len() - 1], Value::from(member.as_str()), again);
            prop_assert_eq!(parse(doubled.as_bytes()), None);
        }
    }

    #[test]
    fn what_is_decided_is_what_another_parser_reads(name in "\\PC{1,16}", noise in any_json()) {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"noise": noise, "name": name}});
        let parsed = parse(message.to_string().as_bytes()).unwrap();
        let Ok(Touch::Actions(actions)) = of_request(parsed.call().unwrap(), Era::Modern) else { panic!() };
        let forwarded: Value = serde_json::from_slice(&parsed.into_bytes()).unwrap();
        prop_assert_eq!(forwarded["params"]["name"].as_str(), Some(actions[0].name.as_str()));
    }

    #[test]
    fn a_header_carries_any_text(text in any::<String>()) {
        let header = encode(&text);
        prop_assert!(HeaderValue::from_str(&header).is_ok());
        prop_assert_eq!(decode(&header).unwrap().into_owned(), text.clone());
    }

    #[test]
    fn headers_never_panic(
        pairs in prop::collection::vec((0..6_usize, prop::collection::vec(0x20..=0xff_u8, 0..30)), 0..8),
        message in any_message(),
    ) {
        const NAMES: [&str; 6] =
            ["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-param-a", "mcp-param-b", "accept"];
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(HeaderName::from_static(NAMES[name]), value);
            }
        }
        if let Some(message) = parse(message.to_string().as_bytes()) {
            let _answer = check(&headers, &message);
        }
    }

    #[test]
    fn an_event_is_one_event_again(event in any_event()) {
        let text = event.encode();
        let lines = |s: &str| s.replace("\r\n", "\n").replace('\r', "\n");
        let expected = Event { data: event.data.as_deref().map(lines), ..event };
        let found = decode_all(&[text.as_bytes()]);
        let wanted = if expected == Event::default() { vec![] } else { vec![expected] };
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn pieces_make_no_difference(bytes in "[a-z: \r\n\u{feff}]{0,60}", cuts in prop::collection::vec(0..60_usize, 0..5)) {
        let bytes = bytes.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|c| c.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
        prop_assert_eq!(decode_all(&pieces), decode_all(&[bytes]));
    }
}
