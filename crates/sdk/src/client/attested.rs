//! Workloads whose platform gives no token: what it says is turned into one by an attester, the authorization server
//! itself, bound to a key that this process made (draft-ietf-oauth-attestation-based-client-auth-10).
//!
//! Evidence goes to the `attestation_endpoint` of the authorization server that grants access, with a proof of possession
//! and for a challenge of that server. Of what can be bound to a server, nothing is good anywhere else: the challenge and
//! the key are signed with a request to AWS, and stand as a nonce in an Azure document. The identity document of EC2 binds
//! nothing, so it is shown only to a server that a person named.

use super::auth::Registered;
use super::dpop::{PROOF, ProofKey};
use super::error::ClientError;
use super::inner::Inner;
use super::means::Means;
use super::obtain::Asking;
use super::token::{Given, TokenError, TokenRequest, printable};
use crate::web::{object, post};
use crate::workload::{Document, Workload};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use prokura_core::Platform;
use prokura_egress::{Answer, FetchUrl};
use prokura_oauth::json::{Object, Value, obj};
use url::Url;

const ATTESTATION: HeaderName = HeaderName::from_static("oauth-client-attestation");
const POP: HeaderName = HeaderName::from_static("oauth-client-attestation-pop");
const CHALLENGE: HeaderName = HeaderName::from_static("oauth-client-attestation-challenge");
const METHOD: &str = "attest_jwt_client_auth_dpop";
/// No challenge is longer.
const MAX_CHALLENGE: usize = 512;

/// What an attester made of evidence.
struct Attestation {
    jwt: HeaderValue,
    client_id: String,
}

impl Inner {
    /// Evidence, an attestation, and with it a token by the client's own authority (RFC 6749 §4.4). One key stands behind
    /// the attestation and the token (§5.2).
    pub(super) async fn as_attested(
        &self,
        asking: &Asking<'_>,
        workload: &Workload,
    ) -> Result<(Given, Option<Registered>), ClientError> {
        let issuer = &asking.issuer.issuer;
        let named = workload.options().issuer.as_deref();
        if let Some(only) = named.filter(|only| only != issuer) {
            return Err(ClientError::OtherIssuer { only: only.to_owned(), issuer: issuer.clone() });
        }
        if workload.platform() == Platform::Ec2 && named.is_none() {
            return Err(ClientError::Unbound { issuer: issuer.clone() });
        }
        let ends = self.ends(asking)?;
        let own = match &asking.key {
            Some(key) => key.clone(),
            None => self.own_key(issuer, None).await?,
        };
        let attestation = self.attestation(&ends, &own, workload).await?;
        // The other one was spent on the evidence.
        let challenge = self.challenge(&ends.challenge).await?;
        self.means.nonces.put(asking.endpoint.as_url(), &challenge);
        let mut form = asking.scope_parameter();
        form.push(("client_id", attestation.client_id));
        let attested = Some(Attested { jwt: &attestation.jwt, key: &own });
        let request = TokenRequest { attested, ..asking.request(None, "client_credentials", form) };
        Ok((request.token(&self.means).await?, None))
    }

    fn ends(&self, asking: &Asking<'_>) -> Result<Ends, ClientError> {
        let issuer = asking.issuer;
        let not_served = || ClientError::NotServed { issuer: issuer.issuer.clone(), grant: METHOD };
        if !issuer.lists("token_endpoint_auth_methods_supported", METHOD, false) {
            return Err(not_served());
        }
        let end = |member: &str| {
            let url = issuer.document.str(member).and_then(|text| Url::parse(text).ok());
            url.and_then(|url| FetchUrl::try_from(url).ok()).ok_or_else(not_served)
        };
        Ok(Ends { challenge: end("challenge_endpoint")?, attester: end("attestation_endpoint")? })
    }

    /// A challenge (§6.1).
    async fn challenge(&self, at: &FetchUrl) -> Result<String, ClientError> {
        let told = self.told(at, HeaderMap::new(), Vec::new()).await?;
        let challenge = told.str("attestation_challenge").and_then(fine);
        challenge.ok_or_else(|| bad(at, 200, "it has no `attestation_challenge`"))
    }

    /// Evidence comes in, an attestation comes out.
    async fn attestation(
        &self,
        ends: &Ends,
        key: &ProofKey,
        workload: &Workload,
    ) -> Result<Attestation, ClientError> {
        let challenge = self.challenge(&ends.challenge).await?;
        let document = workload.document(&challenge, &key.thumbprint()).await;
        let document =
            document.map_err(|e| ClientError::Source { what: "this workload", cause: e.to_string() })?;
        self.means.nonces.put(ends.attester.as_url(), &challenge);
        let mut headers = HeaderMap::new();
        let proof = key.prove(&self.means, &Method::POST, ends.attester.as_url(), None);
        headers.insert(PROOF, proof.ok_or(TokenError::Unwritable)?);
        let told = self.told(&ends.attester, headers, shown(&document).to_vec()).await?;
        let text = |member: &str| told.str(member).filter(|t| !t.is_empty());
        let read = || {
            let mut jwt = HeaderValue::try_from(text("client_attestation")?).ok()?;
            jwt.set_sensitive(true);
            Some(Attestation { jwt, client_id: text("client_id")?.to_owned() })
        };
        tracing::debug!(platform = %document.platform, "the evidence of this workload was attested");
        read().ok_or_else(|| bad(&ends.attester, 200, "it is no attestation"))
    }

    async fn told(&self, at: &FetchUrl, headers: HeaderMap, body: Vec<u8>) -> Result<Object, ClientError> {
        let answer = post(&self.means.egress, at, headers, "application/json", body).await;
        let answer =
            answer.map_err(|e| TokenError::Unreachable { endpoint: at.to_string(), cause: e.to_string() })?;
        let status = answer.status.as_u16();
        let told = object(&answer).map_err(|why| bad(at, status, &why))?;
        match told.str("error") {
            Some(error) => {
                let description = printable(told.str("error_description").unwrap_or_default());
                Err(TokenError::Refused { error: printable(error), description }.into())
            }
            None if answer.status.is_success() => Ok(told),
            None => Err(bad(at, status, "it names no `error`")),
        }
    }
}

/// Where an attester is asked.
struct Ends {
    challenge: FetchUrl,
    attester: FetchUrl,
}

fn bad(at: &FetchUrl, status: u16, why: &str) -> ClientError {
    TokenError::Answer { endpoint: at.to_string(), status, why: why.to_owned() }.into()
}

fn fine(challenge: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    let well = !challenge.is_empty() && challenge.len() <= MAX_CHALLENGE && challenge.bytes().all(plain);
    well.then(|| challenge.to_owned())
}

/// The challenge that comes with an answer (§6.2).
pub(super) fn challenge_of(answer: &Answer) -> Option<String> {
    let mut values = answer.headers.get_all(CHALLENGE).iter();
    match (values.next(), values.next()) {
        (Some(one), None) => one.to_str().ok().and_then(fine),
        _ => None,
    }
}

/// What an attester said of the client, and the key that it said it of.
#[derive(Clone, Copy)]
pub(crate) struct Attested<'a> {
    jwt: &'a HeaderValue,
    key: &'a ProofKey,
}

impl Attested<'_> {
    /// Adds it to a request. A DPoP proof by the same key proves both (§5.2); without one, a proof of its own does (§5.1).
    pub(super) fn put(
        self,
        means: &Means,
        request: &TokenRequest<'_>,
        headers: &mut HeaderMap,
    ) -> Option<()> {
        headers.insert(ATTESTATION, self.jwt.clone());
        if request.key.is_none() {
            let url = request.endpoint.as_url();
            headers.insert(POP, self.key.prove_attestation(means, request.issuer, url)?);
        }
        Some(())
    }
}

/// The evidence as an attester wants it.
fn shown(document: &Document) -> Object {
    obj([
        ("platform", document.platform.as_str().into()),
        ("evidence", Value::Object(document.parts.clone())),
    ])
}
