//! Certificates in PEM (RFC 7468), and base64 with line ends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Base64 (RFC 4648 §4), in which spaces and line ends are left out.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok()
}

/// Every certificate of a file, in DER; what stands between them is comment. `None` if one cannot be read, or if there is
/// a file without any.
pub(crate) fn all(text: &str) -> Option<Vec<Vec<u8>>> {
    if !text.is_empty() && !text.contains(BEGIN) {
        return None;
    }
    text.split(BEGIN).skip(1).map(|block| base64(block.split_once(END)?.0)).collect()
}
