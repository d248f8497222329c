//! Sealed values: what leaves the process but must come back unread and unchanged (cookies, handles), and
//! what is stored (private keys).

use crate::jose::{decode, encode};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use prokura_core::Rng;
use std::fmt;
use zeroize::Zeroizing;

/// The one secret that the operator keeps; every other symmetric key is derived from it by a label, so that no
/// two purposes share a key.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// A value could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealing failed")]
pub struct SealError;

impl MasterKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new one.
    pub fn generate(rng: &dyn Rng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The bytes, to be stored where the operator keeps secrets.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 32 bytes for the purpose `label`: HKDF-SHA256 (RFC 5869).
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub fn derive_bytes(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let mut out = Zeroizing::new([0; 32]);
        let key = hkdf::Salt::new(hkdf::HKDF_SHA256, b"prokura v1").extract(self.0.as_slice());
        let info = [label.as_bytes()];
        let material = key.expand(&info, hkdf::HKDF_SHA256).map_err(|_| SealError)?;
        material.fill(out.as_mut_slice()).map_err(|_| SealError)?;
        Ok(out)
    }

    /// A sealing key for the purpose `label`.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub fn seal_key(&self, label: &str) -> Result<SealKey, SealError> {
        SealKey::new(&*self.derive_bytes(&format!("seal {label}"))?)
    }

    /// A key for authenticating, for the purpose `label`.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub fn mac_key(&self, label: &str) -> Result<MacKey, SealError> {
        let bytes = self.derive_bytes(&format!("mac {label}"))?;
        Ok(MacKey(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_slice())))
    }

    /// HMAC-SHA256 of `data` for the purpose `label`; [`Self::mac_key`] where it is asked for often.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub fn mac(&self, label: &str, data: &[u8]) -> Result<[u8; 32], SealError> {
        Ok(self.mac_key(label)?.mac(data))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// An HMAC-SHA256 key for one purpose.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl MacKey {
    /// The tag of `data`.
    pub fn mac(&self, data: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&self.0, data).as_ref());
        tag
    }

    /// Whether `tag` is that of `data`, in constant time.
    pub fn verifies(&self, data: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, data, tag).is_ok()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(…)")
    }
}

/// An AES-256-GCM key for one purpose. With random nonces, one key seals 2^32 values before a repeated nonce
/// becomes likelier than 2^-32 (NIST SP 800-38D §8.3).
pub struct SealKey(LessSafeKey);

impl SealKey {
    /// Takes 32 random bytes.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, SealError> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| SealError)?)))
    }

    /// The sealing key that a master key of these bytes derives for the purpose `label`.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub fn derive(master: &[u8; 32], label: &str) -> Result<Self, SealError> {
        MasterKey::new(*master).seal_key(label)
    }

    /// Seals `plain`, bound to `aad` (what the value belongs to: a user, a route), as base64url of nonce,
    /// ciphertext and tag.
    ///
    /// # Errors
    /// [`SealError`] if the library fails.
    pub fn seal(&self, plain: &[u8], aad: &[u8], rng: &dyn Rng) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let in_place = &mut sealed[NONCE_LEN..];
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), in_place);
        sealed.extend_from_slice(tag.map_err(|_| SealError)?.as_ref());
        Ok(encode(&sealed))
    }

    /// Opens what [`Self::seal`] made with the same `aad`; `None` of anything else.
    pub fn open(&self, sealed: &str, aad: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = decode(sealed)?;
        let (nonce, in_place) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(aad), in_place).ok()?.len();
        bytes.truncate(NONCE_LEN + plain);
        bytes.drain(..NONCE_LEN);
        Some(bytes)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_core::SeededRng;

    #[test]
    fn what_is_sealed_opens_only_as_it_was_and_where_it_belongs() {
        let (master, rng) = (MasterKey::new([7; 32]), SeededRng::new(1));
        let key = master.seal_key("session").unwrap();
        let sealed = key.seal(b"hello", b"usr_a", &rng).unwrap();
        assert_ne!(sealed, key.seal(b"hello", b"usr_a", &rng).unwrap());
        assert_eq!(key.open(&sealed, b"usr_a").unwrap(), b"hello");
        assert_eq!(SealKey::derive(&[7; 32], "session").unwrap().open(&sealed, b"usr_a").unwrap(), b"hello");
        assert_eq!(key.open(&sealed, b"usr_b"), None);
        assert_eq!(master.seal_key("cookie").unwrap().open(&sealed, b"usr_a"), None);
        for odd in ["", "AAAA", &sealed[..sealed.len() - 2], &format!("{sealed}="), &format!("A{sealed}")] {
            assert_eq!(key.open(odd, b"usr_a"), None, "{odd}");
        }
        for i in 0..sealed.len() {
            let mut odd = sealed.clone().into_bytes();
            odd[i] = if odd[i] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open(std::str::from_utf8(&odd).unwrap(), b"usr_a"), None, "{i}");
        }
        assert_eq!(key.open(&key.seal(b"", b"", &rng).unwrap(), b"").unwrap(), b"");
    }

    #[test]
    fn each_purpose_has_its_own_key() {
        let master = MasterKey::new([7; 32]);
        assert_ne!(*master.derive_bytes("a").unwrap(), *master.derive_bytes("b").unwrap());
        assert_ne!(master.mac("a", b"x").unwrap(), master.mac("b", b"x").unwrap());
        let tag = master.mac("a", b"x").unwrap();
        assert!(master.mac_key("a").unwrap().verifies(b"x", &tag));
        assert!(!master.mac_key("a").unwrap().verifies(b"y", &tag));
        assert!(!format!("{master:?}{:?}", master.mac_key("a").unwrap()).contains('7'));
    }

    #[test]
    fn derived_bytes_never_change() {
        // Stored values depend on this derivation: HKDF-SHA256, salt "prokura v1", info "a".
        let bytes = MasterKey::new([7; 32]).derive_bytes("a").unwrap();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "084ddaf72687b967aff92e5757069b0e7c5f4584d596756dd89f3bb75f166590");
    }
}
