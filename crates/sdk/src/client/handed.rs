//! Tokens that somebody handed to the agent, and the exchange of them (RFC 8693).

use super::alone::{Obtained, TOKEN_EXCHANGE, token};
use super::auth::Kind;
use super::error::ClientError;
use super::inner::Inner;
use super::obtain::Asking;
use super::token::printable;
use super::way::{Exchange, TokenSource};
use crate::workload::{audiences, claims};
use async_trait::async_trait;
use prokura_oauth::json::Object;
use std::sync::Arc;

/// The type of evidence of a workload (RFC 8693 §3).
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A token of somebody else that may be shown to one authorization server only, whatever it says of itself.
#[derive(Clone)]
pub struct OnlyTo {
    /// Where it comes from.
    pub source: Arc<dyn TokenSource>,
    /// The issuer of that authorization server.
    pub issuer: String,
}

#[async_trait]
impl TokenSource for OnlyTo {
    async fn token(&self, audience: &str) -> Result<String, String> {
        self.source.token(audience).await
    }

    fn only_issuer(&self) -> Option<&str> {
        Some(&self.issuer)
    }

    fn assertion_type(&self) -> &'static str {
        self.source.assertion_type()
    }
}

impl Inner {
    /// RFC 8693 §2.1. Which parameters go beyond it is said at [`Exchange`].
    pub(super) async fn by_exchange(&self, asking: &Asking<'_>, exchange: &Exchange) -> Obtained {
        asking.served(TOKEN_EXCHANGE)?;
        let client = self.may_be_known(asking)?;
        let mut form = asking.scope_parameter();
        form.push(("subject_token", handed("the subject", &*exchange.subject, asking).await?));
        form.push(("subject_token_type", exchange.subject_type.clone()));
        if let Some((source, kind)) = &exchange.actor {
            let actor = handed("the actor", &**source, asking).await?;
            if kind == JWT && client.as_ref().is_some_and(|c| c.kind == Kind::Known && c.is_public()) {
                // A client that has nothing to prove itself by is the one that its platform vouches for (RFC 7523 §2.2).
                form.push(("client_assertion_type", source.assertion_type().to_owned()));
                form.push(("client_assertion", actor.clone()));
            }
            form.push(("actor_token", actor));
            form.push(("actor_token_type", kind.clone()));
        }
        let more = [
            ("audience", &exchange.audience),
            ("requested_actor", &exchange.requested_actor),
            ("token_view", &exchange.token_view),
        ];
        form.extend(more.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        let request = asking.request(client.as_ref(), TOKEN_EXCHANGE, form);
        Ok((request.token(&self.means).await?, client))
    }
}

/// A token for the authorization server that is asked. It is an MCP server that names that one, so the token is shown only
/// to the server that issued it, or that it was made for, or that a person named: whoever else got it could use it.
async fn handed(
    what: &'static str,
    source: &dyn TokenSource,
    asking: &Asking<'_>,
) -> Result<String, ClientError> {
    let issuer = &asking.issuer.issuer;
    let strange = |of: Vec<String>| ClientError::Handed { what, of, issuer: issuer.clone() };
    if let Some(only) = source.only_issuer().filter(|only| only != issuer) {
        return Err(strange(vec![only.to_owned()]));
    }
    let token = token(what, source, issuer).await?;
    if token.is_empty() {
        return Err(ClientError::Source { what, cause: "there is nothing in it".to_owned() });
    }
    if source.only_issuer().is_none() {
        concerns(&token, issuer, asking.endpoint.as_str()).map_err(strange)?;
    }
    Ok(token)
}

/// Whether a token is this server's own, or made for it alone; whom it names otherwise.
fn concerns(token: &str, issuer: &str, endpoint: &str) -> Result<(), Vec<String>> {
    let claims = claims(token).unwrap_or_default();
    let own = |claims: &Object| claims.str("iss") == Some(issuer);
    match audiences(&claims).as_slice() {
        _ if own(&claims) => Ok(()),
        [one] if one == issuer || one == endpoint => Ok(()),
        _ => Err(claims.str("iss").map(printable).into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn a_token_is_shown_to_its_issuer_or_to_whom_it_is_for_and_to_nobody_else() {
        let shown = |claims: &str| {
            let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
            concerns(&token, "https://as.example", "https://as.example/token")
        };
        for mine in [
            r#"{"iss":"https://as.example","aud":"https://as.example/mcp/sales"}"#,
            r#"{"iss":"https://idp.example","aud":"https://as.example"}"#,
            r#"{"iss":"https://idp.example","aud":["https://as.example/token"]}"#,
        ] {
            assert_eq!(shown(mine), Ok(()), "{mine}");
        }
        for other in [
            r#"{"iss":"https://as.example.evil","aud":"https://mcp.example"}"#,
            r#"{"iss":"https://idp.example","aud":["https://as.example","https://mcp.example"]}"#,
            r#"{"iss":["https://as.example"],"aud":"client"}"#,
            r#"{"iss":"https://idp.example","iss":"https://as.example"}"#,
            "{}",
        ] {
            assert!(shown(other).is_err(), "{other}");
        }
        assert!(concerns("opaque", "https://as.example", "").is_err());
    }
}
