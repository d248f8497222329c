//! Marks and sealed states: what goes through a browser comes back unchanged, from the same browser, for the same
//! purpose, in time, or not at all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prokura_core::Timestamp;
use prokura_oauth::seal::{MacKey, MasterKey, SealError};

/// The key that marks are made with.
pub(crate) struct Seal(MacKey);

impl Seal {
    /// A key of its own, derived from the master key.
    pub(crate) fn new(master: &MasterKey) -> Result<Self, SealError> {
        master.mac_key("marks of forms and states").map(Self)
    }

    /// The mark of `parts`, of which none can run into the next.
    pub(crate) fn mark(&self, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.0.mac(&joined(parts)))
    }

    /// Whether `mark` is that of `parts`; the comparison takes the same time wherever they differ.
    pub(crate) fn is_marked(&self, parts: &[&str], mark: &str) -> bool {
        URL_SAFE_NO_PAD.decode(mark).is_ok_and(|m| self.0.verifies(&joined(parts), &m))
    }

    /// `state` as text that a browser may carry until `expires`, marked for `purpose` and the browser `holder`.
    pub(crate) fn wrap(&self, purpose: &str, holder: &str, state: &[u8], expires: Timestamp) -> String {
        let (state, expires) = (URL_SAFE_NO_PAD.encode(state), expires.seconds().to_string());
        let mark = self.mark(&["state", purpose, holder, &state, &expires]);
        format!("{state}.{expires}.{mark}")
    }

    /// What [`wrap`](Self::wrap) wrapped, if it was for this purpose and holder and is not too old.
    pub(crate) fn unwrap(&self, purpose: &str, holder: &str, text: &str, now: Timestamp) -> Option<Vec<u8>> {
        let mut parts = text.split('.');
        let (state, expires, mark) = (parts.next()?, parts.next()?, parts.next()?);
        let fresh = expires.parse::<i64>().ok()? > now.seconds();
        let whole =
            parts.next().is_none() && self.is_marked(&["state", purpose, holder, state, expires], mark);
        if fresh && whole { URL_SAFE_NO_PAD.decode(state).ok() } else { None }
    }
}

fn joined(parts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> Seal {
        Seal::new(&MasterKey::new([byte; 32])).unwrap()
    }

    #[test]
    fn a_mark_is_for_these_parts_only() {
        let seal = seal(7);
        let mark = seal.mark(&["ab", "c"]);
        assert!(seal.is_marked(&["ab", "c"], &mark));
        for other in [&["a", "bc"][..], &["abc"], &["ab", "c", ""]] {
            assert!(!seal.is_marked(other, &mark), "{other:?}");
        }
        assert!(!super::tests::seal(8).is_marked(&["ab", "c"], &mark));
        assert!(!seal.is_marked(&["ab", "c"], ""));
    }

    #[test]
    fn a_state_comes_back_whole_or_not_at_all() {
        let (seal, now) = (seal(7), Timestamp::from_seconds(100));
        let text = seal.wrap("p", "b", b"state", Timestamp::from_seconds(160));
        assert_eq!(seal.unwrap("p", "b", &text, now).as_deref(), Some(&b"state"[..]));
        assert_eq!(seal.unwrap("q", "b", &text, now), None);
        assert_eq!(seal.unwrap("p", "c", &text, now), None);
        assert_eq!(seal.unwrap("p", "b", &text, Timestamp::from_seconds(160)), None);
        for i in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(seal.unwrap("p", "b", &changed, now), None, "{i}");
        }
    }
}
