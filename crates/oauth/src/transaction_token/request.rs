//! What is asked of a transaction token service ("Txn-Token Request").

use crate::exchange::TokenType;
use crate::form::Form;
use crate::json::{self, Limits, Object, Value};
use prokura_core::{InvalidScope, ScopeSet};

/// A request for a transaction token.
#[derive(Clone, PartialEq)]
pub struct TransactionRequest {
    /// `subject_token`: the access token of the call, or a transaction token to be replaced.
    pub subject: String,
    /// `subject_token_type`: one of the two.
    pub subject_type: TokenType,
    /// `audience`: the trust domain.
    pub audience: String,
    /// `scope`: what the transaction is for.
    pub scope: ScopeSet,
    /// `request_details`: goes into `tctx`.
    pub details: Object,
    /// `request_context`: goes into `rctx`.
    pub context: Object,
}

/// A request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTransaction {
    /// A parameter is missing.
    #[error("`{0}` is missing: a transaction token is asked for with it")]
    Missing(&'static str),
    /// A kind of subject token that says nothing that is believed: one that the requester wrote itself, or that lives
    /// for weeks.
    #[error("`subject_token_type` must be that of an access token or of a transaction token")]
    Subject,
    /// A parameter that changes who acts.
    #[error("`{0}` has no place here: a transaction token says who acts as its subject token does")]
    Parameter(&'static str),
    /// A context that is no JSON object.
    #[error("`{0}` must be a JSON object of at most 4 KiB")]
    Context(&'static str),
    /// The scopes cannot be read.
    #[error(transparent)]
    Scope(#[from] InvalidScope),
}

impl TransactionRequest {
    /// Reads the parameters of an exchange whose `requested_token_type` is that of transaction tokens.
    ///
    /// # Errors
    /// [`BadTransaction`].
    pub fn read(form: &Form) -> Result<Self, BadTransaction> {
        let required = |name: &'static str| form.value(name).ok_or(BadTransaction::Missing(name));
        let of_actors = ["actor_token", "actor_token_type", "requested_actor", "token_view"];
        if let Some(name) = of_actors.into_iter().find(|name| form.has(name)) {
            return Err(BadTransaction::Parameter(name));
        }
        let subject_type = TokenType::parse(required("subject_token_type")?)
            .filter(|t| matches!(t, TokenType::Access | TokenType::Transaction))
            .ok_or(BadTransaction::Subject)?;
        Ok(Self {
            subject: required("subject_token")?.to_owned(),
            subject_type,
            audience: required("audience")?.to_owned(),
            scope: ScopeSet::parse(required("scope")?)?,
            details: object(form, "request_details")?,
            context: object(form, "request_context")?,
        })
    }
}

/// JSON in a parameter, read as strictly as everything else.
fn object(form: &Form, name: &'static str) -> Result<Object, BadTransaction> {
    let Some(text) = form.value(name) else { return Ok(Object::default()) };
    let limits = Limits { max_bytes: super::MAX_CONTEXT, ..Limits::TOKEN };
    let value = json::parse(text.as_bytes(), &limits).ok().and_then(Value::into_object);
    value.ok_or(BadTransaction::Context(name))
}

impl std::fmt::Debug for TransactionRequest {
    /// Never shows the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a transaction token of {:?} for {} at {}", self.subject_type, self.scope, self.audience)
    }
}
