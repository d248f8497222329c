//! QR codes as one path, drawn dark on light in either colour scheme, for cameras read no others well.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// The margin around a code, in modules (ISO/IEC 18004 §6.3.8).
const MARGIN: i32 = 4;

/// A QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qr {
    /// Width and height with the margin, in modules.
    pub size: i32,
    /// The dark modules, as the `d` of an SVG path.
    pub path: String,
}

impl Qr {
    /// The code of a text; nothing if the text is too long for one.
    pub fn new(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
                // Writing into a text cannot fail.
                let _ = write!(path, "M{},{}h1v1h-1z", x + MARGIN, y + MARGIN);
            }
        }
        Some(Self { size: code.size() + 2 * MARGIN, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_margin_and_its_finders() {
        let qr = Qr::new("otpauth://totp/as.example:ada?secret=GEZDGNBVGY3TQOJQ").unwrap();
        assert!(qr.size >= 21 + 8 && qr.path.starts_with("M4,4h1v1h-1z"));
        assert!(qr.path.contains(&format!("M{},4h", qr.size - 5)), "the finder at the other side");
        assert_eq!(Qr::new(&"x".repeat(5000)), None);
    }
}
