//! The attested document of an Azure virtual machine: signed by its metadata service, with a nonce of ours in it.

use crate::bound::Bound;
use crate::cms::{CmsError, Message};
use crate::said::said;
use crate::{Evidence, pem};
use aws_lc_rs::digest::{SHA256, digest};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use prokura_core::{Platform, Timestamp};
use prokura_oauth::json::{self, Limits, Object};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

/// However long the document says that it is good for.
const GOOD_FOR: Duration = Duration::from_secs(60 * 60);
/// How far the clock of the metadata service may be ahead.
const AHEAD: Duration = Duration::from_secs(60);
const ROOTS: &str = include_str!("../data/azure-roots.pem");
const INTERMEDIATES: &str = include_str!("../data/azure-intermediates.pem");
/// The name of the metadata service in the public cloud.
pub const PUBLIC_CLOUD: &str = "metadata.azure.com";

/// A provider of `platform = "azure_vm"`.
#[derive(Clone)]
pub struct AzureVm {
    provider: Arc<str>,
    subscriptions: Vec<String>,
    name: String,
    roots: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
}

/// What the configuration says of such a provider.
#[derive(Debug, Clone)]
pub struct AzureVmSettings {
    /// The subscriptions whose machines are believed, in lower case.
    pub subscriptions: Vec<String>,
    /// The name that the certificate of the metadata service must have, or end in.
    pub name: String,
    /// Roots in place of those that are pinned here, PEM; empty for those.
    pub roots: String,
    /// Further certificates between the metadata service's and a root, PEM.
    pub intermediates: String,
}

impl Default for AzureVmSettings {
    fn default() -> Self {
        Self {
            subscriptions: Vec::new(),
            name: PUBLIC_CLOUD.to_owned(),
            roots: String::new(),
            intermediates: String::new(),
        }
    }
}

/// An attested document that is not accepted. For the log and the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AzureVmError {
    /// Certificates of the configuration cannot be read.
    #[error(
        "the certificates cannot be read: they must be PEM, and roots must be certificates of authorities"
    )]
    Certificates,
    /// A member that means nothing, or none.
    #[error("the evidence must have the one member `document`: the `signature` of the attested document")]
    Member,
    /// The signed message.
    #[error("the signed document is not accepted: {0}")]
    Message(#[from] CmsError),
    /// The certificate does not lead to a pinned root.
    #[error(
        "the certificate that signed it leads to no pinned root: {0}; if Azure has a new authority, add it to `intermediates`"
    )]
    Chain(String),
    /// The certificate is not the metadata service's.
    #[error("the certificate that signed it is not for `{expected}` or a name below it, but for {received}")]
    Name {
        /// What it should be.
        expected: String,
        /// What it is.
        received: String,
    },
    /// What is signed is no attested document.
    #[error("what is signed is no attested document: {0}")]
    Document(&'static str),
    /// The nonce.
    #[error("the nonce is `{received}`, and not `{expected}`, the ten digits of the challenge")]
    Nonce {
        /// What it should be.
        expected: String,
        /// What it is.
        received: String,
    },
    /// The document's time is over, or has not come.
    #[error("the document is good from {from} until {until} (seconds since 1970), and not now")]
    Time {
        /// From when.
        from: i64,
        /// Until when.
        until: i64,
    },
    /// The subscription is not allowed.
    #[error("the subscription is `{0}`, which the provider does not allow")]
    Subscription(String),
}

impl AzureVm {
    /// A provider of that name.
    ///
    /// # Errors
    /// [`AzureVmError::Certificates`].
    pub fn new(provider: Arc<str>, settings: AzureVmSettings) -> Result<Self, AzureVmError> {
        let read = |text: &str| {
            let all = pem::all(text).ok_or(AzureVmError::Certificates)?;
            Ok::<_, AzureVmError>(all.into_iter().map(CertificateDer::from).collect::<Vec<_>>())
        };
        let roots = read(if settings.roots.is_empty() { ROOTS } else { &settings.roots })?;
        let roots = roots.iter().map(|der| webpki::anchor_from_trusted_cert(der).map(|a| a.to_owned()));
        let mut intermediates = read(INTERMEDIATES)?;
        intermediates.extend(read(&settings.intermediates)?);
        Ok(Self {
            provider,
            subscriptions: settings.subscriptions,
            name: settings.name,
            roots: roots.collect::<Result<_, _>>().map_err(|_| AzureVmError::Certificates)?,
            intermediates,
        })
    }

    /// What `shown` proves: `document`, the attested document's `signature`, in base64.
    ///
    /// # Errors
    /// [`AzureVmError`].
    pub fn verify(
        &self,
        shown: &Object,
        bound: &Bound<'_>,
        now: Timestamp,
    ) -> Result<Evidence, AzureVmError> {
        let names: Vec<_> = shown.keys().collect();
        let message = shown.str("document").and_then(pem::base64).filter(|_| names == ["document"]);
        let content = self.open(&message.ok_or(AzureVmError::Member)?, now)?;
        let document = Document::read(&content)?;
        let expected = bound.digits();
        if document.nonce != expected {
            return Err(AzureVmError::Nonce { expected, received: document.nonce });
        }
        if now < document.from.before(AHEAD) || now >= document.until {
            let (from, until) = (document.from.seconds(), document.until.seconds());
            return Err(AzureVmError::Time { from, until });
        }
        if !self.subscriptions.contains(&document.subscription) {
            return Err(AzureVmError::Subscription(document.subscription));
        }
        Ok(self.evidence(document, &content, now))
    }

    /// The content of a message that the metadata service signed. Which certificate that is, its signer says, and not the
    /// order in which certificates came along; what it leads through may come along, where it leads to may not.
    fn open(&self, message: &[u8], now: Timestamp) -> Result<Vec<u8>, AzureVmError> {
        let message = Message::parse(message)?;
        let along = message.certificates().to_vec();
        let signer = message.signer_among(along.iter().copied()).ok_or(CmsError::Certificate)?.to_vec();
        let mut between = self.intermediates.clone();
        between.extend(along.iter().map(|der| CertificateDer::from(der.to_vec())));
        let certificate = CertificateDer::from(signer.as_slice());
        let certificate = EndEntityCert::try_from(&certificate).map_err(|e| chain(&e))?;
        let seconds = u64::try_from(now.seconds()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let (usage, algorithms) = (KeyUsage::server_auth(), webpki::ALL_VERIFICATION_ALGS);
        certificate
            .verify_for_usage(algorithms, &self.roots, &between, time, usage, None, None)
            .map_err(|e| chain(&e))?;
        let names: Vec<_> = certificate.valid_dns_names().map(str::to_ascii_lowercase).collect();
        if !names.iter().any(|name| is_or_is_below(name, &self.name)) {
            return Err(AzureVmError::Name { expected: self.name.clone(), received: names.join(", ") });
        }
        Ok(message.verify(&signer)?)
    }

    fn evidence(&self, document: Document, content: &[u8], now: Timestamp) -> Evidence {
        let subject = format!("{}/{}", document.subscription, document.machine);
        let claims = [
            ("subject", subject.as_str()),
            ("subscription", &document.subscription),
            ("vm_id", &document.machine),
            ("sku", &document.sku),
        ];
        let (claims, told) = said(Platform::AzureVm, &claims);
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, content).as_ref());
        Evidence {
            provider: Arc::clone(&self.provider),
            platform: Platform::AzureVm,
            subject,
            instance: document.machine,
            claims,
            told,
            issued_at: document.from.min(now),
            expires_at: document.until.min(now.after(GOOD_FOR)),
            id: None,
            digest: hash,
            key: None,
        }
    }
}

fn chain(error: &webpki::Error) -> AzureVmError {
    AzureVmError::Chain(error.to_string())
}

/// `metadata.azure.com`, or something and a dot before it.
fn is_or_is_below(name: &str, domain: &str) -> bool {
    name == domain || name.strip_suffix(domain).is_some_and(|above| above.len() > 1 && above.ends_with('.'))
}

/// What counts of a document.
#[derive(Debug)]
struct Document {
    nonce: String,
    subscription: String,
    machine: String,
    sku: String,
    from: Timestamp,
    until: Timestamp,
}

impl Document {
    fn read(content: &[u8]) -> Result<Self, AzureVmError> {
        use AzureVmError::Document as Odd;
        let value = json::parse(content, &Limits::TOKEN).map_err(|_| Odd("it is no JSON"))?;
        let object = value.as_object().ok_or(Odd("it is no JSON object"))?;
        let text = |name: &str| object.str(name).filter(|t| t.len() <= 128);
        let uuid = |name: &str| text(name).map(str::to_ascii_lowercase).filter(|t| is_uuid(t));
        let stamp =
            object.get("timeStamp").and_then(|s| s.as_object()).ok_or(Odd("`timeStamp` is missing"))?;
        let at = |name: &str| stamp.str(name).and_then(time);
        Ok(Self {
            nonce: text("nonce").ok_or(Odd("`nonce` is missing"))?.to_owned(),
            subscription: uuid("subscriptionId").ok_or(Odd("`subscriptionId` is missing or no UUID"))?,
            machine: uuid("vmId").ok_or(Odd("`vmId` is missing or no UUID"))?,
            sku: text("sku").unwrap_or_default().to_owned(),
            from: at("createdOn").ok_or(Odd("`timeStamp.createdOn` is missing or no time"))?,
            until: at("expiresOn").ok_or(Odd("`timeStamp.expiresOn` is missing or no time"))?,
        })
    }
}

/// Lower-case hexadecimal digits with four dashes where they belong.
pub fn is_uuid(text: &str) -> bool {
    let fits = |(at, b): (usize, u8)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

/// `MM/DD/YY hh:mm:ss -0000`, in this century.
fn time(text: &str) -> Option<Timestamp> {
    let shape = |(at, b): (usize, u8)| match at {
        2 | 5 => b == b'/',
        8 | 17 => b == b' ',
        11 | 14 => b == b':',
        18 => b == b'-' || b == b'+',
        19..=22 => b == b'0',
        _ => b.is_ascii_digit(),
    };
    if text.len() != 23 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    let two = |at: usize| text.get(at..at + 2)?.parse::<i8>().ok();
    let year = 2000 + i16::from(two(6)?);
    let civil = DateTime::new(year, two(0)?, two(3)?, two(9)?, two(12)?, two(15)?, 0).ok()?;
    Some(Timestamp::from_seconds(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()))
}

#[cfg(test)]
mod tests;
