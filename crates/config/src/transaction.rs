//! Transaction tokens.

use crate::{Span, TokenAlgorithm};
use prokura_core::TrustDomain;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Transaction tokens (draft-ietf-oauth-transaction-tokens): who acts for whom, told to what stands behind a call. On as
/// soon as there is a trust domain; made by the gateway for the resources with `transaction_tokens = true`, and at the
/// token endpoint for `clients`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TransactionTokens {
    /// The name of the trust domain, such as `tools.example`: the one audience of all these tokens.
    #[serde(deserialize_with = "domain")]
    #[schemars(with = "Option<String>")]
    pub trust_domain: Option<TrustDomain>,
    /// How long one lives; at most a minute.
    pub life: Span,
    /// The ids of the clients that may exchange for them: an access token for a resource that they introspect, or a
    /// transaction token that is to be replaced.
    pub clients: Vec<String>,
    /// `ES256`, `EdDSA` or `RS256`: what they are signed with, whatever access tokens are. One is signed for each call.
    pub algorithm: TokenAlgorithm,
}

impl Default for TransactionTokens {
    fn default() -> Self {
        Self {
            trust_domain: None,
            life: Span::seconds(30),
            clients: Vec::new(),
            algorithm: TokenAlgorithm::ES256,
        }
    }
}

fn domain<'de, D: Deserializer<'de>>(d: D) -> Result<Option<TrustDomain>, D::Error> {
    let text = String::deserialize(d)?;
    TrustDomain::parse(&text).map(Some).map_err(serde::de::Error::custom)
}
