//! What a client shows besides its request, and what the tokens that it gets are bound to: the key of a proof
//! (RFC 9449), the certificate of the connection (RFC 8705).

use crate::certificates;
use crate::clients::Client;
use crate::fault::Fault;
use crate::server::AppState;
use crate::wire::address;
use crate::workload::Presented;
use http::HeaderValue;
use http::request::Parts;
use prokura_config::Config;
use prokura_core::Timestamp;
use prokura_oauth::certificate::Certificate;
use prokura_oauth::client_attestation::Challenges;
use prokura_oauth::client_metadata::AuthMethod;
use prokura_oauth::confirmation::{Confirmation, Thumbprint};
use prokura_oauth::dpop::{self, HEADER, Nonces, Proof, Target, of_headers};
use prokura_oauth::jose::VerifyingKey;
use prokura_oauth::seal::{MasterKey, SealError};
use prokura_store::{ArtifactKind, Tx};
use std::net::IpAddr;
use std::sync::Arc;

/// An endpoint that takes proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// `/token`.
    Token,
    /// `/par`.
    Par,
    /// `/userinfo`.
    UserInfo,
    /// `/attest`, where the nonce is a challenge.
    Attest,
    /// The administration API, at whatever address of it the request came to.
    Admin,
}

/// What proofs are checked with.
pub(crate) struct Proofs {
    nonces: Option<Nonces>,
    challenges: Challenges,
    token: Vec<Target>,
    par: Vec<Target>,
    userinfo: Vec<Target>,
    attest: Vec<Target>,
    issuer: String,
}

impl Proofs {
    pub(crate) fn new(config: &Config, master: &MasterKey) -> Result<Self, SealError> {
        let dpop = &config.dpop;
        let nonces = dpop.server_nonces.then(|| Nonces::new(master, dpop.nonce_life.get()));
        // Addresses are from the configuration, never from what a request says of itself.
        let at = |path: &str| Target::parse(&format!("{}{path}", config.issuer)).into_iter().collect();
        Ok(Self {
            nonces: nonces.transpose()?,
            challenges: Challenges::new(master, config.workload.attester.challenge_life.get())?,
            token: at("/token"),
            par: at("/par"),
            userinfo: at("/userinfo"),
            attest: at("/attest"),
            issuer: config.issuer.as_str().to_owned(),
        })
    }

    /// A nonce for the next proof, where nonces are asked for (RFC 9449 §8.2).
    pub(crate) fn next_nonce(&self, now: Timestamp) -> Option<HeaderValue> {
        self.nonces.as_ref().and_then(|n| HeaderValue::try_from(n.issue(now)).ok())
    }

    fn verify(
        &self,
        proof: &str,
        at: At,
        parts: &Parts,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<(Proof, VerifyingKey), Fault> {
        let method = parts.method.as_str();
        let here: Vec<Target>;
        let targets = match at {
            At::Token => &self.token,
            At::Par => &self.par,
            At::UserInfo => &self.userinfo,
            At::Attest => &self.attest,
            At::Admin => {
                here = Target::parse(&format!("{}{}", self.issuer, parts.uri.path())).into_iter().collect();
                &here
            }
        };
        let presented = dpop::Presented { method, targets, token, now };
        let (proof, key) = Proof::verify_with_key(proof, &presented)?;
        let nonce = proof.nonce.as_deref();
        // A challenge is as good as a nonce: made here, and not long ago.
        if let Some(nonces) = self.nonces.as_ref().filter(|_| at != At::Attest)
            && self.challenges.check(nonce, now).is_err()
        {
            nonces.check(nonce, now)?;
        }
        Ok((proof, key))
    }
}

/// What was shown with a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Possession {
    proof: Option<Proof>,
    certificate: Option<Thumbprint>,
    /// The workload that was attested, where evidence was shown.
    workload: Option<Arc<Presented>>,
    /// Where the request came from.
    address: Option<IpAddr>,
}

impl Possession {
    /// Reads what comes with a request of `client`, who gets nothing without what it said it would always show
    /// (RFC 9449 §5.2, RFC 8705 §3.4).
    pub(crate) fn shown(app: &AppState, parts: &Parts, at: At, client: &Client) -> Result<Self, Fault> {
        let proof = of_headers(parts.headers.get_all(HEADER).iter().map(HeaderValue::as_bytes))?;
        let proof = proof
            .map(|p| app.proofs.verify(p, at, parts, None, app.clock.now()).map(|(proof, _)| proof))
            .transpose()?;
        if proof.is_none() && client.metadata.dpop_bound && at == At::Token {
            return Err(Fault::ProofMissing);
        }
        let certificate = certificates::of(parts).filter(|_| client.metadata.certificate_bound);
        if certificate.is_none() && client.metadata.certificate_bound && at == At::Token {
            return Err(Fault::CertificateNeeded);
        }
        let certificate = certificate.map(Certificate::thumbprint);
        Ok(Self { proof, certificate, workload: None, address: address(parts) })
    }

    /// Reads what comes with an access token (RFC 9449 §7.1).
    pub(crate) fn with_token(app: &AppState, parts: &Parts, at: At, token: &str) -> Result<Self, Fault> {
        let proof = of_headers(parts.headers.get_all(HEADER).iter().map(HeaderValue::as_bytes))?;
        let now = app.clock.now();
        let proof = proof
            .map(|p| app.proofs.verify(p, at, parts, Some(token), now).map(|(proof, _)| proof))
            .transpose()?;
        let certificate = certificates::of(parts).map(Certificate::thumbprint);
        Ok(Self { proof, certificate, workload: None, address: address(parts) })
    }

    /// Reads what comes with evidence of a workload that no client brings.
    pub(crate) fn of_nobody(app: &AppState, parts: &Parts) -> Result<Self, Fault> {
        let proof = of_headers(parts.headers.get_all(HEADER).iter().map(HeaderValue::as_bytes))?;
        let now = app.clock.now();
        let proof = proof
            .map(|p| app.proofs.verify(p, At::Token, parts, None, now).map(|(proof, _)| proof))
            .transpose()?;
        Ok(Self { proof, certificate: None, workload: None, address: address(parts) })
    }

    /// Reads the proof that comes with evidence, and its key.
    pub(crate) fn of_attested(app: &AppState, parts: &Parts) -> Result<(Self, VerifyingKey), Fault> {
        let proof = of_headers(parts.headers.get_all(HEADER).iter().map(HeaderValue::as_bytes))?;
        let proof = proof.ok_or(Fault::ProofMissing)?;
        let (proof, key) = app.proofs.verify(proof, At::Attest, parts, None, app.clock.now())?;
        Ok((Self { proof: Some(proof), certificate: None, workload: None, address: address(parts) }, key))
    }

    /// The nonce of the proof.
    pub(crate) fn nonce(&self) -> Option<&str> {
        self.proof.as_ref().and_then(|p| p.nonce.as_deref())
    }

    /// The same, shown by that workload. One that showed itself by its certificate gets nothing that is not bound to it.
    pub(crate) fn of_workload(self, workload: Option<Arc<Presented>>) -> Self {
        let certificate = workload.as_ref().and_then(|shown| shown.certificate).or(self.certificate);
        Self { workload, certificate, ..self }
    }

    /// The workload that was attested, if evidence was shown.
    pub(crate) fn workload(&self) -> Option<&Arc<Presented>> {
        self.workload.as_ref()
    }

    /// Where the request came from, as far as is known.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The key of the proof.
    pub(crate) fn key(&self) -> Option<Thumbprint> {
        self.proof.as_ref().map(|p| p.key)
    }

    /// What access tokens are bound to.
    pub(crate) fn cnf(&self) -> Confirmation {
        Confirmation { key: self.key(), certificate: self.certificate }
    }

    /// What refresh tokens are bound to: a client that authenticates is bound by that (RFC 9449 §5,
    /// RFC 8705 §4).
    pub(crate) fn of_refresh(&self, client: &Client) -> Confirmation {
        if client.metadata.auth_method == AuthMethod::None { self.cnf() } else { Confirmation::default() }
    }

    /// Whether everything was shown that `bound` asks for.
    pub(crate) fn covers(&self, bound: &Confirmation) -> bool {
        let shown = self.cnf();
        let fits = |asked: Option<Thumbprint>, shown| asked.is_none() || asked == shown;
        fits(bound.key, shown.key) && fits(bound.certificate, shown.certificate)
    }

    /// Spends the proof, in the transaction in which it yields something: nobody gets anything by it again, on
    /// whichever process (RFC 9449 §11.1), and one that yields nothing takes no room.
    pub(crate) fn spend(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Fault> {
        let Some(proof) = &self.proof else { return Ok(()) };
        let first = tx.claim(ArtifactKind::DpopJti, &proof.replay_key(), now, proof.until())?;
        if first { Ok(()) } else { Err(Fault::ProofReplayed) }
    }

    /// Whether there is a proof to spend.
    pub(crate) fn is_to_be_spent(&self) -> bool {
        self.proof.is_some()
    }
}
