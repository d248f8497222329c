//! X.509-SVIDs (the X509-SVID standard): a chain that ends at an authority of the trust domain that the leaf names.

use crate::{Bundle, SpiffeId, TrustDomain};
use prokura_core::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// An X.509-SVID that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct X509Svid {
    /// Whose it is: a workload of the trust domain.
    pub id: SpiffeId,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// For what a certificate is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A client shows it to a server.
    Client,
    /// A server shows it to a client.
    Server,
}

/// Why a certificate is not accepted as an X.509-SVID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum X509SvidError {
    /// It cannot be read.
    #[error("the certificate cannot be read")]
    Malformed,
    /// It has no alternative name that is a URI, or several (§2).
    #[error("an X.509-SVID has exactly one URI among its alternative names: received {0}")]
    Uris(usize),
    /// The URI is no SPIFFE ID of a workload (§3.1).
    #[error("its URI is no SPIFFE ID with a path: received `{0}`")]
    Id(String),
    /// It is of another trust domain.
    #[error("it is of another trust domain: expected `{expected}`, received `{received}`")]
    Domain {
        /// The trust domain whose bundle was asked.
        expected: TrustDomain,
        /// The one that it names.
        received: TrustDomain,
    },
    /// It may sign other certificates (§5.2).
    #[error("it is the certificate of an authority, and no leaf")]
    Authority,
    /// Its key usage is missing, not critical, or without digital signatures (§4.3).
    #[error(
        "its key usage is not that of an X.509-SVID: digital signatures, critical, and no signing of certificates"
    )]
    KeyUsage,
    /// It is over, or has not begun.
    #[error("it is not its time: it is good from {from} to {until}, in seconds")]
    Time {
        /// When it begins.
        from: i64,
        /// When it ends.
        until: i64,
    },
    /// No path leads to an authority of the trust domain, or something on it does not hold (§5.1).
    #[error("no authority of the trust domain `{domain}` vouches for it now: {reason}")]
    Path {
        /// The trust domain.
        domain: TrustDomain,
        /// What path validation says.
        reason: String,
    },
}

impl X509Svid {
    /// Verifies a leaf of `domain` and the certificates above it by the bundle of that domain (§5). That whoever shows it
    /// has its key is for the connection to prove.
    ///
    /// # Errors
    /// [`X509SvidError`]; the first thing that does not hold.
    pub fn verify<'a>(
        leaf: &[u8],
        above: impl Iterator<Item = &'a [u8]>,
        domain: &TrustDomain,
        bundle: &Bundle,
        side: Side,
        now: Timestamp,
    ) -> Result<Self, X509SvidError> {
        let read = read(leaf)?;
        let id = id_of(&read)?;
        if id.trust_domain() != domain {
            let received = id.trust_domain().clone();
            return Err(X509SvidError::Domain { expected: domain.clone(), received });
        }
        is_leaf(&read)?;
        let at = |time: x509_parser::time::ASN1Time| Timestamp::from_seconds(time.timestamp());
        let (not_before, not_after) = (at(read.validity().not_before), at(read.validity().not_after));
        if now < not_before || now > not_after {
            return Err(X509SvidError::Time { from: not_before.seconds(), until: not_after.seconds() });
        }
        let reason = |e: webpki::Error| X509SvidError::Path { domain: domain.clone(), reason: e.to_string() };
        path(leaf, above, bundle, side, now).map_err(reason)?;
        Ok(Self { id, not_before, not_after })
    }
}

/// The SPIFFE ID that a certificate claims, before anything is verified; `None` if it is no X.509-SVID. It chooses among
/// bundles that the operator named, and nothing else.
pub fn spiffe_id_of(leaf: &[u8]) -> Option<SpiffeId> {
    id_of(&read(leaf).ok()?).ok()
}

fn read(leaf: &[u8]) -> Result<X509Certificate<'_>, X509SvidError> {
    let (rest, read) = X509Certificate::from_der(leaf).map_err(|_| X509SvidError::Malformed)?;
    if rest.is_empty() { Ok(read) } else { Err(X509SvidError::Malformed) }
}

/// The one URI, which is the ID of a workload.
fn id_of(leaf: &X509Certificate<'_>) -> Result<SpiffeId, X509SvidError> {
    // An extension that stands there twice is an error.
    let names = leaf.subject_alternative_name().map_err(|_| X509SvidError::Malformed)?;
    let names = names.map(|n| n.value.general_names.as_slice()).unwrap_or_default();
    let uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uris: Vec<_> = uris.collect();
    let [uri] = *uris else { return Err(X509SvidError::Uris(uris.len())) };
    let id = SpiffeId::parse(uri).ok().filter(|id| !id.path().is_empty());
    id.ok_or_else(|| X509SvidError::Id(uri.chars().take(200).collect()))
}

fn is_leaf(leaf: &X509Certificate<'_>) -> Result<(), X509SvidError> {
    if leaf.is_ca() {
        return Err(X509SvidError::Authority);
    }
    let usage = leaf.key_usage().map_err(|_| X509SvidError::Malformed)?.ok_or(X509SvidError::KeyUsage)?;
    if usage.value.key_cert_sign() || usage.value.crl_sign() {
        return Err(X509SvidError::Authority);
    }
    if usage.critical && usage.value.digital_signature() { Ok(()) } else { Err(X509SvidError::KeyUsage) }
}

fn path<'a>(
    leaf: &[u8],
    above: impl Iterator<Item = &'a [u8]>,
    bundle: &Bundle,
    side: Side,
    now: Timestamp,
) -> Result<(), webpki::Error> {
    let leaf = CertificateDer::from(leaf);
    let above: Vec<_> = above.map(CertificateDer::from).collect();
    let anchors = bundle.anchors(now);
    let usage = match side {
        Side::Client => KeyUsage::client_auth(),
        Side::Server => KeyUsage::server_auth(),
    };
    let seconds = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
    let time = UnixTime::since_unix_epoch(seconds);
    let end = EndEntityCert::try_from(&leaf)?;
    end.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &above, time, usage, None, None).map(drop)
}
