//! Transaction tokens (draft-ietf-oauth-transaction-tokens, the text of July 2026 after -08): who acts for whom, and what
//! for, told to everything that a call passes on its way inside one trust domain.
//!
//! A transaction token opens nothing by itself: it is no access token, its `typ` and audience keep it from being taken
//! for one, and an access token never stands in it. It is a view of the grant that the call was made under, so whoever
//! knows what is revoked can ask about it as about an access token.

mod read;
mod request;

pub use request::{BadTransaction, TransactionRequest};

use crate::access_token::{AccessToken, GrantClaim, View, act_claim};
use crate::authentication::Authentication;
use crate::confirmation::Confirmation;
use crate::jose::{JoseError, SigningKey};
use crate::json::{Object, Value, obj};
use crate::rich;
use prokura_core::{
    AgentId, ClientId, Details, Principal, ResourceUri, ScopeSet, Timestamp, TokenId, TraceId, TrustDomain,
};
use std::time::Duration;

/// The `typ` of a transaction token ("JWT Header").
pub const TYP: &str = "txntoken+jwt";
/// The header by which it goes from workload to workload ("Txn-Token" HTTP Header).
pub const HEADER: &str = "txn-token";
/// The longest that one lives.
pub const MAX_LIFE: Duration = Duration::from_secs(60);
/// The most workloads that a token can have gone through by replacements.
const MAX_REQUESTERS: usize = 8;
/// The longest `tctx` and `rctx`, in bytes as they are written: the token goes into a header.
const MAX_CONTEXT: usize = 4 * 1024;
/// In `rctx`: who asked for the tokens that this one replaces, the first one first.
const BEFORE: &str = "req_wl_before";
/// In `tctx`: the resource at which the call was made.
const RESOURCE: &str = "resource";

/// What a transaction token says.
#[derive(Debug, Clone, PartialEq)]
pub struct TransactionToken {
    /// `iss`: who signed it.
    pub issuer: String,
    /// `aud`: where it is worth something.
    pub domain: TrustDomain,
    /// `txn`: the one flow that it belongs to, under which it stands in the record too.
    pub txn: TraceId,
    /// `sub`: whose authority is used.
    pub subject: Principal,
    /// `act`: who uses it, the current actor first. All of them are told, whichever view the access token was.
    pub actors: Vec<AgentId>,
    /// `client_id`: the client that made the call.
    pub client: ClientId,
    /// `scope`: what the transaction is for, never more than the access token had; empty where that had details alone.
    pub scopes: ScopeSet,
    /// `authorization_details`: what of them bounds the transaction.
    pub details: Details,
    /// `tctx.resource`: the resource at which the call was made.
    pub resource: ResourceUri,
    /// `tctx`: what stays the same on the whole way.
    pub context: Object,
    /// `rctx`: from where it was asked.
    pub request: Object,
    /// `req_wl`: the workload that asked for the token.
    pub requester: String,
    /// `iat`, whole seconds.
    pub issued_at: Timestamp,
    /// `exp`, whole seconds.
    pub expires_at: Timestamp,
    /// `grant`: what is behind it, and all above that.
    pub grant: GrantClaim,
}

/// What a transaction token is made of besides the access token of the call.
#[derive(Debug, Clone)]
pub struct Making<'a> {
    /// Who signs.
    pub issuer: &'a str,
    /// For whom.
    pub domain: &'a TrustDomain,
    /// The flow.
    pub txn: &'a TraceId,
    /// The workload that asks.
    pub requester: &'a str,
    /// How long it lives; at most [`MAX_LIFE`].
    pub life: Duration,
    /// The time now.
    pub now: Timestamp,
}

/// A replacement that would not stay within the token that it replaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Widening {
    /// Scopes that it does not have.
    #[error("the transaction token does not have `{0}`")]
    Scope(ScopeSet),
    /// A member of its context that would be another.
    #[error("`{0}` stands in the context already, and is not changed")]
    Context(String),
    /// More context than goes into a header.
    #[error("the context of a transaction has at most 4 KiB")]
    TooLarge,
    /// It was replaced too often.
    #[error("a transaction token is replaced at most 8 times")]
    TooOften,
    /// It has ended.
    #[error("the transaction token has expired")]
    Expired,
}

/// A token that is no transaction token of this issuer for this trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransaction {
    /// Signature, type, issuer, audience or time does not hold.
    #[error("the transaction token does not verify: {0}")]
    Jose(#[from] JoseError),
    /// A claim is missing or mistyped.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
}

impl TransactionToken {
    /// The transaction that a call with `token` begins: with all of its scopes and details, until they are narrowed. It
    /// ends with the access token at the latest.
    pub fn of(token: &AccessToken, making: &Making<'_>) -> Self {
        let issued_at = Timestamp::from_seconds(making.now.seconds());
        let mut request = Object::default();
        if let Some(said) = &token.authentication {
            said.insert_into(&mut request);
        }
        Self {
            issuer: making.issuer.to_owned(),
            domain: making.domain.clone(),
            txn: making.txn.clone(),
            subject: token.subject.clone(),
            actors: token.actors.clone(),
            client: token.client.clone(),
            scopes: token.scopes.clone(),
            details: token.details.clone(),
            resource: token.audience.clone(),
            context: obj([(RESOURCE, token.audience.as_str().into())]),
            request,
            requester: making.requester.to_owned(),
            issued_at,
            expires_at: issued_at.after(making.life.min(MAX_LIFE)).min(token.expires_at),
            // Who holds the grant stands in `act`, whichever view the access token was.
            grant: GrantClaim { holder: None, ..token.grant.clone() },
        }
    }

    /// The same for fewer scopes.
    ///
    /// # Errors
    /// [`Widening::Scope`] names those that it does not have.
    pub fn narrowed(self, scopes: ScopeSet) -> Result<Self, Widening> {
        if !scopes.is_within(&self.scopes) {
            return Err(Widening::Scope(scopes.difference(&self.scopes)));
        }
        Ok(Self { scopes, ..self })
    }

    /// The same with more said: members are added to `tctx` and `rctx`, and none is changed.
    ///
    /// # Errors
    /// [`Widening::Context`] names a member that stands there with another value, [`Widening::TooLarge`].
    pub fn saying(mut self, context: &Object, request: &Object) -> Result<Self, Widening> {
        add(&mut self.context, context, &[])?;
        add(&mut self.request, request, &[BEFORE])?;
        Ok(self)
    }

    /// The token that `requester` gets for this one: of the same transaction, subject, actors and trust domain, with
    /// those named who asked before, and not a second longer.
    ///
    /// # Errors
    /// [`Widening::Expired`], [`Widening::TooOften`].
    pub fn replaced(mut self, requester: &str, now: Timestamp) -> Result<Self, Widening> {
        if now >= self.expires_at {
            return Err(Widening::Expired);
        }
        let mut before: Vec<Value> =
            self.request.get(BEFORE).and_then(Value::as_array).map(<[Value]>::to_vec).unwrap_or_default();
        if before.len() >= MAX_REQUESTERS {
            return Err(Widening::TooOften);
        }
        before.push(self.requester.as_str().into());
        self.request.insert(BEFORE, Value::Array(before));
        let issued_at = Timestamp::from_seconds(now.seconds());
        Ok(Self { requester: requester.to_owned(), issued_at, ..self })
    }

    /// The workloads that asked for this token and for those that it replaces, the first one first.
    pub fn requesters(&self) -> impl Iterator<Item = &str> {
        let before = self.request.get(BEFORE).and_then(Value::as_array).unwrap_or_default();
        before.iter().filter_map(Value::as_str).chain([self.requester.as_str()])
    }

    /// The grant and those above it: if one of them is revoked, the transaction is over.
    pub fn grants(&self) -> impl Iterator<Item = &prokura_core::GrantId> {
        std::iter::once(&self.grant.id).chain(&self.grant.ancestors)
    }

    /// The call that it is about, as the access token said it that the call was made with: what the server behind the call
    /// starts from where it acts for the same user at another server. It is bound to nothing that could be shown for it.
    pub fn call(&self) -> Option<AccessToken> {
        Some(AccessToken {
            issuer: self.issuer.clone(),
            audience: self.resource.clone(),
            subject: self.subject.clone(),
            view: View::User,
            client: self.client.clone(),
            actors: self.actors.clone(),
            may_act: None,
            scopes: self.scopes.clone(),
            details: self.details.clone(),
            id: TokenId::parse(self.txn.as_str()).ok()?,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            grant: self.grant.clone(),
            authentication: Authentication::read(&self.request).ok()?,
            cnf: Confirmation::default(),
            workload: None,
            status: None,
        })
    }

    /// The claims.
    pub fn claims(&self) -> Object {
        let mut o = obj([
            ("iss", self.issuer.as_str().into()),
            ("aud", self.domain.as_str().into()),
            ("txn", self.txn.as_str().into()),
            ("sub", self.subject.as_str().into()),
            ("client_id", self.client.as_str().into()),
            ("scope", self.scopes.to_string().into()),
            ("req_wl", self.requester.as_str().into()),
            ("iat", self.issued_at.seconds().into()),
            ("exp", self.expires_at.seconds().into()),
            ("tctx", Value::Object(self.context.clone())),
            ("rctx", Value::Object(self.request.clone())),
            ("grant", Value::Object(self.grant.to_object())),
        ]);
        if let Some(act) = act_claim(&self.actors) {
            o.insert("act", Value::Object(act));
        }
        if !self.details.is_empty() {
            o.insert("authorization_details", rich::to_value(&self.details, &self.resource));
        }
        o
    }

    /// Signs the token.
    ///
    /// # Errors
    /// [`JoseError`] if the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, JoseError> {
        key.sign(TYP, &self.claims())
    }
}

/// Adds what is new. `ours` are names that nobody else writes.
fn add(to: &mut Object, more: &Object, ours: &[&str]) -> Result<(), Widening> {
    for (name, value) in more {
        match to.get(name) {
            _ if ours.contains(&name) => return Err(Widening::Context(name.to_owned())),
            Some(there) if there != value => return Err(Widening::Context(name.to_owned())),
            Some(_) => {}
            None => to.insert(name, value.clone()),
        }
    }
    if to.to_vec().len() > MAX_CONTEXT { Err(Widening::TooLarge) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
