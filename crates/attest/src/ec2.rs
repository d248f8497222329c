//! The instance identity document of EC2: what the metadata service signs for whoever is on the machine. It has no nonce,
//! no audience and no end, so whoever saw it once can show it for ever. It proves nothing alone: the first key that comes
//! with an instance's document is the only one that ever gets anything by it (see `docs/how-to/attester.md`).

use crate::aws_caller::AccountId;
use crate::cms::{CmsError, Message};
use crate::said::said;
use crate::{Evidence, pem};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use prokura_core::{Platform, Timestamp};
use prokura_oauth::json::{self, Limits, Object};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How long a token may last by a document that itself never ends.
const GOOD_FOR: Duration = Duration::from_secs(60 * 60);
/// The certificates that AWS publishes, RSA with 2,048 bits.
const PUBLISHED: &str = include_str!("../data/ec2-rsa2048.pem");

/// A provider of `platform = "ec2"`.
#[derive(Clone)]
pub struct Ec2 {
    provider: Arc<str>,
    accounts: Vec<AccountId>,
    regions: Vec<String>,
    certificates: Vec<Pinned>,
    old: Vec<Vec<u8>>,
}

/// A certificate, and the region for which AWS publishes it; one that the operator names is for every region.
#[derive(Clone)]
struct Pinned {
    region: Option<String>,
    der: Vec<u8>,
}

/// What the configuration says of such a provider.
#[derive(Debug, Clone, Default)]
pub struct Ec2Settings {
    /// The accounts whose instances are believed.
    pub accounts: Vec<AccountId>,
    /// The regions whose instances are believed; empty: every one.
    pub regions: Vec<String>,
    /// Further certificates of AWS, PEM.
    pub certificates: String,
    /// Certificates with RSA of 1,024 bits, for the old form of the signature, PEM.
    pub old_certificates: String,
}

/// An instance identity document that is not accepted. For the log and the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ec2Error {
    /// Certificates of the configuration cannot be read.
    #[error("the certificates cannot be read: they must be PEM")]
    Certificates,
    /// A member that means nothing, or one that is missing.
    #[error(
        "the evidence must have the member `pkcs7` (from `…/instance-identity/rsa2048`), or `document` and `signature` where the old form is taken"
    )]
    Member,
    /// The signed message.
    #[error("the signed document is not accepted: {0}")]
    Message(#[from] CmsError),
    /// The old form is not taken here, or its signature does not verify.
    #[error("`signature` does not verify `document`, or the old form (RSA, 1,024 bits) is not taken here")]
    Old,
    /// What is signed is no instance identity document.
    #[error("what is signed is no instance identity document: {0}")]
    Document(&'static str),
    /// The document is of another region than its signature.
    #[error("the document is of region `{0}`, whose certificate did not sign it")]
    SignedElsewhere(String),
    /// The region is not allowed.
    #[error("the region is `{0}`, which the provider does not allow")]
    Region(String),
    /// The account is not allowed.
    #[error("the account is `{0}`, which the provider does not allow")]
    Account(String),
}

impl Ec2 {
    /// A provider of that name.
    ///
    /// # Errors
    /// [`Ec2Error::Certificates`].
    pub fn new(provider: Arc<str>, settings: Ec2Settings) -> Result<Self, Ec2Error> {
        let read = |text: &str| pem::all(text).ok_or(Ec2Error::Certificates);
        let mut certificates = published()?;
        for der in read(&settings.certificates)? {
            certificates.push(Pinned { region: None, der });
        }
        let old = read(&settings.old_certificates)?;
        let Ec2Settings { accounts, regions, .. } = settings;
        Ok(Self { provider, accounts, regions, certificates, old })
    }

    /// What `shown` proves: `pkcs7`, or `document` and `signature`, in base64.
    ///
    /// # Errors
    /// [`Ec2Error`].
    pub fn verify(&self, shown: &Object, now: Timestamp) -> Result<Evidence, Ec2Error> {
        let names: Vec<_> = shown.keys().collect();
        let of = |name: &str| shown.str(name).and_then(pem::base64).ok_or(Ec2Error::Member);
        let (document, region) = match names.as_slice() {
            ["pkcs7"] => self.by_message(&of("pkcs7")?)?,
            ["document", "signature"] | ["signature", "document"] => {
                (self.by_old_signature(of("document")?, &of("signature")?)?, None)
            }
            _ => return Err(Ec2Error::Member),
        };
        let fields = Document::read(&document)?;
        if region.is_some_and(|region| region != fields.region) {
            return Err(Ec2Error::SignedElsewhere(fields.region));
        }
        self.evidence(fields, &document, now)
    }

    /// The document in a signed message, and the region of the certificate that signed it. The certificate is ours, never
    /// one that comes along.
    fn by_message(&self, message: &[u8]) -> Result<(Vec<u8>, Option<String>), Ec2Error> {
        let message = Message::parse(message)?;
        let pinned = self.certificates.iter().find(|c| message.signer_among([c.der.as_slice()]).is_some());
        let pinned = pinned.ok_or(CmsError::Certificate)?;
        Ok((message.verify(&pinned.der)?, pinned.region.clone()))
    }

    /// The document with its signature beside it, by RSA of 1,024 bits.
    fn by_old_signature(&self, document: Vec<u8>, signature: &[u8]) -> Result<Vec<u8>, Ec2Error> {
        let verifies = self.old.iter().any(|der| {
            X509Certificate::from_der(der).is_ok_and(|(_, certificate)| {
                let key = &certificate.public_key().subject_public_key.data;
                let key = UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, key);
                key.verify(&document, signature).is_ok()
            })
        });
        if verifies { Ok(document) } else { Err(Ec2Error::Old) }
    }

    fn evidence(&self, fields: Document, document: &[u8], now: Timestamp) -> Result<Evidence, Ec2Error> {
        if !self.accounts.contains(&fields.account) {
            return Err(Ec2Error::Account(fields.account.as_str().to_owned()));
        }
        if !self.regions.is_empty() && !self.regions.contains(&fields.region) {
            return Err(Ec2Error::Region(fields.region));
        }
        let account = fields.account.as_str();
        let subject = format!("{account}/{}/{}", fields.region, fields.instance);
        let claims = [
            ("subject", subject.as_str()),
            ("account", account),
            ("region", &fields.region),
            ("instance_id", &fields.instance),
            ("image_id", &fields.image),
            ("instance_type", &fields.kind),
            ("availability_zone", &fields.zone),
        ];
        let (claims, told) = said(Platform::Ec2, &claims);
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, document).as_ref());
        Ok(Evidence {
            provider: Arc::clone(&self.provider),
            platform: Platform::Ec2,
            subject,
            instance: fields.instance,
            claims,
            told,
            issued_at: now,
            expires_at: now.after(GOOD_FOR),
            id: None,
            digest: hash,
            key: None,
        })
    }
}

fn published() -> Result<Vec<Pinned>, Ec2Error> {
    let each = PUBLISHED.split("# region ").skip(1).map(|block| {
        let (region, text) = block.split_once('\n')?;
        let [der] = <[Vec<u8>; 1]>::try_from(pem::all(text)?).ok()?;
        Some(Pinned { region: Some(region.to_owned()), der })
    });
    each.collect::<Option<Vec<_>>>().ok_or(Ec2Error::Certificates)
}

/// What counts of a document.
struct Document {
    account: AccountId,
    region: String,
    instance: String,
    image: String,
    kind: String,
    zone: String,
}

impl Document {
    fn read(document: &[u8]) -> Result<Self, Ec2Error> {
        let value = json::parse(document, &Limits::TOKEN).map_err(|_| Ec2Error::Document("it is no JSON"))?;
        let object = value.as_object().ok_or(Ec2Error::Document("it is no JSON object"))?;
        let text = |name: &str, why| {
            object.str(name).filter(|t| !t.is_empty() && t.len() <= 128).ok_or(Ec2Error::Document(why))
        };
        let account = AccountId::parse(text("accountId", "`accountId` is missing")?);
        let instance = text("instanceId", "`instanceId` is missing")?;
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if !instance.strip_prefix("i-").is_some_and(|id| !id.is_empty() && id.bytes().all(hex)) {
            return Err(Ec2Error::Document("`instanceId` is none"));
        }
        Ok(Self {
            account: account.ok_or(Ec2Error::Document("`accountId` must be twelve digits"))?,
            region: text("region", "`region` is missing")?.to_owned(),
            instance: instance.to_owned(),
            image: text("imageId", "`imageId` is missing")?.to_owned(),
            kind: text("instanceType", "`instanceType` is missing")?.to_owned(),
            zone: text("availabilityZone", "`availabilityZone` is missing")?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
