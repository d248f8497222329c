//! What becomes of one value.

use super::{Fate, Why};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use prokura_core::Rewriting;
use prokura_oauth::json::Value;
use siphasher::sip::SipHasher24;
use std::fmt;

/// What stands in the place of a value that was redacted.
pub const REDACTED: &str = "[redacted]";
/// What stands in the place of the characters that are masked, however many they were.
const STARS: &str = "****";
/// What a hash begins with.
const HASH: &str = "hash:";
const DIGEST: usize = 16;
const CHECK: usize = 8;

/// The key of hashes in results. Whoever does not have it can neither make a hash nor find what one was made of.
pub struct HashKey {
    digest: hmac::Key,
    /// Says of a digest whether it was made here. SipHash is made for short texts and costs a twentieth of a second HMAC;
    /// there may be thousands in a result.
    check: SipHasher24,
}

impl HashKey {
    /// A key of a secret, for whoever is named: hashes of one cannot be compared with those of another. Each name counts as
    /// a whole.
    pub fn new(secret: &[u8], whose: &[&str]) -> Self {
        let mut named = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        for name in whose {
            named.update(&u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
            named.update(name.as_bytes());
        }
        let digest = hmac::Key::new(hmac::HMAC_SHA256, named.sign().as_ref());
        let mut check = [0; 16];
        check.copy_from_slice(&hmac::sign(&digest, b"made here").as_ref()[..16]);
        Self { digest, check: SipHasher24::new_with_key(&check) }
    }

    /// `hash:` and 48 digits, of the canonical bytes of the value (RFC 8785). The last 16 say that it was made here, so that
    /// a hash is not hashed again and nobody passes off another text as one.
    fn of(&self, value: &Value) -> String {
        let tag = hmac::sign(&self.digest, &value.to_jcs());
        let digest = &tag.as_ref()[..DIGEST];
        let mut digits = [0; 2 * (DIGEST + CHECK)];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(digest.iter().chain(&self.check(digest))) {
            pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        [HASH, std::str::from_utf8(&digits).unwrap_or_default()].concat()
    }

    fn check(&self, digest: &[u8]) -> [u8; CHECK] {
        self.check.hash(digest).to_be_bytes()
    }

    fn made(&self, value: &Value) -> bool {
        let digits = value.as_str().and_then(|text| text.strip_prefix(HASH));
        let Some(bytes) = digits.and_then(unhex) else { return false };
        let (digest, check) = bytes.split_at(DIGEST);
        verify_slices_are_equal(&self.check(digest), check).is_ok()
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn unhex(text: &str) -> Option<[u8; DIGEST + CHECK]> {
    let digit = |b: u8| HEX.iter().position(|h| *h == b).and_then(|at| u8::try_from(at).ok());
    let mut bytes = [0; DIGEST + CHECK];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(…)")
    }
}

/// Changes a value that was found, and counts.
pub(super) fn change(
    value: &mut Value,
    how: &Rewriting,
    key: &HashKey,
    changed: &mut u64,
) -> Result<Fate, Why> {
    let new = match how {
        Rewriting::Drop => {
            *changed += 1;
            return Ok(Fate::Goes);
        }
        Rewriting::Only(names) => {
            *changed += only(value, names)?;
            return Ok(Fate::Stays);
        }
        Rewriting::Redact => REDACTED.to_owned(),
        // A hash says nothing that is left to be hidden.
        Rewriting::Hash | Rewriting::Mask(_) if key.made(value) => return Ok(Fate::Stays),
        Rewriting::Mask(keep) => masked(value, usize::from(*keep)),
        Rewriting::Hash => key.of(value),
    };
    *changed += 1;
    *value = Value::String(new);
    Ok(Fate::Stays)
}

fn only(value: &mut Value, names: &[String]) -> Result<u64, Why> {
    let object = match value {
        Value::Object(object) => object,
        Value::Null => return Ok(0),
        _ => return Err(Why::Shape),
    };
    let before = object.len();
    object.retain(|name, _| names.iter().any(|kept| kept == name));
    Ok(u64::try_from(before - object.len()).unwrap_or(u64::MAX))
}

/// The last `keep` characters behind stars. What has no more than that, and what is neither text nor number, is masked as a
/// whole: how long it was is not said.
fn masked(value: &Value, keep: usize) -> String {
    let number = value.as_number().map(ToString::to_string);
    let text = value.as_str().or(number.as_deref()).unwrap_or_default();
    let cut = text.char_indices().rev().nth(keep.saturating_sub(1)).map_or(0, |(at, _)| at);
    let end = if keep == 0 || cut == 0 { "" } else { &text[cut..] };
    if end.bytes().all(|b| b == b'*') { STARS.to_owned() } else { format!("{STARS}{end}") }
}
