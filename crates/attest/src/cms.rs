//! Signed messages (CMS, RFC 5652; PKCS #7): the content and who signed it. Nothing is believed of either here but that
//! one belongs to the other.

mod ber;

use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    UnparsedPublicKey,
};
use ber::{Element, Reader};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Larger messages are not looked at, in bytes.
pub(crate) const MAX: usize = 32 << 10;
/// More certificates than these are not looked at.
const MAX_CERTIFICATES: usize = 8;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OCTETS_IN_PIECES: u8 = 0x24;
const OID: u8 = 0x06;
const NULL: u8 = 0x05;
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;

/// `id-signedData` (RFC 5652 §5.1).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
/// `id-data` (RFC 5652 §4).
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// `id-contentType` (RFC 5652 §11.1).
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
/// `id-messageDigest` (RFC 5652 §11.2).
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
/// `rsaEncryption`: the digest stands beside it (RFC 3370 §3.2).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// A signed message that is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// It is larger than is read.
    #[error("it is larger than 32 KiB")]
    TooLarge,
    /// It is no signed message with its content, as it is read here.
    #[error("it is no PKCS #7 message that carries what is signed")]
    Malformed,
    /// It has no signer, or several.
    #[error("it must have exactly one signer")]
    Signers,
    /// Digest or signature algorithm is not allowed.
    #[error("it must be signed by RSA with SHA-256, SHA-384 or SHA-512")]
    Algorithm,
    /// The certificate of the signer is not at hand.
    #[error("the certificate that signed it is not at hand")]
    Certificate,
    /// What is signed is not the content.
    #[error("the signed digest is not that of its content")]
    Digest,
    /// The signature does not verify.
    #[error("its signature does not verify")]
    Signature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// From the digest's OID, or that of RSA with it: Azure writes the one where the other belongs.
    fn read(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] | [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11] => {
                Some(Self::Sha256)
            }
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] | [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] => {
                Some(Self::Sha384)
            }
            [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] | [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13] => {
                Some(Self::Sha512)
            }
            _ => None,
        }
    }

    fn of(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest(algorithm, bytes)
    }

    /// Keys of less than 2,048 bits never verify.
    fn rsa(self) -> &'static RsaParameters {
        match self {
            Self::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        }
    }
}

/// A message with one signer. Nothing of it was verified yet, so its content cannot be had: see [`Message::verify`].
pub(crate) struct Message<'a> {
    content: Vec<u8>,
    certificates: Vec<&'a [u8]>,
    signer: Signer<'a>,
}

struct Signer<'a> {
    issuer: &'a [u8],
    serial: &'a [u8],
    hash: Hash,
    /// The signed attributes as they are signed: with the tag of a set (RFC 5652 §5.4).
    attributes: Option<Vec<u8>>,
    signature: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads `ContentInfo` with `SignedData` (RFC 5652 §3, §5.1).
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, CmsError> {
        if bytes.len() > MAX {
            return Err(CmsError::TooLarge);
        }
        let mut top = Reader::new(bytes);
        let info = top.take(SEQUENCE)?;
        top.end()?;
        let mut info = top.within(&info);
        if info.take(OID)?.inside != SIGNED_DATA {
            return Err(CmsError::Malformed);
        }
        let wrapped = info.take(CONTEXT_0)?;
        info.end()?;
        let mut wrapped_reader = info.within(&wrapped);
        let signed = wrapped_reader.take(SEQUENCE)?;
        wrapped_reader.end()?;
        let mut signed = wrapped_reader.within(&signed);
        signed.take(INTEGER)?;
        signed.take(SET)?;
        let content = content(&mut signed)?;
        let certificates = certificates(&mut signed)?;
        signed.maybe(CONTEXT_1)?;
        let signer = only_signer(&mut signed)?;
        signed.end()?;
        Ok(Self { content, certificates, signer })
    }

    /// The certificate of `among`, or of those in the message, that its signer names by issuer and serial number.
    pub(crate) fn signer_among<'c>(&self, among: impl IntoIterator<Item = &'c [u8]>) -> Option<&'c [u8]>
    where
        'a: 'c,
    {
        among.into_iter().find(|der| self.signer.is(der))
    }

    /// The certificates that came with the message, of which nothing is believed.
    pub(crate) fn certificates(&self) -> &[&'a [u8]] {
        &self.certificates
    }

    /// The content, if the key of `certificate`, which the signer must name, signed it (RFC 5652 §5.4, §5.6).
    pub(crate) fn verify(self, certificate: &[u8]) -> Result<Vec<u8>, CmsError> {
        if !self.signer.is(certificate) {
            return Err(CmsError::Certificate);
        }
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CmsError::Certificate)?;
        let key = &parsed.public_key().subject_public_key.data;
        let key = UnparsedPublicKey::new(self.signer.hash.rsa(), key);
        let signed = match &self.signer.attributes {
            Some(attributes) => {
                self.signer.check_attributes(attributes, &self.content)?;
                attributes.as_slice()
            }
            None => self.content.as_slice(),
        };
        key.verify(signed, self.signer.signature).map_err(|_| CmsError::Signature)?;
        Ok(self.content)
    }
}

impl Signer<'_> {
    fn is(&self, certificate: &[u8]) -> bool {
        X509Certificate::from_der(certificate).is_ok_and(|(rest, c)| {
            rest.is_empty() && c.issuer().as_raw() == self.issuer && c.raw_serial() == self.serial
        })
    }

    /// The attributes say of which type the content is, and what its digest is, once each (RFC 5652 §11.1, §11.2).
    fn check_attributes(&self, set: &[u8], content: &[u8]) -> Result<(), CmsError> {
        let mut top = Reader::new(set);
        let set = top.take(SET)?;
        let mut attributes = top.within(&set);
        let (mut types, mut digests) = (0, 0);
        while !attributes.is_empty() {
            let attribute = attributes.take(SEQUENCE)?;
            let mut attribute = attributes.within(&attribute);
            let name = attribute.take(OID)?.inside;
            let values = attribute.take(SET)?;
            attribute.end()?;
            let value = attribute.within(&values);
            if name == CONTENT_TYPE {
                types += usize::from(only(value, OID)? == DATA);
            } else if name == MESSAGE_DIGEST {
                digests += 1;
                if only(value, OCTETS)? != self.hash.of(content).as_ref() {
                    return Err(CmsError::Digest);
                }
            }
        }
        if types == 1 && digests == 1 { Ok(()) } else { Err(CmsError::Digest) }
    }
}

fn only<'a>(mut values: Reader<'a>, tag: u8) -> Result<&'a [u8], CmsError> {
    let value = values.take(tag)?;
    values.end()?;
    Ok(value.inside)
}

/// `EncapsulatedContentInfo` (RFC 5652 §5.2), which must hold data.
fn content(signed: &mut Reader<'_>) -> Result<Vec<u8>, CmsError> {
    let info = signed.take(SEQUENCE)?;
    let mut info = signed.within(&info);
    if info.take(OID)?.inside != DATA {
        return Err(CmsError::Malformed);
    }
    let wrapped = info.take(CONTEXT_0)?;
    info.end()?;
    let mut wrapped = info.within(&wrapped);
    let octets = wrapped.any()?;
    wrapped.end()?;
    match octets.tag {
        OCTETS => Ok(octets.inside.to_vec()),
        OCTETS_IN_PIECES => {
            let mut pieces = wrapped.within(&octets);
            let mut whole = Vec::new();
            while !pieces.is_empty() {
                whole.extend_from_slice(pieces.take(OCTETS)?.inside);
            }
            Ok(whole)
        }
        _ => Err(CmsError::Malformed),
    }
}

fn certificates<'a>(signed: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, CmsError> {
    let Some(set) = signed.maybe(CONTEXT_0)? else { return Ok(Vec::new()) };
    let mut set = signed.within(&set);
    let mut all = Vec::new();
    while !set.is_empty() {
        let certificate = set.take(SEQUENCE)?;
        if all.len() == MAX_CERTIFICATES || !certificate.definite {
            return Err(CmsError::Malformed);
        }
        all.push(certificate.raw);
    }
    Ok(all)
}

/// `SignerInfos` (RFC 5652 §5.3): one, that names its certificate by issuer and serial number.
fn only_signer<'a>(signed: &mut Reader<'a>) -> Result<Signer<'a>, CmsError> {
    let set = signed.take(SET)?;
    let mut set = signed.within(&set);
    let info = set.maybe(SEQUENCE)?.ok_or(CmsError::Signers)?;
    if !set.is_empty() {
        return Err(CmsError::Signers);
    }
    let mut info = set.within(&info);
    info.take(INTEGER)?;
    let named = info.take(SEQUENCE)?;
    let mut named = info.within(&named);
    let issuer = named.take(SEQUENCE)?.raw;
    let serial = named.take(INTEGER)?.inside;
    named.end()?;
    let hash = Hash::read(algorithm(&mut info)?).ok_or(CmsError::Algorithm)?;
    let attributes = info.maybe(CONTEXT_0)?.map(|set| as_signed(&set)).transpose()?;
    let by = algorithm(&mut info)?;
    if by != RSA && Hash::read(by) != Some(hash) {
        return Err(CmsError::Algorithm);
    }
    let signature = info.take(OCTETS)?.inside;
    info.maybe(CONTEXT_1)?;
    info.end()?;
    Ok(Signer { issuer, serial, hash, attributes, signature })
}

/// The bytes that are signed have the tag of a set, not that of the place where it stands (RFC 5652 §5.4).
fn as_signed(set: &Element<'_>) -> Result<Vec<u8>, CmsError> {
    if !set.definite {
        return Err(CmsError::Malformed);
    }
    let mut bytes = set.raw.to_vec();
    bytes[0] = SET;
    Ok(bytes)
}

/// The OID of an `AlgorithmIdentifier` without parameters.
fn algorithm<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], CmsError> {
    let identifier = reader.take(SEQUENCE)?;
    let mut inside = reader.within(&identifier);
    let oid = inside.take(OID)?.inside;
    if let Some(null) = inside.maybe(NULL)?
        && !null.inside.is_empty()
    {
        return Err(CmsError::Algorithm);
    }
    inside.end().map_err(|_| CmsError::Algorithm)?;
    Ok(oid)
}

#[cfg(test)]
mod tests;
