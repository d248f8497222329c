//! What a token is bound to has to be shown with every request: a proof by its key (RFC 9449 §7.1), the certificate of
//! the connection (RFC 8705 §3).

use crate::caller::{Presented, Scheme};
use crate::fault::Fault;
use crate::route::Route;
use http::HeaderValue;
use http::request::Parts;
use prokura_config::Dpop;
use prokura_core::Timestamp;
use prokura_oauth::access_token::AccessToken;
use prokura_oauth::certificate::Certificate;
use prokura_oauth::confirmation::Thumbprint;
use prokura_oauth::dpop::{self, Nonces, Proof};
use prokura_oauth::seal::{MasterKey, SealError};
use std::sync::Arc;

/// What proofs are checked with.
pub(crate) struct Proofs {
    nonces: Option<Nonces>,
}

impl Proofs {
    pub(crate) fn new(config: &Dpop, master: &MasterKey) -> Result<Self, SealError> {
        let nonces = config.gateway_nonces.then(|| Nonces::new(master, config.nonce_life.get()));
        Ok(Self { nonces: nonces.transpose()? })
    }

    /// A nonce for the next proof, where nonces are asked for (RFC 9449 §9).
    pub(crate) fn next_nonce(&self, now: Timestamp) -> Option<HeaderValue> {
        self.nonces.as_ref().and_then(|n| HeaderValue::try_from(n.issue(now)).ok())
    }

    /// Whether everything was shown that `token` is bound to. The proof is still to be spent, in the transaction that
    /// records the call. Of a bearer token at a resource that takes one nothing is looked at.
    pub(crate) fn check(
        &self,
        route: &Route,
        token: &AccessToken,
        presented: &Presented<'_>,
        parts: &Parts,
        now: Timestamp,
    ) -> Result<Option<Proof>, Fault> {
        if let Some(bound) = token.cnf.certificate
            && certificate(parts) != Some(bound)
        {
            return Err(Fault::InvalidToken(
                "the token is bound to another certificate than that of the connection",
            ));
        }
        let key = match (presented.scheme, token.cnf.key) {
            (Scheme::Bearer, None) if !route.needs_proof => return Ok(None),
            (Scheme::Dpop, Some(key)) => key,
            (Scheme::Bearer, Some(_)) => return Err(Fault::Bound),
            (Scheme::Bearer | Scheme::Dpop, None) => return Err(Fault::Unbound),
        };
        let headers = parts.headers.get_all(dpop::HEADER);
        let proof = dpop::of_headers(headers.iter().map(HeaderValue::as_bytes))?.ok_or(Fault::NoProof)?;
        let request = dpop::Presented {
            method: parts.method.as_str(),
            targets: &route.targets,
            token: Some(presented.token),
            now,
        };
        let proof = Proof::verify(proof, &request)?;
        if proof.key != key {
            return Err(Fault::InvalidToken("the token is bound to another key"));
        }
        if let Some(nonces) = &self.nonces {
            nonces.check(proof.nonce.as_deref(), now).map_err(|_| Fault::ProofNonce)?;
        }
        Ok(Some(proof))
    }
}

/// What the certificate of the connection hashes to, if the listener put one into the request.
fn certificate(parts: &Parts) -> Option<Thumbprint> {
    parts.extensions.get::<Arc<Certificate>>().map(|c| c.thumbprint())
}
