//! A trust bundle (SPIFFE Trust Domain and Bundle §4): a JWK set whose keys are each for one kind of SVID.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prokura_core::Timestamp;
use prokura_oauth::jose::{Algorithm, KeyError, KeySet};
use prokura_oauth::json::{self, JsonError, Limits, Object, Value, obj};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The algorithms of JWT-SVIDs (JWT-SVID §2.1).
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];
/// A bundle is larger than other documents: each of its certificates is a kilobyte or two.
const LIMITS: Limits = Limits { max_bytes: 512 << 10, max_depth: 8 };
/// More authorities than this no trust domain needs.
const MAX_AUTHORITIES: usize = 64;

/// What verifies the SVIDs of one trust domain.
#[derive(Debug, Default)]
pub struct Bundle {
    jwt: Arc<KeySet>,
    x509: Vec<Authority>,
    sequence: Option<u64>,
    refresh_hint: Option<Duration>,
}

/// A certificate authority of a bundle.
#[derive(Debug, Clone)]
struct Authority {
    anchor: TrustAnchor<'static>,
    /// Its own time, which path validation does not look at.
    from: Timestamp,
    until: Timestamp,
}

/// Text that is no bundle.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BundleError {
    /// Not JSON that can be read in one way only.
    #[error("the bundle is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// No JWK set.
    #[error("the bundle is no JWK set: an object with an array `keys`")]
    NotSet,
    /// `spiffe_sequence` or `spiffe_refresh_hint` is no whole number.
    #[error("the bundle's `{0}` is no whole number")]
    Number(&'static str),
    /// Its keys for JWT-SVIDs are no set of keys.
    #[error("the bundle's keys are refused: {0}")]
    Keys(#[from] KeyError),
    /// More authorities than are read.
    #[error("the bundle has more than 64 certificate authorities")]
    TooMany,
}

impl Bundle {
    /// Reads the JSON of a bundle. Keys of other uses, and such as cannot be used, are left out (§4.1.3, §4.2).
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn parse(text: &[u8]) -> Result<Self, BundleError> {
        let set = json::parse(text, &LIMITS)?.into_object().ok_or(BundleError::NotSet)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(BundleError::NotSet)?;
        let keys = keys.iter().map(|k| k.as_object().ok_or(BundleError::NotSet));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let of_use =
            |usage: &str| keys.iter().copied().filter(move |k| k.str("use") == Some(usage)).collect();
        Ok(Self {
            jwt: Arc::new(jwt_keys(of_use("jwt-svid"))?),
            x509: authorities(of_use("x509-svid").into_iter().filter_map(first_certificate))?,
            sequence: number(&set, "spiffe_sequence")?,
            refresh_hint: number(&set, "spiffe_refresh_hint")?.map(Duration::from_secs),
        })
    }

    /// What the Workload API gives: the authorities of a trust domain, one DER after the other, and its keys as a JWK
    /// set; each may be absent.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn of_parts(x509: Option<&[u8]>, jwt: Option<&[u8]>) -> Result<Self, BundleError> {
        let keys = jwt.map(|text| json::parse(text, &LIMITS)).transpose()?;
        let keys = keys.map(|v| v.into_object().ok_or(BundleError::NotSet)).transpose()?;
        let list = keys.as_ref().map(|k| k.get("keys").and_then(Value::as_array).ok_or(BundleError::NotSet));
        let members = list.transpose()?.map(|l| l.iter().filter_map(Value::as_object).collect());
        // The Workload API has keys for JWT-SVIDs only; whether they say so is left open (§6.2.4).
        let members: Vec<&Object> = members.unwrap_or_default();
        let mine = members.into_iter().filter(|k| matches!(k.str("use"), None | Some("jwt-svid"))).collect();
        Ok(Self {
            jwt: Arc::new(jwt_keys(mine)?),
            x509: authorities(x509.map(split_der).unwrap_or_default().into_iter())?,
            sequence: None,
            refresh_hint: None,
        })
    }

    /// `spiffe_sequence` (§4.1.1): larger in whatever is newer.
    pub fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// `spiffe_refresh_hint` (§4.1.2).
    pub fn refresh_hint(&self) -> Option<Duration> {
        self.refresh_hint
    }

    /// The keys for JWT-SVIDs, each pinned to the algorithms of its type (JWT-SVID §2.1).
    pub fn jwt_keys(&self) -> &Arc<KeySet> {
        &self.jwt
    }

    /// Whether there is a key for JWT-SVIDs with this `kid`.
    pub fn has_key(&self, kid: &str) -> bool {
        self.jwt.iter().any(|key| key.kid() == Some(kid))
    }

    /// How many keys for JWT-SVIDs and how many authorities for X.509-SVIDs there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.jwt.len(), self.x509.len())
    }

    /// The authorities whose own time it is.
    pub(crate) fn anchors(&self, now: Timestamp) -> Vec<TrustAnchor<'static>> {
        let in_time = self.x509.iter().filter(|a| a.from <= now && now <= a.until);
        in_time.map(|a| a.anchor.clone()).collect()
    }
}

/// The keys, as those of signatures: that is what `jwt-svid` means to a JOSE library.
fn jwt_keys(keys: Vec<&Object>) -> Result<KeySet, BundleError> {
    let named = keys.into_iter().filter(|k| k.str("kid").is_some_and(|kid| !kid.is_empty()));
    let plain = named.map(|key| {
        let mut key = key.clone();
        key.insert("use", "sig".into());
        Value::from(key)
    });
    Ok(KeySet::from_jwks(&obj([("keys", plain.collect())]), &ALGORITHMS)?)
}

/// Only the first certificate counts (X509-SVID §6.2).
fn first_certificate(key: &Object) -> Option<Vec<u8>> {
    let chain = key.get("x5c").and_then(Value::as_array)?;
    STANDARD.decode(chain.first()?.as_str()?).ok()
}

fn authorities(ders: impl Iterator<Item = Vec<u8>>) -> Result<Vec<Authority>, BundleError> {
    let read: Vec<_> = ders.filter_map(|der| authority(&der.into())).collect();
    if read.len() > MAX_AUTHORITIES { Err(BundleError::TooMany) } else { Ok(read) }
}

/// A certificate that may sign others; what is none is left out.
fn authority(der: &CertificateDer<'_>) -> Option<Authority> {
    let (rest, read) = X509Certificate::from_der(der).ok()?;
    let signs = read.key_usage().ok()?.is_none_or(|usage| usage.value.key_cert_sign());
    if !rest.is_empty() || !read.is_ca() || !signs {
        return None;
    }
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_seconds(time.timestamp());
    let (from, until) = (at(read.validity().not_before), at(read.validity().not_after));
    let anchor = webpki::anchor_from_trusted_cert(der).ok()?.to_owned();
    Some(Authority { anchor, from, until })
}

/// Certificates that stand one after the other.
fn split_der(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Ok((rest, _)) = X509Certificate::from_der(bytes) {
        let (one, after) = bytes.split_at(bytes.len() - rest.len());
        all.push(one.to_vec());
        bytes = after;
        if bytes.is_empty() || all.len() > MAX_AUTHORITIES {
            break;
        }
    }
    all
}

fn number(set: &Object, name: &'static str) -> Result<Option<u64>, BundleError> {
    let Some(value) = set.get(name) else { return Ok(None) };
    let number = value.as_i64().and_then(|n| u64::try_from(n).ok());
    number.map(Some).ok_or(BundleError::Number(name))
}
