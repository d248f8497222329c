//! Base64url as JOSE writes it (RFC 7515 §2): no padding, no white space, and one text for each value.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends the text of `bytes`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// The bytes of a text. Unused bits that are not zero are refused too: else a token would have several texts.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_text() {
        assert_eq!(decode("AA").unwrap(), [0]);
        for odd in ["AB", "AA==", "AA=", "A", " AA", "AA\n", "A+", "A/", "AA?"] {
            assert_eq!(decode(odd), None, "{odd}");
        }
    }
}
