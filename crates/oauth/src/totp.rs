//! One-time codes by time (RFC 6238, on RFC 4226): SHA-1, six digits, steps of 30 seconds, which is what every
//! authenticator application can do. SHA-1 stands here in an HMAC, where its collisions do not matter.

use crate::secret::constant_time_eq;
use aws_lc_rs::hmac;
use prokura_core::{Rng, Timestamp};
use std::fmt;
use zeroize::Zeroizing;

/// The length of a step in seconds (RFC 6238 §4.1).
pub const STEP: u64 = 30;
/// The length of a secret in bytes: that of the hash (RFC 4226 §4, R6).
const SECRET: usize = 20;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an authenticator application and this server share.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<[u8; SECRET]>);

impl TotpSecret {
    /// A new one.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = Zeroizing::new([0; SECRET]);
        rng.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Takes the bytes that [`bytes`](Self::bytes) gave.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|b| Self(Zeroizing::new(b)))
    }

    /// The bytes, to be stored sealed.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// As people type it: base32 (RFC 4648 §6).
    pub fn text(&self) -> String {
        let (mut text, mut held, mut bits) = (String::with_capacity(32), 0_u32, 0);
        for byte in self.0.iter() {
            held = held << 8 | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
            }
        }
        text
    }

    /// What a QR code holds for an application: the *Key URI Format* that they have in common.
    pub fn uri(&self, host: &str, account: &str) -> String {
        let part = |s: &str| {
            url::form_urlencoded::byte_serialize(s.as_bytes()).collect::<String>().replace('+', "%20")
        };
        format!("otpauth://totp/{0}:{1}?secret={2}&issuer={0}", part(host), part(account), self.text())
    }

    /// The code of a step.
    pub fn code(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.as_slice());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let hash = tag.as_ref();
        // Dynamic truncation (RFC 4226 §5.3).
        let at = usize::from(hash[hash.len() - 1] & 15);
        let word = hash[at..at + 4].iter().fold(0_u32, |sum, b| sum << 8 | u32::from(*b)) & 0x7fff_ffff;
        format!("{:06}", word % 1_000_000)
    }

    /// The step whose code this is: the present one, the one before, or the one after (§5.2, §6). Every one of them is
    /// compared, in constant time. The caller has to see to it that no step is accepted twice.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let present = step(now);
        let mut found = None;
        for step in [present.saturating_sub(1), present, present + 1] {
            if constant_time_eq(self.code(step).as_bytes(), code.as_bytes()) {
                found = Some(step);
            }
        }
        found
    }
}

/// The step at a time.
pub fn step(now: Timestamp) -> u64 {
    u64::try_from(now.seconds()).unwrap_or(0) / STEP
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc().code(step(Timestamp::from_seconds(seconds))), code, "{seconds}");
        }
    }

    #[test]
    fn one_step_on_either_side_is_accepted_and_no_more() {
        let now = Timestamp::from_seconds(1_111_111_111);
        let present = step(now);
        for (step, fits) in [
            (present - 2, false),
            (present - 1, true),
            (present, true),
            (present + 1, true),
            (present + 2, false),
        ] {
            let code = rfc().code(step);
            assert_eq!(rfc().step_of(&code, now), fits.then_some(step), "{code}");
        }
        for odd in ["", "05047", "0504711", "05047x", " 50471"] {
            assert_eq!(rfc().step_of(odd, now), None, "{odd}");
        }
    }

    #[test]
    fn a_secret_is_read_by_applications_and_not_printed() {
        assert_eq!(rfc().text(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = rfc().uri("as.example:9400", "Ada & co");
        assert_eq!(
            uri,
            "otpauth://totp/as.example%3A9400:Ada%20%26%20co?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=as.example%3A9400"
        );
        assert_eq!(format!("{:?}", rfc()), "TotpSecret(…)");
    }
}
