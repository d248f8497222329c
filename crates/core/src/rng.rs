//! Randomness as a value that is passed in.

use std::sync::Mutex;

/// Where randomness comes from.
pub trait Rng: Send + Sync + 'static {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[allow(clippy::disallowed_methods, reason = "the one door through which randomness comes in")]
    #[allow(clippy::expect_used, reason = "without randomness nothing here may go on")]
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the operating system gives random bytes");
    }
}

/// A generator that repeats itself from its seed: for tests, never for secrets.
#[derive(Debug)]
pub struct SeededRng(Mutex<u64>);

impl SeededRng {
    /// A generator that starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Rng for SeededRng {
    fn fill(&self, out: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for byte in out {
            // SplitMix64.
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            *byte = (z ^ (z >> 31)).to_le_bytes()[0];
        }
    }
}

/// `prefix` and 128 random bits as 22 base-62 digits.
pub fn random_id(prefix: &str, rng: &dyn Rng) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    let mut n = u128::from_le_bytes(bytes);
    let mut id = String::with_capacity(prefix.len() + 22);
    id.push_str(prefix);
    for _ in 0..22 {
        id.push(char::from(DIGITS[usize::try_from(n % 62).unwrap_or(0)]));
        n /= 62;
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_keep_their_shape() {
        let rng = SeededRng::new(1);
        let (a, b) = (random_id("g_", &rng), random_id("g_", &rng));
        assert_ne!(a, b);
        assert_eq!(a.len(), 24);
        assert!(a.starts_with("g_") && a[2..].bytes().all(|c| c.is_ascii_alphanumeric()));
    }
}
