//! The certificate that a client showed on its connection (RFC 8705), and how a proxy passes one on (RFC 9440).

use crate::confirmation::Thumbprint;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The header with the certificate (RFC 9440 §2.2).
pub const HEADER: &str = "client-cert";
/// The header with the certificates above it (RFC 9440 §2.3).
pub const CHAIN_HEADER: &str = "client-cert-chain";
/// The largest certificate that is looked at, in bytes.
const MAX_BYTES: usize = 16 << 10;
/// The longest chain that is looked at.
const MAX_CHAIN: usize = 8;

/// A certificate whose key the client proved to have. Nothing in it was believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    chain: Vec<Vec<u8>>,
    thumbprint: Thumbprint,
}

/// A header of a proxy that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`Client-Cert` is not one byte sequence in colons, or `Client-Cert-Chain` no list of them (RFC 9440)"
)]
pub struct InvalidCertificateHeader;

impl Certificate {
    /// The certificate and those above it, in DER; `None` of what is too large to be looked at.
    pub fn new(der: Vec<u8>, chain: Vec<Vec<u8>>) -> Option<Self> {
        let fits = |der: &Vec<u8>| !der.is_empty() && der.len() <= MAX_BYTES;
        if !fits(&der) || chain.len() > MAX_CHAIN || !chain.iter().all(fits) {
            return None;
        }
        Some(Self { thumbprint: Thumbprint::of(&der), der, chain })
    }

    /// Reads the headers of a proxy (RFC 9440 §2); `None` if the client showed no certificate to it.
    ///
    /// # Errors
    /// [`InvalidCertificateHeader`] if there are several certificates, or one that cannot be read.
    pub fn of_headers<'a>(
        certificate: impl IntoIterator<Item = &'a [u8]>,
        chain: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<Self>, InvalidCertificateHeader> {
        let mut values = certificate.into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(InvalidCertificateHeader);
        }
        let der = byte_sequence(value).ok_or(InvalidCertificateHeader)?;
        let mut above = Vec::new();
        for field in chain {
            for member in field.split(|b| *b == b',').take(MAX_CHAIN + 1) {
                above.push(byte_sequence(member).ok_or(InvalidCertificateHeader)?);
            }
        }
        Self::new(der, above).map(Some).ok_or(InvalidCertificateHeader)
    }

    /// The certificate, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificates above it, as the client sent them, in DER.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(Vec::as_slice)
    }

    /// Its SHA-256 (RFC 8705 §3.1).
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }
}

/// The bytes of `:base64:` (RFC 8941 §3.3.5).
fn byte_sequence(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let inner = text.strip_prefix(':')?.strip_suffix(':')?;
    if inner.len() > MAX_BYTES * 2 { None } else { STANDARD.decode(inner).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(certificate: &[&str], chain: &[&str]) -> Result<Option<Certificate>, InvalidCertificateHeader> {
        let bytes = |texts: &[&str]| texts.iter().map(|t| t.as_bytes().to_vec()).collect::<Vec<_>>();
        let (certificate, chain) = (bytes(certificate), bytes(chain));
        Certificate::of_headers(certificate.iter().map(Vec::as_slice), chain.iter().map(Vec::as_slice))
    }

    #[test]
    fn one_byte_sequence_and_a_list_of_them() {
        assert_eq!(read(&[], &[":AAA=:"]), Ok(None));
        let read_one = read(&[" :AQID: "], &[":AQ==:, :Ag==:", ":Aw==:"]).unwrap().unwrap();
        assert_eq!((read_one.der(), read_one.chain().count()), (&[1, 2, 3][..], 3));
        assert_eq!(read_one.thumbprint(), Thumbprint::of(&[1, 2, 3]));
    }

    #[test]
    fn what_is_no_certificate_is_not_taken_for_none() {
        for odd in [&["AQID"][..], &[":AQID"], &["::"], &[":!:"], &[":AQID:", ":AQID:"], &[":AQID:, :AQID:"]]
        {
            assert_eq!(read(odd, &[]), Err(InvalidCertificateHeader), "{odd:?}");
        }
        assert_eq!(read(&[":AQID:"], &["x"]), Err(InvalidCertificateHeader));
        let many = [":AQ==:"; 9].join(",");
        assert_eq!(read(&[":AQID:"], &[many.as_str()]), Err(InvalidCertificateHeader));
        let large = format!(":{}:", "AAAA".repeat(6000));
        assert_eq!(read(&[large.as_str()], &[]), Err(InvalidCertificateHeader));
    }
}
