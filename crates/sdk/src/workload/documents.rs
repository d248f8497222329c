//! Evidence that is no token, as an attester wants it: a signed request to AWS, the identity document of an EC2 instance,
//! the attested document of an Azure machine. The first and the last carry the attester's challenge.

use super::aws::{Aws, authority, parsed};
use super::azure::Azure;
use super::error::EvidenceError;
use super::evidence::Document;
use super::out::Question;
use super::sigv4::{Request, Scope};
use prokura_core::Platform;
use prokura_oauth::json::{Object, Value, obj};

/// The only body there is.
const CALLER: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const CHALLENGE: &str = "x-prokura-challenge";
const KEY: &str = "x-prokura-key";
const AZURE: &str = "the Azure instance metadata service";

impl Aws<'_> {
    /// `GetCallerIdentity`, signed here and sent by the attester, for this challenge and this key.
    pub(super) async fn caller(&self, challenge: &str, thumbprint: &str) -> Result<Document, EvidenceError> {
        let (credentials, from) = self.credentials().await?;
        let region = self.region().await?;
        let host = authority(&self.regional(&region)?);
        let headers = vec![
            ("accept", "application/json".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            (CHALLENGE, challenge.to_owned()),
            (KEY, thumbprint.to_owned()),
        ];
        let request = Request { method: "POST", host: &host, headers, body: CALLER };
        let signed = credentials.sign(&request, Scope { region: &region, service: "sts" }, self.now);
        let mut headers: Object =
            signed.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        headers.insert("host", host.as_str().into());
        let parts = obj([
            ("method", "POST".into()),
            ("url", format!("https://{host}/").into()),
            ("headers", Value::Object(headers)),
            ("body", CALLER.into()),
        ]);
        Ok(Document { platform: Platform::AwsCaller, place: format!("credentials from {from}"), parts })
    }

    /// The identity document of the instance, signed by RSA of 2,048 bits.
    pub(super) async fn instance_document(&self) -> Result<Document, EvidenceError> {
        let signed = self.instance_told("dynamic/instance-identity/rsa2048").await?.text("signature")?;
        let pkcs7: String = signed.split_whitespace().collect();
        let place = "the EC2 instance metadata service".to_owned();
        Ok(Document { platform: Platform::Ec2, place, parts: obj([("pkcs7", pkcs7.into())]) })
    }
}

impl Azure<'_> {
    /// The attested document of the machine, with the challenge as the ten digits that fit into its nonce.
    pub(super) async fn attested(&self, challenge: &str) -> Result<Document, EvidenceError> {
        let mut url = parsed(&format!("{}/metadata/attested/document", self.instance()))?;
        url.query_pairs_mut()
            .append_pair("api-version", "2020-09-01")
            .append_pair("nonce", &digits(challenge));
        let question = Question::get(AZURE, url).with("metadata", "true");
        let remedy = |_: &str| "this has to be an Azure virtual machine".to_owned();
        let signature = self.out.ask(question, remedy).await?.member("signature", "attested document")?;
        let parts = obj([("document", signature.into())]);
        Ok(Document { platform: Platform::AzureVm, place: AZURE.to_owned(), parts })
    }
}

/// The first eight bytes of the SHA-256 of a challenge as a number, modulo 10^10: Azure signs no longer nonce.
fn digits(challenge: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, challenge.as_bytes());
    let number = hash.as_ref().iter().take(8).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    format!("{:010}", number % 10_000_000_000)
}
