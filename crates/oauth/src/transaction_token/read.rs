//! Reading transaction tokens.

use super::{InvalidTransaction, MAX_LIFE, RESOURCE, TYP, TransactionToken};
use crate::access_token::{GrantClaim, actors};
use crate::jose::{Audience, Expected, KeySet, verify};
use crate::json::{Object, Value};
use crate::rich;
use prokura_core::{ClientId, Principal, ResourceUri, ScopeSet, Timestamp, TraceId, TrustDomain};
use std::time::Duration;

/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(10);
/// The forms of the `typ` that are accepted.
const TYPES: [&str; 2] = [TYP, "application/txntoken+jwt"];

impl TransactionToken {
    /// Verifies a token that came in the header [`HEADER`](super::HEADER): signed by one of `keys`, of the type, from
    /// exactly this issuer, for exactly this trust domain, in time, and for no longer than a minute.
    ///
    /// # Errors
    /// [`InvalidTransaction`]; the call is refused.
    pub fn verify(
        compact: &str,
        keys: &KeySet,
        issuer: &str,
        domain: &TrustDomain,
        now: Timestamp,
    ) -> Result<Self, InvalidTransaction> {
        let expected = Expected {
            leeway: LEEWAY,
            max_lifetime: Some(MAX_LIFE),
            ..Expected::new(&TYPES, now).issuer(issuer).audience(Audience::Exactly(domain.as_str()))
        };
        Self::from_claims(&verify(compact, keys, &expected)?.claims, domain)
    }

    /// Reads claims that were verified. What is unknown among them is kept nowhere; what is known and cannot be read
    /// makes the token worthless.
    fn from_claims(o: &Object, domain: &TrustDomain) -> Result<Self, InvalidTransaction> {
        let bad = InvalidTransaction::Claim;
        let context = object(o, "tctx")?;
        let resource =
            context.str(RESOURCE).and_then(|s| ResourceUri::parse_exact(s).ok()).ok_or(bad("tctx"))?;
        let subject = text(o, "sub", |s| Principal::parse(s).ok())?;
        let actors = actors(o).map_err(|_| bad("act"))?;
        // Software acts for a person, or acts for itself: who uses the authority is always told.
        if matches!(subject, Principal::User(_)) && actors.is_empty() {
            return Err(bad("act"));
        }
        let grant = GrantClaim::read(o).map_err(|_| bad("grant"))?;
        if grant.holder.is_some() {
            return Err(bad("grant"));
        }
        let details = match o.get("authorization_details") {
            None => prokura_core::Details::default(),
            Some(value) => rich::read(value, &resource).map_err(|_| bad("authorization_details"))?,
        };
        Ok(Self {
            issuer: text(o, "iss", |s| Some(s.to_owned()))?,
            domain: domain.clone(),
            txn: text(o, "txn", |s| TraceId::parse(s).ok())?,
            subject,
            actors,
            client: text(o, "client_id", |s| ClientId::parse(s).ok())?,
            scopes: text(o, "scope", scopes)?,
            details,
            resource,
            context,
            request: object(o, "rctx")?,
            requester: text(o, "req_wl", |s| (!s.is_empty()).then(|| s.to_owned()))?,
            issued_at: time(o, "iat")?,
            expires_at: time(o, "exp")?,
            grant,
        })
    }
}

/// An empty one is that of a transaction that is bounded by details alone.
fn scopes(text: &str) -> Option<ScopeSet> {
    if text.is_empty() { Some(ScopeSet::default()) } else { ScopeSet::parse(text).ok() }
}

fn text<T>(
    o: &Object,
    name: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, InvalidTransaction> {
    o.str(name).and_then(read).ok_or(InvalidTransaction::Claim(name))
}

fn object(o: &Object, name: &'static str) -> Result<Object, InvalidTransaction> {
    o.get(name).and_then(Value::as_object).cloned().ok_or(InvalidTransaction::Claim(name))
}

fn time(o: &Object, name: &'static str) -> Result<Timestamp, InvalidTransaction> {
    let seconds = o.get(name).and_then(Value::as_i64).ok_or(InvalidTransaction::Claim(name))?;
    Ok(Timestamp::from_seconds(seconds))
}
