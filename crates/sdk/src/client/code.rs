//! The authorization code (RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9207): where the person is sent, and what may be
//! believed of what comes back.

use super::auth::Registered;
use super::device::DeviceError;
use super::dpop::ProofKey;
use super::means::Means;
use super::obtain::SignInAsked;
use super::server::may_be_opened;
use super::token::{TokenError, TokenRequest, printable};
use super::visit::VisitError;
use crate::discovery::Issuer;
use prokura_core::{ScopeSet, random_id};
use prokura_oauth::form::Form;
use prokura_oauth::pkce::CodeVerifier;
use prokura_oauth::secret::constant_time_eq;
use url::Url;

/// Why a person's agreement did not lead to a code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// The authorization server cannot do it.
    #[error("the authorization server `{issuer}` has no `{member}`, so it cannot be asked this way")]
    NoEndpoint {
        /// The issuer.
        issuer: String,
        /// What is missing in its metadata.
        member: &'static str,
    },
    /// It does not say that it knows PKCE.
    #[error(
        "the authorization server `{0}` does not list `S256` in `code_challenge_methods_supported`, so a stolen code could \
         be used (MCP authorization, \"Authorization Code Protection\"): its operator must add it"
    )]
    NoPkce(String),
    /// A person must not be sent there.
    #[error("the address `{0}` is neither https nor http on this machine, so it is not opened")]
    Unsafe(String),
    /// The person could not be reached.
    #[error(transparent)]
    Visit(#[from] VisitError),
    /// What came back breaks the rules of parameters.
    #[error("what came back from the browser cannot be read: try again")]
    Malformed,
    /// It belongs to another attempt.
    #[error(
        "what came back from the browser does not belong to this sign-in: close old windows and try again"
    )]
    State,
    /// `iss` is missing although the server says that it sends it.
    #[error(
        "the answer does not name its issuer although `{0}` says that it does (RFC 9207 section 2.4): it may be another's, \
         so it is not used"
    )]
    IssuerMissing(String),
    /// `iss` is another issuer.
    #[error(
        "the answer is not from `{0}` (RFC 9207 section 2.4): another server tried to slip in, or this one writes its \
         name in two ways; nothing of it is used"
    )]
    Issuer(String),
    /// The person or the server said no.
    #[error("access was not granted: `{error}`{}", if description.is_empty() { String::new() } else { format!(": {description}") })]
    Refused {
        /// `error`.
        error: String,
        /// `error_description`, as it may be shown.
        description: String,
    },
    /// Neither a code nor an error.
    #[error("the authorization server sent back neither a code nor an error")]
    NoCode,
    /// The other device did not help (RFC 8628).
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The pushed request was refused (RFC 9126).
    #[error("the authorization server does not take the request: {0}")]
    Pushed(TokenError),
}

/// One attempt: what has to be the same when the answer comes. The issuer is recorded before anybody is sent anywhere.
pub(crate) struct Attempt {
    issuer: String,
    names_itself: bool,
    pub(crate) state: String,
    pub(crate) verifier: CodeVerifier,
}

/// What is asked of the person.
pub(crate) struct Wanted<'a> {
    pub(crate) issuer: &'a Issuer,
    pub(crate) client: &'a Registered,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scope: &'a ScopeSet,
    pub(crate) resource: &'a str,
    pub(crate) key: Option<&'a ProofKey>,
    pub(crate) sign_in: &'a SignInAsked,
}

impl Attempt {
    /// Begins an attempt.
    ///
    /// # Errors
    /// [`AuthorizationError::NoPkce`].
    pub(crate) fn begin(means: &Means, issuer: &Issuer) -> Result<Self, AuthorizationError> {
        if !issuer.knows_s256 {
            return Err(AuthorizationError::NoPkce(issuer.issuer.clone()));
        }
        let verifier = format!("{}{}", random_id("", &*means.rng), random_id("", &*means.rng));
        Ok(Self {
            issuer: issuer.issuer.clone(),
            names_itself: issuer.names_itself,
            state: random_id("", &*means.rng),
            verifier: CodeVerifier::parse(verifier).map_err(|_| AuthorizationError::Malformed)?,
        })
    }

    /// Where the person is sent.
    ///
    /// # Errors
    /// [`AuthorizationError`] if there is no such place, or nobody may be sent there.
    pub(crate) async fn url(&self, means: &Means, wanted: &Wanted<'_>) -> Result<Url, AuthorizationError> {
        let endpoint = wanted.issuer.authorization_endpoint.as_ref();
        let endpoint = endpoint.ok_or_else(|| AuthorizationError::NoEndpoint {
            issuer: self.issuer.clone(),
            member: "authorization_endpoint",
        })?;
        let mut url = endpoint.as_url().clone();
        if !may_be_opened(&url) {
            return Err(AuthorizationError::Unsafe(printable(url.as_str())));
        }
        let mut parameters = self.parameters(wanted);
        if wanted.issuer.requires_pushed_requests {
            let request_uri = pushed(means, wanted, parameters).await?;
            parameters = vec![("client_id", wanted.client.client_id.clone()), ("request_uri", request_uri)];
        }
        url.query_pairs_mut().extend_pairs(parameters);
        Ok(url)
    }

    fn parameters(&self, wanted: &Wanted<'_>) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("response_type", "code".to_owned()),
            ("client_id", wanted.client.client_id.clone()),
            ("redirect_uri", wanted.redirect_uri.to_owned()),
            ("state", self.state.clone()),
            ("code_challenge", self.verifier.challenge().as_str().to_owned()),
            ("code_challenge_method", "S256".to_owned()),
            ("resource", wanted.resource.to_owned()),
        ];
        if !wanted.scope.is_empty() {
            parameters.push(("scope", wanted.scope.to_string()));
        }
        if let Some(key) = wanted.key {
            // The code is bound to the key too (RFC 9449 §10).
            parameters.push(("dpop_jkt", key.thumbprint()));
        }
        parameters.extend(wanted.sign_in.parameters());
        parameters
    }

    /// The code in what came back: the query of the redirect. Nothing of it is looked at before it is known to belong to
    /// this attempt and to come from the recorded issuer (MCP authorization, "Authorization Response Validation").
    ///
    /// # Errors
    /// [`AuthorizationError`].
    pub(crate) fn code(&self, query: &str) -> Result<String, AuthorizationError> {
        let form = Form::parse(query.as_bytes()).map_err(|_| AuthorizationError::Malformed)?;
        let state = form.value("state").unwrap_or_default();
        if !constant_time_eq(state.as_bytes(), self.state.as_bytes()) {
            return Err(AuthorizationError::State);
        }
        match form.value("iss") {
            Some(iss) if iss == self.issuer => {}
            Some(_) => return Err(AuthorizationError::Issuer(self.issuer.clone())),
            None if self.names_itself => return Err(AuthorizationError::IssuerMissing(self.issuer.clone())),
            None => {}
        }
        if let Some(error) = form.value("error") {
            let description = printable(form.value("error_description").unwrap_or_default());
            return Err(AuthorizationError::Refused { error: printable(error), description });
        }
        form.value("code").map(str::to_owned).ok_or(AuthorizationError::NoCode)
    }
}

async fn pushed(
    means: &Means,
    wanted: &Wanted<'_>,
    form: Vec<(&'static str, String)>,
) -> Result<String, AuthorizationError> {
    let endpoint = wanted.issuer.pushed_authorization_request_endpoint.as_ref();
    let endpoint = endpoint.ok_or_else(|| AuthorizationError::NoEndpoint {
        issuer: wanted.issuer.issuer.clone(),
        member: "pushed_authorization_request_endpoint",
    })?;
    let form = form.into_iter().filter(|(name, _)| *name != "client_id").collect();
    let request = TokenRequest {
        endpoint,
        issuer: &wanted.issuer.issuer,
        client: Some(wanted.client),
        form,
        key: wanted.key,
        attested: None,
    };
    // With a secret in the header the id still has to stand in the request (RFC 9126 §2.1).
    let request = request.naming_its_client();
    let told = request.send(means).await.map_err(AuthorizationError::Pushed)?;
    told.str("request_uri").map(str::to_owned).ok_or(AuthorizationError::NoCode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ISSUER: &str = "https://as.example/t1";

    fn attempt(names_itself: bool) -> Attempt {
        Attempt {
            issuer: ISSUER.to_owned(),
            names_itself,
            state: "s3cret".to_owned(),
            verifier: CodeVerifier::parse("v".repeat(43)).unwrap(),
        }
    }

    #[test]
    fn a15_the_whole_table_of_rfc_9207() {
        use AuthorizationError as E;
        let right = "iss=https%3A%2F%2Fas.example%2Ft1&";
        let wrong = "iss=https%3A%2F%2Fevil.example&";
        type Row<'a> = (bool, &'a str, fn(&Result<String, E>) -> bool);
        let rows: [Row<'_>; 8] = [
            (true, right, |r| r.is_ok()),
            (true, "", |r| matches!(r, Err(E::IssuerMissing(_)))),
            (true, "iss=&", |r| matches!(r, Err(E::IssuerMissing(_)))),
            (true, wrong, |r| matches!(r, Err(E::Issuer(_)))),
            (false, right, |r| r.is_ok()),
            (false, "", |r| r.is_ok()),
            (false, wrong, |r| matches!(r, Err(E::Issuer(_)))),
            (false, "iss=https%3A%2F%2Fas.example%2Ft1%2F&", |r| matches!(r, Err(E::Issuer(_)))),
        ];
        for (names_itself, iss, fine) in rows {
            let read = attempt(names_itself).code(&format!("{iss}state=s3cret&code=c"));
            assert!(fine(&read), "{names_itself} {iss} {read:?}");
        }
    }

    #[test]
    fn an_issuer_is_never_normalised() {
        for other in [
            "https://as.example/t1/",
            "https://AS.example/t1",
            "https://as.example:443/t1",
            "https://as.example/%741",
        ] {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("iss", other), ("state", "s3cret"), ("code", "c")])
                .finish();
            assert!(matches!(attempt(true).code(&query), Err(AuthorizationError::Issuer(_))), "{other}");
        }
    }

    #[test]
    fn a15_nothing_of_a_foreign_answer_is_shown() {
        let query = "iss=https%3A%2F%2Fevil.example&state=s3cret&error=EVIL&error_description=EVIL";
        assert!(!attempt(true).code(query).unwrap_err().to_string().contains("EVIL"));
        let query = "state=other&error=EVIL&error_description=EVIL";
        let error = attempt(false).code(query).unwrap_err();
        assert_eq!(error, AuthorizationError::State);
    }

    #[test]
    fn a_refusal_of_the_right_issuer_is_told() {
        let told =
            attempt(false).code("state=s3cret&error=access_denied&error_description=no%1B%5B2J").unwrap_err();
        assert!(
            matches!(told, AuthorizationError::Malformed),
            "control characters are no description: {told}"
        );
        let told = attempt(false)
            .code("state=s3cret&error=access_denied&error_description=not%20today")
            .unwrap_err();
        assert_eq!(told.to_string(), "access was not granted: `access_denied`: not today");
        assert_eq!(attempt(false).code("state=s3cret"), Err(AuthorizationError::NoCode));
        assert_eq!(attempt(false).code("state=s3cret&code=a&code=b"), Err(AuthorizationError::Malformed));
    }

    proptest! {
        #[test]
        fn a16_only_the_state_of_this_attempt_gets_a_code(state in "[a-z0-9]{0,8}", code in "[a-z]{1,8}") {
            let read = attempt(false).code(&format!("state={state}&code={code}"));
            prop_assert_eq!(read.is_ok(), state == "s3cret");
        }
    }
}
