//! Writing: compact in the order of reading, or canonical.

use super::canonical::{name_order, number};
use super::{Number, Object, Value};

/// Writes `value` in the order in which it was read.
pub(super) fn compact(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(n) => plain_number(n, out),
        Value::Array(items) => array(items, out, compact),
        Value::Object(o) => compact_object(o, out),
        simple => scalar(simple, out),
    }
}

/// Writes `value` canonically.
pub(super) fn canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(n) => number(n, out),
        Value::Array(items) => array(items, out, canonical),
        Value::Object(o) => canonical_object(o, out),
        simple => scalar(simple, out),
    }
}

/// Writes an object in its own order.
pub(super) fn compact_object(o: &Object, out: &mut Vec<u8>) {
    object(o.iter(), out, compact);
}

/// Writes an object in the canonical order.
pub(super) fn canonical_object(o: &Object, out: &mut Vec<u8>) {
    let members = o.sorted_by(name_order);
    object(members.into_iter().map(|(k, v)| (k.as_str(), v)), out, canonical);
}

fn scalar(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::String(s) => string(s, out),
        _ => out.extend_from_slice(b"null"),
    }
}

fn array(items: &[Value], out: &mut Vec<u8>, write: fn(&Value, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn object<'a>(
    members: impl Iterator<Item = (&'a str, &'a Value)>,
    out: &mut Vec<u8>,
    write: fn(&Value, &mut Vec<u8>),
) {
    out.push(b'{');
    for (i, (name, value)) in members.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        string(name, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn plain_number(n: &Number, out: &mut Vec<u8>) {
    match n.integer() {
        Some(i) => integer(i, out),
        None => out.extend_from_slice(n.text().as_bytes()),
    }
}

/// Writes an integer without allocating.
pub(super) fn integer(i: i64, out: &mut Vec<u8>) {
    if i < 0 {
        out.push(b'-');
    }
    count(i.unsigned_abs(), out);
}

/// Writes an integer of 0 or more. The machinery of formatting costs several times as much.
pub(super) fn count(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + u8::try_from(n % 10).unwrap_or(0);
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[from..]);
}

pub(super) fn string(s: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = s.as_bytes();
    // Most strings have nothing to escape. Without a way out of the loop many bytes are looked at in one step.
    if !bytes.iter().fold(false, |any, byte| any | is_special(*byte)) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut done = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        if !is_special(byte) {
            continue;
        }
        out.extend_from_slice(&bytes[done..i]);
        escape(byte, out);
        done = i + 1;
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0A => b'n',
        0x0C => b'f',
        0x0D => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use crate::json::{Limits, parse};

    #[test]
    fn compact_keeps_order_and_number_text() {
        let text = br#"{"z":1.50,"a":[1E2,-0,12345678901234567890],"s":"\u0001\n\"\\/\u007f\u2028"}"#;
        let written = parse(text, &Limits::TOKEN).unwrap().to_string();
        let expected =
            "{\"z\":1.50,\"a\":[1E2,-0,12345678901234567890],\"s\":\"\\u0001\\n\\\"\\\\/\u{7f}\u{2028}\"}";
        assert_eq!(written, expected);
    }

    #[test]
    fn integers_are_written_from_end_to_end() {
        for i in [0, 7, -7, 10, 1_000_000, -999, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            super::integer(i, &mut out);
            assert_eq!(out, i.to_string().into_bytes());
        }
        let mut out = Vec::new();
        super::count(u64::MAX, &mut out);
        assert_eq!(out, u64::MAX.to_string().into_bytes());
    }

    #[test]
    fn the_example_of_rfc_8785_comes_out_as_printed_there() {
        let text = r#"{"numbers":[333333333.3333333,1E30,4.50,2e-3,0.000000000000000000000000001],
            "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#;
        let written = String::from_utf8(parse(text.as_bytes(), &Limits::TOKEN).unwrap().to_jcs()).unwrap();
        let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
            \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(written, expected);
    }

    #[test]
    fn members_are_sorted_by_utf_16_code_units() {
        let text = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let value = parse(text.as_bytes(), &Limits::TOKEN).unwrap().to_jcs();
        let sorted = parse(&value, &Limits::TOKEN).unwrap();
        let names: Vec<_> = sorted.as_object().unwrap().keys().map(str::to_owned).collect();
        assert_eq!(names, ["\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"]);
    }
}
