//! Proofs of possession (RFC 9449): a JWT in the header `DPoP`, signed for one request with a key of the client's,
//! which comes along in its header.
//!
//! What is here is pure: whether a proof is of this request, now. That it was not seen before is for whoever can
//! remember, who gets [`Proof::replay_key`] and [`Proof::until`].

mod nonce;
mod target;

pub use nonce::{BadNonce, Nonces};
pub use target::Target;

use crate::confirmation::Thumbprint;
use crate::jose::{
    Algorithm, JoseError, KeyError, SigningKey, VerifyingKey, numeric_date, verify_jws_by_its_own_key,
};
use crate::json::{self, Limits, Object, obj};
use crate::secret::{constant_time_eq, sha256_base64url};
use prokura_core::Timestamp;
use std::time::Duration;

/// The header with the proof (RFC 9449 §4.1).
pub const HEADER: &str = "dpop";
/// The header with a nonce to use (RFC 9449 §8.1).
pub const NONCE_HEADER: &str = "dpop-nonce";
/// The `typ` of a proof (RFC 9449 §4.2).
pub const TYP: &str = "dpop+jwt";
/// How far from now a proof may have been made, on either side (MCP authorization, DPoP extension).
pub const WINDOW: Duration = Duration::from_secs(5 * 60);
/// Longer proofs are not looked at: the largest RSA key and its signature fit.
const MAX_PROOF: usize = 8 << 10;
/// The longest `jti`, in bytes.
const MAX_JTI: usize = 256;

/// The algorithms that proofs are signed with: every one with a public key (RFC 9449 §11.6).
pub const ALGORITHMS: [Algorithm; 10] = Algorithm::PUBLIC;

/// Their names, as metadata list them: `Ed25519` is what `EdDSA` is called since RFC 9864.
pub fn algorithm_names() -> impl Iterator<Item = &'static str> {
    ALGORITHMS.into_iter().map(Algorithm::as_str).chain(["Ed25519"])
}

/// The request that a proof must be of.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The addresses under which this place is known; one, but for an alias.
    pub targets: &'a [Target],
    /// The access token that comes with it, if one does.
    pub token: Option<&'a str>,
    /// The time now.
    pub now: Timestamp,
}

/// What a client states in a proof (RFC 9449 §4.2).
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The address; query and fragment are left out of what is stated.
    pub uri: &'a str,
    /// The access token that comes with it, if one does.
    pub token: Option<&'a str>,
    /// The newest nonce that the server gave.
    pub nonce: Option<&'a str>,
    /// A fresh id.
    pub id: &'a str,
    /// The time now.
    pub now: Timestamp,
}

impl Statement<'_> {
    /// The value of the header `DPoP`, signed with `key`.
    ///
    /// # Errors
    /// [`JoseError::Signing`] if the library fails.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        let uri = self.uri.split(['?', '#']).next().unwrap_or_default();
        let mut claims = obj([
            ("jti", self.id.into()),
            ("htm", self.method.into()),
            ("htu", uri.into()),
            ("iat", self.now.seconds().into()),
        ]);
        if let Some(token) = self.token {
            claims.insert("ath", sha256_base64url(token.as_bytes()).into());
        }
        if let Some(nonce) = self.nonce {
            claims.insert("nonce", nonce.into());
        }
        key.sign_with_jwk(TYP, &claims)
    }
}

/// A proof that is of the request it came with. That it is the first of its `jti` is not yet known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key (RFC 7638).
    pub key: Thumbprint,
    /// `jti`: what must not be seen again.
    pub id: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `nonce`, not looked at yet.
    pub nonce: Option<String>,
}

/// A proof that is refused (`invalid_dpop_proof`, RFC 9449 §5, §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The header is there more than once, or has several values.
    #[error("send one `DPoP` header")]
    Several,
    /// It is no JWT of type `dpop+jwt` that its own key signed.
    #[error("the DPoP proof does not verify: {0}")]
    Jose(#[from] JoseError),
    /// Its key is missing, weak, secret, or comes with its private half.
    #[error("the key of the DPoP proof: {0}")]
    Key(#[from] KeyError),
    /// A claim is missing or mistyped.
    #[error("the DPoP proof's `{0}` is missing or malformed")]
    Claim(&'static str),
    /// It is of another method.
    #[error("the DPoP proof is for another method (`htm`)")]
    Method,
    /// It is of another address.
    #[error("the DPoP proof is for another address (`htu`)")]
    Target,
    /// It was made too long ago or in the future.
    #[error("the DPoP proof was not made just now (`iat`): check the clock")]
    Time,
    /// It is not of the access token that it came with.
    #[error("the DPoP proof is for another access token (`ath`)")]
    Token,
}

/// The one proof of a request (RFC 9449 §4.3, check 1); `None` if there is none.
///
/// # Errors
/// [`ProofError::Several`] of more than one, [`ProofError::Jose`] of what is no text.
pub fn of_headers<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<&'a str>, ProofError> {
    let mut values = values.into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    // A list in one field is as good as two fields (RFC 9110 §5.3).
    if values.next().is_some() || value.contains(&b',') {
        return Err(ProofError::Several);
    }
    let text = std::str::from_utf8(value).map_err(|_| JoseError::Malformed)?;
    Ok(Some(text.trim_matches([' ', '\t'])))
}

impl Proof {
    /// Verifies a proof of the request `presented` (RFC 9449 §4.3, checks 2 to 9, 11 and the first half of 12).
    ///
    /// # Errors
    /// [`ProofError`]; the first thing that does not hold.
    pub fn verify(proof: &str, presented: &Presented<'_>) -> Result<Self, ProofError> {
        Self::verify_with_key(proof, presented).map(|(proof, _)| proof)
    }

    /// The same, with the key itself, for who will name it to others.
    ///
    /// # Errors
    /// [`ProofError`]; the first thing that does not hold.
    pub fn verify_with_key(
        proof: &str,
        presented: &Presented<'_>,
    ) -> Result<(Self, VerifyingKey), ProofError> {
        if proof.len() > MAX_PROOF {
            return Err(JoseError::Malformed.into());
        }
        let (jws, key) = verify_jws_by_its_own_key(proof, TYP, &ALGORITHMS)?;
        let thumbprint = key.thumbprint().and_then(Thumbprint::parse).ok_or(KeyError::Member("jwk"))?;
        let claims = json::parse(&jws.payload, &Limits::TOKEN).map_err(JoseError::Json)?;
        let claims = claims.as_object().ok_or(JoseError::Malformed)?;
        check_request(claims, presented)?;
        let issued_at = check_time(claims, presented.now)?;
        if let Some(token) = presented.token {
            let ath = text(claims, "ath")?.ok_or(ProofError::Claim("ath"))?;
            if !constant_time_eq(ath.as_bytes(), sha256_base64url(token.as_bytes()).as_bytes()) {
                return Err(ProofError::Token);
            }
        }
        let id = text(claims, "jti")?.filter(|j| !j.is_empty() && j.len() <= MAX_JTI);
        let proof = Self {
            key: thumbprint,
            id: id.ok_or(ProofError::Claim("jti"))?.to_owned(),
            issued_at,
            nonce: text(claims, "nonce")?.map(str::to_owned),
        };
        Ok((proof, key))
    }

    /// What must not be seen twice: the `jti` among those of this key, so that nobody uses up another's.
    pub fn replay_key(&self) -> String {
        format!("{}\n{}", self.key, self.id)
    }

    /// Until when it must be remembered: as long as the proof would be accepted.
    pub fn until(&self) -> Timestamp {
        self.issued_at.after(WINDOW).after(Duration::from_secs(1))
    }
}

fn check_request(claims: &Object, presented: &Presented<'_>) -> Result<(), ProofError> {
    if text(claims, "htm")?.ok_or(ProofError::Claim("htm"))? != presented.method {
        return Err(ProofError::Method);
    }
    let htu = text(claims, "htu")?.ok_or(ProofError::Claim("htu"))?;
    let htu = Target::parse(htu).ok_or(ProofError::Claim("htu"))?;
    if presented.targets.contains(&htu) { Ok(()) } else { Err(ProofError::Target) }
}

/// `iat` is close to now; what a proof says of its own end or beginning holds too (RFC 7519 §4.1.4, §4.1.5).
fn check_time(claims: &Object, now: Timestamp) -> Result<Timestamp, ProofError> {
    let date = |name: &'static str| numeric_date(claims, name).map_err(|_| ProofError::Claim(name));
    let issued_at = date("iat")?.ok_or(ProofError::Claim("iat"))?;
    let ended = date("exp")?.is_some_and(|exp| now >= exp);
    let early = date("nbf")?.is_some_and(|nbf| nbf > now.after(WINDOW));
    if ended || early || issued_at > now.after(WINDOW) || issued_at < now.before(WINDOW) {
        return Err(ProofError::Time);
    }
    Ok(issued_at)
}

fn text<'a>(claims: &'a Object, name: &'static str) -> Result<Option<&'a str>, ProofError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(ProofError::Claim(name)),
    }
}
