//! The token endpoint (RFC 6749 §5): one request, its proof, and what comes back.

use super::attested::{Attested, challenge_of};
use super::auth::Registered;
use super::dpop::{PROOF, ProofKey};
use super::means::Means;
use super::secret::Secret;
use crate::web::{object, post};
use http::{HeaderMap, Method};
use prokura_core::{Scope, ScopeSet};
use prokura_egress::{Answer, FetchUrl};
use prokura_oauth::client_metadata::shown_name;
use prokura_oauth::json::{Object, Value};
use url::form_urlencoded::Serializer;

/// A form body.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Why a token endpoint gave no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It could not be asked.
    #[error("the token endpoint `{endpoint}` cannot be asked: {cause}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// Why.
        cause: String,
    },
    /// It refused (RFC 6749 §5.2).
    #[error("the authorization server refuses with `{error}`{}", shown(description))]
    Refused {
        /// `error`.
        error: String,
        /// `error_description`, without what could disturb a terminal.
        description: String,
    },
    /// What it answers is no answer of a token endpoint.
    #[error("the token endpoint `{endpoint}` answers {status}, and {why} (RFC 6749 section 5)")]
    Answer {
        /// The endpoint.
        endpoint: String,
        /// The status.
        status: u16,
        /// What is wrong.
        why: String,
    },
    /// A bearer token came back where a bound one was asked for.
    #[error(
        "the authorization server gave a token that is not bound to the client's key (RFC 9449 section 5), which this \
         client was told not to accept"
    )]
    NotBound,
    /// The request could not be signed or written.
    #[error(
        "the request to the token endpoint cannot be signed or written: look at the client's id, secret and key"
    )]
    Unwritable,
}

fn shown(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(": {description}") }
}

impl TokenError {
    /// Whether it is this refusal.
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused { error, .. } if error == code)
    }

    /// Whether the refresh token, or the client that it was given to, is not known any more. Any other refusal may pass:
    /// a login is not thrown away because a server is ill.
    pub(crate) fn ends_the_login(&self) -> bool {
        ["invalid_grant", "invalid_client", "unauthorized_client"].into_iter().any(|code| self.is(code))
    }

    /// Whether the server may have acted although no answer came.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// What a token endpoint gave.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) access_token: Secret,
    /// `DPoP`, as opposed to `Bearer`.
    pub(crate) bound: bool,
    pub(crate) expires_in: Option<u64>,
    pub(crate) refresh_token: Option<Secret>,
    /// `None` if nothing was said: then what was asked was given (RFC 6749 §5.1).
    pub(crate) scope: Option<ScopeSet>,
    pub(crate) issued_token_type: Option<String>,
}

/// A request to a token endpoint, or to one that is like it.
pub(crate) struct TokenRequest<'a> {
    pub(crate) endpoint: &'a FetchUrl,
    /// Whose endpoint it is: the audience of assertions.
    pub(crate) issuer: &'a str,
    pub(crate) client: Option<&'a Registered>,
    pub(crate) form: Vec<(&'static str, String)>,
    pub(crate) key: Option<&'a ProofKey>,
    /// What an attester said of the client.
    pub(crate) attested: Option<Attested<'a>>,
}

impl TokenRequest<'_> {
    /// With `client_id` in the form even if a header says it too.
    pub(crate) fn naming_its_client(mut self) -> Self {
        if let Some(client) = self.client.filter(|c| c.is_proved_by_header()) {
            self.form.push(("client_id", client.client_id.clone()));
        }
        self
    }

    /// Asks for a token. A nonce that the server wants (RFC 9449 §8) is put into a second proof, once.
    pub(crate) async fn token(&self, means: &Means) -> Result<Given, TokenError> {
        let told = self.send(means).await?;
        let given = read(&told, self.key.is_some()).map_err(|why| TokenError::Answer {
            endpoint: self.endpoint.to_string(),
            status: 200,
            why,
        })?;
        Ok(given)
    }

    /// The object of a successful answer.
    pub(crate) async fn send(&self, means: &Means) -> Result<Object, TokenError> {
        let (answer, new_nonce) = self.once(means).await?;
        match self.judge(&answer) {
            Err(error) if new_nonce && self.wants_it_in_a_proof(&error) => {
                let (answer, _) = self.once(means).await?;
                self.judge(&answer)
            }
            judged => judged,
        }
    }

    /// Whether a nonce or challenge that came with this refusal goes into another proof.
    fn wants_it_in_a_proof(&self, error: &TokenError) -> bool {
        let nonce = error.is("use_dpop_nonce") && self.key.is_some();
        nonce || (error.is("use_attestation_challenge") && self.attested.is_some())
    }

    async fn once(&self, means: &Means) -> Result<(Answer, bool), TokenError> {
        let (mut form, mut headers) = (self.form.clone(), HeaderMap::new());
        if let Some(client) = self.client {
            client.prove(means, self.issuer, &mut form, &mut headers).ok_or(TokenError::Unwritable)?;
        }
        if let Some(key) = self.key {
            headers.insert(
                PROOF,
                key.prove(means, &Method::POST, self.endpoint.as_url(), None)
                    .ok_or(TokenError::Unwritable)?,
            );
        }
        if let Some(attested) = &self.attested {
            attested.put(means, self, &mut headers).ok_or(TokenError::Unwritable)?;
        }
        let body = Serializer::new(String::new()).extend_pairs(&form).finish().into_bytes();
        let answer = post(&means.egress, self.endpoint, headers, FORM, body).await;
        let answer = answer.map_err(|e| TokenError::Unreachable {
            endpoint: self.endpoint.to_string(),
            cause: e.to_string(),
        })?;
        let new_nonce = means.nonces.learn(self.endpoint.as_url(), &answer.headers);
        let challenge = challenge_of(&answer).filter(|_| self.attested.is_some());
        let new_nonce = challenge.map_or(new_nonce, |c| means.nonces.put(self.endpoint.as_url(), &c));
        Ok((answer, new_nonce))
    }

    fn judge(&self, answer: &Answer) -> Result<Object, TokenError> {
        let status = answer.status.as_u16();
        let bad = |why: String| TokenError::Answer { endpoint: self.endpoint.to_string(), status, why };
        let told = object(answer).map_err(bad)?;
        if let Some(error) = told.str("error") {
            let description = told.str("error_description").unwrap_or_default();
            return Err(TokenError::Refused {
                error: shown_name(error),
                description: printable(description),
            });
        }
        if !answer.status.is_success() {
            return Err(bad("it names no `error`".to_owned()));
        }
        Ok(told)
    }
}

/// Foreign text as a terminal may show it: on one line, at most 300 characters.
pub(crate) fn printable(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    let words: Vec<String> = clean.split_whitespace().map(shown_name).collect();
    words.join(" ")
}

fn read(told: &Object, proved: bool) -> Result<Given, String> {
    let access_token = text(told, "access_token")?.ok_or("there is no `access_token`")?;
    let kind = told.str("token_type").unwrap_or_default().to_ascii_lowercase();
    let bound = match kind.as_str() {
        "bearer" => false,
        "dpop" if proved => true,
        // What a token exchange gives need not be an access token (RFC 8693 §2.2.1).
        "n_a" => false,
        _ => return Err("its `token_type` is none that was asked for".to_owned()),
    };
    Ok(Given {
        access_token,
        bound,
        expires_in: told.get("expires_in").and_then(lenient_seconds),
        refresh_token: text(told, "refresh_token")?,
        scope: told.str("scope").map(|s| words(s.split(' '))),
        issued_token_type: told.str("issued_token_type").map(str::to_owned),
    })
}

/// The scopes among `words`; what breaks RFC 6749 §3.3 is left out.
pub(crate) fn words<'a>(words: impl Iterator<Item = &'a str>) -> ScopeSet {
    words.filter_map(|w| Scope::parse(w).ok()).collect()
}

/// Some servers write the number as a string.
fn lenient_seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A token, which must fit into a header.
fn text(told: &Object, member: &str) -> Result<Option<Secret>, String> {
    match told.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) if s.is_empty() => Ok(None),
        Some(Value::String(s)) if s.bytes().all(|b| b.is_ascii_graphic() || b == b' ') => {
            Ok(Some(Secret::new(s.as_str())))
        }
        Some(_) => Err(format!("its `{member}` is malformed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prokura_oauth::json::{Limits, parse};

    fn given(json: &str, proved: bool) -> Result<Given, String> {
        read(&parse(json.as_bytes(), &Limits::DOCUMENT).unwrap().into_object().unwrap(), proved)
    }

    #[test]
    fn a_token_is_read_as_rfc_6749_writes_it() {
        let told =
            given(r#"{"access_token":"t","token_type":"bearer","expires_in":60,"scope":"a b"}"#, false)
                .unwrap();
        assert_eq!((told.access_token.reveal(), told.bound, told.expires_in), ("t", false, Some(60)));
        assert_eq!(told.scope.unwrap().to_string(), "a b");
        assert!(told.refresh_token.is_none());
        assert!(given(r#"{"access_token":"t","token_type":"DPoP"}"#, true).unwrap().bound);
    }

    #[test]
    fn what_could_not_be_used_is_refused() {
        for bad in [
            r#"{"token_type":"Bearer"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"access_token":"t"}"#,
            r#"{"access_token":"t","token_type":"mac"}"#,
            r#"{"access_token":"t","token_type":"DPoP"}"#,
            r#"{"access_token":"a\r\nb","token_type":"Bearer"}"#,
            r#"{"access_token":1,"token_type":"Bearer"}"#,
        ] {
            assert!(given(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn foreign_words_cannot_draw_on_the_terminal() {
        assert_eq!(printable("no\u{1b}[2Jway\r\nout \u{202e}x"), "no [2Jway out x");
    }
}
