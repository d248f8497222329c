//! Proofs of possession at a resource (RFC 9449 §7), and which were seen.

use super::refusal::Refusal;
use prokura_core::Timestamp;
use prokura_oauth::confirmation::Confirmation;
use prokura_oauth::dpop::{HEADER, Presented, Proof, Target, of_headers};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

/// Proofs that are remembered at once. Beyond that none is taken: what cannot be remembered could be repeated.
const REMEMBERED: usize = 200_000;

/// Proofs that were seen, as long as they would be accepted again.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    keys: HashSet<String>,
    ends: BTreeSet<(i64, String)>,
}

impl Seen {
    /// Whether this is the first time; and from now on it is not.
    fn first(&self, key: String, until: Timestamp, now: Timestamp) -> bool {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while inner.ends.first().is_some_and(|(end, _)| *end <= now.micros()) {
            if let Some((_, old)) = inner.ends.pop_first() {
                inner.keys.remove(&old);
            }
        }
        if inner.keys.len() >= REMEMBERED || !inner.keys.insert(key.clone()) {
            return false;
        }
        inner.ends.insert((until.micros(), key));
        true
    }
}

/// What a request shows besides its token.
pub(crate) struct Shown<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) headers: &'a http::HeaderMap,
    /// The address that a proof must be for.
    pub(crate) address: String,
    /// Whether the token came by the scheme `DPoP`.
    pub(crate) by_dpop: bool,
    pub(crate) token: &'a str,
}

/// Whether whoever shows a token has what it is bound to. A bound token is no bearer token, and one that is not bound
/// does not come by `DPoP` (RFC 9449 §7.1, §7.2).
pub(crate) fn check(
    bound: Confirmation,
    shown: &Shown<'_>,
    required: bool,
    seen: &Seen,
    now: Timestamp,
) -> Result<(), Refusal> {
    if bound.certificate.is_some() {
        return Err(Refusal::InvalidToken("the token is bound to a certificate, which is not seen here"));
    }
    let key = match (bound.key, shown.by_dpop) {
        (None, false) if required => {
            return Err(Refusal::InvalidToken("only tokens bound to a key are taken here"));
        }
        (None, false) => return Ok(()),
        (None, true) => {
            return Err(Refusal::InvalidToken("the token is not bound to a key: send it as Bearer"));
        }
        (Some(_), false) => {
            return Err(Refusal::InvalidToken("the token is bound to a key: send it as DPoP"));
        }
        (Some(key), true) => key,
    };
    let proof = of_headers(shown.headers.get_all(HEADER).iter().map(http::HeaderValue::as_bytes));
    let proof = proof.map_err(Refusal::Proof)?;
    let proof = proof.ok_or(Refusal::InvalidToken("a DPoP proof is needed beside the token"))?;
    let targets: Vec<_> = Target::parse(&shown.address).into_iter().collect();
    let presented =
        Presented { method: shown.method.as_str(), targets: &targets, token: Some(shown.token), now };
    let proof = Proof::verify(proof, &presented).map_err(Refusal::Proof)?;
    if proof.key != key {
        return Err(Refusal::InvalidToken("the token is bound to another key than the proof's"));
    }
    if seen.first(proof.replay_key(), proof.until(), now) { Ok(()) } else { Err(Refusal::ProofRepeated) }
}
